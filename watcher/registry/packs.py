"""Packs as a whole: `GET /nodes` says which are banned or deleted, whose they are, and where their source is.

Of named packs, or, page by page, of all (docs/registry.md, Packs as a whole).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus

from watcher.model.pack import PACK_STATUSES, PackRecord, PackRecords
from watcher.model.reading import Fault, ReadFailure
from watcher.model.version import BANNED
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import PAGE_SIZE, PackQuery, Registry
from watcher.streams import Progress, silent
from watcher.text.json_limits import too_dense

_MOST_IDS = 100
"""Of one request."""
_LONGEST_IDS = 6_000
"""Characters of the ids of one request: servers and proxies refuse an address of 8 KB."""
_MOST_PAGES = 1_000
"""100,000 packs, twenty times what the registry had in 2026."""
_MOST_PAGES_OF_A_FEW = 20
"""Of one request for named packs. A registry that ignores `limit` has ten rows on a page."""
_MOST_FAILURES = 3
"""Pages that could not be read, after which no further one is requested."""
_MOST_BYTES = 256 * 2**20
"""Of all pages together; those of 2026 held 10 MB."""
_LONGEST_READING = 300.0
"""Seconds after which no further page is requested."""
_LONGEST_TEXT = 10_000
"""Characters that are kept of a text."""
_PREFIX = "NodeStatus"
_PUBLISHER_BANNED = "publisherstatusbanned"
_BY_PUBLISHER = "its publisher is banned"
"""The reason of a ban that is its publisher's, whatever else the answer says of the pack."""
_MOST_ROWS = 5_000
"""Of one page: fifty times what is requested, so that an answer which ignores `limit` is still read."""
_FROM_GOOD_TO_BAD = ("active", "unknown", "deleted", "banned")
_ABSENT = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
}
"""Answers of a registry that does not have the endpoint."""


async def read_packs(
    registry: Registry, ids: Iterable[str], *, is_there: bool = False
) -> PackRecords:
    """Return what the registry says of these packs as a whole. Every failure is in `failure`; none is raised.

    An answer counts for the packs that are in it: a registry that leaves one out has said nothing of it. The endpoint
    compares ids with their case, so each id should have the registry's own spelling; its lower-case spelling is asked
    for too. If the first request fails, no other is made. `is_there`: the endpoint has answered in this poll.
    """
    spelled = dict.fromkeys(one for each in ids for one in (each, each.lower()))
    queries = [PackQuery(ids=chunk) for chunk in _chunks(spelled)]
    parts = [await _read(registry, query, silent) for query in queries[:1]]
    if parts and parts[0].failure is None:
        rest = (_read(registry, query, silent) for query in queries[1:])
        parts, is_there = [*parts, *await asyncio.gather(*rest)], True
    records: dict[str, PackRecord] = {}
    for part in parts:
        for record in part.records.values():
            _add(records, record)
    failure = next((part.failure for part in parts if part.failure), None)
    if failure is not None and is_there:
        # The endpoint is there, whatever a later answer says.
        failure = replace(failure, fault=Fault.OWN)
    return PackRecords(records=records, failure=failure)


async def read_all_packs(registry: Registry, progress: Progress) -> PackRecords:
    """Return what the registry says of all packs, from as many pages as it takes. No failure is raised.

    Without a failure they are all there: every page came, and there are as many packs as each page says.
    """
    return await _read(registry, PackQuery(), progress)


