"""`python -m tests.chaos [PART …]`: every part of the chaos, and one table of figures in the end.

Each part is a program of its own (`python -m tests.chaos.crashes`) that prints its figures; what was wrong it says on
stderr. The exit code is 1 if a figure is not zero that should be, and 3 if none is, but less was tried than it takes to
prove it: a machine without strace, or a user who may not mount, leaves parts out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.chaos.channels import FAULTS
from tests.chaos.soak import LARGEST
from tests.faults.cases import cases, process_cases

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program and how to read its figures: what it `tried`, and which of the rest may be anything (`told`).

    With less of a figure than `tried` has for it the part proves nothing. Its processes are `as_many_as_cores`, or it
    leaves room for another part beside it. Where a column has no figure, the part does not count it on its own.
    """

    module: str
    tried: Mapping[str, int]
    as_many_as_cores: bool = False
    told: tuple[str, ...] = ()
    lost: tuple[str, ...] = ("lost",)
    invented: tuple[str, ...] = ("invented",)
    repeated: tuple[str, ...] = ("repeated needlessly",)
    leaked: tuple[str, ...] = ()


_TOLD = ("alerts due", "repeated in flight", "trials", "points not reached")
PARTS = {
    "crashes": Part(
        module="tests.chaos.crashes",
        tried={"kills": 500, "failed calls": 500, "kills between polls": 40, "kills while receiving": 20},
        as_many_as_cores=True,
        told=_TOLD,
    ),
    "system calls": Part(
        module="tests.chaos.syscalls",
        tried={
            "kills": 40,
            "kills before an alert": 1,
            "kills within an alert": 1,
            "kills after an alert": 1,
            "kills at a webhook": 8,
        },
        told=_TOLD,
    ),
    "folders": Part(
        module="tests.chaos.folders",
        tried={
            "full disks": 150,
            "read-only disks": 6,
            "files cut short": 10_000,
            "files taken away": 4,
            "long histories": 12,
            "runs at once": 144,
        },
        told=_TOLD,
    ),
    "random lives": Part(
        module="tests.chaos.state_machine",
        tried={
            "lives": 400,
            "polls": 3000,
            "crashes": 500,
            "polls with a glitch": 300,
            "given up": 300,
            "failing and recovered": 500,
            "outages": 50,
            "bans": 100,
            "packs emptied": 20,
        },
        told=_TOLD,
        lost=(),
        invented=(),
        repeated=(),
    ),
    "channels": Part(
        module="tests.chaos.channels",
        tried={"channel faults": len(FAULTS) + 2},
        told=_TOLD,
        lost=(),
        invented=(),
        repeated=(),
    ),
    "soak": Part(
        module="tests.chaos.soak",
        tried={
            "polls": 10_000,
            "faults": 10_000,
            "incomplete listings": 3000,
            "failing and recovered": 500,
            "bans": 200,
            "outages": 50,
            "stalls": 20,
            "floods": 100,
        },
        told=(
            *_TOLD,
            *(f"{what} at {when}" for what in ("memory", "handles", "threads") for when in ("a quarter", "the end")),
            *(f"{file}, bytes at most" for file in LARGEST),
        ),
    ),
    "registry faults": Part(
        module="tests.faults.matrix",
        as_many_as_cores=True,
        tried={"cases": len(list(cases())) + len(list(process_cases()))},
        lost=("lost events",),
        invented=("false events",),
        repeated=(),
    ),
    "hostile text": Part(
        module="tests.chaos.hostile",
        as_many_as_cores=True,
        tried={"hostile_inputs": 3000, "places_searched": 400},
        told=("placements", "placements_in_the_least_told_channel", "outputs", "messages"),
        lost=(),
        invented=(),
        repeated=(),
        leaked=("leaked_secrets",),
    ),
}
_LONGEST = "soak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one part came to; `other` names whatever else should be zero and is not, `missing` what was not tried.

    None is what it did not measure.
    """

    name: str
    tried: str
    lost: int | None
    invented: int | None
    repeated: int | None
    leaked: int | None
    in_flight: int | None
    other: str
    missing: str

    @property
    def is_broken(self) -> bool:
        """Tell whether a promise was."""
        return bool(self.lost or self.invented or self.repeated or self.leaked or self.other)

    @property
    def said(self) -> str:
        """What stands in the last column."""
        return ", ".join(filter(None, (self.other, self.missing))) or "0"


def figures_of_all(chosen: Sequence[str]) -> dict[str, tuple[Counts, int]]:
    """Run the parts named: first one after the other those that keep every core busy, then the others, one a core."""
    done = {name: figures_of(PARTS[name].module) for name in chosen if PARTS[name].as_many_as_cores}
    beside = sorted(set(chosen) - done.keys(), key=lambda name: name != _LONGEST)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        return done | dict(zip(beside, threads.map(lambda name: figures_of(PARTS[name].module), beside), strict=True))


def figures_of(module: str) -> tuple[Counts, int]:
    """Run a part and give its figures (none if it gave none) and its exit code."""
    begun = time.monotonic()
    _say(f"{module} …")
    done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True, check=False)
    counts: dict[str, int] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            counts |= {name: count for name, count in json.loads(line).items() if isinstance(count, int)}
        elif "\t" in line:
            name, _, count = line.rpartition("\t")
            counts[name] = int(count)
    shown = ", ".join(f"{figure} {count}" for figure, count in counts.items())
    _say(f"{module}: {time.monotonic() - begun:.0f} s, exit {done.returncode}: {shown}")
    return counts, done.returncode


def row(name: str, part: Part, counts: Counts, code: int) -> Row:
    """Read a part's figures."""

    def total(figures: tuple[str, ...]) -> int | None:
        measured = [counts[figure] for figure in figures if figure in counts]
        return sum(measured) if measured else None

    read = {*part.tried, *part.told, *part.lost, *part.invented, *part.repeated, *part.leaked}
    other = [f"{figure} {count}" for figure, count in counts.items() if count and figure not in read]
    tried = [_tried(figure, counts[figure]) for figure in part.tried if counts.get(figure)]
    missing = [
        f"only {_tried(figure, counts[figure])} of {floor:,}" if counts.get(figure) else f"{_spaced(figure)} left out"
        for figure, floor in part.tried.items()
        if counts.get(figure, 0) < floor
    ]
    if code or not counts:
        other.append(f"ended with {code}" + ("" if counts else " and no figures"))
    return Row(
        name=name,
        tried=", ".join(tried) or "left out",
        lost=total(part.lost),
        invented=total(part.invented),
        repeated=total(part.repeated),
        leaked=total(part.leaked),
        in_flight=counts.get("repeated in flight"),
        other=", ".join(other),
        missing=", ".join(missing),
    )


