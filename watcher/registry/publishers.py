"""Which packs a publisher has: `GET /publishers/{id}/nodes/v2`, else all pages of `GET /nodes`.

Descriptions of the first differ on whether it needs a token (docs/registry.md, Packs of a publisher). A list is
complete by the rules of a sweep (docs/behaviour.md, Sweeps).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from watcher.model.failure import ReadFailure
from watcher.model.pack import PackList, PackRecord
from watcher.model.selection import NODE_ID
from watcher.progress import Progress, silent
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import PAGE_SIZE, PackQuery, Registry
from watcher.registry.packs import read_page
from watcher.registry.reader import moment

_REFUSALS = {"HTTP 401", "HTTP 403", "HTTP 404"}
"""Causes of failures after which the pages of all packs are read instead."""
_MOST_PACKS = 100_000
"""Twenty times what the registry had in 2026."""
_MOST_PAGES = _MOST_PACKS // PAGE_SIZE
_LONGEST_ID = 101
"""Characters of an id that are kept: one that is too long stays impossible."""
_LONGEST_READING = 300.0
"""Seconds after which no further page is requested."""

ListReading = PackList | ReadFailure
"""What came of one publisher's list; a failure where not even its first page came."""


async def read_lists(
    registry: Registry,
    publishers: Iterable[str],
    now: Callable[[], str],
    progress: Progress = silent,
) -> dict[str, ListReading]:
    """Return the list of each publisher's packs, by its id as given. Every failure is a value.

    The pages of all packs are read once, for all publishers whose own list is refused.
    """
    asked = tuple(publishers)
    readings = await asyncio.gather(
        *(_read(registry, PackQuery(publisher=one), now, progress) for one in asked)
    )
    found: dict[str, ListReading] = {}
    refused: list[str] = []
    for publisher, reading in zip(asked, readings, strict=True):
        if isinstance(reading, ReadFailure) and reading.cause in _REFUSALS:
            refused.append(publisher)
        else:
            found[publisher] = _list(publisher, reading, is_own=True)
    if refused:
        whole = await _read(registry, PackQuery(), now, progress)
        found |= {one: _list(one, whole, is_own=False) for one in refused}
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packs:
    """The packs on all pages of one query."""

    records: Collection[PackRecord]
    """Each pack once."""
    at: str
    """As `PackList.at`."""
    incomplete: str
    """As `PackList.incomplete`."""


async def _read(
    registry: Registry,
    first: PackQuery,
    now: Callable[[], str],
    progress: Progress,
) -> _Packs | ReadFailure:
    """Return what all pages show, up to the first that fails, or why not even one came."""
    clock = asyncio.get_running_loop().time
    latest, asked_at = clock() + _LONGEST_READING, now()
    place = f"list {first.node}"
    records: dict[str, PackRecord] = {}
    totals: set[str] = set()
    at = fault = ""
    for number in range(1, _MOST_PAGES + 1):
        progress(place, f"{first.node}: reading page {number} of the list")
        try:
            page = await read_page(registry, replace(first, page=number))
        except NoAnswerError as error:
            if number == 1:
                return error.failure()
            fault = f"page {number}: {error.why}"
            break
        finally:
            progress(place, "")
        at = at or moment(asked_at, page.server_time)
        before = len(records)
        records.update((one.id.lower(), one) for one in map(_in_short, page.records))
        is_news = len(records) > before
        if is_news or number == 1:
            totals.add(_counted(page.total))
        # After a full page there may be more, whatever the total says.
        is_last = totals == {_counted(len(records))} and page.items < PAGE_SIZE
        if is_last or not is_news:
            break
        if len(records) > _MOST_PACKS:
            fault = f"page {number + 1} was not requested: there are too many packs"
            break
        if clock() > latest:
            fault = f"page {number + 1} was not requested: it took too long"
            break
    if totals != {_counted(len(records))}:
        lack = f"{_counted(len(records))} of {' or '.join(sorted(totals))} packs came"
        fault = fault or lack
    return _Packs(records=records.values(), at=at, incomplete=fault)


def _in_short(record: PackRecord) -> PackRecord:
    """Return which pack it is and whose; the rest, of all pages, can be gigabytes."""
    return PackRecord(
        id=record.id[:_LONGEST_ID], publisher=record.publisher[:_LONGEST_ID]
    )


def _counted(total: int | None) -> str:
    return "an unknown number of" if total is None else f"{total:,}"


def _list(publisher: str, packs: _Packs | ReadFailure, *, is_own: bool) -> ListReading:
    """Return a publisher's packs: in its own list those of nobody too, among those of all not."""
    if isinstance(packs, ReadFailure):
        return packs
    records, fault = packs.records, packs.incomplete
    names = {publisher.lower(), ""} if is_own else {publisher.lower()}
    theirs = [one.id for one in records if one.publisher.lower() in names]
    if is_own and len(theirs) < len(records):
        fault = fault or "it has other publishers' packs"
    elif not is_own and records and not any(one.publisher for one in records):
        return ReadFailure(error="GET /nodes does not say whose the packs are")
    usable = tuple(filter(NODE_ID.fullmatch, theirs))
    if len(usable) < len(theirs):
        fault = fault or "a pack has an impossible id"
    return PackList(publisher=publisher, packs=usable, at=packs.at, incomplete=fault)