def _chunks(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the ids of each request."""
    chunk: list[str] = []
    length = 0
    for one in ids:
        length += len(one)
        if chunk and (len(chunk) == _MOST_IDS or length > _LONGEST_IDS):
            yield tuple(chunk)
            chunk, length = [], len(one)
        chunk.append(one)
    if chunk:
        yield tuple(chunk)


def _add(records: dict[str, PackRecord], record: PackRecord) -> None:
    """Add a record; of two records of a pack the worse counts."""
    key = record.id.lower()
    records[key] = max(records.get(key, record), record, key=_badness)


async def _read(
    registry: Registry, first: PackQuery, progress: Progress
) -> PackRecords:
    """Return the records of one query, of the wanted packs or of all, from as many pages as can be read."""
    wanted = {one.lower() for one in first.ids}
    clock = asyncio.get_running_loop().time
    latest = clock() + _LONGEST_READING
    records: dict[str, PackRecord] = {}
    totals: set[int | None] = set()
    number = items = size = failures = 0
    why = ""
    async with contextlib.aclosing(_pages(registry, first, progress)) as pages:
        async for page in pages:
            number += 1
            if isinstance(page, NoAnswerError):
                if number == 1:
                    return PackRecords(failure=page.failure())
                why = why or f"page {number}: {page.why}"
                failures += 1
                if failures == _MOST_FAILURES:
                    break
                continue
            before = len(records)
            for record in page.records:
                if not wanted or record.id.lower() in wanted:
                    _add(records, record)
            items, size = items + page.items, size + page.size
            is_news = len(records) > before
            if is_news or number == 1:
                totals.add(page.total)
            # After a full page there may be more, whatever the total says.
            is_last = page.items < PAGE_SIZE and items >= (page.total or 0) > 0
            if is_last or not is_news or (wanted and len(records) == len(wanted)):
                break
            if clock() > latest or size > _MOST_BYTES:
                why = f"page {number + 1} was not requested: the others were too long"
                break
    if not wanted and totals != {len(records)}:
        said = " or ".join(
            "an unknown number" if one is None else f"{one:,}" for one in totals
        )
        why = why or f"{len(records):,} of {said} packs came"
    return PackRecords(records=records, failure=ReadFailure(error=why) if why else None)


async def _pages(
    registry: Registry, first: PackQuery, progress: Progress
) -> AsyncGenerator[PackPage | NoAnswerError]:
    """Yield the pages of a query in their order, or why one could not be read.

    The first one says how many there are; after that several are requested at once.
    """
    most = _MOST_PAGES_OF_A_FEW if first.ids else _MOST_PAGES
    ahead: dict[int, asyncio.Task[PackPage]] = {}
    last = 1
    try:
        for number in range(1, most + 1):
            progress("packs", f"reading page {number} of all packs")
            end = min(last, number + registry.limits.concurrency - 1)
            for each in range(number, max(number, end) + 1):
                if each not in ahead:
                    reading = _read_page(registry, replace(first, page=each))
                    ahead[each] = asyncio.create_task(reading)
            try:
                page = await ahead[number]
            except NoAnswerError as error:
                yield error
                continue
            if number == 1:
                last = min(most, -(-(page.total or 0) // PAGE_SIZE))
            del ahead[number]
            yield page
    finally:
        for task in ahead.values():
            task.cancel()
        await asyncio.gather(*ahead.values(), return_exceptions=True)
        progress("packs", "")


async def _read_page(registry: Registry, query: PackQuery) -> PackPage:
    """Return one page. Raises NoAnswerError, whatever is wrong with it."""
    try:
        answer = await registry.ask(query, retries=min(1, registry.limits.retries))
        if answer.code == HTTPStatus.OK:
            return parse_packs(answer.body)
    except NoAnswerError:
        raise
    except Exception as error:
        raise NoAnswerError(f"unexpected {type(error).__name__}") from error
    is_absent = query.page == 1 and answer.code in _ABSENT
    raise NoAnswerError(
        f"the registry does not answer GET /nodes ({answer.code})",
        Fault.NOT_FOUND if is_absent else Fault.OWN,
    )


def _badness(record: PackRecord) -> int:
    """Return a key that sorts records, a ban last; a status that is not known may be anything but good."""
    return (
        _FROM_GOOD_TO_BAD.index(record.status)
        if record.status in _FROM_GOOD_TO_BAD
        else 1
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackPage:
    """One page of packs."""

    records: tuple[PackRecord, ...]
    """The rows with a readable id."""
    items: int
    """How many rows there are, the unreadable ones too."""
    total: int | None
    """How many packs there are; None where the answer does not say it readably."""
    size: int
    """Bytes of the answer."""


def parse_packs(body: bytes) -> PackPage:
    """Return the page in an answer's body. Raises NoAnswerError if it is no list of packs."""
    if too_dense(body):
        raise NoAnswerError("GET /nodes answers with too many values")
    try:
        answer = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NoAnswerError("GET /nodes answers with no readable JSON") from None
    about = answer if isinstance(answer, dict) else {}
    total, rows = _count(about.get("total")), about.get("nodes")
    if rows is None and total == 0:
        rows = []
    if not isinstance(rows, list):
        raise NoAnswerError("GET /nodes answers without a list of packs")
    if len(rows) > _MOST_ROWS:
        raise NoAnswerError(
            "GET /nodes answers with far more packs than were requested"
        )
    return PackPage(
        records=tuple(record for row in rows if (record := _record(row)) is not None),
        items=len(rows),
        total=total,
        size=len(body),
    )


def _record(row: object) -> PackRecord | None:
    if not isinstance(row, dict) or not (name := _text(row.get("id"))):
        return None
    status = _text(row.get("status"))
    short = status.removeprefix(_PREFIX).lower()
    record = PackRecord(
        id=name,
        status=short if short in PACK_STATUSES else status,
        status_detail=_text(row.get("status_detail")),
        repository=_text(row.get("repository")),
    )
    publisher = row.get("publisher")
    return _of_publisher(record, publisher) if isinstance(publisher, dict) else record


def _of_publisher(record: PackRecord, publisher: dict[str, object]) -> PackRecord:
    """Return the record with its publisher. The ban of one is a ban of each of its packs; a pack's own says why."""
    record = replace(record, publisher=_text(publisher.get("id")))
    is_banned = _text(publisher.get("status")).lower() == _PUBLISHER_BANNED
    if not is_banned or (record.status == BANNED and record.status_detail):
        return record
    return replace(record, status=BANNED, status_detail=_BY_PUBLISHER)


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if value >= 0 else None


def _text(value: object) -> str:
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""
