"""What can happen to the state folder: a full disk, a read-only one, files cut short, and several runs at once.

`python -m tests.chaos.folders` does all of it and prints its figures as one JSON line.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from aiohttp import web

from tests.chaos.figures import PROMISES, Result, counting
from tests.chaos.trial import Kill, Stage, Trial, stages
from tests.chaos.world import Home, World
from tests.support import program
from tests.support.fake_registry.server import Respond
from tests.support.fault_points import Cut
from watcher.errors import StateError
from watcher.state.store import (
    ADDRESSES,
    CHECKS,
    HISTORY,
    HISTORY_LIMIT,
    INSTALLS,
    LOCK,
    OWED,
    SNAPSHOT,
    StateFolder,
)

_PAGE = 4096
_PATIENCE = 60.0
_CUTS = (Cut.BEFORE, Cut.AFTER, Cut.POWER, Cut.REORDER)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a disk of 64 pages of 4 KB under a folder, with what is in the folder; PermissionError if not allowed.

    The folder keeps what is on the disk in the end.
    """
    kept = folder.with_name(f"{folder.name}-kept")
    folder.mkdir(exist_ok=True)
    shutil.copytree(folder, kept)
    _mount(
        "-t",
        "tmpfs",
        "-o",
        f"size={64 * _PAGE},mode=700",
        "tmpfs",
        os.fspath(folder),
    )
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield
        shutil.rmtree(kept)
        shutil.copytree(folder, kept)
    finally:
        subprocess.run(["umount", os.fspath(folder)], check=True)
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        shutil.rmtree(kept)


