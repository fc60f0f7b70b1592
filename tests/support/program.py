"""The real program as a process: clean surroundings, no terminal, an end that is certain."""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 60.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# The last three: of Windows.
_PASSED_ON = (
    "PATH",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
)
MEASURING = ("COVERAGE_", "COV_CORE_")
"""How the variables begin that have coverage taken of a child process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a run ended; a negative code is the signal that killed it. `peak` is its most memory: bytes, 0 if unknown."""

    code: int
    out: str
    err: str
    peak: int = 0

    @property
    def found(self) -> str:
        """Stdout without the line in which a command that ended early says why."""
        return (
            "" if self.out.startswith(("nothing was checked: ", "exit ")) else self.out
        )


def surroundings(home: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that holds nothing of the caller's settings, secrets or proxies, and then `env`.

    What measures coverage in child processes is passed on, and what keeps tests on loopback holds there too. Each run
    counts as one with a log of its own, so that it holds back no problem that lasts.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(MEASURING)
    }
    own = {
        "CI": "true",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(
            (str(ROOT), str(ROOT / "tests" / "support" / "offline"))
        ),
        "PYTHONUTF8": "1",
    }
    return kept | own | dict(env or {})


def end_with_parent() -> None:
    """Let the system kill this process when its parent is gone, who can't end it any more then (Linux only)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of what a child of this process had started when the child dies (Linux only)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def workers(count: int) -> ProcessPoolExecutor:
    """Return a pool of processes that end with this one, however it does."""
    return ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=end_with_parent,
    )


def run(
    *args: str | os.PathLike[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    module: str = "watcher",
) -> Completed:
    """Run `python -m watcher` with the arguments to its end; past `timeout` seconds it is ended: TimeoutExpired."""
    with start(*args, cwd=cwd, env=env, module=module) as started:
        return started.wait(timeout)


class Process(Protocol):
    """What is used of a started process: `subprocess.Popen` has it, and a fork."""

    pid: int
    returncode: Any  # None while it runs

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; TimeoutExpired when it does not come."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""

    def terminate(self) -> None:
        """Send it SIGTERM."""

    def kill(self) -> None:
        """Send it SIGKILL."""


class Started:
    """A program that runs: what it has said so far, signals to it, and its end. See `start`."""

    def __init__(
        self, process: Process, out: Path, err: Path, wait_for_all: Callable[[], None]
    ) -> None:
        self.process = process
        self._out = out
        self._err = err
        self._wait_for_all = wait_for_all

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def out(self) -> str:
        """What it has written to stdout so far."""
        return self._out.read_bytes().decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return self._err.read_bytes().decode("utf-8", "replace")

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """Return the whole lines of its JSON log so far, all of them or those of one event."""
        lines = [
            json.loads(line)
            for line in self.err.splitlines(keepends=True)
            if line.endswith("\n")
        ]
        return [line for line in lines if event in ("", line["event"])]

    def until_logged(self, event: str, count: int = 1) -> None:
        """Wait for so many lines of an event in its log."""
        self.until(lambda _: len(self.log(event)) >= count)

    def until(
        self, true: Callable[[Started], bool], timeout: float = _PATIENCE
    ) -> None:
        """Wait until something is true of it; AssertionError, with what it said, when it ends or time is up first."""
        deadline = time.monotonic() + timeout
        while not true(self):
            ended = self.process.poll() is not None
            if true(self):
                return
            if ended or time.monotonic() > deadline:
                state = (
                    f"ended with {self.process.returncode}"
                    if ended
                    else f"still ran after {timeout:g} s"
                )
                raise AssertionError(
                    f"the program {state}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"
                )
            # Between two looks at what another process says, until the deadline passes.
            time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = _PATIENCE) -> Completed:
        """Wait for its own end, and that of what delivers for it; TimeoutExpired when it does not come."""
        code = self.process.wait(timeout)
        self._wait_for_all()
        peak = getattr(self.process, "peak", 0)
        return Completed(code=code, out=self.out, err=self.err, peak=peak)

    def end(self) -> None:
        """End it by its id, and what it had started: asked first, killed when it does not listen."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._wait_for_all()


@contextlib.contextmanager
def start(
    *args: str | os.PathLike[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    module: str = "watcher",
) -> Iterator[Started]:
    """Start `python -m watcher` with the arguments, and end it with the `with` block if it still runs."""
    with tempfile.TemporaryDirectory() as folder:
        out, err, home = (Path(folder, name) for name in ("out", "err", "home"))
        home.mkdir()
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                _command(module, args),
                cwd=cwd,
                env=surroundings(home, env),
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,
                creationflags=getattr(
                    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
                ),  # so that it alone gets Ctrl-Break
            )
        started = Started(process, out, err, partial(wait_until_all_gone, home))
        try:
            yield started
        finally:
            started.end()


def wait_until_all_gone(home: Path) -> None:
    """Wait until no process is left whose home is this one: what a killed program had started ends a little later."""
    mark, deadline = f"HOME={home}".encode(), time.monotonic() + _PATIENCE
    while any(
        mark in _environment(process) for process in Path("/proc").glob("[0-9]*")
    ):
        assert time.monotonic() < deadline, "what the program started is still there"
        # Between two looks at other processes, until the deadline passes.
        time.sleep(0.01)


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it is gone, or somebody else's
        return []


def _command(module: str, args: Sequence[str | os.PathLike[str]]) -> list[str]:
    return [sys.executable, "-m", module, *(os.fspath(arg) for arg in args)]
