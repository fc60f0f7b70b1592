"""The crash-point sweep: the real program dies at every point of every poll in turn, and is started again.

`python -m tests.chaos.crashes` sweeps all points and prints its figures as one JSON line.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.chaos.figures import PROMISES, Result, counting
from tests.chaos.trial import Kill, Stage, Trial, stages
from tests.chaos.world import Home, World
from tests.support import program
from tests.support.fault_points import FAILURES, Cut
from watcher.state.store import OWED, StateFolder

_SERIES = 10
_SERVICES = 25
_BACKOFF = 4.0
"""Seconds after which a channel becomes due that the service's first poll has to leave alone."""
_APPENDED = ("write state/owed.jsonl", "write state/history.jsonl")
_NEW = 4
"""How often a file is appended to before the next time is like the ones before: its name is on the disk by then."""
_RECEIVING = "tcp recv"


def every_kill(stage: Stage) -> list[Kill]:
    """Return each point of a chapter with each way to die there."""
    found: list[Kill] = []
    passed: Counter[str] = Counter()
    points = stage.points
    if stage.chapter.is_whole:  # how a poll reads makes no difference to what it sends
        points = points[: _first_message(points) + 1]
    for label in points:
        passed[label] += 1
        cuts = [Cut.BEFORE, Cut.AFTER]
        if label.startswith(("write", "tcp send")):
            cuts.append(Cut.HALF)
        if not label.startswith("tcp"):
            cuts += [Cut.POWER, Cut.REORDER, Cut.ERROR, Cut.FULL]
        if label.endswith(" state/owed.jsonl") and passed[label] > _NEW:
            cuts.remove(Cut.REORDER)
        elif label in _APPENDED:
            cuts += [Cut.ZEROES, Cut.HOLE]
        found += [
            Kill(chapter=stage.number, label=label, at=passed[label], cut=cut)
            for cut in cuts
        ]
    return found


def _first_message(points: Sequence[str]) -> int:
    """Return the place of the first point at which a message goes out."""
    return next(
        place
        for place, label in enumerate(points)
        if label.startswith("tcp send") and "/" in label
    )


def some_kills(stage: Stage) -> list[Kill]:
    """Return a few, always the same: where most happens one of each kind of point, elsewhere as the dice fell."""
    dice = random.Random(stage.number)
    kills = [kill for kill in every_kill(stage) if kill.cut not in FAILURES]
    failures = [kill for kill in every_kill(stage) if kill.cut in FAILURES]
    if stage.chapter.name != "changes":
        return [*dice.sample(kills, 2), dice.choice(failures)]
    ways = itertools.cycle(cut for cut in Cut if cut not in FAILURES)
    chosen: list[Kill] = []
    for kind in dict.fromkeys(_kind(kill) for kill in kills):
        there = [kill for kill in kills if _kind(kill) == kind]
        wanted = next(ways)
        chosen.append(next((kill for kill in there if kill.cut is wanted), there[0]))
    # What was acknowledged last has to be on the disk before it is settled.
    write = "write state/.owed.jsonl.tmp"
    settling = Kill(
        chapter=stage.number, label=write, at=stage.points.count(write), cut=Cut.POWER
    )
    return [*chosen, settling, *dice.sample(failures, 2)]


def _kind(kill: Kill) -> str:
    """Return the kind of its point: a message to one channel is one to any."""
    return kill.label.partition(" /")[0]


def sweep(
    choose: Callable[[Stage], Sequence[Kill]],
    *,
    share: int = 0,
    shares: int = 1,
    series: int = 0,
    services: int = 3,
) -> Result:
    """Do every chosen kill, or this `share` of them; then, in each chapter, `series` of three random kills in a row.

    In one chapter so many `services` die between two polls.
    """
    result = counting(*PROMISES)
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            for kill in list(choose(stage))[share::shares]:
                _kill(world, stage, [kill], result)
            if stage.chapter.name == "retry":
                between_polls(world, stage, result, services, share)
            dice = random.Random(f"{stage.number} {share}")
            kills = every_kill(stage)
            for _ in range(series):
                _kill(world, stage, dice.choices(kills, k=3), result)
    return result