def _tried(figure: str, count: int) -> str:
    return f"{count:,} {_spaced(figure)}"


def _spaced(figure: str) -> str:
    return figure.replace("_", " ")


def table(rows: list[Row]) -> Iterator[str]:
    """Give the lines of the table."""
    names, tries = (
        max(len(cell) for cell in column) for column in zip(*((r.name, r.tried) for r in rows), strict=True)
    )
    yield f"{'':<{names}}  {'tried':<{tries}}  lost  invented  repeated  leaked  in flight*  other"
    for r in rows:
        lost, invented, repeated, leaked, in_flight = (
            "–" if count is None else str(count) for count in (r.lost, r.invented, r.repeated, r.leaked, r.in_flight)
        )
        yield (
            f"{r.name:<{names}}  {r.tried:<{tries}}  {lost:>4}  {invented:>8}  {repeated:>8}  {leaked:>6}"
            f"  {in_flight:>10}  {r.said}"
        )
    yield "* alerts repeated because the acknowledgement was in flight when the program died, the only repeat allowed"
    yield "– is not counted on its own in this part: what it finds wrong is under “other”"


def main() -> int:
    """Run the parts named, or all, and print the table; 1 if a promise was broken, 3 if too little was tried."""
    chosen = sys.argv[1:] or [*PARTS]
    if unknown := set(chosen) - PARTS.keys():
        _say(f"there is no part {min(unknown)!r}; there are {', '.join(PARTS)}")
        return 2
    figures = figures_of_all(chosen)
    rows = [row(name, PARTS[name], *figures[name]) for name in chosen]
    for line in table(rows):
        print(line)
    return 1 if any(r.is_broken for r in rows) else 3 * any(r.missing for r in rows)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
