"""The fault matrix: every fault, at every stage of a watcher's life, for one node or for all.

A cell is a short life: polls before, with and after the fault, over a registry whose real changes are known. What the
polls told is then held against those changes. `python -m tests.faults.matrix` lives all cells and prints the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import re
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from tests.faults.decided import DECIDED, SLOW, Decision, Means
from tests.peers.faults import inflict
from tests.peers.ports import Refused, Untrusted
from watcher.channels import Channel
from watcher.embedded import EmbeddedRegistry
from watcher.events import Event, Kind
from watcher.poll import Poller, Report, Watch
from watcher.registry import Limits
from watcher.report import complaints, exit_code
from watcher.start import clock
from watcher.state import Addresses, State
from watcher.store import StateFolder
from watcher.transport import MANY
from watcher.versions import STATUSES

BAD = "bad-pack"
GOOD = ("good-a", "good-b", "good-c")
CROWD = tuple(f"good-{number:02}" for number in range(MANY - 2))
"""With the others, enough that the requests go over the transport for many."""
MEGABYTES = 16
THRESHOLD = 2
POLLS_WITH_FAULT = 3
MOST_MEMORY = 256 * 2**20
"""Bytes, the loopback registry's own part included: four nodes of `MEGABYTES` each, decoded; a bomb alone is 800 MB."""
MOST_REQUESTS = 10
"""For one node in one poll: no fault here has more pages or redirects to it."""

MOST_SECONDS = 10.0
"""For one poll under a fault: no deadline here that a fault reaches is longer than 0.15 s. A machine may be loaded."""

HEAVY = (
    "claims_100k",
    "deep_nesting",
    "endless_body",
    "findings_bomb",
    "gzip_bomb",
    "huge_reason",
    "row_bomb",
    "value_bomb",
    "value_bomb_in_a_row",
)
UNREACHABLE = {
    "refused": Decision(means=Means.REGISTRY, said="the connection was refused"),
    "untrusted": Decision(
        means=Means.REGISTRY, said="its TLS certificate is not trusted (unable to get local issuer certificate)"
    ),
}
"""Faults of the address, which no single node can have."""

RAW = re.compile(r"Traceback|<html|SSH-2|Checking your browser|\x1b|somebody-elses|claimed-\d|aiohttp|httpx")
"""What no line may show: a traceback, or what a stranger sent."""
_COUNTS = re.compile(r"\d+ of \d+")
_QUICK = Path("/dev/shm")
"""Memory where there is such a folder: that writes reach a disk is not what is proven here."""

_STOP_AFTER = 120.0


class Stage(StrEnum):
    """When the fault comes."""

    FIRST = "first poll"
    QUIET = "quiet poll"
    CHANGE = "poll with a real change"