def _kill(world: World, stage: Stage, kills: Sequence[Kill], result: Result) -> None:
    """Let the program die at each of these, one run after the other, then let it recover."""
    trial = Trial(world, stage, result)
    for kill in kills:
        before = _known(trial.home)
        disturbed = trial.disturbed(kill, kill)
        done = disturbed.done
        if done.code == -signal.SIGKILL:
            result.add("kills")
            result.add("kills while receiving", int(kill.label.startswith(_RECEIVING)))
        elif kill.cut in FAILURES and disturbed.points.count(kill.label) >= kill.at:
            assert done.code in (0, 1, 4), (kill, done)
            if done.code == 4 and _known(trial.home) != before:
                result.wrong("wrong", f"{kill}: something was changed: {done}")
            result.add("failed calls")
        else:
            # How many reads an answer takes is the network's affair; and a later run of a series has less to do. That
            # this does not hide every kill at a read is held by a figure of its own.
            assert len(kills) > 1 or kill.label.startswith("tcp"), (kill, done)
            assert done.code in (0, 1), (kill, done)
            result.add("points not reached")
    trial.conclude(kills)


def between_polls(
    world: World, stage: Stage, result: Result, kills: int, share: int = 0
) -> None:
    """Kill the service so often while it delivers, between two polls, what has become due."""
    passed = _served(world, stage, result, None)
    first = passed.index("open state/owed.jsonl")
    counts = Counter(passed[:first])
    there = [
        kill
        for kill in every_kill(replace(stage, points=passed))
        if kill.at > counts[kill.label]
    ]
    sure = [
        kill
        for kill in there
        if kill.cut not in FAILURES and not kill.label.startswith(_RECEIVING)
    ]
    for kill in random.Random(share).sample(sure, kills):
        _served(world, stage, result, kill)


def _served(
    world: World, stage: Stage, result: Result, kill: Kill | None
) -> tuple[str, ...]:
    """Let the service poll, and deliver once the backoff of the channel ends, or die there. Return what it passed."""
    trial = Trial(world, stage, result)
    trial.home.back_off("late", _BACKOFF)

    def is_done() -> bool:
        return (
            len(world.receiver.taken) >= stage.messages.total()
            and (trial.home.state / OWED).read_bytes().count(b"\n") == 1
        )

    what = f"between polls, {kill}"
    disturbed = trial.disturbed(what, kill, partial(trial.home.serve, is_done))
    if kill is None:
        assert "delivery" in disturbed.done.err, disturbed.done
    elif disturbed.done.code == 0 and kill.label.startswith("tcp"):
        # How many connections the poll before has opened is the network's affair.
        result.add("points not reached")
    else:
        assert disturbed.done.code == -signal.SIGKILL, (kill, disturbed.done)
        result.add("kills")
        result.add("kills between polls")
    trial.conclude(what)
    return disturbed.points


def _known(home: Home) -> tuple[int, object]:
    """Return the picture's revision, and what each channel is owed, wherever it may have moved."""
    state = StateFolder(home.state).load()
    return state.snapshot.revision, {
        name: queue.messages for name, queue in state.outbox.queues.items()
    }


def whole_sweep(processes: int) -> Result:
    """Do all kills there are, on so many processes."""
    together = counting(*PROMISES)
    with program.workers(processes) as pool:
        for part in [
            pool.submit(_share, share, processes) for share in range(processes)
        ]:
            together.merge(part.result())
    return together


def _share(share: int, shares: int) -> Result:
    try:
        return sweep(
            every_kill, share=share, shares=shares, series=_SERIES, services=_SERVICES
        )
    except AssertionError as error:  # which must not cost what the other shares found
        broken_off = counting()
        broken_off.failed(error)
        return broken_off


if __name__ == "__main__":
    # Two processes a core, as each waits half of its time.
    whole_sweep(2 * len(os.sched_getaffinity(0))).show()
