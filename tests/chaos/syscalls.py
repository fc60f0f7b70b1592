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
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import program
from tests.chaos.trial import Result, Stage, Trial, stages
from tests.chaos.world import Home, World

_SENDS = ("sendto", "sendmsg")
_CHANGES = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir"
TRACING = ("-e", f"trace={_CHANGES},{','.join(_SENDS)}")
"""strace's options to write down what `points` reads."""

_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_CHAPTERS = ("changes",)


def may_trace() -> bool:
    """Tell whether there is a strace that may trace."""
    if shutil.which("strace") is None:
        return False
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["strace", "-f", "-o", out.name, "true"], capture_output=True, check=False)
    return done.returncode == 0


def traced(command: Sequence[str], *options: str, folder: Path, env: Mapping[str, str], out: Path) -> int:
    """Run a command in a folder under strace, which writes to `out`, and give its exit code."""
    done = subprocess.run(
        ["strace", "-f", "-y", "-qq", "-o", os.fspath(out), *options, *command],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return done.returncode


def killed_at(name: str, number: int) -> tuple[str, ...]:
    """Give strace's options to kill at a system call, the so manieth of its name in its thread."""
    return ("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}")


def is_killed(code: int) -> bool:
    """Tell whether an exit code is that of a command that was killed."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def points(out: Path, folder: Path) -> list[tuple[str, int]]:
    """Give the calls, in what strace wrote with `TRACING`, that change a folder or send: as `killed_at` wants them."""
    passed: Counter[tuple[str, str]] = Counter()
    found: set[tuple[str, int]] = set()
    for line in out.read_text("utf-8", "replace").splitlines():
        if (call := _LINE.match(line)) is None:
            continue
        thread, name, arguments = call.groups()
        passed[thread, name] += 1
        if name in _SENDS or os.fspath(folder) in arguments:
            found.add((name, passed[thread, name]))
    return sorted(found)


def _check(home: Home, out: Path, *options: str) -> int:
    with tempfile.TemporaryDirectory() as own:
        env = program.surroundings(Path(own))
        command = [sys.executable, "-m", "watcher", "check", "--json"]
        return traced(command, *options, folder=home.folder, env=env, out=out)


def sweep(world: World, stage: Stage, result: Result) -> None:
    """Kill the program at each of its points in one chapter."""
    out = world.root / "strace"
    undisturbed = Trial(world, stage, Result()).home
    _check(undisturbed, out, *TRACING)
    for name, number in points(out, undisturbed.state):
        trial = Trial(world, stage, result)
        what = f"{name} number {number}"
        code = _check(trial.home, out, *killed_at(name, number))
        result.figures.add("kills" if is_killed(code) else "points not reached")
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