class Breadth(StrEnum):
    """Whom it meets."""

    ONE = "one node of four"
    ALL = "all four nodes"
    ONLY = "the only node"
    CROWD = "one node of fifty"
    """Lived by the real program only, which takes another transport for so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the matrix."""

    fault: str
    stage: Stage
    breadth: Breadth

    def __str__(self) -> str:
        return f"{self.fault} / {self.stage} / {self.breadth}"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Who is watched."""
        match self.breadth:
            case Breadth.ONLY:
                return (BAD,)
            case Breadth.CROWD:
                return (BAD, *GOOD, *CROWD)
            case Breadth.ONE | Breadth.ALL:
                return (BAD, *GOOD)

    @property
    def met(self) -> tuple[str, ...]:
        """Who meets the fault."""
        return self.nodes if self.breadth is Breadth.ALL else (BAD,)

    @property
    def decision(self) -> Decision:
        """What the fault means here."""
        return UNREACHABLE.get(self.fault) or DECIDED[self.fault]

    @property
    def doubted(self) -> bool:
        """Whether the first poll may not believe it: 403 to all nodes at once."""
        return self.decision.means is Means.BANNED and self.breadth is Breadth.ALL

    @property
    def failing(self) -> str | None:
        """Whom `failing` names: a node, or "" for the registry; None where nothing fails."""
        match self.decision.means:
            case Means.COMPLETE | Means.BANNED:
                return None
            case Means.REGISTRY if self.breadth is Breadth.ONLY:
                return ""
            case _:
                return "" if self.breadth is Breadth.ALL else BAD


@dataclass(slots=True)
class Verdict:
    """What was wrong in a cell, by the figure that it counts in."""

    cell: Cell
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def expect(self, true: bool, figure: str, said: str) -> None:
        """Note that something does not hold."""
        if not true:
            self.wrong.append((figure, said))


FIGURES = (
    "false events",
    "lost events",
    "baselines set",
    "wrong exit codes",
    "other nodes affected",
    "unclear lines",
    "changed pictures",
    "unbounded",
    "too slow",
    "broken off",
)


_IN_PROCESS = (Breadth.ONE, Breadth.ALL, Breadth.ONLY)


def cells(faults: Collection[str] | None = None) -> Iterator[Cell]:
    """Give every cell of the faults; of all of them where none are named."""
    for fault, stage, breadth in itertools.product(sorted({**DECIDED, **UNREACHABLE}), Stage, _IN_PROCESS):
        if (faults is None or fault in faults) and not (fault in UNREACHABLE and breadth is Breadth.ONE):
            yield Cell(fault=fault, stage=stage, breadth=breadth)


def selection() -> list[Cell]:
    """Give one cell of every fault, so that each stage meets each breadth many times."""
    by_fault = [list(group) for _, group in itertools.groupby(cells(), key=lambda cell: cell.fault)]
    return [group[number * 4 % len(group)] for number, group in enumerate(by_fault)]


Told = tuple[str, str | None, str | None]
"""An event by kind, node and version."""


def told(events: Sequence[Event]) -> Counter[Told]:
    """Count events by kind, node and version."""
    return Counter((event.kind.value, event.node, event.version) for event in events)


def publish(registry: EmbeddedRegistry, nodes: Sequence[str] = (BAD, *GOOD)) -> None:
    """Fill the registry: nodes of five versions, with tags of both kinds."""
    for node in nodes:
        for number in range(5):
            registry.catalog.publish(node, f"1.{number}.0", tags=["image"], tags_admin=["seen"], changelog=f"of {node}")


def change(registry: EmbeddedRegistry, node: str, round_: int) -> Counter[Told]:
    """Let a node live on, and give what is to be told of it."""
    registry.catalog.set_status(node, f"1.{round_}.0", "flagged", "Rejected by a scanner")
    registry.catalog.publish(node, f"2.{round_}.0")
    return Counter({("flagged", node, f"1.{round_}.0"): 1, ("new", node, f"2.{round_}.0"): 1})


class Life:
    """A cell's watcher, in a folder of its own, and what its polls told."""

    def __init__(
        self, cell: Cell, registry: EmbeddedRegistry, folder: Path, channels: tuple[Channel, ...] = ()
    ) -> None:
        self.cell = cell
        self.registry = registry
        self.folder = StateFolder(folder)
        self.verdict = Verdict(cell)
        self.events: list[Event] = []
        self.watch = Watch(
            nodes=cell.nodes,
            statuses=STATUSES,
            registry_url=registry.url,
            limits=Limits(timeout=30.0, retries=0, concurrency=4, max_bytes=MEGABYTES * 2**20),
            baseline="summary",
            failure_threshold=THRESHOLD,
            channels=channels,
            alert_expiry=7 * 86_400.0,
            addresses={},
            accepted=Addresses(),
        )

    def poll(self, *, url: str = "", timeout: float = 30.0) -> Report:
        """Poll once, as `check` does."""

        async def work() -> Report:
            watch = replace(
                self.watch,
                registry_url=url or self.registry.url,
                limits=replace(self.watch.limits, timeout=timeout),
            )
            poller = Poller(watch=watch, folder=self.folder, clock=clock, stopping=asyncio.Event())
            return await asyncio.wait_for(poller.poll(), _STOP_AFTER)

        with self.folder.locked():
            report = asyncio.run(work())
        self.events += report.events
        return report

    def state(self) -> State:
        """Read what was saved."""
        return self.folder.load()


