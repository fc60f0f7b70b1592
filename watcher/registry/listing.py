"""Rows put together to the listing of one node: what was seen, and whether it is complete.

docs/dev/behaviour.md, Listings, defines a complete one; docs/dev/registry.md, Pages and Answers that lie, what
can be wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from watcher import timestamps
from watcher.model.event import badness
from watcher.model.reading import (
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
    ServerTime,
)
from watcher.model.version import Version, in_order
from watcher.registry.client import PAGE_SIZE, Query, Registry
from watcher.registry.pages import Bounds, Completeness, Page, PageRead, Pages
from watcher.registry.schema import VersionRow, parse_page, parse_version

_TWICE = "a version came twice"
_IN_PART = "a row is unreadable in part"


@dataclass(slots=True, kw_only=True)
class NodeRows:
    """The rows of one node, from whatever pages."""

    spelling: str = ""
    """As `Listing.spelling`."""
    versions: dict[str, Version] = field(default_factory=dict)
    """By key."""
    unreported: dict[str, frozenset[str]] = field(default_factory=dict)
    """As `Listing.unreported`."""
    made: set[str] = field(default_factory=set)
    """When the pages that show it were made, as `Answer.server_time`."""
    fault: str = ""
    """The first thing that makes its rows incomplete."""

    def add(
        self,
        row: VersionRow,
        unreported: frozenset[str] | None,
        known: Mapping[str, Version],
    ) -> None:
        """Add a row; `unreported` are the fields of one that is readable only in part.

        Of rows that contradict each other the worst counts: taking the last one would report a change with every poll.
        A row that is one of the `known` versions, by key, is kept as that object, so that it takes no memory.
        """
        version = parse_version(row)
        key = version.key
        self.spelling = self.spelling or row.node_id
        before = self.versions.get(key)
        # The same row twice contradicts nothing; that it came twice is seen by the counts.
        if before is not None and before != version:
            self.note(_TWICE)
        if before is None or badness(version) > badness(before):
            same = known.get(key, version)
            self.versions[key] = same if same == version else version
            self.unreported.pop(key, None)
            if unreported:
                self.unreported[key] = unreported

    def note(self, fault: str) -> None:
        """Note why the rows are incomplete, if nothing was noted before."""
        self.fault = self.fault or fault

    @property
    def server_time(self) -> ServerTime:
        """When these pages were made."""
        return ServerTime.of(*self.made)

    def listing(self, node: str, *, at: str, incomplete: str = "") -> Listing:
        """Return the rows without those that cannot be trusted.

        Of two rows with one version text, one with an id and one without, only the one with the id is kept: both would
        match one known version, which would then change with every poll.
        """
        named = {one.version for one in self.versions.values() if one.id}
        versions = [
            one for one in self.versions.values() if one.id or one.version not in named
        ]
        # What is left out was there, so that nothing may be called removed by this listing.
        if len(versions) < len(self.versions):
            self.note(_TWICE)
        return Listing(
            node=node,
            versions=in_order(versions),
            at=at,
            server_time=self.server_time,
            incomplete=self.fault or incomplete,
            unreported=self.unreported,
            spelling=self.spelling,
        )


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of pages, by node, and how complete they are."""

    is_wanted: Callable[[str], bool]
    """Whether to keep the rows of a node, by lower-case id; called once for each way to write it."""
    known: Mapping[str, Version] = field(default_factory=dict)
    """As for `NodeRows.add`."""
    nodes: dict[str, NodeRows] = field(default_factory=dict)
    """By lower-case id, of those that are wanted."""
    whole: Completeness = field(default_factory=lambda: Completeness(what="version"))
    """Of the pages, by the ids of node and version: two nodes may have one version's id. What is wrong with one node's
    rows alone is not in it."""
    has_others: bool = False
    """Whether rows of nodes that are not wanted came."""
    _places: dict[str, tuple[str, NodeRows | None]] = field(default_factory=dict)
    """By a node's id as the registry writes it: in lower case, and its rows if it is wanted."""

    def take(self, read: PageRead[VersionRow]) -> None:
        """Add what a page shows, and note why others may be missing."""
        whole, page, on_page = self.whole, read.page, f"on page {read.number}"
        # The pages after it still prove what they show.
        if page is None:
            whole.note(f"page {read.number}: {read.error}")
            return
        whole.count(page)
        if page.unplaced:
            whole.note(f"{page.unplaced} {on_page}")
        for (node, version), named in page.lost.items():
            # It came, though it cannot be read: it is counted, and only its pack is incomplete.
            key, rows = self._place(node)
            whole.came.add((key, version))
            if rows is not None:
                rows.note(f"{named} {on_page}")
        for number, row in enumerate(page.rows):
            key, rows = self._place(row.node_id)
            whole.came.add((key, row.id or f"={row.version}"))
            if rows is None:
                continue
            unreported = page.unreported.get(number)
            if unreported:
                rows.note(f"{_IN_PART} {on_page}")
            rows.add(row, unreported, self.known)
            rows.made.add(read.server_time)

    def _place(self, node: str) -> tuple[str, NodeRows | None]:
        if node not in self._places:
            key, rows = node.lower(), None
            if self.is_wanted(key):
                rows = self.nodes.setdefault(key, NodeRows(spelling=node))
            self.has_others = self.has_others or rows is None
            self._places[node] = key, rows
        return self._places[node]


