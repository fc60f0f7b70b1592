"""Which packs a publisher has: `GET /publishers/{id}/nodes/v2`, else all pages of `GET /nodes`.

Descriptions of the first differ on whether it needs a token (docs/registry.md, Packs of a publisher). A list is
complete by the rules of a listing (docs/behaviour.md, Listings).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from watcher.model.failure import Fault, ReadFailure
from watcher.model.pack import PackList
from watcher.model.selection import NODE_ID
from watcher.progress import Progress, silent
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import PackQuery, PublisherQuery, Registry
from watcher.registry.packs import PackPage, parse_packs
from watcher.registry.pagination import PageCount
from watcher.registry.reader import moment

_REFUSALS = {"HTTP 401", "HTTP 403", "HTTP 404"}
"""Causes of failures after which the pages of all packs are read instead."""
_MOST_PAGES = 1_000
"""100,000 packs, twenty times what the registry had in 2026."""
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
        *(
            _read(registry, PublisherQuery(publisher=one), now, progress)
            for one in asked
        )
    )
    found: dict[str, ListReading] = {}
    refused: list[str] = []
    for publisher, reading in zip(asked, readings, strict=True):
        if isinstance(reading, ReadFailure) and reading.cause in _REFUSALS:
            refused.append(publisher)
        else:
            found[publisher] = _own_list(publisher, reading)
    if refused:
        whole = await _read(registry, PackQuery(), now, progress)
        found |= {one: _list_among_all(one, whole) for one in refused}
    return found


@dataclass(slots=True, kw_only=True)
class _Pages:
    """The packs on the pages of one query."""

    at: str
    """As `PackList.at`."""
    packs: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of a pack's id and its publisher's, "" where the answer does not say that."""
    count: PageCount = field(
        default_factory=lambda: PageCount(what="packs", most_pages=_MOST_PAGES)
    )

    def add(self, page: PackPage) -> None:
        """Add one page, and note what does not fit."""
        if len(page.records) < page.items:
            self.count.note("a row is unreadable")
        self.packs += ((record.id, record.publisher) for record in page.records)
        self.count.add(page)

    def finish(self) -> None:
        """Note what does not fit after the last page."""
        ids = {pack.lower() for pack, _ in self.packs}
        if len(ids) < len(self.packs):
            self.count.note("a pack came twice")
        if len(self.packs) != self.count.total:
            self.count.note(f"{len(self.packs)} of {self.count.total} packs came")


async def _read(
    registry: Registry,
    first: PublisherQuery | PackQuery,
    now: Callable[[], str],
    progress: Progress,
) -> _Pages | ReadFailure:
    """Return all pages, up to the first that fails, or why not even one came."""
    try:
        return await _read_pages(registry, first, now, progress)
    except NoAnswerError as error:
        return error.failure()
    except Exception as error:  # noqa: BLE001 - the answer is optional: whatever is in it, the poll goes on
        return ReadFailure(error=f"unexpected {type(error).__name__}")
    finally:
        progress(f"list {first.node}", "")


async def _read_pages(
    registry: Registry,
    first: PublisherQuery | PackQuery,
    now: Callable[[], str],
    progress: Progress,
) -> _Pages:
    """Return all pages, up to the first after page 1 that fails. Raises NoAnswerError for page 1."""
    clock = asyncio.get_running_loop().time
    latest, asked_at = clock() + _LONGEST_READING, now()
    place = f"list {first.node}"
    progress(place, f"{first.node}: reading which packs there are")
    answer = await _ask(registry, first)
    pages = _Pages(at=moment(asked_at, answer.server_time))
    pages.add(_page(answer, first))
    number = 1
    while pages.count.has_more and number < _MOST_PAGES:
        number += 1
        if clock() > latest:
            pages.count.note(f"page {number} was not requested: it took too long")
            break
        try:
            progress(place, f"{first.node}: reading page {number} of the list")
            answer = await _ask(registry, replace(first, page=number))
            pages.add(_page(answer, first))
        except NoAnswerError as error:
            pages.count.note(f"page {number}: {error.why}")
            break
    pages.finish()
    return pages


async def _ask(registry: Registry, query: PublisherQuery | PackQuery) -> Answer:
    return await registry.ask(query, retries=min(1, registry.limits.retries))


def _page(answer: Answer, query: PublisherQuery | PackQuery) -> PackPage:
    """Return the page in an answer. Raises NoAnswerError."""
    if answer.code != HTTPStatus.OK:
        why = f"the registry does not answer GET {query.path} ({answer.code})"
        raise NoAnswerError(why, Fault.REGISTRY, cause=f"HTTP {answer.code}")
    return parse_packs(answer.body, f"GET {query.path}")


def _own_list(publisher: str, pages: _Pages | ReadFailure) -> ListReading:
    """Return the packs of a publisher's own list, which has nobody else's."""
    if isinstance(pages, ReadFailure):
        return pages
    if any(of.lower() not in {"", publisher.lower()} for _, of in pages.packs):
        pages.count.note("it has other publishers' packs")
    return _list(publisher, pages, {"", publisher.lower()})


def _list_among_all(publisher: str, pages: _Pages | ReadFailure) -> ListReading:
    """Return the packs of a publisher among those of all."""
    if isinstance(pages, ReadFailure):
        return pages
    if pages.packs and not any(of for _, of in pages.packs):
        return ReadFailure(error="GET /nodes does not say whose the packs are")
    return _list(publisher, pages, {publisher.lower()})


def _list(publisher: str, pages: _Pages, names: Container[str]) -> PackList:
    """Return the packs whose publisher has one of these names, in lower case."""
    packs = dict.fromkeys(pack for pack, of in pages.packs if of.lower() in names)
    usable = tuple(pack for pack in packs if NODE_ID.fullmatch(pack))
    odd = "" if len(usable) == len(packs) else "a pack has an impossible id"
    return PackList(
        publisher=publisher,
        packs=usable,
        at=pages.at,
        incomplete=pages.count.fault or odd,
    )
