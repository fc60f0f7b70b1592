"""A sweep: the versions of many node packs, from pages of a hundred rows of any packs (docs/registry.md, Pages).

A page proves what it shows, never what it does not show: `Swept.incomplete` says whether all rows of the registry came.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from operator import attrgetter

from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import ALL, Listing, ServerTime
from watcher.model.version import badness, in_order
from watcher.progress import Progress, silent
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import PAGE_SIZE, Query, Registry
from watcher.registry.pages import PageRead, read_pages
from watcher.registry.pagination import ListingBuilder
from watcher.registry.reader import OF_ROWS, moment
from watcher.registry.row import FIELDS, VersionRow, parse_version
from watcher.registry.schema import Page, parse_page

_OTHER_PAGE_SIZE = 97
"""Of the second reading: rows that an unstable order hides where two pages meet are inside a page then."""
_REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}


@dataclass(slots=True, kw_only=True)
class Swept:
    """The rows of the wanted nodes, by lower-case id."""

    at: str
    """As `Listing.at`."""
    total: int
    """How many versions the registry says that it has."""
    statuses: tuple[str, ...] = ()
    """The ones that were requested; empty for all."""
    rows: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Each node's rows, by id, else by version text: packed, which takes a third of the memory."""
    names: dict[str, str] = field(default_factory=dict)
    """How the registry writes each node's id."""
    server_times: dict[str, ServerTime] = field(default_factory=dict)
    """Of the pages that show each node."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """Nodes with a row that cannot be read, lacks a field that is compared, or contradicts another, and why."""
    unreported: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    """By node, then as `Listing.unreported`."""
    incomplete: str = ""
    """Why rows may be missing, for a person; "" if all came."""
    has_failed: bool = False
    """A page could not be read."""
    pages: tuple[str, ...] = ()
    """Digests of the pages of a complete sweep, sorted: of its first reading."""
    is_as_known: bool = False
    """All pages are those that were known, so no row was read: each node is as it was then."""

    def digest(self, key: str) -> str:
        """Return a digest of a node's rows, whatever their order."""
        rows = b"".join(sorted(self.rows.get(key, {}).values()))
        return OF_ROWS + hashlib.blake2b(rows, digest_size=16).hexdigest()

    def listing(self, node: str, incomplete: str = "") -> Listing:
        """Return a node's rows as a listing, which is incomplete if the caller or a row says so."""
        key = node.lower()
        rows, unreported = self.rows.get(key, {}), self.unreported.get(key, {})
        page = Page(
            rows=list(map(_unpacked, rows.values())),
            items=len(rows),
            total=len(rows),
            page_size=None,
            unreported={
                place: unreported[one]
                for place, one in enumerate(rows)
                if one in unreported
            },
        )
        builder = ListingBuilder(node, bytes_left=1)
        builder.add_page(page, 1, 0)
        fault = builder.finish()
        return Listing(
            node=builder.spelling or node,
            versions=in_order(
                row
                for row in builder.rows.values()
                if not self.statuses or row.status in self.statuses
            ),
            at=self.at,
            server_time=self.server_times.get(key, ServerTime()),
            incomplete=incomplete or fault or self.doubtful.get(key, ""),
            unreported=builder.unreported,
            changelogs=builder.changelogs,
            spelling=builder.spelling,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSwept:
    """A sweep that ended at its first page."""

    why: str
    """For a person; "" if it was not worth the pages."""
    total: int | None = None
    """How many versions the registry says that it has, if it did."""
    failure: ReadFailure | None = None
    """The registry's failure, if it was one. If not, each node can still be asked."""


_NAMES = (*(name for name in FIELDS if name != "status_reason"), "changelog")
_of_row = attrgetter(*_NAMES)


def _packed(row: VersionRow) -> bytes:
    """Return a row without its reason as bytes: the same for the same row."""
    return marshal.dumps(
        _of_row(row), 2
    )  # a later format depends on what else refers to a text


def _unpacked(packed: bytes) -> VersionRow:
    values = marshal.loads(packed)  # noqa: S302 - this process packed it
    return VersionRow(**dict(zip(_NAMES, values, strict=True)))


async def sweep(
    registry: Registry,
    statuses: tuple[str, ...],
    now: Callable[[], str],
    *,
    is_wanted: Callable[[str], bool],
    is_worth_it: Callable[[int], bool],
    known: Collection[str] = (),
    reads_again: bool = True,
    progress: Progress = silent,
) -> Swept | NotSwept:
    """Read the pages of all versions with some `statuses`, none for all, and keep the rows of the wanted nodes.

    `is_wanted` is called once for each lower-case node id, `is_worth_it` with the number of versions once it is known.
    `known` are the digests of all pages (`Swept.pages`) of a sweep whose every row is known: while no other page comes
    none is decoded. If rows are missing though every page came, they are read a second time in another size, if
    `reads_again`.
    """
    collector = _Collector(Swept(at="", total=0, statuses=statuses), is_wanted, known)
    ended = await collector.read(
        registry, Query(statuses=statuses), now, is_worth_it, progress
    )
    if ended is not None:
        return ended
    swept = collector.swept
    if reads_again and swept.incomplete and not swept.has_failed:
        again = await collector.read(
            registry,
            Query(statuses=statuses, page_size=_OTHER_PAGE_SIZE),
            now,
            lambda _: True,
            progress,
        )
        if again is not None:
            swept.incomplete, swept.has_failed = again.why, True
    return swept


class _Collector:
    """Puts the rows of all pages together."""

    def __init__(
        self, swept: Swept, is_wanted: Callable[[str], bool], known: Collection[str]
    ) -> None:
        self.swept = swept
        self._known = frozenset(known)
        """Digests of known pages, until a page comes that is not known."""
        self._pages: list[str] = []
        """Digests of the pages of this reading."""
        self._held: list[PageRead] = []
        """The known pages that came."""
        self._is_wanted = is_wanted
        self._rows: dict[str, tuple[dict[str, bytes], bool]] = {}
        """The rows of each node, by its id as the registry writes it, and whether it is wanted."""
        self._others: dict[str, dict[str, bytes]] = {}
        """The versions of the nodes that are not wanted, by lower-case id: they are only counted."""
        self._lost: set[tuple[str, str]] = set()
        """The ids of rows that cannot be read, of any node in lower case and of the version."""
        self._fault = ""

    async def read(
        self,
        registry: Registry,
        first: Query,
        now: Callable[[], str],
        is_worth_it: Callable[[int], bool],
        progress: Progress,
    ) -> NotSwept | None:
        """Read all pages once. Returns why if there is nothing to read beyond the first."""
        asked_at, self._fault, self._pages, total = now(), "", [], 0
        reading = read_pages(
            registry, first, is_known=self._is_known, progress=progress
        )
        async with contextlib.aclosing(reading) as pages:
            async for read in pages:
                if read.number == 1:
                    if (ended := _ended(read, is_worth_it)) is not None:
                        return ended
                    total = read.page.total or 0 if read.page else 0
                    self.swept.at, self.swept.total = (
                        self.swept.at or moment(asked_at, read.server_time),
                        total,
                    )
                self._take_read(read, total)
        self._finish(total, first.page_size)
        return None

    def _finish(self, total: int, page_size: int) -> None:
        """Judge one reading of all pages."""
        if self._known and self._known == set(self._pages) and not self._fault:
            self.swept.is_as_known = True
        else:
            self._take_held(total)
            if not self._fault and (count := self._count()) != total:
                self._note(f"{count} of {total} versions came")
            if not total:
                self._note("no versions came")
        self.swept.incomplete = self._fault
        if not self._fault and page_size == PAGE_SIZE:
            self.swept.pages = tuple(sorted(self._pages))

    def _take_read(self, read: PageRead, total: int) -> None:
        if read.known:
            self._held.append(read)
        elif read.page is None:
            self.swept.has_failed = True
            self._note(f"page {read.number}: {read.error}")
        else:
            self._take(read.page, read, total)

    def _is_known(self, body: bytes) -> bool:
        """Note a page; return whether it need not be decoded now, since all that came so far are known."""
        page = hashlib.blake2b(body, digest_size=8).hexdigest()
        self._pages.append(page)
        if page not in self._known:
            self._known = frozenset()
        return page in self._known

    def _take_held(self, total: int) -> None:
        """Take the pages that were not decoded."""
        self._known = frozenset()
        for read in self._held:
            try:
                self._take(parse_page(read.known), read, total)
            except NoAnswerError as error:
                self._note(f"page {read.number}: {error}")
        self._held = []

    def _take(self, page: Page, read: PageRead, total: int) -> None:
        if page.total != total and page.items:
            self._note("the number of versions changed between pages")
        if page.unplaced:
            self._note(f"{page.unplaced} on page {read.number}")
        for (node, version), named in page.lost.items():
            self._take_lost(node, version, f"{named} on page {read.number}")
        for place, row in enumerate(page.rows):
            rows, is_wanted = self._rows.get(row.node_id) or self._rows_of(row.node_id)
            version = row.id or f"={row.version}"
            packed = _packed(row) if is_wanted else b""
            before = rows.setdefault(version, packed)
            if is_wanted and (before is not packed or place in page.unreported):
                self._take_odd(row, version, before, page.unreported.get(place))
        times, of_page = self.swept.server_times, ServerTime.of(read.server_time)
        shown = {row.node_id.lower() for row in page.rows} & self.swept.rows.keys()
        times.update({key: times.get(key, of_page) | of_page for key in shown})

    def _take_lost(self, node: str, version: str, named: str) -> None:
        """Note that a row of a node cannot be read: its version counts as one that came."""
        _, is_wanted = self._rows.get(node) or self._rows_of(node)
        self._lost.add((node.lower(), version))
        if is_wanted:
            self.swept.doubtful.setdefault(node.lower(), named)

    def _rows_of(self, name: str) -> tuple[dict[str, bytes], bool]:
        key = name.lower()
        is_wanted = self._is_wanted(key)
        rows = (self.swept.rows if is_wanted else self._others).setdefault(key, {})
        self._rows[name] = rows, is_wanted
        if is_wanted:
            self.swept.names.setdefault(key, name)
        return rows, is_wanted

    def _take_odd(
        self,
        row: VersionRow,
        version: str,
        before: bytes,
        unreported: frozenset[str] | None,
    ) -> None:
        """Take a row that came before, or that cannot be read whole. Of two that contradict the worse counts."""
        key, swept, packed = row.node_id.lower(), self.swept, _packed(row)
        if before != packed:
            swept.doubtful[key] = "a version came twice"
            if badness(parse_version(_unpacked(before))) >= badness(parse_version(row)):
                return
            swept.rows[key][version] = packed
        of_node = swept.unreported.setdefault(key, {})
        of_node.pop(version, None)
        if unreported:
            swept.doubtful.setdefault(key, "a row cannot be read whole")
            of_node[version] = unreported

    def _count(self) -> int:
        """Return how many versions came, whether they can be read or not."""
        rows = self.swept.rows, self._others
        unread = sum(
            not any(version in of.get(key, ()) for of in rows)
            for key, version in self._lost
        )
        return unread + sum(len(versions) for of in rows for versions in of.values())

    def _note(self, fault: str) -> None:
        self._fault = self._fault or fault


def _ended(first: PageRead, is_worth_it: Callable[[int], bool]) -> NotSwept | None:
    """Return why the sweep ends at its first page, if it does. A refusal is no failure of the registry."""
    if first.code in _REFUSALS:
        return NotSwept(
            why=f"the registry does not list the versions of all node packs: {first.error}"
        )
    if first.page is None:
        # Whatever page 1 failed for, without it no node is read.
        fault = first.fault if first.fault is Fault.UNREACHED else Fault.REGISTRY
        failure = ReadFailure(node=ALL, error=first.error, fault=fault)
        return NotSwept(why=first.error, failure=failure)
    if first.page.total is None:
        return NotSwept(why="the answer does not say how many versions there are")
    return (
        None
        if is_worth_it(first.page.total)
        else NotSwept(why="", total=first.page.total)
    )
