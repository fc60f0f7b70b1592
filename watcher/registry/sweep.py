"""A sweep: the versions of many node packs, from pages of a hundred rows of any packs (docs/registry.md, Pages).

A page proves what it shows, never what it does not show: `Sweep.incomplete` says whether all rows of the registry came.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from watcher.model.reading import ALL, Fault, Listing, ReadFailure, ServerTime
from watcher.model.version import Version
from watcher.registry.client import PAGE_SIZE, Query, Registry
from watcher.registry.listing import NodeRows, moment
from watcher.registry.pages import PageRead, read_pages
from watcher.registry.schema import Page
from watcher.streams import Progress
from watcher.text.sanitize import plural
from watcher.values import frozen

_OTHER_PAGE_SIZE = 97
"""Of the second reading: rows that an unstable order hides where two pages meet are inside a page then."""
_REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Sweep:
    """What the pages show of the wanted nodes."""

    at: str = ""
    """As `Listing.at`."""
    total: int = 0
    """How many versions the registry says that it has."""
    nodes: dict[str, NodeRows] = field(default_factory=dict)
    """By lower-case id."""
    incomplete: str = ""
    """Why rows may be missing, for a person; "" if all came."""

    def listing(self, key: str, node: str) -> Listing:
        """Return the rows that came of a node as a listing; whether more may be missing says `incomplete` of all."""
        rows = self.nodes.get(key) or NodeRows()
        return rows.listing(node, at=self.at)


@frozen
class NoSweep:
    """A sweep that ended at its first page."""

    why: str
    """For a person; "" if it was not worth the pages."""
    failure: ReadFailure | None = None
    """The registry's failure, if it was one. If not, each node can still be asked."""


async def read_sweep(
    registry: Registry,
    now: Callable[[], str],
    *,
    is_wanted: Callable[[str], bool],
    is_worth_it: Callable[[int], bool],
    known: Iterable[Version],
    reads_again: bool,
    progress: Progress,
) -> Sweep | NoSweep:
    """Read the pages of all versions, and keep the rows of the wanted nodes.

    `is_wanted` is called once for each way to write a node's id, `is_worth_it` with the number of versions. Rows that
    are `known` versions are these objects. If rows are missing though every page came, they are read a second time in
    another size, if `reads_again`.
    """
    sweep = Sweep()
    shared = {version.key: version for version in known}
    collector = _Collector(sweep, is_wanted, shared)
    for page_size in (PAGE_SIZE, _OTHER_PAGE_SIZE):
        query = Query(page_size=page_size)
        ended = await collector.read(registry, query, now, is_worth_it, progress)
        if ended is not None:
            if page_size == PAGE_SIZE:
                return ended
            # The rows of the first reading count, and what it lacks, where the second one does not say why it ended.
            sweep.incomplete = ended.why or sweep.incomplete
        if not (sweep.incomplete and reads_again) or collector.has_failed:
            break
    return sweep


class _Collector:
    """Puts the rows of all pages together."""

    def __init__(
        self,
        sweep: Sweep,
        is_wanted: Callable[[str], bool],
        known: dict[str, Version],
    ) -> None:
        self.sweep = sweep
        self.has_failed = False
        """A page could not be read."""
        self._is_wanted = is_wanted
        self._known = known
        self._places: dict[str, tuple[str, NodeRows | None]] = {}
        """By a node's id as the registry writes it: in lower case, and its rows if it is wanted."""
        self._came: set[tuple[str, str]] = set()
        """The versions that came, readable or not, of all nodes: by lower-case node id and key."""
        self._fault = ""

    async def read(
        self,
        registry: Registry,
        first: Query,
        now: Callable[[], str],
        is_worth_it: Callable[[int], bool],
        progress: Progress,
    ) -> NoSweep | None:
        """Read all pages once. Returns why if there is nothing to read beyond the first."""
        asked_at, self._fault, total = now(), "", 0
        reading = read_pages(registry, first, progress=progress)
        async with contextlib.aclosing(reading) as pages:
            async for read in pages:
                if read.number == 1:
                    if (ended := _ended(read, is_worth_it)) is not None:
                        return ended
                    total = read.page.total or 0 if read.page else 0
                    # Of two readings the first: what is published after it may be missing.
                    self.sweep.at = self.sweep.at or moment(asked_at, read.server_time)
                    self.sweep.total = total
                if read.page is None:
                    self.has_failed = True
                    self._note(f"page {read.number}: {read.error}")
                else:
                    self._take(read.page, read, total)
        if len(self._came) != total:
            self._note(f"{len(self._came):,} of {plural(total, 'version')} came")
        if not total:
            self._note("no versions came")
        self.sweep.incomplete = self._fault
        return None

    def _take(self, page: Page, read: PageRead, total: int) -> None:
        # The empty page after a full last one may count otherwise.
        if page.total != total and page.items:
            self._note("the number of versions changed between pages")
        if page.unplaced:
            self._note(f"{page.unplaced} on page {read.number}")
        for (node, version), named in page.lost.items():
            key, rows = self._place(node)
            self._came.add((key, version))
            if rows is not None:
                rows.note(f"{named} on page {read.number}")
        made = ServerTime.of(read.server_time)
        for number, row in enumerate(page.rows):
            key, rows = self._place(row.node_id)
            self._came.add((key, row.id or f"={row.version}"))
            if rows is not None:
                rows.add(row, page.unreported.get(number), self._known)
                rows.add_time(made)

    def _place(self, node: str) -> tuple[str, NodeRows | None]:
        found = self._places.get(node)
        if found is None:
            key = node.lower()
            rows = None
            if self._is_wanted(key):
                rows = self.sweep.nodes.setdefault(key, NodeRows(spelling=node))
            found = self._places[node] = key, rows
        return found

    def _note(self, fault: str) -> None:
        self._fault = self._fault or fault


def _ended(first: PageRead, is_worth_it: Callable[[int], bool]) -> NoSweep | None:
    """Return why the sweep ends at its first page, if it does. A refusal is no failure of the registry."""
    if first.code in _REFUSALS:
        return NoSweep(
            why=f"the registry does not list the versions of all node packs: {first.error}"
        )
    if first.page is None:
        # Whatever page 1 failed for, without it no node is read.
        fault = first.fault if first.fault is Fault.UNREACHED else Fault.REGISTRY
        failure = ReadFailure(node=ALL, error=first.error, fault=fault)
        return NoSweep(why=first.error, failure=failure)
    if first.page.total is None:
        return NoSweep(why="the answer does not say how many versions there are")
    return None if is_worth_it(first.page.total) else NoSweep(why="")