def _mount(*arguments: str) -> None:
    done = subprocess.run(
        ["mount", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PermissionError(f"mount: {done.stderr.strip()}")


def may_mount() -> bool:
    """Return whether this user can put a disk under a folder."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder, "disk")):
                return True
        except (PermissionError, FileNotFoundError):
            return False


def full_disk(world: World, stage: Stage, free: Iterable[int], result: Result) -> None:
    """Poll with so many pages free, for each of `free`, then make room and let the program recover."""
    for pages in free:
        what = f"{pages} pages free in {stage.chapter.name!r}"
        trial = Trial(world, stage, result)
        with small_disk(trial.home.state):
            ballast = trial.home.state / "ballast"
            space = os.statvfs(trial.home.state)
            ballast.write_bytes(bytes(max(0, space.f_bavail - pages) * _PAGE))
            done = trial.home.check()
            result.add("full disks")
            expected = (4,) if pages == 0 and stage.chapter.due else (0, 1, 4)
            if done.code not in expected or (done.code == 4 and not _is_clear(done)):
                result.wrong("wrong", f"{what}: {done}")
            trial.interrupted(what)
            ballast.unlink()
            trial.conclude(what)


def read_only(world: World, stage: Stage, result: Result) -> None:
    """Poll with the state on a read-only disk, then on a writable one."""
    what = f"read-only in {stage.chapter.name!r}"
    trial = Trial(world, stage, result)
    with small_disk(trial.home.state):
        before = _contents(trial.home)
        _mount("-o", "remount,ro", os.fspath(trial.home.state))
        done = trial.home.check()
        result.add("read-only disks")
        if (
            done.code != 4
            or not _is_clear(done)
            or _contents(trial.home) != before
            or world.receiver.taken
        ):
            result.wrong("wrong", f"{what}: {done}")
        trial.interrupted(what)
        _mount("-o", "remount,rw", os.fspath(trial.home.state))
        trial.conclude(what)


def cut_short(world: World, stage: Stage, result: Result, every: int = 1) -> None:
    """Cut each file of the state short at each `every`th length: refused and left as it is, or taken as far as it goes.

    Each cut is tried on the state folder, a few on the program.
    """
    for name in (SNAPSHOT, OWED, CHECKS, ADDRESSES, INSTALLS):
        trial = Trial(world, stage, result)
        path = trial.home.state / name
        whole = path.read_bytes()
        end = len(whole.rstrip())
        tried = sorted({0, 1, end // 2, end - 1})
        for length in sorted({*range(0, end, every), *tried}):
            path.write_bytes(whole[:length])
            result.add("files cut short")
            if (
                not _is_refused(StateFolder(trial.home.state))
                or path.read_bytes() != whole[:length]
            ):
                result.wrong("wrong", f"{name} of {length} bytes was not refused")
            if length in tried:
                _see_it_left_alone(
                    world, trial.home, f"{name} of {length} bytes", result
                )
        path.write_bytes(whole)
        trial.conclude(f"{name} was cut short and put back")
    _take_away(world, stage, result)


def _see_it_left_alone(world: World, home: Home, what: str, result: Result) -> None:
    """See that a poll refuses the state with one clear line and 4, changes nothing and sends nothing."""
    before = _contents(home)
    done = home.check()
    if (
        done.code != 4
        or not _is_clear(done)
        or _contents(home) != before
        or world.receiver.taken
    ):
        result.wrong("wrong", f"{what}: {done}")


def _take_away(world: World, stage: Stage, result: Result) -> None:
    """Remove whole files: what holds the picture or what is owed is missed; the others cost no alert."""
    for name in (SNAPSHOT, OWED, CHECKS, ADDRESSES, INSTALLS):
        trial = Trial(world, stage, result)
        path = trial.home.state / name
        whole = path.read_bytes()
        path.unlink()
        result.add("files taken away")
        if name in (SNAPSHOT, OWED):
            _see_it_left_alone(world, trial.home, f"without {name}", result)
            path.write_bytes(whole)
        trial.conclude(f"{name} was taken away")


def long_history(
    world: World, stage: Stage, result: Result, cuts: Iterable[Cut] = _CUTS
) -> None:
    """Kill the program, in each of some ways, at each point of forgetting the older half of too long a history."""
    points = [point for point in _forgetting(world, stage, result) if HISTORY in point]
    for label in dict.fromkeys(points):
        for cut in cuts:
            at = points.count(label)
            kill = Kill(chapter=stage.number, label=label, at=at, cut=cut)
            what = f"with a long history, {kill}"
            trial, forgotten = _with_long_history(world, stage, result)
            if trial.disturbed(what, kill).done.code == -signal.SIGKILL:
                result.add("long histories")
            trial.conclude(what, forgotten)


def _forgetting(world: World, stage: Stage, result: Result) -> Sequence[str]:
    """Return the points that an undisturbed poll passes."""
    trial, forgotten = _with_long_history(world, stage, result)
    passed = trial.disturbed("a long history").points
    trial.conclude("a long history", forgotten)
    return passed


def _with_long_history(world: World, stage: Stage, result: Result) -> tuple[Trial, str]:
    """Put events of long ago before those of the trial, so many that the next ones are too many."""
    trial = Trial(world, stage, result)
    path = trial.home.state / HISTORY
    recent = path.read_bytes()
    entry = json.loads(recent.splitlines()[0])
    line = (
        json.dumps({**entry, "id": "long-ago", "reason": "x" * 100_000}).encode()
        + b"\n"
    )
    path.write_bytes(line * (HISTORY_LIMIT // len(line)) + recent)
    return trial, "long-ago"


def at_once(
    world: World, stage: Stage, runs: int, result: Result, *, hold: str
) -> None:
    """Start so many programs on one state while the registry's answers, or the webhook's, are held back."""
    what = f"{runs} at once, {hold} held back"
    trial = Trial(world, stage, result, timeout=60)
    with contextlib.ExitStack() as ends:
        gate = threading.Event()
        ends.callback(gate.set)
        if hold == "registry":
            ends.callback(setattr, world.registry, "respond", world.registry.respond)
            world.registry.respond = _held(gate, world.registry.respond)
        else:
            world.receiver.gate = gate
        started = [
            ends.enter_context(program.start("check", cwd=trial.home.folder))
            for _ in range(runs)
        ]
        deadline = time.monotonic() + _PATIENCE
        while sum(one.process.poll() is None for one in started) > 1:
            assert time.monotonic() < deadline, f"{what}: more than one still runs"
            # Between two looks at processes, of which each comes to its end by itself.
            time.sleep(0.02)
        if not any(one.process.poll() is None for one in started):
            result.wrong(
                "wrong", f"{what}: none was held back, so that they need not have met"
            )
        if (done := trial.home.status()).code != 0:
            result.wrong("unreadable", f"{what}: {done}")
        gate.set()
        ended = sorted(
            (one.wait(_PATIENCE) for one in started), key=lambda one: one.code
        )
    result.add("runs at once", runs)
    worked, *others = ended
    expected = int(stage.chapter.is_refused)
    if worked.code != expected or any(
        one.code != 4 or "is in use by " not in one.err for one in others
    ):
        result.wrong("wrong", f"{what}: {ended}")
    trial.conclude(what)


def _held(gate: threading.Event, then: Respond | None) -> Respond:
    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        await asyncio.to_thread(gate.wait)
        # Only the time of an answer changes: what the chapter lets fail still fails.
        return await then(request) if then else None

    return respond


def _is_refused(folder: StateFolder) -> bool:
    try:
        folder.load()
    except StateError:
        return True
    return False


def _is_clear(done: program.Completed) -> bool:
    """Return whether a refusal is one error line with a hint, and nothing else."""
    lines = done.err.splitlines()
    return not done.out and [line.partition(":")[0] for line in lines] == [
        "error",
        "hint",
    ]


def _contents(home: Home) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in home.state.iterdir()
        if path.name != LOCK
    }


def some(world: World, stage: Stage, result: Result, *, mounts: bool) -> None:
    """Do a few of each, in two chapters."""
    if stage.chapter.name == "changes" and mounts:
        full_disk(world, stage, (0, 1, 2, 5), result)
    if stage.chapter.name == "more changes":
        if mounts:
            read_only(world, stage, result)
        cut_short(world, stage, result, every=37)
        long_history(world, stage, result, [Cut.POWER])
        at_once(world, stage, 2, result, hold="webhook")
        at_once(world, stage, 4, result, hold="registry")


def everything(world: World, stage: Stage, result: Result, *, mounts: bool) -> None:
    """Do all of it in a chapter; what is cut short is the same in each."""
    if mounts:
        full_disk(world, stage, range(25), result)
        read_only(world, stage, result)
    if stage.chapter.name == "more changes":
        cut_short(world, stage, result)
        long_history(world, stage, result)
    for hold, runs in itertools.product(("registry", "webhook"), (2, 10)):
        at_once(world, stage, runs, result, hold=hold)


def in_every_chapter(do: Callable[..., None]) -> Result:
    """Do something in each chapter of the world."""
    result = counting(*PROMISES)
    mounts = may_mount()
    if not mounts:
        print("left out, since this user may not mount: small disks", file=sys.stderr)
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            do(world, stage, result, mounts=mounts)
    return result


if __name__ == "__main__":
    in_every_chapter(everything).show()
