"""A second, independent sweep: `strace` kills `python -m watcher` at its own system calls, with nothing in between.

`strace` counts in each thread for itself and kills whichever comes first to a number. The threads that send alerts are
young, so that the one which asks the registry is always ahead of them. At alerts the program is killed otherwise: by a
`strace` that joins it when the registry has given its last answer, and by the webhook that an alert comes to.

`python -m tests.chaos.syscalls` does it and prints its figures as one JSON line; where ptrace is not allowed, or there
is no strace, it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from tests.chaos.figures import PROMISES, Result, counting
from tests.chaos.receiver import killing
from tests.chaos.trial import Stage, Trial, stages
from tests.chaos.witness import begun
from tests.chaos.world import Home, World
from tests.support import program
from watcher.fake_registry.server import Respond
from watcher.state.store import ACKS

_SENDS = ("sendto", "sendmsg")
_CHANGES = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir"
TRACING = ("-e", f"trace={_CHANGES},{','.join(_SENDS)}")
"""strace's options to write down what `points` reads."""

_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_CHAPTERS = ("changes",)
_PATIENCE = 30.0


def may_trace() -> bool:
    """Return whether there is a strace that may trace."""
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


def _unkept(home: Home) -> set[str]:
    journal = home.state / ACKS
    return begun(journal.read_bytes()) if journal.exists() else set()


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
        trial.interrupted(what, _unkept(trial.home))
        trial.conclude(what)


def around_alerts(world: World, stage: Stage, result: Result) -> None:
    """Kill the program before, within and after the first alert that it sends, all its channels being alive."""
    requests = 0

    async def counted(_: web.BaseRequest) -> None:
        nonlocal requests
        requests += 1

    undisturbed = Trial(world, stage, counting()).home
    with _alive(world, counted):
        undisturbed.check()
    last = requests
    for name, number, moment in _AROUND_ALERTS:
        trial = Trial(world, stage, result)
        what = f"{moment} an alert"
        out = world.root / "strace"
        held, gate = threading.Event(), threading.Event()
        requests = 0

        async def held_back(_: web.BaseRequest, held: threading.Event = held, gate: threading.Event = gate) -> None:
            nonlocal requests
            requests += 1
            if requests == last:
                held.set()
                await asyncio.to_thread(gate.wait)

        with _alive(world, held_back), program.start("check", cwd=trial.home.folder) as started:
            assert held.wait(_PATIENCE)
            with _joined(started.pid, out, name, number):
                gate.set()
                code = started.wait(_PATIENCE).code
        assert is_killed(code), (what, code)
        assert _moment(out, name, number) == moment, out.read_text("utf-8", "replace")
        result.add("kills")
        result.add(f"kills {what}")
        trial.interrupted(what, _unkept(trial.home))
        trial.conclude(what)


_AROUND_ALERTS = (("sendto", 1, "before"), ("sendto", 2, "within"), ("exit", 1, "after"))
"""The calls of the threads that send, one for each message: head, body, and its end."""


@contextlib.contextmanager
def _alive(world: World, respond: Respond) -> Iterator[None]:
    world.mend()
    world.registry.respond = respond
    try:
        yield
    finally:
        world.registry.respond = None


@contextlib.contextmanager
def _joined(pid: int, out: Path, name: str, number: int) -> Iterator[None]:
    """Have strace join a program that runs, to kill it at a system call; it leaves with the program."""
    trace = ("-e", f"trace={name},sendto", "-e", f"inject={name}:signal=SIGKILL:when={number}")
    command = ["strace", "-f", "-yy", "-o", os.fspath(out), *trace, "-p", str(pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        assert "attached" in strace.stderr.readline()
        yield
        strace.wait(_PATIENCE)


def _moment(out: Path, name: str, number: int) -> str:
    """Return from what strace wrote where in an alert the thread was that came first to that call of that number."""
    heads: dict[str, int] = {}
    bodies: dict[str, int] = {}
    passed: Counter[tuple[str, str]] = Counter()
    for line in out.read_text("utf-8", "replace").splitlines():
        if (call := _LINE.match(line)) is None:
            continue
        thread, called, arguments = call.groups()
        passed[thread, called] += 1
        here = called == name and passed[thread, called] == number
        if called == "sendto" and '"POST /' in arguments:
            if here:
                return "before"
            heads[thread] = heads.get(thread, 0) + 1
        elif called == "sendto" and thread in heads:
            if here:
                return "within"
            bodies[thread] = bodies.get(thread, 0) + 1
        elif here:
            return "after" if bodies.get(thread) == heads.get(thread) == 1 else "elsewhere"
    return "nowhere"


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
            trial.interrupted(what, _unkept(trial.home))
            trial.conclude(what)


def everything() -> Result:
    """Sweep the chapters in which most happens."""
    result = counting(*PROMISES)
    with tempfile.TemporaryDirectory() as root, World(Path(root)) as world:
        for stage in stages(world):
            if stage.chapter.name in _CHAPTERS:
                around_alerts(world, stage, result)
                at_the_webhook(world, stage, result)
                sweep(world, stage, result)
    return result


def main() -> None:
    """Sweep and print the figures."""
    result = counting(*PROMISES)
    if may_trace():
        result = everything()
    else:
        result.said.append("there is no strace here that may trace: left out")
    result.show()


if __name__ == "__main__":
    main()
