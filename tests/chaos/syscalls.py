"""A second, independent sweep: `strace` kills `python -m watcher` at its own system calls, with no seam in between.

`python -m tests.chaos.syscalls` does it and prints its figures as one JSON line; where ptrace is not allowed, or there
is no strace, it says so.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests import program
from tests.chaos.trial import Result, Stage, Trial, stages
from tests.chaos.world import Home, World

_CALLS = "write,fsync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,sendto,mkdir"
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_CHAPTERS = ("changes",)


def may_trace() -> bool:
    """Tell whether there is a strace that may trace."""
    if shutil.which("strace") is None:
        return False
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["strace", "-f", "-o", out.name, "true"], capture_output=True, check=False)
    return done.returncode == 0


def _strace(home: Home, out: Path, *options: str) -> int:
    tracing = ["strace", "-f", "-y", "-qq", "--seccomp-bpf", "-o", os.fspath(out), *options]
    with tempfile.TemporaryDirectory() as own:
        done = subprocess.run(
            [*tracing, sys.executable, "-m", "watcher", "check", "--json"],
            cwd=home.folder,
            env=program.surroundings(Path(own)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
    return done.returncode


def points(home: Home, out: Path) -> Iterator[tuple[str, int]]:
    """Poll once and give the calls that change the state folder or send: each one's name and number in its thread."""
    _strace(home, out, "-e", f"trace={_CALLS}")
    passed: Counter[tuple[str, str]] = Counter()
    found: set[tuple[str, int]] = set()
    for line in out.read_text("utf-8", "replace").splitlines():
        if (call := _LINE.match(line)) is None:
            continue
        thread, name, arguments = call.groups()
        passed[thread, name] += 1
        if name == "sendto" or f"{home.state}" in arguments:
            found.add((name, passed[thread, name]))
    yield from sorted(found)


def sweep(world: World, stage: Stage, result: Result) -> None:
    """Kill the program at each of its points in one chapter."""
    calls = list(points(Trial(world, stage, Result()).home, world.root / "strace"))
    for name, number in calls:
        trial = Trial(world, stage, result)
        what = f"{name} number {number}"
        kill = f"inject={name}:signal=SIGKILL:when={number}"
        code = _strace(trial.home, world.root / "strace", "-e", f"trace={name}", "-e", kill)
        result.figures.add("kills" if code in (-signal.SIGKILL, 128 + signal.SIGKILL) else "points not reached")
        trial.interrupted(what)
        trial.conclude(what)


def everything() -> Result:
    """Sweep the chapters in which most happens."""
    result = Result()
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            if stage.chapter.name in _CHAPTERS:
                sweep(world, stage, result)
    return result


def main() -> None:
    """Sweep and print the figures."""
    result = Result()
    if may_trace():
        result = everything()
    else:
        result.said.append("there is no strace here that may trace: left out")
    result.figures.show("system calls", result.said)


if __name__ == "__main__":
    main()
