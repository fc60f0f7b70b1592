"""`python -m tests.chaos [PART …]`: every part of the chaos, and one table of figures in the end.

Each part is a program of its own (`python -m tests.chaos.crashes`) that prints its figures, and on stderr what was
wrong. The exit code is 1 if a promise was broken, and 3 if none was but less was tried than it takes to prove it: a
machine without strace, or a user who may not mount, leaves parts out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.chaos.channels import FAULTS
from tests.faults.cases import cases, process_cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program that proves something."""

    module: str
    tried: Mapping[str, int]
    """How much of each figure it takes at least: with less the part proves nothing."""
    on_every_core: bool = False
    """Its processes take all cores; it leaves no room for another part beside it."""


PARTS = {
    "crashes": Part(
        module="tests.chaos.crashes",
        tried={
            "kills": 500,
            "failed calls": 500,
            "kills between polls": 40,
            "kills while receiving": 20,
        },
        on_every_core=True,
    ),
    "system calls": Part(
        module="tests.chaos.syscalls",
        # Of about 42 calls and 10 moments at the webhook; a thread's first calls may be ahead of another's.
        tried={
            "kills": 40,
            "kills at a webhook": 8,
            "kills with an alert under way": 15,
            "kills with an alert acknowledged": 10,
        },
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
    ),
    "random lives": Part(
        module="tests.chaos.state_machine",
        tried={
            "lives": 400,
            "polls": 3000,
            "crashes": 500,
            "polls with a glitch": 300,
            "expired": 300,
            "failing and recovered": 500,
            "outages": 50,
            "bans": 100,
            "packs emptied": 20,
            "channels failing and recovered": 100,
            "refused for what it is": 100,
            "refused in the plainest form": 10,
            "passed a refused one": 50,
        },
    ),
    "lives of installs": Part(
        module="tests.chaos.installed_lives",
        tried={
            "lives": 600,
            "polls": 2000,
            "crashes": 50,
            "exposed": 150,
            "cleared": 30,
            "failing": 100,
        },
    ),
    "lives of appearances": Part(
        module="tests.chaos.appearing_lives",
        tried={
            "lives": 500,
            "polls": 5000,
            "crashes": 200,
            "appeared": 450,
        },
    ),
    "lives of sweeps": Part(
        module="tests.chaos.swept_lives",
        tried={
            "lives": 400,
            "polls": 3000,
            "sweeps": 1500,
            "incomplete sweeps": 150,
            "second readings": 100,
            "crashes": 100,
            "bans": 50,
            "packs emptied": 10,
            "baselines of all": 200,
            "polls with too many questions": 10,
        },
    ),
    "lives of pairs": Part(
        module="tests.chaos.paired_lives",
        tried={
            "lives": 200,
            "polls": 5000,
            "crashes": 200,
            "alerts due": 3000,
            "exposed": 20,
            "appeared": 20,
        },
    ),
    "channels": Part(
        module="tests.chaos.channels", tried={"channel faults": len(FAULTS) + 2}
    ),
    "services": Part(
        module="tests.chaos.proxied",
        tried={"messages": 3000},
    ),
    "deliveries": Part(module="tests.delivery_oracle", tried={"cases": 4500}),
    "soak": Part(
        module="tests.chaos.soak",
        tried={
            "polls": 10_000,
            "faults": 10_000,
            "incomplete listings": 3000,
            "failing and recovered": 500,
            "bans": 200,
            "outages": 50,
            "channels failing and recovered": 40,
            "stalls": 20,
            "floods": 100,
        },
    ),
    "registry faults": Part(
        module="tests.faults.matrix",
        on_every_core=True,
        tried={"cases": len(list(cases())) + len(list(process_cases()))},
    ),
    "flags": Part(
        module="tests.flags",
        tried={"polls": 70, "flags": 3000, "left out": 2000},
    ),
    "hostile text": Part(
        module="tests.chaos.hostile",
        on_every_core=True,
        tried={"hostile inputs": 3000, "places searched": 400},
    ),
}
_LONGEST = "soak"
_COLUMNS = ("lost", "invented", "repeated", "leaked")
_IN_FLIGHT = "repeated in flight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one part came to."""

    name: str
    part: Part
    counts: Mapping[str, int] = field(default_factory=dict)
    broken: Mapping[str, int] = field(default_factory=dict)
    """Broken promises, by name; one that the part does not look at is not in it."""
    code: int = 0
    """The part's exit code."""

    @property
    def is_broken(self) -> bool:
        """Whether a promise was broken, or the part did not come to its end."""
        return any(self.broken.values()) or bool(self.ended)

    @property
    def ended(self) -> str:
        """How the part ended, unless it came to its end."""
        if self.counts or self.broken:
            return f"ended with {self.code}" if self.code else ""
        return f"ended with {self.code} and no figures"

    @property
    def missing(self) -> list[str]:
        """What was not tried, or less than it takes."""
        return [
            f"only {self.counts[figure]:,} {figure} of {floor:,}"
            if self.counts.get(figure)
            else f"{figure} left out"
            for figure, floor in self.part.tried.items()
            if self.counts.get(figure, 0) < floor
        ]

    @property
    def cells(self) -> tuple[str, ...]:
        """The line of the table."""
        tried = [
            f"{self.counts[figure]:,} {figure}"
            for figure in self.part.tried
            if self.counts.get(figure)
        ]
        other = [
            f"{name} {count}"
            for name, count in self.broken.items()
            if count and name not in _COLUMNS
        ]
        return (
            self.name,
            ", ".join(tried) or "left out",
            *(str(self.broken.get(column, "–")) for column in _COLUMNS),
            str(self.counts.get(_IN_FLIGHT, "–")),
            ", ".join(filter(None, (*other, self.ended, *self.missing))) or "0",
        )


