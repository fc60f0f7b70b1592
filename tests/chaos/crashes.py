"""The crash-point sweep: the real program dies at every point of every poll in turn, and is started again.

`python -m tests.chaos.crashes` sweeps all points and prints its figures as one JSON line.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.nursery import Point
from tests.chaos.seam import FAILURES, Cut
from tests.chaos.trial import Result, Stage, Trial, stages
from tests.chaos.world import World

_SERIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Where one run dies: the chapter's number, the point, the how manieth of its name, and how."""

    chapter: int
    label: str
    at: int
    cut: Cut


def every_kill(stage: Stage) -> list[Kill]:
    """Give each point of a chapter with each way to die there."""
    found: list[Kill] = []
    passed: Counter[str] = Counter()
    for label in stage.points:
        passed[label] += 1
        cuts = [Cut.BEFORE, Cut.AFTER]
        if label.startswith(("write", "tcp send")):
            cuts.append(Cut.HALF)
        if not label.startswith("tcp"):
            cuts += [Cut.POWER, Cut.REORDER, Cut.ERROR, Cut.FULL]
        found += [Kill(chapter=stage.number, label=label, at=passed[label], cut=cut) for cut in cuts]
    return found


def some_kills(stage: Stage) -> list[Kill]:
    """Give a few, always the same: where most happens one of each kind of point, elsewhere as the dice fell."""
    dice = random.Random(stage.number)
    kills = [kill for kill in every_kill(stage) if kill.cut not in FAILURES]
    failures = [kill for kill in every_kill(stage) if kill.cut in FAILURES]
    if stage.chapter.name != "changes":
        return [*dice.sample(kills, 8), dice.choice(failures)]
    ways = itertools.cycle(cut for cut in Cut if cut not in FAILURES)
    chosen: list[Kill] = []
    for label in dict.fromkeys(kill.label for kill in kills):
        there = [kill for kill in kills if kill.label == label]
        wanted = next(ways)
        chosen.append(next((kill for kill in there if kill.cut is wanted), there[0]))
    return chosen + dice.sample(failures, 4)


def sweep(choose: Callable[[Stage], Sequence[Kill]], *, share: int = 0, shares: int = 1, series: int = 0) -> Result:
    """Do every chosen kill, or this `share` of them; then, in each chapter, `series` of three random kills in a row."""
    result = Result()
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            for kill in list(choose(stage))[share::shares]:
                _kill(world, stage, [kill], result)
            dice = random.Random(f"{stage.number} {share}")
            kills = every_kill(stage)
            for _ in range(series):
                _kill(world, stage, dice.choices(kills, k=3), result)
    return result


def _kill(world: World, stage: Stage, kills: Sequence[Kill], result: Result) -> None:
    """Let the program die as told, one run after the other, then let it recover."""
    trial = Trial(world, stage, result)
    trace = world.root / "trace"
    for kill in kills:
        trace.unlink(missing_ok=True)
        done = trial.home.check(Point(folder=trial.home.state, trace=trace, label=kill.label, at=kill.at, cut=kill.cut))
        reached = trace.read_text("utf-8").splitlines().count(kill.label) >= kill.at
        if done.code == -signal.SIGKILL:
            result.figures.add("kills")
        elif kill.cut in FAILURES and reached:
            assert done.code in (0, 1, 4), (kill, done)
            result.figures.add("failed calls")
        else:
            # How many reads an answer takes is the network's affair; and a later run of a series has less to do.
            assert len(kills) > 1 or kill.label.startswith("tcp"), (kill, done)
            assert done.code in (0, 1), (kill, done)
            result.figures.add("points not reached")
        trial.interrupted(kill)
    trial.conclude(kills)


def whole_sweep(processes: int) -> Result:
    """Do all kills there are, on so many processes."""
    together = Result()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in [pool.submit(_share, share, processes) for share in range(processes)]:
            together.merge(part.result())
    return together


def _share(share: int, shares: int) -> Result:
    return sweep(every_kill, share=share, shares=shares, series=_SERIES)


def main() -> None:
    """Sweep everything and print the figures."""
    done = whole_sweep(len(os.sched_getaffinity(0)))
    done.figures.show("crashes", done.said)


if __name__ == "__main__":
    main()
