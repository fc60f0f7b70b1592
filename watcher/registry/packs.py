"""Packs as a whole: `GET /nodes` says which are banned or deleted, and where their source is.

The endpoint is optional (docs/registry.md, Packs as a whole): without a usable answer the program knows less, and
nothing fails.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus

from watcher.model.failure import Fault
from watcher.model.pack import PACK_STATUSES, PackRecord, PackRecords
from watcher.model.version import BANNED
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import PackQuery, Registry
from watcher.text.json_limits import too_dense

_MOST_IDS = 60
"""Of one request: the longest ids make an address of 7 KB, and servers and proxies refuse 8."""
_MOST_PAGES = 20
"""Of one chunk. A registry that ignores `limit` has ten rows on a page."""
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


async def read_packs(registry: Registry, ids: Iterable[str]) -> PackRecords:
    """Return what the registry says of these packs as a whole. Every failure is in `failure`; none is raised.

    An answer counts for the packs that are in it: a registry that leaves one out has said nothing of it. The endpoint
    compares ids with their case, so each id should have the registry's own spelling; its lower-case spelling is asked
    for too. If the first request fails, no other is made.
    """
    spelled = list(dict.fromkeys(one for each in ids for one in (each, each.lower())))
    queries = [
        PackQuery(ids=tuple(spelled[at : at + _MOST_IDS]), is_first=at == 0)
        for at in range(0, len(spelled), _MOST_IDS)
    ]
    parts = [await _read_chunk(registry, query) for query in queries[:1]]
    if parts and parts[0].failure is None:
        parts += await asyncio.gather(
            *(_read_chunk(registry, query) for query in queries[1:])
        )
    records: dict[str, PackRecord] = {}
    for part in parts:
        for record in part.records.values():
            _add(records, record)
    return PackRecords(
        records=records,
        failure=next((part.failure for part in parts if part.failure), None),
    )


def _add(records: dict[str, PackRecord], record: PackRecord) -> None:
    """Add a record; of two records of a pack the worse counts."""
    key = record.id.lower()
    records[key] = max(records.get(key, record), record, key=_badness)


async def _read_chunk(registry: Registry, query: PackQuery) -> PackRecords:
    """Return the records of one chunk from as many pages as it takes, up to the first that cannot be read."""
    wanted = {one.lower() for one in query.ids}
    found: dict[str, PackRecord] = {}
    for number in range(1, _MOST_PAGES + 1):
        try:
            page = await read_page(registry, replace(query, page=number))
        except NoAnswerError as error:
            return PackRecords(records=found, failure=error.failure())
        before = len(found)
        for record in page.records:
            if record.id.lower() in wanted:
                _add(found, record)
        # A page without anything new is the last one, whatever the answer claims.
        is_last = page.total_pages is not None and number >= page.total_pages
        if len(found) in {before, len(wanted)} or is_last:
            break
    return PackRecords(records=found)


async def read_page(registry: Registry, query: PackQuery) -> PackPage:
    """Return one page. Raises NoAnswerError, whatever is wrong with it: the answer is optional."""
    try:
        return await _read_page(registry, query)
    except NoAnswerError:
        raise
    except Exception as error:
        raise NoAnswerError(f"unexpected {type(error).__name__}") from error


async def _read_page(registry: Registry, query: PackQuery) -> PackPage:
    answer = await registry.ask(query, retries=min(1, registry.limits.retries))
    endpoint = f"GET {query.path}"
    if answer.code != HTTPStatus.OK:
        is_first = query.is_first and query.page == 1 and not query.publisher
        is_absent = is_first and answer.code in _ABSENT
        raise NoAnswerError(
            f"the registry does not {'have' if is_absent else 'answer'} {endpoint} ({answer.code})",
            Fault.NOT_FOUND if is_absent else Fault.OWN,
            cause=f"HTTP {answer.code}",
        )
    page = parse_packs(answer.body, endpoint)
    return replace(page, server_time=answer.server_time)


def _badness(record: PackRecord) -> int:
    """Return a key that sorts records, a ban last; a status that is not known may be anything but good."""
    return (
        _FROM_GOOD_TO_BAD.index(record.status)
        if record.status in _FROM_GOOD_TO_BAD
        else 1
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackPage:
    """One page of packs. Its numbers are None where the answer does not say them readably."""

    records: tuple[PackRecord, ...]
    """The rows with a readable id."""
    items: int
    """How many rows there are, the unreadable ones too."""
    total: int | None
    """How many packs there are."""
    total_pages: int | None
    server_time: str = ""
    """As `Answer.server_time`."""


def parse_packs(body: bytes, endpoint: str = "GET /nodes") -> PackPage:
    """Return the page in an answer's body. Raises NoAnswerError if it is no list of packs; that names the endpoint."""
    if too_dense(body):
        raise NoAnswerError(f"{endpoint} answers with too many values")
    try:
        answer = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NoAnswerError(f"{endpoint} answers with no readable JSON") from None
    about = answer if isinstance(answer, dict) else {}
    total, rows = _count(about.get("total")), about.get("nodes")
    if rows is None and total == 0:
        rows = []
    if not isinstance(rows, list):
        raise NoAnswerError(f"{endpoint} answers without a list of packs")
    if len(rows) > _MOST_ROWS:
        raise NoAnswerError(
            f"{endpoint} answers with far more packs than were requested"
        )
    return PackPage(
        records=tuple(record for row in rows if (record := _record(row)) is not None),
        items=len(rows),
        total=total,
        total_pages=_count(about.get("totalPages")),
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
