"""Running a program and weighing it: wall time and peak memory as the kernel counted them, the best of some rounds.

This process stays small on purpose: a child's peak memory as Linux reports it begins at its parent's.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class ContenderError(Exception):
    """A measured program did not do its work, so that its figures would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took: `seconds` of wall time, `cpu` seconds of its own, `peak_mb` of resident memory (MiB)."""

    seconds: float
    cpu: float
    peak_mb: float


def run(command: Sequence[str], *, output: Path) -> Cost:
    """Run a program to its end with both outputs in a file; raise ContenderError unless it exits 0."""
    with output.open("wb") as sink:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        said = output.read_text(errors="replace").strip().splitlines()[-1:] or [
            "nothing"
        ]
        raise ContenderError(
            f"{Path(command[0]).name} exited {child.returncode}, saying: {said[0][:200]}"
        )
    return Cost(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
    )


def side_by_side(
    contenders: Mapping[str, Sequence[str]],
    *,
    rounds: int,
    output: Path,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, Cost]:
    """Run all contenders in turn, round after round, and return each one's least time, CPU and memory.

    Interleaving spreads a disturbance of the machine over all of them; the least of the rounds leaves it out. `before`
    has what is to be done before each run of a contender.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, command in contenders.items():
            if before and name in before:
                before[name]()
            costs[name].append(run(command, output=output))
    return {
        name: Cost(
            seconds=min(cost.seconds for cost in seen),
            cpu=min(cost.cpu for cost in seen),
            peak_mb=min(cost.peak_mb for cost in seen),
        )
        for name, seen in costs.items()
    }


Row = tuple[str, str, str, str]
"""What was measured, its figure, what it is held against, the target."""


def shown(cost: Cost) -> str:
    """Return a cost in one cell."""
    return f"{cost.seconds:.2f} s, {cost.cpu:.2f} s CPU, {cost.peak_mb:.0f} MB"


def against(cost: Cost, other: Cost) -> str:
    """Return how many times as long the first took as the second, by the clock and in CPU, with the second's cost."""
    return f"{cost.seconds / other.seconds:.2f}x ({cost.cpu / other.cpu:.2f}x CPU) of {shown(other)}"