def live(cell: Cell, registry: EmbeddedRegistry, folder: Path) -> Verdict:
    """Live one cell and say what was wrong in it."""
    life = Life(cell, registry, folder)
    expected: Counter[Told] = Counter({("baseline", node, None): 1 for node in cell.nodes})
    if cell.stage is not Stage.FIRST:
        life.verdict.expect(exit_code(life.poll(), ()) == 0, "wrong exit codes", "before the fault")
    if cell.stage is Stage.CHANGE:
        for node in cell.nodes:
            expected += change(registry, node, 1)
    before = life.state()
    with faulty(cell, registry) as url:
        for number in range(POLLS_WITH_FAULT):
            registry.requests.clear()
            _with_fault(life, url, number)
    during = life.state()
    _judge_pictures(life, before, during)

    life.verdict.expect(exit_code(life.poll(), ()) == 0, "wrong exit codes", "after the fault")
    for node in cell.nodes:
        expected += change(registry, node, 2)
    life.verdict.expect(exit_code(life.poll(), ()) == 0, "wrong exit codes", "after a change")
    life.verdict.expect(not life.poll().events, "false events", "in a quiet poll afterwards")

    if cell.failing is not None:
        expected += Counter({(kind, cell.failing or None, None): 1 for kind in ("failing", "recovered")})
    if cell.fault == "fields_vanish" and cell.stage is Stage.FIRST:
        # A missing field is an empty one (contract, Events), so admin tags that were never told and come are a change.
        expected += Counter({("changed", node, f"1.{number}.0"): 1 for node in cell.met for number in range(5)})
    if cell.decision.means is Means.BANNED:
        expected += Counter({(kind, node, None): 1 for kind in ("banned", "reinstated") for node in cell.met})
    got = told(life.events)
    life.verdict.expect(not got - expected, "false events", f"{sorted((got - expected).items(), key=str)}")
    life.verdict.expect(not expected - got, "lost events", f"{sorted((expected - got).items(), key=str)}")
    recorded = told(life.folder.history())
    life.verdict.expect(recorded == got, "lost events", "the history tells something else than the polls")
    return life.verdict


_DOUBT = "the registry refused access (403) to 4 nodes at once; if it does again, it is a ban"


def _with_fault(life: Life, url: str, number: int) -> None:
    """Poll under the fault and judge what that poll alone shows."""
    cell, verdict = life.cell, life.verdict
    began = time.monotonic()
    report = life.poll(url=url, timeout=0.15 if cell.fault in SLOW else 30.0)
    took = time.monotonic() - began
    verdict.expect(took < MOST_SECONDS, "too slow", f"poll {number} took {took:.1f} s")
    doubted = cell.doubted and number == 0
    failed = cell.failing is not None or doubted
    verdict.expect(exit_code(report, ()) == int(failed), "wrong exit codes", f"in poll {number} with the fault")
    errors = dict(report.errors)
    verdict.expect(errors.keys() == (set(cell.met) if failed else set()), "other nodes affected", f"{errors}")
    said = {_COUNTS.sub("some", error.rpartition("incomplete: ")[2]) for error in errors.values()}
    wanted = _DOUBT if doubted else cell.decision.said
    verdict.expect(said <= {_COUNTS.sub("some", wanted)}, "unclear lines", f"{errors}")
    lines = [f"{one.level}: {one.sentence}" for one in complaints(report)]
    clear = all(line.startswith("error: ") and "\n" not in line and not RAW.search(line) for line in lines)
    verdict.expect(clear and bool(lines) == failed and len(lines) <= len(cell.met), "unclear lines", f"{lines}")
    for event in report.events:
        text = f"{event.reason}{event.changes}"
        verdict.expect(len(text) < 1000 and not RAW.search(text), "unclear lines", f"{event}")
    if number == 0 and cell.breadth is Breadth.ONE and cell.stage is not Stage.QUIET:
        unaffected = {event.node for event in report.events if event.kind in {Kind.BASELINE, Kind.FLAGGED, Kind.NEW}}
        verdict.expect(unaffected >= set(GOOD), "other nodes affected", "a good node's events came late")
    asked = Counter(request.query.get("nodeId", [""])[0] for request in life.registry.requests)
    verdict.expect(max(asked.values(), default=0) <= MOST_REQUESTS, "unbounded", f"{asked}")


