"""The cases of the fault matrix: each fault, at each stage of a life, for one node, for all, or a page of many."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.support.fakes.fault import without_host
from tests.support.fakes.faults import ADDRESS_FAULTS, FAULTS, Fault, Means

BAD = "bad-pack"
GOOD = ("good-a", "good-b", "good-c")
CROWD = tuple(f"good-{number:02}" for number in range(46))
"""With the others, more than are asked at once."""
THRESHOLD = 2
BAD_PAGE = 2
_COUNTS = re.compile(r"\d+ of \d+")

EXPECTED = FAULTS | ADDRESS_FAULTS
"""Every fault, with what is expected of it."""


_UNTIL_COMPLETE = "; until they are complete, nothing is reported of node packs that only a new pattern includes"
"""Said of pages before the baseline of all."""


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
    PAGE = "one page of many"
    """The whole registry is watched, and the second of its three pages meets the fault; single nodes do not."""
    CROWD = "one node of fifty"
    """Lived by the real program only, whose requests wait for one another."""
    EVERYONE = "all fifty nodes"
    """Lived by the real program only, which stops asking where so many in a row cannot be reached."""


NOT_OF_PAGES = (
    {
        ("row_of_another", Stage.FIRST)
    }  # among all nodes' rows it is as good as any: it is in the baseline, then it goes
    | set(
        itertools.product(("huge_reason", "findings_bomb"), Stage)
    )  # a hundred such rows are as large as a bomb
)
"""Cases that a page of many does not have."""

_MORE_PAGES = {
    **dict.fromkeys(
        ("claims_100k", "total_changes"),
        "the number of versions changed between pages",
    ),
    **dict.fromkeys(
        ("small_pages", "empty_later_pages", "repeated_rows", "large_pages"),
        "page 12: not requested, since 8 pages in a row showed nothing",
    ),
}
"""Faults with which one page claims further pages, which are all empty, and what is said then."""

_FEWER_ROWS = {
    **dict.fromkeys(("nothing", "null_versions"), "156 of 250 versions came"),
    "wrong_row_types": f"row 1 is unreadable on page {BAD_PAGE}",
}
"""Faults with which rows of one page are missing or cannot be read, and what is said of that."""

_NO_NODE = {
    "status_403_banned": "page 2: the registry, or something in front of it, refused access (403): Node Banned",
}
"""Faults that say something else where no node was asked about."""

_WHOLE = (
    {
        name
        for name, fault in FAULTS.items()
        if fault.counts_at_first and name not in _MORE_PAGES
    }
    | {"filter_ignored", "row_of_another"}
    | {"missing_rows"}  # pages of another size have them
    | {"wrong_details"}  # each row says whose it is, and its pack is asked
)
"""Faults with which all rows of a page of many come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of the matrix."""

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
            case Breadth.CROWD | Breadth.EVERYONE | Breadth.PAGE:
                return (BAD, *GOOD, *CROWD)
            case Breadth.ONE | Breadth.ALL:
                return (BAD, *GOOD)

    @property
    def met(self) -> tuple[str, ...]:
        """Who meets the fault."""
        if self.breadth is Breadth.PAGE:
            return ()
        return self.nodes if self.meets_several else (BAD,)

    @property
    def meets_several(self) -> bool:
        """Whether it meets all nodes, and there are several."""
        return self.breadth in (Breadth.ALL, Breadth.EVERYONE)

    @property
    def living(self) -> tuple[str, ...]:
        """To whom changes happen; among many, to two of them."""
        return (BAD, GOOD[0]) if CROWD[0] in self.nodes else self.nodes

    @property
    def expected(self) -> Fault:
        """The fault, with what is expected of it."""
        return EXPECTED[self.fault]

    @property
    def said(self) -> frozenset[str]:
        """What is said of the nodes that could not be read in a poll, without its counts."""
        if self.breadth is Breadth.PAGE:
            usual = f"page {BAD_PAGE}: {self.expected.said}"
            said = (_MORE_PAGES | _FEWER_ROWS | _NO_NODE).get(self.fault, usual)
            waits = _UNTIL_COMPLETE if self.stage is Stage.FIRST else ""
            return frozenset({without_counts(said) + waits})
        return frozenset({without_counts(self.expected.said)})

    @property
    def lines(self) -> range:
        """How many lines it takes to say that: one for each sentence, whoever it is about.

        A sentence with a count is two where some nodes have a version more than others.
        """
        counts = self.expected.said != without_counts(self.expected.said)
        differ = (
            counts
            and self.stage is Stage.CHANGE
            and not set(self.met) <= set(self.living)
        )
        number = len(self.said)
        return range(number, number + 1 + differ)

    @property
    def is_whole(self) -> bool:
        """Whether every row comes, though a page has the fault."""
        return self.fault in _WHOLE

    @property
    def failing(self) -> str | None:
        """Whom `failing` names: a node, or "" for the registry; None where nothing fails."""
        if self.breadth is Breadth.PAGE:
            return None  # each node can still be asked
        match self.expected.means:
            case Means.COMPLETE | Means.OLDER | Means.EMPTY | Means.BANNED:
                return None
            case Means.REGISTRY if self.breadth is Breadth.ONLY:
                return ""
            case _:
                return "" if self.meets_several else BAD


def without_counts(error: str) -> str:
    """Return what is said of a node that could not be read, whatever it counts of the node's versions."""
    return _COUNTS.sub("some", without_host(error).rpartition("incomplete: ")[2])


def cases(
    faults: Collection[str] | None = None, breadths: Collection[Breadth] | None = None
) -> Iterator[Case]:
    """Return every case of the faults (None: of all), lived by the poll itself unless other `breadths` are given."""
    chosen = breadths or (Breadth.ONE, Breadth.ALL, Breadth.ONLY, Breadth.PAGE)
    for fault, stage, breadth in itertools.product(sorted(EXPECTED), Stage, chosen):
        if breadth is Breadth.PAGE and (fault, stage) in NOT_OF_PAGES:
            continue
        possible = not EXPECTED[fault].everybody or breadth in (
            Breadth.ALL,
            Breadth.ONLY,
            Breadth.EVERYONE,
        )
        if possible and (faults is None or fault in faults):
            yield Case(fault=fault, stage=stage, breadth=breadth)


def process_cases(faults: Collection[str] | None = None) -> Iterator[Case]:
    """Return every case that the real program lives as a process.

    All of fifty nodes take their time: they meet each fault at one stage, in turn, and those of the address at each.
    """
    yield from cases(faults, (Breadth.ONE, Breadth.ALL, Breadth.CROWD))
    for number, case in enumerate(cases(None, (Breadth.EVERYONE,))):
        fault, stage = divmod(number, len(Stage))
        in_turn = stage == fault % len(Stage) or case.fault in ADDRESS_FAULTS
        if in_turn and (faults is None or case.fault in faults):
            yield case


def selection() -> list[Case]:
    """Return one case of every fault, so that each stage meets each breadth many times."""
    by_fault = [
        list(group)
        for _, group in itertools.groupby(cases(), key=lambda case: case.fault)
    ]
    return [group[number * 5 % len(group)] for number, group in enumerate(by_fault)]
