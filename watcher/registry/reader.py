"""From answers to readings: every page of a node is asked for, and each way it can go wrong is decided.

The traps are those of the registry notes: text order, answers that are the same as before, error bodies of any shape.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from watcher import timestamps
from watcher.model.listing import FetchFailed, Listing, NodeBanned, Reading, Unchanged
from watcher.model.version import STATUSES, in_order
from watcher.registry import schema
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import Query, Registry
from watcher.registry.pagination import MOST_PAGES, ListingBuilder

_OF_BODY = "body:"
"""Begins a name that this program gave; the registry's begin with a quote or `W/`."""

_LONGEST_READING = 300.0
_TIMEOUTS = 10
"""Seconds, or so many timeouts if they are longer, after which no further page of a node is asked for: the other nodes'
alerts wait for it.
"""

_REASON_ROWS = 20
_REASON_PAGES = 50
"""At most, of so many rows each: what an answer claims is not followed for ever."""

_ERROR_LENGTH = 200

_FAR_OFF = 24 * 3600.0
"""Seconds. A registry's `Date` that is further behind our clock is a broken or cached one; what is nearer may as well
be our own clock that is ahead, as one that takes local time for UTC.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQuery:
    """Which node to read, of which statuses (all of them: no filter), and the name of the answer that is known.

    `etag` is such a name as `Listing.etag` gave: the registry's own, or a digest of the answer's body. `retries`
    overrides the limits' for the first page.
    """

    node: str
    statuses: tuple[str, ...] = STATUSES
    etag: str = ""
    retries: int | None = None

    @property
    def filter(self) -> tuple[str, ...]:
        """The statuses to ask for; none where all are watched, so that unknown ones come too."""
        return () if set(self.statuses) >= set(STATUSES) else self.statuses


async def read_node(registry: Registry, asked: NodeQuery, now: Callable[[], str]) -> Reading:
    """Read one node's versions, all pages. Every failure that can be expected is a value."""
    try:
        return await _read_node(registry, asked, now)
    except NoAnswerError as error:
        return FetchFailed(node=asked.node, error=str(error), registry_wide=error.on_the_way, unreached=error.unreached)
    except schema.NotAListingError as error:
        return FetchFailed(node=asked.node, error=str(error), registry_wide=False)


async def _read_node(registry: Registry, asked: NodeQuery, now: Callable[[], str]) -> Reading:
    named = asked.etag.startswith(_OF_BODY)
    asked_at = now()
    first = Query(node=asked.node, statuses=asked.filter)
    answer = await registry.ask(first, etag="" if named else asked.etag, retries=asked.retries)
    at = _moment(asked_at, answer.date)
    if answer.code != HTTPStatus.OK:
        return _refused(asked, answer, at)
    if named and asked.etag == _name_of(answer):
        return Unchanged(node=asked.node, at=at)
    clock = asyncio.get_running_loop().time
    latest = clock() + max(_LONGEST_READING, _TIMEOUTS * registry.limits.timeout)
    gathered = ListingBuilder(asked.node, registry.limits.max_bytes)
    gathered.take(schema.parse_page(answer.body), 1, len(answer.body))
    number = 1
    while gathered.has_more and number < MOST_PAGES:
        number += 1
        if clock() > latest:
            gathered.fail(number, " was not asked for: those before it took too long")
            break
        try:
            later = await registry.ask(replace(first, page=number))
            if later.code != HTTPStatus.OK:
                gathered.fail(number, f" was refused ({later.code})")
                break
            page = schema.parse_page(later.body)
        except (NoAnswerError, schema.NotAListingError) as error:
            gathered.fail(number, f": {error}")
            break
        gathered.take(page, number, len(later.body))
    incomplete = gathered.settle()
    narrowed = asked.filter
    wanted = [version for version in gathered.rows.values() if not narrowed or version.status in narrowed]
    return Listing(
        node=asked.node,
        versions=in_order(wanted),
        at=at,
        incomplete=incomplete,
        admin_tags_told=gathered.admin_tags_told or not gathered.rows,
        etag=_name_of(answer) if number == 1 else "",
        partial=gathered.partial,
    )


async def read_whereabouts(
    registry: Registry, listing: Listing, missing: Collection[str], statuses: Collection[str], now: Callable[[], str]
) -> Listing:
    """Say of versions that a complete listing of some `statuses` does not show any more where they are: by a second
    reading, of all statuses. `missing` are their keys.

    Those that it shows with another status are `elsewhere`. If it shows them with a status that was asked for, or
    could not be read, then the listing is incomplete: one odd answer is no proof that they left.
    """
    if listing.incomplete or not missing:
        return listing
    whole = await read_node(registry, NodeQuery(node=listing.node), now)
    found = {version.key: version.status for version in whole.versions} if isinstance(whole, Listing) else {}
    if any(found.get(key) in statuses for key in missing):
        return replace(listing, incomplete="with all statuses it shows versions that it hides with these alone")
    elsewhere = frozenset(key for key in missing if key in found)
    if len(elsewhere) < len(missing) and not (isinstance(whole, Listing) and not whole.incomplete):
        return replace(listing, incomplete="versions are missing, and with all statuses it cannot be read")
    return replace(listing, elsewhere=elsewhere)


