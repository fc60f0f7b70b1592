"""Rows put together to the listing of one node: what was seen, and whether it is complete.

docs/behaviour.md, Listings, defines a complete one; docs/registry.md, Pages and Answers that lie, what can be wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType

from watcher import timestamps
from watcher.model.reading import (
    Fault,
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
    ServerTime,
)
from watcher.model.version import Version, badness, in_order
from watcher.registry.answer import Answer, NoAnswerError, describe_refusal, parse_ban
from watcher.registry.client import PAGE_SIZE, Query, Registry
from watcher.registry.schema import Page, VersionRow, parse_page, parse_version

MOST_PAGES = 200
"""20,000 versions, far more than any node has. All pages together may be as large as one answer."""
_TWICE = "a version came twice"


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class NodeRows:
    """The rows of one node, from whatever pages."""

    spelling: str = ""
    """As `Listing.spelling`."""
    versions: dict[str, Version] = field(default_factory=dict)
    """By key."""
    unreported: dict[str, frozenset[str]] = field(default_factory=dict)
    """As `Listing.unreported`."""
    server_time: ServerTime | None = None
    """Of the pages that show it; None before the first."""
    fault: str = ""
    """The first thing that makes its rows incomplete."""

    def add(
        self,
        row: VersionRow,
        unreported: frozenset[str] | None,
        known: Mapping[str, Version] = MappingProxyType({}),
    ) -> bool:
        """Add a row; return whether its version came before.

        Of rows that contradict each other the worst counts: taking the last one would report a change with every poll.
        A row that is one of the `known` versions, by key, is kept as that object, so that it takes no memory.
        """
        version = parse_version(row)
        key = version.key
        self.spelling = self.spelling or row.node_id
        if unreported:
            self.note("a row cannot be read whole")
        before = self.versions.get(key)
        if before is not None and before != version:
            self.note(_TWICE)
        if before is not None and badness(version) <= badness(before):
            return True
        same = known.get(key)
        is_known = same is not None and same == version
        self.versions[key] = same if same is not None and is_known else version
        self.unreported.pop(key, None)
        if unreported:
            self.unreported[key] = unreported
        return before is not None

    def note(self, fault: str) -> None:
        """Note why the rows are incomplete, if nothing was noted before."""
        self.fault = self.fault or fault

    def add_time(self, server_time: ServerTime) -> None:
        """Note when a page that shows the node was made."""
        if self.server_time is None:
            self.server_time = server_time
        elif self.server_time != server_time:
            self.server_time |= server_time

    def listing(
        self,
        node: str,
        *,
        at: str,
        incomplete: str = "",
    ) -> Listing:
        """Return the rows without those that cannot be trusted.

        Of two rows with one version text, one with an id and one without, only the one with the id is kept: both would
        match one known version, which would then change with every poll.
        """
        named = {one.version for one in self.versions.values() if one.id}
        versions = [
            one for one in self.versions.values() if one.id or one.version not in named
        ]
        if len(versions) < len(self.versions):
            self.note(_TWICE)
        return Listing(
            node=node,
            versions=in_order(versions),
            at=at,
            server_time=self.server_time or ServerTime(),
            incomplete=self.fault or incomplete,
            unreported=self.unreported,
            spelling=self.spelling,
        )


@dataclass(slots=True)
class ListingBuilder:
    """The pages of one node's own listing so far."""

    node: str
    bytes_left: int
    """How many bytes more may come."""
    rows: NodeRows = field(default_factory=NodeRows)
    items: int = 0
    """All rows, of whatever node, readable or not."""
    count: int = 0
    """The node's rows."""
    pages: int = 0
    total: int | None = None
    """From the first page that has one, like `total_pages`."""
    total_pages: int | None = None
    ended: bool = False
    """No further page is worth reading."""
    is_full: bool = False
    """The last page has as many rows as were asked for."""

    def add_page(self, page: Page, number: int, size: int, server_time: str) -> None:
        """Add one page's rows, and note what does not fit."""
        self.rows.add_time(ServerTime.of(server_time))
        self.ended = not page.items or size >= self.bytes_left
        if not page.items and self.is_full and self.items == self.total:
            return  # a page after the last one, whatever it says of the others
        self.is_full = page.items >= min(page.page_size or PAGE_SIZE, PAGE_SIZE)
        if page.fault:
            self.rows.note(f"{page.fault} on page {number}")
        for number_in_page, row in enumerate(page.rows):
            if row.node_id.lower() != self.node.lower():
                self.rows.note(
                    "the answer holds other nodes' versions, as if nodeId were ignored"
                )
                self.ended = True
                continue
            if self.rows.add(row, page.unreported.get(number_in_page)):
                self.rows.note(_TWICE)
            self.count += 1
        self.items += page.items
        self.pages += 1
        self.bytes_left -= size
        self._take_total(page)
        self._take_total_pages(page)

    def _take_total(self, page: Page) -> None:
        if page.total is None:
            self.rows.note("the answer does not say how many versions there are")
        elif self.total is None:
            self.total = page.total
        elif self.total != page.total:
            self.rows.note("the number of versions changed between pages")
        if (page.total or 0) > MOST_PAGES * min(page.page_size or PAGE_SIZE, PAGE_SIZE):
            self.rows.note(
                f"the answer claims {page.total} versions, more than any node has"
            )
            self.ended = True

    def _take_total_pages(self, page: Page) -> None:
        pages = page.total_pages
        if pages is None:
            return
        if self.total_pages is None:
            self.total_pages = pages
        elif self.total_pages != pages:
            self.rows.note("the number of pages changed between pages")
        fitting = -(-(page.total or 0) // (page.page_size or PAGE_SIZE))
        is_empty_page = (page.total, pages) == (0, 1)
        if page.total is not None and pages != fitting and not is_empty_page:
            self.rows.note(
                f"the answer claims {page.total} versions on {pages} pages, which does not fit"
            )
        if pages > MOST_PAGES:
            self.ended = True

    @property
    def has_more(self) -> bool:
        """Whether a further page may have rows, by the number of versions or of pages.

        After a full page there may be one though all came that the registry says there are.
        """
        total = self.total or 0
        lacks = self.items < total or self.pages < (self.total_pages or 0)
        return not self.ended and (lacks or (self.is_full and self.items == total))

    def fail(self, number: int, fault: str) -> None:
        """Note that a page could not be read."""
        self.rows.note(f"page {number}{fault}")
        self.ended = True

    def listing(self, at: str) -> Listing:
        """Return the listing after the last page."""
        incomplete = ""
        if self.count != self.total:
            incomplete = f"{self.count} of {self.total} versions came"
            if self.bytes_left <= 0:
                incomplete += ", which are too large"
        return self.rows.listing(self.node, at=at, incomplete=incomplete)


_LONGEST_READING = 300.0
_TIMEOUTS = 10
"""No further page of a node is requested after this many seconds, or timeouts if that is longer."""

_FAR_OFF = 24 * 3600.0
"""Seconds. A server's time that is further behind our clock is wrong; our own may be off by a time zone."""


async def read_node(
    registry: Registry,
    node: str,
    now: Callable[[], str],
    *,
    retries: int | None = None,
) -> Reading:
    """Return one node's versions from the first page and all others. Every expected failure is a value.

    `retries` overrides the limits' for the first page.
    """
    first, asked_at = Query(node=node), now()
    try:
        answer = await registry.ask(first, retries=retries)
        if answer.code != HTTPStatus.OK:
            return _judge_status(node, answer)
        return await _read_pages(registry, first, answer, asked_at)
    except NoAnswerError as error:
        return error.failure(node)


async def _read_pages(
    registry: Registry, first: Query, answer: Answer, asked_at: str
) -> Listing:
    """Return the versions of the first page's answer, and those of all later pages."""
    clock = asyncio.get_running_loop().time
    latest = clock() + max(_LONGEST_READING, _TIMEOUTS * registry.limits.timeout)
    builder = ListingBuilder(first.node, registry.limits.max_bytes)
    builder.add_page(parse_page(answer.body), 1, len(answer.body), answer.server_time)
    number = 1
    while builder.has_more and number < MOST_PAGES:
        number += 1
        if clock() > latest:
            builder.fail(number, " was not requested: the earlier pages took too long")
            break
        try:
            later = await registry.ask(replace(first, page=number))
            if later.code != HTTPStatus.OK:
                builder.fail(number, f" was refused ({later.code})")
                break
            page = parse_page(later.body)
        except NoAnswerError as error:
            builder.fail(number, f": {error.why}")
            break
        builder.add_page(page, number, len(later.body), later.server_time)
    oldest = builder.rows.server_time.oldest if builder.rows.server_time else ""
    return builder.listing(at=moment(asked_at, oldest))


def moment(asked_at: str, server_time: str) -> str:
    """Return the moment of a listing (docs/behaviour.md, Listings). A later one would hide what was published since."""
    if not server_time:
        return asked_at
    ahead = timestamps.seconds_between(server_time, asked_at)
    return server_time if 0 < ahead <= _FAR_OFF else asked_at


def _judge_status(node: str, answer: Answer) -> Reading:
    """Return what a status code other than 200 means for the node (docs/registry.md, Errors and Node bans)."""
    reason = parse_ban(answer.body) if answer.code == HTTPStatus.FORBIDDEN else None
    if reason is not None:
        server_time = ServerTime.of(answer.server_time)
        return NodeBanned(node=node, message=reason, server_time=server_time)
    error = describe_refusal(answer.code, answer.body, of_node=True)
    fault = _FAULTS.get(answer.code, Fault.REGISTRY)
    return ReadFailure(node=node, error=error, fault=fault)


_FAULTS: dict[int, Fault] = {
    HTTPStatus.BAD_REQUEST: Fault.OWN,
    HTTPStatus.NOT_FOUND: Fault.NOT_FOUND,
}
"""Refusals that are about the node alone."""