_MOST_PAGES = 200
"""20,000 versions, far more than any node has. All pages together may be as large as one answer."""
_LONGEST_READING = 300.0
_TIMEOUTS = 10
"""No further page of a node is requested after this many seconds, or timeouts if that is longer."""
_FAR_OFF = 24 * 3600.0
"""Seconds. A server's time that is further behind our clock is wrong; our own may be off by a time zone."""
FOREIGN = "the answer holds other nodes' versions, as if nodeId were ignored"


async def read_node(
    registry: Registry,
    node: str,
    now: Callable[[], str],
    *,
    retries: int = sys.maxsize,
) -> Reading:
    """Return one node's versions from all its pages. Every expected failure is a value.

    No page is requested after one that failed, or had nothing new: what it claims of further ones may be anything.
    `retries` is the most of each page, within the limits'.
    """
    asked_at, limits = now(), registry.limits
    bounds = Bounds(
        pages=_MOST_PAGES,
        bytes=limits.max_bytes,
        seconds=max(_LONGEST_READING, _TIMEOUTS * limits.timeout),
        at_once=1,
        retries=retries,
    )
    key, of_node = node.lower(), NodeRows()
    rows = Rows(is_wanted=lambda other: other == key, nodes={key: of_node})
    whole, total_pages, count = rows.whole, None, 0
    reading = Pages(registry, Query(node=node), parse_page, bounds)
    async with aclosing(reading.read()) as pages:
        async for read in pages:
            if read.page is None and read.number == 1:
                return _unread(node, read)
            before = len(whole.came)
            rows.take(read)
            if (page := read.page) is None:
                break
            of_node.made.add(read.server_time)
            # Here each field counts; in a sweep only those that are compared, which `take` notes.
            if page.unreported:
                of_node.note(f"{_IN_PART} on page {read.number}")
            # Once a deployment ignored the filter: its further pages would be the whole registry.
            if rows.has_others:
                whole.note(FOREIGN)
                break
            count += len(page.rows)
            if count > len(of_node.versions):
                of_node.note(_TWICE)
            if page.items or read.number == 1:
                total_pages = total_pages or page.total_pages
                whole.note(_contradiction(page, total_pages))
            # A registry that ignores `page` shows the same rows as often as it claims pages.
            if len(whole.came) == before and not page.unplaced:
                break
    # The oldest page: what was published after it may be missing from the others.
    at = moment(asked_at, of_node.server_time.oldest)
    return of_node.listing(node, at=at, incomplete=whole.end())


def _contradiction(page: Page[VersionRow], total_pages: int | None) -> str:
    """Return how a page's number of pages contradicts its number of versions, or the one of an earlier page."""
    if page.total_pages is None or page.total is None:
        return ""
    # An empty list may be called no page, or one.
    fitting = -(-page.total // (page.page_size or PAGE_SIZE))
    if page.total_pages != fitting and (page.total, page.total_pages) != (0, 1):
        return f"the answer claims {page.total} versions on {page.total_pages} pages, which does not fit"
    is_other = page.total_pages != total_pages
    return "the number of pages changed between pages" if is_other else ""


def _unread(node: str, first: PageRead[VersionRow]) -> NodeBanned | ReadFailure:
    """Return what it means for a node that its first page did not come (docs/dev/registry.md, Errors and Node bans)."""
    if first.ban is None:
        return ReadFailure(node=node, error=first.error, fault=first.fault)
    server_time = ServerTime.of(first.server_time)
    return NodeBanned(node=node, message=first.ban, server_time=server_time)


def moment(asked_at: str, server_time: str) -> str:
    """Return the moment of a listing (docs/dev/behaviour.md, Listings). A later one hides what was published since."""
    if not server_time:
        return asked_at
    ahead = timestamps.seconds_between(server_time, asked_at)
    return server_time if 0 < ahead <= _FAR_OFF else asked_at