def _moment(asked_at: str, date: str) -> str:
    """Return the moment up to which an answer is known to be complete: when it was asked for, by our own clock.

    The answer's `Date` may only make it earlier. A later moment would hide what was published in between.
    """
    if not date:
        return asked_at
    ahead = timestamps.seconds_between(date, asked_at)
    return date if 0 < ahead <= _FAR_OFF else asked_at


def _name_of(answer: Answer) -> str:
    """Name an answer: as the registry does, else by a digest of its body. The same bytes are the same facts."""
    return answer.etag or _OF_BODY + hashlib.blake2b(answer.body, digest_size=16).hexdigest()


def _refused(asked: NodeQuery, answer: Answer, at: str) -> Reading:
    """Decide what a status code other than 200 means for the node."""
    from watcher.text.sanitize import sanitize_line

    message = schema.parse_message(answer.body)
    said = f": {sanitize_line(message, _ERROR_LENGTH)}" if message else ""
    match answer.code:
        case HTTPStatus.NOT_MODIFIED if asked.etag and not asked.etag.startswith(_OF_BODY):
            return Unchanged(node=asked.node, at=at)
        case HTTPStatus.FORBIDDEN if (reason := schema.parse_ban(answer.body)) is not None:
            return NodeBanned(node=asked.node, message=reason, at=at)
        case HTTPStatus.FORBIDDEN:
            return _unreadable(
                asked, f"the registry, or something in front of it, refused access (403){said}", wide=True
            )
        case HTTPStatus.BAD_REQUEST:
            return _unreadable(asked, f"the registry refused the question (400){said}", wide=False)
        case HTTPStatus.NOT_FOUND:
            return _unreadable(asked, f"the registry does not know it (404){said}; is the id right?", wide=False)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _unreadable(asked, f"the registry asked to slow down (429){said}", wide=True)
        case code if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _unreadable(asked, f"the registry has a fault ({code}){said}", wide=True)
        case code:
            return _unreadable(asked, f"the registry gave an unexpected answer ({code}){said}", wide=True)


def _unreadable(asked: NodeQuery, error: str, *, wide: bool) -> FetchFailed:
    return FetchFailed(node=asked.node, error=error, registry_wide=wide)


async def read_reasons(registry: Registry, node: str, wanted: Mapping[str, str]) -> AsyncIterator[tuple[str, str]]:
    """Ask for the reasons of some versions, whose statuses `wanted` gives by version key: each key found with its
    reason, as soon as it is there.

    Reasons can be megabytes each, so only pages of the statuses in question are read, a few rows at a time, and only
    until all were found. Of a page that fails, other versions' reasons may be too much of it: then the wanted rows
    are read one by one. What cannot be had is left out: an alert does not wait for its reason.
    """
    for status in sorted(set(wanted.values()) & set(STATUSES)):
        missing = {key for key, of in wanted.items() if of == status}
        number, last = 0, 1
        while missing and number < last:
            number += 1
            query = Query(
                node=node, statuses=(status,), include_status_reason=True, page=number, page_size=_REASON_ROWS
            )
            page = await _page(registry, query)
            rows = page.rows if page else []
            if page is None and (page := await _page(registry, replace(query, include_status_reason=False))):
                rows = await _one_by_one(registry, query, page, missing)
            if page is None or not page.rows or any(row.node_id.lower() != node.lower() for row in page.rows):
                break
            for row in rows:
                key = schema.parse_version(row).key
                if key in missing and row.node_id.lower() == node.lower():
                    missing.discard(key)
                    yield key, row.status_reason or ""
            pages = _REASON_PAGES if page.total is None else -(-page.total // _REASON_ROWS)
            last = min(pages, _REASON_PAGES)


async def _one_by_one(
    registry: Registry, query: Query, outline: schema.Page, keys: Collection[str]
) -> list[schema.VersionRow]:
    """Read the rows of some versions, each as a page of its own; their places are known from the page's outline."""
    before = (query.page - 1) * query.page_size
    rows: list[schema.VersionRow] = []
    for place, row in enumerate(outline.rows, before + 1):
        if schema.parse_version(row).key in keys:
            page = await _page(registry, replace(query, page=place, page_size=1))
            rows += page.rows if page else ()
    return rows


async def _page(registry: Registry, query: Query) -> schema.Page | None:
    """Ask for a page that can be done without; None if it cannot be had."""
    try:
        answer = await registry.ask(query, retries=1)
        return schema.parse_page(answer.body) if answer.code == HTTPStatus.OK else None
    except (NoAnswerError, schema.NotAListingError):
        return None
