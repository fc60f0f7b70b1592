"""The real program as processes that start in milliseconds: forked from one that has imported everything.

What runs in the child is the command line's own `main`, in an environment, folder and process of its own. The parent
is a process too, without threads, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import coverage

from tests.support import program
from tests.support.fault_points import Cut, FaultPoints
from watcher.delivery import client, worker

_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """Where a run is to die: the `at`th time that it comes to `label` (`tests.support.fault_points`); 0 lets it live.

    `uncertain` goes from one run to the next in the same folder.
    """

    folder: Path
    trace: Path
    label: str = ""
    at: int = 0
    cut: Cut = Cut.AFTER
    uncertain: Path | None = None


class ForkServer:
    """Runs programs, any number, one after the other; a context manager."""

    def __enter__(self) -> Self:
        self._ends = contextlib.ExitStack()
        self._own = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        self._parent = self._ends.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server"],
                cwd=program.ROOT,
                env=program.surroundings(self._own),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait()
        self._ends.close()

    def run(
        self, *args: str, cwd: Path, env: Mapping[str, str] | None = None, point: CrashPoint | None = None
    ) -> program.Completed:
        """Run the program to its end, or to its point; one that does not end is killed by SIGALRM after a minute."""
        self.begin(*args, cwd=cwd, env=env, point=point)
        return self.end()

    def begin(
        self, *args: str, cwd: Path, env: Mapping[str, str] | None = None, point: CrashPoint | None = None
    ) -> None:
        """Start the program, whose id is `pid` then; `end` has to follow."""
        out, err = self._own / "out", self._own / "err"
        asked: dict[str, Any] = {
            "args": args,
            "cwd": os.fspath(cwd),
            "env": program.surroundings(self._own, env),
            "out": os.fspath(out),
            "err": os.fspath(err),
        }
        if point is not None:
            asked["point"] = {
                "folder": os.fspath(point.folder),
                "trace": os.fspath(point.trace),
                "label": point.label,
                "at": point.at,
                "cut": point.cut.value,
                "uncertain": os.fspath(point.uncertain or ""),
            }
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(asked).encode() + b"\n")
        self._parent.stdin.flush()
        self.pid = int(self._answer())

    def has_ended(self, within: float) -> bool:
        """Return whether what `begin` started has ended, or does so within so many seconds."""
        assert self._parent.stdout is not None
        return bool(select.select([self._parent.stdout], [], [], within)[0])

    def end(self) -> program.Completed:
        """Wait for the end of what `begin` started."""
        assert self._parent.stdout is not None
        if not (line := self._parent.stdout.readline()):
            raise RuntimeError(f"the fork_server itself ended with {self._parent.wait()}")
        code, peak = map(int, line.split())
        out, err = (self._own / name for name in ("out", "err"))
        return program.Completed(code=code, out=out.read_text("utf-8"), err=err.read_text("utf-8"), peak=peak)

    def _answer(self) -> bytes:
        assert self._parent.stdout is not None
        if not (line := self._parent.stdout.readline()):
            raise RuntimeError(f"the fork_server itself ended with {self._parent.wait()}")
        return line


def _preload() -> None:
    import anyio._backends._asyncio
    import httpx

    from watcher.cli.commands import check, history, run, samples, status
    from watcher.polling.reading import survey
    from watcher.registry import schema

    used = (anyio._backends._asyncio, httpx, check, history, run, samples, status, survey, schema)
    assert all(used)
    worker.load()


def _serve() -> None:
    """Fork a program for every line of standard input, and say with which code it ended and what memory it came to."""
    _preload()
    program.adopt_orphans()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _be_the_program(asked)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, ended, used = os.wait4(child, 0)
        _wait_for_orphans()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)} {used.ru_maxrss * 1024}\n")
        sys.stdout.flush()


def _wait_for_orphans() -> None:
    """Wait for what a program had started and did not live to see the end of."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _be_the_program(asked: dict[str, Any]) -> None:
    signal.alarm(_LONGEST)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    for name, number in (("out", 1), ("err", 2)):
        opened = os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    client.spawn = _Forked  # type: ignore[assignment]  # it has what is used of a started process
    sys.argv = ["comfy-watch", *asked["args"]]
    measured = _coverage(asked["env"])
    points = _fault_points(asked["point"]) if "point" in asked else None
    with _exiting(points, measured):
        from watcher.cli.main import main

        main()


class _Forked:
    """The worker as a fork of the program, which has loaded all that it needs."""

    def __init__(self, end: socket.socket) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _keep_no_socket_but(end.fileno())
                signal.set_wakeup_fd(-1)
                worker.serve(end)
            finally:
                os._exit(0)

    def wait(self, timeout: float) -> int:
        """Wait for its end."""
        return os.waitpid(self._pid, 0)[1]


def _keep_no_socket_but(kept: int) -> None:
    """Close the program's sockets in its fork, and lead its streams nowhere, as a start of another program would."""
    for link in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            number = int(link.name)
            if number != kept and stat.S_ISSOCK(os.fstat(number).st_mode):
                os.close(number)
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _fault_points(point: dict[str, Any]) -> FaultPoints:
    """Return the armed fault points."""
    points = FaultPoints(
        Path(point["folder"]),
        Path(point["trace"]),
        label=point["label"],
        at=point["at"],
        cut=Cut(point["cut"]),
        uncertain=Path(point["uncertain"]) if point["uncertain"] else None,
    )
    points.arm()
    return points


def _coverage(env: Mapping[str, str]) -> coverage.Coverage | None:
    """Return this process's coverage, inherited from the parent; None, and it is stopped, if none is to be taken."""
    inherited = coverage.Coverage.current()
    if inherited is None or any(name.startswith(program.MEASURING) for name in env):
        return inherited
    inherited.stop()
    return None


@contextlib.contextmanager
def _exiting(points: FaultPoints | None, measured: coverage.Coverage | None) -> Iterator[None]:
    """End this process as the interpreter would, without the parent's business."""
    code = 1
    try:
        yield
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        if points is not None:
            points.leave()
        if measured is not None:
            measured.stop()
            measured.save()
        os._exit(code)


if __name__ == "__main__":
    _serve()
