"""Requests of one poll: pages of all, single nodes, records of packs, and the reasons why versions are bad."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from watcher.changes.facts import VersionKey
from watcher.model.pack import NodeRecords
from watcher.model.reading import Fault, ReadFailure, Reading, ServerTime
from watcher.model.version import STATUSES
from watcher.polling.reading.plan import Plan, Seen, with_records
from watcher.registry.client import Query, Registry
from watcher.registry.listing import read_node
from watcher.registry.packs import read_nodes
from watcher.registry.pages import Bounds, Pages
from watcher.registry.schema import VersionRow, parse_page, parse_version
from watcher.registry.sweep import NoSweep, Sweep, read_sweep
from watcher.streams import Progress, silent
from watcher.text.sanitize import plural
from watcher.text.status_reason import Reason, read_reason

_ROWS = 20
_PAGES = 50
"""The most pages, of `_ROWS` each, that are read of one status of a node."""

IsStale = Callable[[str, ServerTime], bool]
"""Whether an answer about a node, by lower-case id, is older than what was known of it before."""


def _is_never(_node: str, _made: ServerTime) -> bool:
    return False


async def read_all(
    registry: Registry,
    wanted: Mapping[tuple[str, str], str],
    patience: float,
    progress: Progress = silent,
    is_stale: IsStale = _is_never,
) -> dict[VersionKey, Reason]:
    """Return the registry's reasons of versions that come within `patience` seconds, and what is in the same answers.

    `wanted` has the statuses of versions, by the id of the node as the registry writes it, and the version's key.

    A reason can be megabytes long (docs/registry.md, Statuses), so only pages of these statuses are read, a few rows at
    a time, until all are found. A page that fails may hold too long reasons of other versions: then the rows that are
    still wanted are read one by one. A reason that cannot be read is left out: an alert does not wait for it. So is one
    from an answer that is stale: it may be of an earlier flag.
    """
    groups: dict[tuple[str, str], set[str]] = {}
    for (node, key), status in wanted.items():
        if status in STATUSES:  # another one cannot be requested
            groups.setdefault((node, status), set()).add(key)
    reasons: dict[VersionKey, Reason] = {}
    # A page can have megabytes of reasons, and takes memory until all of them are read.
    places = asyncio.Semaphore(registry.limits.concurrency)
    # A wait or a stop takes as long as one of them at most.
    reader = asyncio.Lock()

    async def ask(node: str, status: str, missing: set[str]) -> None:
        query = Query(
            node=node, statuses=(status,), include_status_reason=True, page_size=_ROWS
        )
        all_rows = _rows(registry, query, is_stale, missing)
        async with places, aclosing(all_rows) as pages:
            async for page in pages:
                for row in page:
                    key = parse_version(row).key
                    missing.discard(key)
                    async with reader:
                        reason = read_reason(row.status_reason or "")
                        reasons[node.lower(), key] = reason
                        await asyncio.sleep(0)
                if not missing:
                    return

    if not groups:
        return reasons
    packs = plural(len({node for node, _ in groups}), "pack")
    progress("reasons", f"asking the registry for its reasons, of {packs}")
    tasks = [asyncio.create_task(ask(*of, keys)) for of, keys in groups.items()]
    _, late = await asyncio.wait(tasks, timeout=patience)
    progress("reasons", "")
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return reasons


async def _pages(
    registry: Registry, query: Query, is_stale: IsStale
) -> AsyncGenerator[list[VersionRow] | None]:
    """Yield the rows of each page of the node; None for one that cannot be read, or is older than what is known.

    That is the last one then. Another page of the same rows may be in no cache, and not too large.
    """
    node, bounds = query.node.lower(), Bounds(pages=_PAGES, at_once=1, retries=1)
    reading = Pages(registry, query, parse_page, bounds)
    async with aclosing(reading.read()) as reads:
        async for read in reads:
            if read.fault is Fault.UNTRIED:
                return
            if read.page is None or is_stale(node, ServerTime.of(read.server_time)):
                yield None
                return
            # With rows of others the registry ignores nodeId: the further pages are those of all packs.
            if any(row.node_id.lower() != node for row in read.page.rows):
                return
            yield read.page.rows


async def _rows(
    registry: Registry, query: Query, is_stale: IsStale, wanted: Collection[str]
) -> AsyncGenerator[list[VersionRow]]:
    """Yield the rows of each page of the node; of a page that cannot be read those `wanted`, each by itself."""
    number = 1
    while number <= _PAGES:
        rest = replace(query, page=number)
        async with aclosing(_pages(registry, rest, is_stale)) as pages:
            async for rows in pages:
                if rows is None:
                    break
                yield rows
                number += 1
            else:
                return
        # Without reasons the page is small, and its rows have the same places.
        outline = await _page(
            registry, replace(rest, page=number, include_status_reason=False), is_stale
        )
        for place, row in enumerate(outline, (number - 1) * query.page_size + 1):
            if parse_version(row).key in wanted:
                single = replace(query, page=place, page_size=1)
                yield await _page(registry, single, is_stale)
        if not outline:
            return
        number += 1


async def _page(
    registry: Registry, query: Query, is_stale: IsStale
) -> list[VersionRow]:
    """Return the rows of one page of the node; none if it cannot be read."""
    async with aclosing(_pages(registry, query, is_stale)) as pages:
        async for rows in pages:
            return rows or []
    return []


_SHORTEST_STREAK = 8
"""After this many registry-wide failures in a row, or `concurrency` if that is more, further nodes get one attempt."""
_SHORTEST_SILENCE = 24
"""After this many nodes in a row without any HTTP answer, or twice `concurrency` if that is more, no further node is
tried. So a poll of a registry that hangs ends after about nine timeouts, however many nodes there are.
"""
_FEW = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Answers:
    """What the registry answered in one poll."""

    sweep: Sweep | NoSweep | None = None
    """None if each node was asked from the start."""
    seen: Mapping[str, Seen]
    """Of each watched node, by lower-case id."""
    packs: NodeRecords = field(default_factory=NodeRecords)
    """What `GET /nodes` says of packs as a whole."""
    packs_due: frozenset[str] = frozenset()
    """Those it was asked about by their ids."""
    all_nodes: NodeRecords | None = None
    """The list of all packs, if it was read in this poll."""


async def read(
    registry: Registry,
    plan: Plan,
    clock: Callable[[], str],
    progress: Progress,
    all_nodes: NodeRecords | None,
) -> Answers:
    """Read all that is watched; every failure is a value. `all_nodes` are all packs, if they were read before."""
    sweep: Sweep | NoSweep | None = None
    if plan.tries_sweep:
        sweep = await read_sweep(
            registry,
            clock,
            is_wanted=plan.is_wanted,
            is_worth_it=plan.is_worth_it,
            known=(one for node in plan.snapshot.nodes.values() for one in node.rows),
            reads_again=plan.globs.chooses,
            progress=progress,
        )
    seen = plan.seen(sweep)
    if isinstance(sweep, NoSweep) and sweep.failure is not None and plan.globs.chooses:
        return Answers(sweep=sweep, seen=seen, all_nodes=all_nodes)
    asker = _Asker(registry=registry, clock=clock, progress=progress)
    if not isinstance(sweep, Sweep):
        every = plan.in_order(one.name for one in seen.values())
        seen = plan.answered(seen, await asker.ask(every))
    # Rows and answers show how the registry writes the ids, and records which packs to ask for a ban.
    known = all_nodes or NodeRecords()
    due = plan.due(seen, known)
    names = [seen[key].spelling or plan.spelling(key) for key in due]
    found = await read_nodes(registry, names, is_there=bool(known.records))
    # What came before counts too; its failure is that of these.
    packs = replace(found, records={**known.records, **found.records})
    seen = with_records(seen, packs)
    if isinstance(sweep, Sweep):
        asked = plan.questions(sweep, seen)
        seen = plan.answered(seen, await asker.ask(asked))
    return Answers(
        sweep=sweep,
        seen=seen,
        packs=packs,
        packs_due=frozenset(due),
        all_nodes=all_nodes,
    )


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Asker:
    """Asks for single nodes, several at once."""

    registry: Registry
    clock: Callable[[], str]
    progress: Progress
    _total: int = 0
    _readings: dict[str, Reading] = field(default_factory=dict)
    _failures: int = 0
    """Registry-wide ones in a row."""
    _silence: int = 0
    """Nodes in a row without any HTTP answer."""
    _under_way: dict[str, None] = field(default_factory=dict)

    async def ask(self, nodes: Sequence[str]) -> dict[str, Reading]:
        """Return the answer about each node, by lower-case id; failures are values."""
        self._total = len(nodes)
        places = asyncio.Semaphore(self.registry.limits.concurrency)

        async def ask_one(node: str) -> None:
            async with places:
                self._readings[node.lower()] = await self._read(node)
                self._show_progress()

        try:
            async with asyncio.TaskGroup() as tasks:
                for node in nodes:
                    tasks.create_task(ask_one(node))
        finally:
            self.progress("nodes", "")
        return self._readings

    async def _read(self, node: str) -> Reading:
        """Return one node's answer, and learn from it how the registry is."""
        at_once = self.registry.limits.concurrency
        why = self.registry.asked_to_wait
        if self._silence >= max(2 * at_once, _SHORTEST_SILENCE):
            why = "not tried, since the registry could not be reached"
        if why:
            return ReadFailure(node=node, error=why, fault=Fault.UNTRIED)
        self._under_way[node] = None
        self._show_progress()
        once = self._failures >= max(at_once, _SHORTEST_STREAK)
        retries = 0 if once else sys.maxsize
        try:
            reading = await read_node(self.registry, node, self.clock, retries=retries)
        except Exception as error:  # noqa: BLE001 - one node's answer must not end the reading of the others
            reading = ReadFailure(node=node, error=f"unexpected {type(error).__name__}")
        del self._under_way[node]
        failure = reading if isinstance(reading, ReadFailure) else None
        is_wide = failure is not None and failure.registry_wide
        is_silent = failure is not None and failure.fault is Fault.UNREACHED
        # Any other answer begins both anew.
        self._failures = self._failures + 1 if is_wide else 0
        self._silence = self._silence + 1 if is_silent else 0
        return reading

    def _show_progress(self) -> None:
        few = ""
        if 0 < len(self._under_way) <= _FEW:
            few = f", waiting for {', '.join(self._under_way)}"
        done = len(self._readings)
        self.progress("nodes", f"{done} of {plural(self._total, 'pack')} checked{few}")