def run_all(chosen: Sequence[str]) -> Iterator[Outcome]:
    """Run the parts named: first one after the other those that take every core, then the others, one a core."""
    done = {name: run(name) for name in chosen if PARTS[name].on_every_core}
    beside = sorted(set(chosen) - done.keys(), key=lambda name: name != _LONGEST)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        done |= dict(zip(beside, threads.map(run, beside), strict=True))
    return (done[name] for name in chosen)


def run(name: str) -> Outcome:
    """Run a part to its end."""
    part, begun = PARTS[name], time.monotonic()
    _say(f"{part.module} …")
    done = subprocess.run(
        [sys.executable, "-m", part.module],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("{")] or [
        '{"counts": {}, "broken": {}}'
    ]
    figures = json.loads(line)
    shown = ", ".join(
        f"{figure} {count}"
        for figure, count in (figures["counts"] | figures["broken"]).items()
    )
    _say(
        f"{part.module}: {time.monotonic() - begun:.0f} s, exit {done.returncode}: {shown}"
    )
    return Outcome(name=name, part=part, code=done.returncode, **figures)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Return the lines of the table."""
    rows = [
        ("", "tried", *_COLUMNS, "in flight*", "other"),
        *(outcome.cells for outcome in outcomes),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
    yield "* alerts repeated because the acknowledgement was in flight when the program died, the only repeat allowed"
    yield "– is not counted on its own in this part: what it finds wrong is under “other”"


def main() -> int:
    """Run the parts named, or all, and print the table; 1 if a promise was broken, 3 if too little was tried."""
    chosen = sys.argv[1:] or [*PARTS]
    if unknown := set(chosen) - PARTS.keys():
        _say(f"there is no part {min(unknown)!r}; there are {', '.join(PARTS)}")
        return 2
    outcomes = list(run_all(chosen))
    for line in table(outcomes):
        print(line)
    if any(outcome.is_broken for outcome in outcomes):
        return 1
    return 3 if any(outcome.missing for outcome in outcomes) else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
