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

    A reason can be megabytes long (docs/dev/registry.md, Statuses), so only pages of these statuses are read, a few
    rows at a time, until all are found. A page that fails may hold too long reasons of other versions: then the rows
    that are still wanted are read one by one. A reason that cannot be read is left out: an alert does not wait for it.
    So is one from an answer that is stale: it may be of an earlier flag.
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
    # An alert of a ban must not wait for its reason: what has come by then is enough.
    _, late = await asyncio.wait(tasks, timeout=patience)
    progress("reasons", "")
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return reasons


async def _rows(
    registry: Registry, query: Query, is_stale: IsStale, wanted: Collection[str]
) -> AsyncGenerator[list[VersionRow]]:
    """Yield the rows of each page of the node; of a page that cannot be read those `wanted`, each by itself."""
    for number in range(1, _PAGES + 1):
        asked = replace(query, page=number)
        rows = await _page(registry, asked, is_stale)
        if rows is not None:
            yield rows
        else:
            # Without reasons the page is small, and its rows have the same places.
            outline = replace(asked, include_status_reason=False)
            rows = await _page(registry, outline, is_stale) or []
            for place, row in enumerate(rows, (number - 1) * _ROWS + 1):
                if parse_version(row).key in wanted:
                    single = replace(query, page=place, page_size=1)
                    yield await _page(registry, single, is_stale) or []
        if not rows:
            return


async def _page(
    registry: Registry, query: Query, is_stale: IsStale
) -> list[VersionRow] | None:
    """Return the rows of one page of the node; None if it cannot be read, or is older than what is known.

    Another page of the same rows may be in no cache, and not too large.
    """
    node, bounds = query.node.lower(), Bounds(pages=1, retries=1)
    reading = Pages(registry, query, parse_page, bounds)
    async with aclosing(reading.read()) as pages:
        read = await anext(pages)
    if read.page is None or is_stale(node, ServerTime.of(read.server_time)):
        return None
    # With rows of others the registry ignores nodeId: the further pages are those of all packs.
    is_foreign = any(row.node_id.lower() != node for row in read.page.rows)
    return [] if is_foreign else read.page.rows


_SHORTEST_STREAK = 8
"""After this many registry-wide failures in a row, or `concurrency` if that is more, further nodes get one attempt."""
_SHORTEST_SILENCE = 24
"""After this many nodes in a row without any HTTP answer, or twice `concurrency` if that is more, no further node is
tried. So a poll of a registry that hangs ends after about nine timeouts, however many nodes there are.
"""


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
            # Nearly all rows are known: as the same objects a sweep of 33,000 takes little memory.
            known=(one for node in plan.snapshot.nodes.values() for one in node.rows),
            reads_again=plan.globs.chooses,
            progress=progress,
        )
    seen = plan.seen(sweep)
    if isinstance(sweep, NoSweep) and sweep.failure is not None and plan.globs.chooses:
        return Answers(sweep=sweep, seen=seen, all_nodes=all_nodes)
    if not isinstance(sweep, Sweep):
        every = plan.in_order(one.name for one in seen.values())
        seen = plan.answered(seen, await _ask(registry, every, clock, progress))
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
        seen = plan.answered(seen, await _ask(registry, asked, clock, progress))
    return Answers(
        sweep=sweep,
        seen=seen,
        packs=packs,
        packs_due=frozenset(due),
        all_nodes=all_nodes,
    )


async def _ask(
    registry: Registry,
    nodes: Sequence[str],
    clock: Callable[[], str],
    progress: Progress,
) -> dict[str, Reading]:
    """Return the answer about each node, by lower-case id, of several at once; failures are values."""
    at_once = registry.limits.concurrency
    places = asyncio.Semaphore(at_once)
    readings: dict[str, Reading] = {}
    # Nodes in a row: with registry-wide failures, and without any HTTP answer.
    failures = silence = 0

    async def answer(node: str) -> Reading:
        nonlocal failures, silence
        # A registry that asks for a long wait gets no further request in this poll: asking on would only be refused.
        why = registry.asked_to_wait
        if silence >= max(2 * at_once, _SHORTEST_SILENCE):
            why = "not tried, since the registry could not be reached"
        if why:
            return ReadFailure(node=node, error=why, fault=Fault.UNTRIED)
        # One that fails for all need not be asked four times by each.
        once = failures >= max(at_once, _SHORTEST_STREAK)
        retries = 0 if once else sys.maxsize
        try:
            reading = await read_node(registry, node, clock, retries=retries)
        except Exception as error:  # noqa: BLE001 - one node's answer must not end the reading of the others
            reading = ReadFailure(node=node, error=f"unexpected {type(error).__name__}")
        failure = reading if isinstance(reading, ReadFailure) else None
        # Any other answer begins both anew.
        failures = failures + 1 if failure and failure.registry_wide else 0
        is_silent = failure and failure.fault is Fault.UNREACHED
        silence = silence + 1 if is_silent else 0
        return reading

    async def ask_one(node: str) -> None:
        async with places:
            readings[node.lower()] = await answer(node)
            show()

    def show() -> None:
        done = f"{len(readings)} of {plural(len(nodes), 'pack')}"
        progress("nodes", f"{done} checked")

    show()
    try:
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(ask_one(node))
    finally:
        progress("nodes", "")
    return readings
