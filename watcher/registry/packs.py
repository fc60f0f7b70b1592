"""Packs as a whole: `GET /nodes` says which are banned or deleted, whose they are, and where their source is.

Of named packs, or, page by page, of all (docs/dev/registry.md, Packs as a whole).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus

from watcher.model.event import grade_of, grade_rank
from watcher.model.pack import NODE_STATUSES, NodeRecord, NodeRecords
from watcher.model.reading import Fault, ReadFailure
from watcher.model.version import BANNED
from watcher.registry.client import NodeQuery, Registry
from watcher.registry.pages import Bounds, Completeness, Page, PageRead, Pages
from watcher.registry.schema import read_list
from watcher.streams import Progress, silent
from watcher.text.sanitize import plural

_MOST_IDS = 100
"""Of one request."""
_LONGEST_IDS = 6_000
"""Characters of the ids of one request: servers and proxies refuse an address of 8 KB."""
_OF_ALL = Bounds(pages=1_000, bytes=256 * 2**20, seconds=300.0, retries=1)
"""100,000 packs, twenty times what the registry had in 2026; the pages of 2026 held 10 MB."""
_OF_A_FEW = replace(_OF_ALL, pages=20, at_once=1)
"""Of one request for named packs. A registry that ignores `limit` has ten rows on a page."""
_LONGEST_TEXT = 10_000
"""Characters that are kept of a text."""
_PREFIX = "NodeStatus"
_PUBLISHER_BANNED = "publisherstatusbanned"
_BY_PUBLISHER = "its publisher is banned"
"""The reason of a ban that is its publisher's, whatever else the answer says of the pack."""
_ABSENT = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
}
"""Answers of a registry that does not have the endpoint."""


async def read_nodes(
    registry: Registry, ids: Iterable[str], *, is_there: bool = False
) -> NodeRecords:
    """Return what the registry says of these packs as a whole. Every failure is in `failure`; none is raised.

    An answer counts for the packs that are in it: a registry that leaves one out has said nothing of it. The endpoint
    compares ids with their case, so each id should have the registry's own spelling; its lower-case spelling is asked
    for too. If the first request fails, no other is made. `is_there`: the endpoint has answered in this poll.
    """
    # Settings and installs write ids in any case, and the registry knows one of them.
    spelled = dict.fromkeys(one for each in ids for one in (each, each.lower()))
    queries = [NodeQuery(ids=chunk) for chunk in _chunks(spelled)]
    records: dict[str, NodeRecord] = {}

    async def ask(query: NodeQuery) -> ReadFailure | None:
        return await _read(registry, query, _OF_A_FEW, silent, records)

    # One that is not there is asked once, and not once for each hundred packs.
    failures = [await ask(query) for query in queries[:1]]
    if not any(failures):
        failures += await asyncio.gather(*map(ask, queries[1:]))
        is_there = True
    failure = next(filter(None, failures), None)
    if failure is not None and is_there:
        # The endpoint is there, whatever a later answer says.
        failure = replace(failure, fault=Fault.OWN)
    return NodeRecords(records=records, failure=failure)


async def read_all_nodes(registry: Registry, progress: Progress) -> NodeRecords:
    """Return what the registry says of all packs, from as many pages as it takes. No failure is raised.

    Without a failure they are all there: every page came, and there are as many packs as each page says.
    """
    records: dict[str, NodeRecord] = {}
    failure = await _read(registry, NodeQuery(), _OF_ALL, progress, records)
    return NodeRecords(records=records, failure=failure)


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


async def _read(
    registry: Registry,
    query: NodeQuery,
    bounds: Bounds,
    progress: Progress,
    records: dict[str, NodeRecord],
) -> ReadFailure | None:
    """Add the records of one query, of the wanted packs or of all; return why some may be missing."""
    wanted = {one.lower() for one in query.ids}
    whole = Completeness(what="pack")
    reading = Pages(registry, query, parse_packs, bounds, progress)
    async with aclosing(reading.read()) as pages:
        async for read in pages:
            page, before = read.page, len(records)
            if page is None:
                if read.number == 1:
                    return _failure(read)
                whole.note(f"page {read.number}: {_failure(read).error}")
                continue
            # Of named packs the total says nothing: those that the registry does not know are not in it.
            if not wanted:
                whole.count(page)
            elif read.number == 1 and page.total and not page.items:
                # It does not say that the registry has none of them.
                whole.note(f"0 of {plural(page.total, 'pack')} came")
            for record in page.rows:
                key = record.id.lower()
                # One that ignores `node_id` must not say anything about packs that nobody asked about.
                if not wanted or key in wanted:  # of two records the worse
                    both = records.get(key, record), record
                    records[key] = min(
                        both, key=lambda one: grade_rank(grade_of(one.status))
                    )
            # After a full page there may be more, whatever the total says; not after one that has nothing new.
            if len(records) == before or (wanted and wanted <= records.keys()):
                break
    whole.came |= records.keys()
    why = whole.fault if wanted else whole.end()
    return ReadFailure(error=why) if why else None


def _failure(read: PageRead[NodeRecord]) -> ReadFailure:
    """Return why a page could not be read. It is about packs as a whole, whatever is at fault."""
    if not read.code:
        return ReadFailure(error=read.error)
    is_absent = read.code in _ABSENT
    return ReadFailure(
        error=f"the registry does not answer GET /nodes ({read.code})",
        fault=Fault.NOT_FOUND if is_absent else Fault.OWN,
    )


def parse_packs(body: bytes) -> Page[NodeRecord]:
    """Return the page in an answer's body. Raises NoAnswerError if it is no list of packs."""
    page: Page[NodeRecord]
    # A warning has it without the pack or the page that it would be about.
    page, rows = read_list(body, "nodes", "the answer of GET /nodes")
    page.rows = [record for row in rows if (record := _record(row)) is not None]
    return page


def _record(row: object) -> NodeRecord | None:
    """Return what is readable of a row. The ban of a publisher is one of each of its packs."""
    if not (name := _text(row, "id")):
        return None
    status, detail = _text(row, "status"), _text(row, "status_detail")
    short = status.removeprefix(_PREFIX).lower()
    owner = row.get("publisher") if isinstance(row, dict) else None
    # The rows of its packs may still call them active.
    is_by_owner = _text(owner, "status").lower() == _PUBLISHER_BANNED
    if is_by_owner and not (short == BANNED and detail):  # its own says why
        short, detail = BANNED, _BY_PUBLISHER
    return NodeRecord(
        id=name,
        status=short if short in NODE_STATUSES else status,
        status_detail=detail,
        repository=_text(row, "repository"),
        publisher=_text(owner, "id"),
    )


def _text(about: object, name: str) -> str:
    value = about.get(name) if isinstance(about, dict) else None
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""