def _judge_pictures(life: Life, before: State, during: State) -> None:
    """Hold what is known under the fault against what was known before it."""
    cell, means = life.cell, life.cell.decision.means
    for node in cell.met:
        old, new = before.snapshot.nodes.get(node), during.snapshot.nodes.get(node)
        if cell.stage is Stage.FIRST:
            based = new is not None and bool(new.baseline_at or new.empty_since)
            life.verdict.expect(based == (means is Means.COMPLETE), "baselines set", f"{node}: {new}")
            kept = new is not None and bool(new.versions) and means not in {Means.COMPLETE, Means.INCOMPLETE}
            life.verdict.expect(not kept, "changed pictures", f"{node}: {new}")
        elif means in {Means.UNREADABLE, Means.REGISTRY, Means.BANNED} or cell.stage is Stage.QUIET:
            same = old is not None and new is not None and (old.versions, old.marks) == (new.versions, new.marks)
            life.verdict.expect(same, "changed pictures", f"{node}: {old} became {new}")


@contextlib.contextmanager
def faulty(cell: Cell, registry: EmbeddedRegistry) -> Iterator[str]:
    """Let the fault be while the `with` block runs, and give the address to ask."""
    if cell.fault == "refused":
        with Refused() as refused:
            yield refused.url
    elif cell.fault == "untrusted":
        with Untrusted() as untrusted:
            yield untrusted.url
    else:
        inflict(registry, cell.fault, nodes=cell.met)
        yield registry.url
        registry.respond = None


def measured(cell: Cell) -> Verdict:
    """Live one cell with a registry and a folder of its own, and watch the memory of those that are after it."""
    with EmbeddedRegistry() as registry, tempfile.TemporaryDirectory(dir=_QUICK if _QUICK.is_dir() else None) as folder:
        publish(registry)
        if cell.fault not in HEAVY:
            return live(cell, registry, Path(folder, "state"))
        tracemalloc.start()
        try:
            verdict = live(cell, registry, Path(folder, "state"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        verdict.expect(peak < MOST_MEMORY, "unbounded", f"{peak / 2**20:.0f} MB")
        return verdict


def _to_its_end(cell: Cell, lived: Callable[[Cell], Verdict]) -> Verdict:
    """Live a cell; one that breaks off is a figure too, and the others are lived all the same."""
    try:
        return lived(cell)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        return Verdict(cell, [("broken off", repr(error))])


def process_cells(faults: Iterable[str]) -> Iterator[Cell]:
    """Give the cells that the program lives as a process, by each way that it can come upon the fault."""
    for fault in faults:
        for breadth in (Breadth.ALL,) if fault in UNREACHABLE else (Breadth.ONE, Breadth.CROWD):
            yield Cell(fault=fault, stage=Stage.CHANGE, breadth=breadth)


def main() -> int:
    """Live all cells, or those of the faults named, print what was wrong and the figures; 1 if anything was."""
    from tests.faults.process import live_as_process

    logging.getLogger("aiohttp.server").disabled = True  # a loopback registry whose peer leaves has nothing to report
    chosen = list(cells(sys.argv[1:] or None))
    verdicts = [_to_its_end(cell, measured) for cell in chosen]
    faults = dict.fromkeys(cell.fault for cell in chosen)
    verdicts += [_to_its_end(cell, live_as_process) for cell in process_cells(faults)]
    counts = Counter(figure for verdict in verdicts for figure, _ in verdict.wrong)
    for verdict in verdicts:
        for figure, said in verdict.wrong:
            print(f"{verdict.cell}: {figure}: {said}", file=sys.stderr)  # noqa: T201 - it is a program
    for figure, count in (("cells", len(verdicts)), *((figure, counts[figure]) for figure in FIGURES)):
        print(figure, count, sep="\t")  # noqa: T201
    return int(bool(counts))


if __name__ == "__main__":
    sys.exit(main())
