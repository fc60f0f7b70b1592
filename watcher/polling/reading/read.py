"""What a poll requests: pages of all packs, single packs, and records of packs.

Of what comes only as much is compared with the snapshot as it takes to know what else to ask (`Plan.questions`). No
event comes of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import Listing, Reading
from watcher.model.pack import PackRecords
from watcher.polling.reading.plan import Plan
from watcher.progress import Progress
from watcher.registry.client import Registry
from watcher.registry.packs import read_packs
from watcher.registry.reader import read_node
from watcher.registry.sweep import NoSweep, Sweep, read_sweep
from watcher.text.plural import plural

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
    nodes: Mapping[str, Reading]
    """The answers about single nodes, by lower-case id."""
    later: frozenset[str] = frozenset()
    """Nodes that differ on the pages, and were not asked."""
    packs: PackRecords = field(default_factory=PackRecords)
    """What `GET /nodes` says of packs as a whole."""
    packs_due: frozenset[str] = frozenset()
    """Those it was asked about by their ids."""
    listed: PackRecords | None = None
    """The list of all packs, if it was read in this poll."""


async def read(
    registry: Registry,
    plan: Plan,
    clock: Callable[[], str],
    progress: Progress,
    listed: PackRecords | None,
) -> Answers:
    """Read all that is watched; every failure is a value. `listed` are all packs, if they were read before."""
    sweep: Sweep | NoSweep | None = None
    if plan.tries_sweep:
        sweep = await read_sweep(
            registry,
            clock,
            is_wanted=plan.is_wanted,
            is_worth_it=plan.is_worth_it,
            known=(
                one for node in plan.snapshot.nodes.values() for one in node.versions
            ),
            reads_again=plan.globs.chooses,
            progress=progress,
        )
    if isinstance(sweep, NoSweep) and sweep.failure is not None and plan.globs.chooses:
        return Answers(sweep=sweep, nodes={}, listed=listed)
    asker = Asker(registry=registry, plan=plan, clock=clock, progress=progress)
    if not isinstance(sweep, Sweep):
        return await ask_each(asker, sweep, listed)
    known, watched = listed or PackRecords(), plan.watched(sweep)
    due = plan.due(sweep, known)
    # The pages show how the registry writes the ids, and its records which packs to ask for a ban.
    names = [
        sweep.nodes[key].spelling if key in sweep.nodes else watched[key] for key in due
    ]
    packs = await _read_records(registry, names, known)
    now, later = plan.questions(sweep, packs)
    return Answers(
        sweep=sweep,
        nodes=await asker.ask(now),
        later=later,
        packs=packs,
        packs_due=frozenset(due),
        listed=listed,
    )


async def _read_records(
    registry: Registry, names: Iterable[str], listed: PackRecords
) -> PackRecords:
    """Return the records that came before, with those of more packs; its failure is that of these."""
    found = await read_packs(registry, names, is_there=bool(listed.records))
    return replace(found, records={**listed.records, **found.records})


async def ask_each(
    asker: Asker, sweep: NoSweep | None, listed: PackRecords | None
) -> Answers:
    """Ask for each watched node by itself, then for the packs as a whole, whose ids are spelled by the answers."""
    plan = asker.plan
    nodes = await asker.ask(plan.in_order(plan.watched(sweep).values()))
    known = listed or PackRecords()
    due = plan.due(sweep, known)
    names = [_spelling(nodes.get(key)) or plan.spelling(key) for key in due]
    return Answers(
        sweep=sweep,
        nodes=nodes,
        packs=await _read_records(asker.registry, names, known),
        packs_due=frozenset(due),
        listed=listed,
    )


def _spelling(reading: Reading | None) -> str:
    return reading.spelling if isinstance(reading, Listing) else ""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Asker:
    """Asks for single nodes, several at once."""

    registry: Registry
    plan: Plan
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
        waiting = iter(nodes)
        workers = [
            asyncio.create_task(self._work(waiting))
            for _ in range(min(self.registry.limits.concurrency, len(nodes)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self.progress("nodes", "")
        return self._readings

    async def _work(self, waiting: Iterator[str]) -> None:
        for node in waiting:
            if reason := self._reason_not_to_try():
                reading: Reading = ReadFailure(
                    node=node, error=reason, fault=Fault.UNTRIED
                )
            else:
                self._under_way[node] = None
                self._show_progress()
                reading = await self._read_one(node)
                del self._under_way[node]
                self._count(reading)
            self._readings[node.lower()] = reading
            self._show_progress()

    def _count(self, reading: Reading) -> None:
        failure = reading if isinstance(reading, ReadFailure) else None
        is_wide = failure is not None and failure.registry_wide
        is_silent = failure is not None and failure.fault is Fault.UNREACHED
        self._failures = self._failures + 1 if is_wide else 0
        self._silence = self._silence + 1 if is_silent else 0

    def _show_progress(self) -> None:
        few = ""
        if 0 < len(self._under_way) <= _FEW:
            few = f", waiting for {', '.join(self._under_way)}"
        done = len(self._readings)
        self.progress("nodes", f"{done} of {plural(self._total, 'pack')} checked{few}")

    def _reason_not_to_try(self) -> str:
        """Return why no further node is tried in this poll, or ""."""
        if self._silence >= max(
            2 * self.registry.limits.concurrency, _SHORTEST_SILENCE
        ):
            return "not tried, since the registry could not be reached"
        return self.registry.asked_to_wait

    async def _read_one(self, node: str) -> Reading:
        once = self._failures >= max(self.registry.limits.concurrency, _SHORTEST_STREAK)
        retries = 0 if once else None
        try:
            return await read_node(self.registry, node, self.clock, retries=retries)
        except Exception as error:  # noqa: BLE001 - one node's answer must not end the reading of the others
            return ReadFailure(node=node, error=f"unexpected {type(error).__name__}")
