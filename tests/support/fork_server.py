"""The real program as processes that start in milliseconds: forked from one that has imported everything.

What runs in the child is the program's own `__main__`, as `python -m` runs it, in an environment, folder and session of
its own, with the streams that it is given. The other side is `tests.support.forking`.

A test that is about the start of an interpreter has to start one: `program.run`, `program.start`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support import program
from tests.support.fault_points import Cut

_LONGEST = 60

Streams = tuple[int | None, int | None, int | None]
"""The descriptors that become stdin, stdout and stderr; None is a closed one."""


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


class Forked:
    """A program that was forked; it has what is used of a `subprocess.Popen`."""

    def __init__(self, keeper: socket.socket, args: Sequence[str]) -> None:
        self.args = args
        self.returncode: int | None = None
        self.peak = 0
        self._keeper = keeper
        self._said = keeper.makefile("rb")
        self.pid = int(self._line())

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        return self.returncode if self.has_ended(0) else None

    def has_ended(self, within: float | None) -> bool:
        """Return whether it has ended, or does so within so many seconds; None waits for its end."""
        if self.returncode is None and select.select([self._keeper], [], [], within)[0]:
            self.returncode, self.peak = map(int, self._line().split())
        return self.returncode is not None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code; TimeoutExpired when it does not come in time."""
        if not self.has_ended(timeout):
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def wait_for_all(self) -> None:
        """Wait until nothing is left of what it had started; it has ended itself."""
        if not self._said.closed:
            with self._keeper, self._said:
                assert self._said.read() == b""

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        # It may have ended, and its keeper not have said so yet.
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _line(self) -> bytes:
        if not (line := self._said.readline()):
            raise RuntimeError("the program's keeper ended before it")
        return line


class ForkServer:
    """Starts programs, any number, also beside each other; a context manager."""

    def __enter__(self) -> Self:
        self._ends = contextlib.ExitStack()
        self._own = Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        self._requests, theirs = socket.socketpair()
        self._ends.callback(self._requests.close)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forking"],
                cwd=program.ROOT,
                env=program.surroundings(self._own),
                stdin=theirs.fileno(),
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._requests.shutdown(socket.SHUT_RDWR)
        self._server.wait()
        self._ends.close()

    def run(
        self,
        *args: str | os.PathLike[str],
        cwd: Path | int,
        env: Mapping[str, str] | None = None,
        timeout: float = _LONGEST,
        module: str = "watcher",
        point: CrashPoint | None = None,
    ) -> program.Completed:
        """Run the program as `program.run` does, or to its point; a descriptor may stand for its folder."""
        with self.start(*args, cwd=cwd, env=env, module=module, point=point) as started:
            return started.wait(timeout)

    @contextlib.contextmanager
    def start(
        self,
        *args: str | os.PathLike[str],
        cwd: Path | int,
        env: Mapping[str, str] | None = None,
        module: str = "watcher",
        point: CrashPoint | None = None,
    ) -> Iterator[program.Started]:
        """Start the program as `program.start` does."""
        with contextlib.ExitStack() as ends:
            folder = Path(
                ends.enter_context(tempfile.TemporaryDirectory(dir=self._own))
            )
            out, err = (folder / name for name in ("out", "err"))
            with (
                Path(os.devnull).open("rb") as to_read,
                out.open("wb") as to_out,
                err.open("wb") as to_err,
            ):
                streams = (to_read.fileno(), to_out.fileno(), to_err.fileno())
                process = self.launch(
                    *args,
                    cwd=cwd,
                    env=env,
                    streams=streams,
                    home=folder / "home",
                    module=module,
                    point=point,
                )
            started = program.Started(process, out, err, process.wait_for_all)
            ends.callback(started.end)
            yield started

    def launch(
        self,
        *args: str | os.PathLike[str],
        cwd: Path | int,
        streams: Streams,
        home: Path | None = None,
        env: Mapping[str, str] | None = None,
        module: str = "watcher",
        umask: int | None = None,
        point: CrashPoint | None = None,
    ) -> Forked:
        """Start the program with these streams; its home is made."""
        home = home or self._own / "home"
        home.mkdir(exist_ok=True)
        own, surroundings = program.surroundings(home), program.surroundings(home, env)
        if unheard := [
            name
            for name in surroundings
            if name.startswith("PYTHON") and name not in own
        ]:
            raise ValueError(f"only a new interpreter hears of {unheard}")
        asked: dict[str, Any] = {
            "args": [os.fspath(arg) for arg in args],
            "env": surroundings,
            "module": module,
            "umask": umask,
            "open": [
                number for number, stream in enumerate(streams) if stream is not None
            ],
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
        ours, theirs = socket.socketpair()
        with theirs:
            folder = (
                os.open(cwd, os.O_PATH | os.O_DIRECTORY)
                if isinstance(cwd, Path)
                else os.dup(cwd)
            )
            try:
                passed = [
                    theirs.fileno(),
                    folder,
                    *(stream for stream in streams if stream is not None),
                ]
                socket.send_fds(self._requests, [b"."], passed)
            finally:
                os.close(folder)
        ours.sendall(json.dumps(asked).encode() + b"\n")
        return Forked(ours, asked["args"])
