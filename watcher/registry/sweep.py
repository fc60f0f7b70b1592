"""A sweep: the versions of many node packs, from pages of a hundred rows of any packs (docs/dev/registry.md, Pages).

A page proves what it shows, never what it does not show: `Sweep.incomplete` says whether all rows of the registry came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus

from watcher.model.reading import Fault, ReadFailure
from watcher.model.version import Version
from watcher.registry.client import PAGE_SIZE, Query, Registry
from watcher.registry.listing import NodeRows, Rows, moment
from watcher.registry.pages import (
    ALL_VERSIONS,
    Completeness,
    PageRead,
    Pages,
)
from watcher.registry.schema import VersionRow, parse_page
from watcher.streams import Progress
from watcher.values import frozen

_OTHER_PAGE_SIZE = 97
"""Of the second reading: rows that an unstable order hides where two pages meet are inside a page then."""
_REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}


@dataclass(slots=True, kw_only=True)
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
    # A sweep of the whole registry would otherwise hold each version a second time.
    shared = {version.key: version for version in known}
    rows = Rows(is_wanted=is_wanted, known=shared)
    sweep = Sweep(nodes=rows.nodes)
    for page_size in (PAGE_SIZE, _OTHER_PAGE_SIZE):
        asked_at, has_failed = now(), False
        whole = rows.whole = Completeness(what="version", came=rows.whole.came)
        reading = Pages(
            registry,
            Query(page_size=page_size),
            parse_page,
            ALL_VERSIONS,
            progress,
        )
        async with aclosing(reading.read()) as pages:
            async for read in pages:
                if read.number == 1:
                    if (ended := _ended(read, is_worth_it)) is not None:
                        if page_size == PAGE_SIZE:
                            return ended
                        # The rows of the first reading count, and what it lacks.
                        sweep.incomplete = ended.why or sweep.incomplete
                        return sweep
                    # Of two readings the first: what is published after it may be missing.
                    sweep.at = sweep.at or moment(asked_at, read.server_time)
                has_failed = has_failed or read.page is None
                rows.take(read)
        sweep.total = whole.total or 0
        # A registry without a version is a fault: nothing may be called removed because of it.
        sweep.incomplete = whole.end() or ("" if sweep.total else "no versions came")
        # Rows that move between two pages are lost by chance; a page that failed may well fail again.
        if not (sweep.incomplete and reads_again) or has_failed:
            break
    return sweep


def _ended(
    first: PageRead[VersionRow], is_worth_it: Callable[[int], bool]
) -> NoSweep | None:
    """Return why the sweep ends at its first page, if it does. A refusal is no failure of the registry."""
    # A deployment may forbid to list everything, and answer for each pack all the same.
    if first.code in _REFUSALS:
        return NoSweep(
            why=f"the registry does not list the versions of all node packs: {first.error}"
        )
    if first.page is None:
        # Whatever page 1 failed for, without it no node is read.
        fault = first.fault if first.fault is Fault.UNREACHED else Fault.REGISTRY
        failure = ReadFailure(error=first.error, fault=fault)
        return NoSweep(why=first.error, failure=failure)
    if first.page.total is None:
        return NoSweep(why="the answer does not say how many versions there are")
    return None if is_worth_it(first.page.total) else NoSweep(why="")
