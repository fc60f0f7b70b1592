"""The cells of the fault matrix: each fault, at each stage of a watcher's life, for one node or for all."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.decided import DECIDED, Decision, Means
from watcher.transport import MANY

BAD = "bad-pack"
GOOD = ("good-a", "good-b", "good-c")
CROWD = tuple(f"good-{number:02}" for number in range(MANY - 2))
"""With the others, enough that the requests go over the transport for many."""
THRESHOLD = 2

UNREACHABLE = {
    "refused": Decision(means=Means.REGISTRY, said="the connection was refused"),
    "untrusted": Decision(
        means=Means.REGISTRY, said="its TLS certificate is not trusted (unable to get local issuer certificate)"
    ),
}
"""Faults of the address, which no single node can have."""


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
    def living(self) -> tuple[str, ...]:
        """To whom changes happen; among many, to two of them."""
        return (BAD, GOOD[0]) if self.breadth is Breadth.CROWD else self.nodes

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
            case Means.COMPLETE | Means.EMPTY | Means.BANNED:
                return None
            case Means.REGISTRY if self.breadth is Breadth.ONLY:
                return ""
            case _:
                return "" if self.breadth is Breadth.ALL else BAD


def cells(faults: Collection[str] | None = None, breadths: Collection[Breadth] | None = None) -> Iterator[Cell]:
    """Give every cell of the faults (None: of all), lived by the poll itself unless other `breadths` are told."""
    chosen = breadths or (Breadth.ONE, Breadth.ALL, Breadth.ONLY)
    for fault, stage, breadth in itertools.product(sorted({**DECIDED, **UNREACHABLE}), Stage, chosen):
        reachable = fault not in UNREACHABLE or breadth in (Breadth.ALL, Breadth.ONLY)
        if reachable and (faults is None or fault in faults):
            yield Cell(fault=fault, stage=stage, breadth=breadth)


def process_cells(faults: Collection[str] | None = None) -> Iterator[Cell]:
    """Give every cell that the real program lives as a process."""
    yield from cells(faults, (Breadth.ONE, Breadth.ALL, Breadth.CROWD))


def selection() -> list[Cell]:
    """Give one cell of every fault, so that each stage meets each breadth many times."""
    by_fault = [list(group) for _, group in itertools.groupby(cells(), key=lambda cell: cell.fault)]
    return [group[number * 4 % len(group)] for number, group in enumerate(by_fault)]
