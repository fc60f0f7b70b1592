"""A second, independent sweep: `strace` kills `python -m watcher` at its own system calls, with nothing in between.

`strace` counts in each thread for itself and kills whichever comes first to a number. The process that delivers is left
alone: it ends when the program does. While an alert is under way there, the program is killed by the webhook that the
alert comes to.

`python -m tests.chaos.syscalls` prints its figures as one JSON line; where ptrace is not allowed, or there is no
strace, it says so.
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

from tests.chaos.figures import PROMISES, Result, counting
from tests.chaos.receiver import killing
from tests.chaos.trial import Stage, Trial, stages
from tests.chaos.witness import acknowledged, begun
from tests.chaos.world import Home, World
from tests.support import program
from watcher.state.store import OWED

_SENDS = ("sendto", "sendmsg")
_CHANGES = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir"
TRACING = ("-e", f"trace={_CHANGES},{','.join(_SENDS)}")
"""strace's options to write down what `points` reads."""

_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)")
_CHAPTERS = ("changes",)
_PATIENCE = 30.0


def may_trace() -> bool:
    """Return whether there is a strace that may trace."""
    if shutil.which("strace") is None:
        return False
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(
            ["strace", "-f", "-o", out.name, "true"], capture_output=True, check=False
        )
    return done.returncode == 0


def traced(
    command: Sequence[str],
    *options: str,
    folder: Path,
    env: Mapping[str, str],
    out: Path,
    follow: bool = False,
) -> int:
    """Run a command in a folder under strace, which writes to `out`, and return its exit code.

    The programs that it starts are left alone unless strace is to `follow` them.
    """
    done = subprocess.run(
        [
            "strace",
            "-f",
            *([] if follow else ["-b", "execve"]),
            "-y",
            "-qq",
            "-o",
            os.fspath(out),
            *options,
            *command,
        ],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    program.wait_until_all_gone(Path(env["HOME"]))
    return done.returncode


def killed_at(name: str, number: int) -> tuple[str, ...]:
    """Return strace's options to kill at a system call, the one of that number and name in its thread."""
    return ("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}")


def is_killed(code: int) -> bool:
    """Return whether an exit code is that of a command that was killed."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def points(out: Path, folder: Path) -> list[tuple[str, int]]:
    """Return the calls that change a folder or send, in what strace wrote with `TRACING`, as `killed_at` wants them."""
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
    undisturbed = Trial(world, stage, counting()).home
    _check(undisturbed, out, *TRACING)
    for name, number in points(out, undisturbed.state):
        trial = Trial(world, stage, result)
        what = f"{name} number {number}"
        code = _check(trial.home, out, *killed_at(name, number))
        result.add("kills" if is_killed(code) else "points not reached")
        _conclude(trial, what, result)


def _conclude(trial: Trial, what: str, result: Result) -> None:
    """Count what the state of a killed program says of its alerts, and let the program recover."""
    path = trial.home.state / OWED
    owed = path.read_bytes() if path.exists() else b""
    result.add("kills with an alert under way", int(bool(begun(owed))))
    result.add("kills with an alert acknowledged", int(bool(acknowledged(owed))))
    trial.interrupted(what, begun(owed))
    trial.conclude(what)


def at_the_webhook(world: World, stage: Stage, result: Result) -> None:
    """Kill the program when each of its alerts has begun to arrive, and when it has arrived and is not yet answered."""
    for number in range(1, stage.messages.total() + 1):
        for whole in (False, True):
            trial = Trial(world, stage, result)
            what = f"alert {number} {'unanswered' if whole else 'begun'}"
            with (
                killing(world.receiver, number, whole=whole) as victim,
                program.start("check", cwd=trial.home.folder) as started,
            ):
                victim.set_result(started.pid)
                code = started.wait(_PATIENCE).code
            assert is_killed(code), (what, code)
            result.add("kills")
            result.add("kills at a webhook")
            _conclude(trial, what, result)


def everything() -> Result:
    """Sweep the chapters in which most happens."""
    result = counting(*PROMISES)
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            if stage.chapter.name in _CHAPTERS:
                at_the_webhook(world, stage, result)
                sweep(world, stage, result)
    return result


if __name__ == "__main__":
    if may_trace():
        everything().show()
    else:
        print("left out, since no strace may trace here", file=sys.stderr)
        counting(*PROMISES).show()
