"""A server program that runs while a `with` block does: its port, its folder, its start and its certain end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Self

import pytest

from tests.support import program

REQUIRED = "SERVICES_REQUIRED"
"""The variable that makes a missing server a failure: continuous integration has all of them."""
_SYSTEM = ("/usr/sbin", "/usr/lib/postfix/sbin")
_LOOK = 0.05
"""Seconds between two looks at what another process does, until a deadline passes."""
_PATIENCE = 90.0
_END = 10.0


class Server:
    """One program on 127.0.0.1. After a `stop` it may `start` again, on the same port, with what it had stored.

    `folder` holds its settings, its data and its `log`.
    """

    programs: ClassVar[tuple[str, ...]] = ()
    """What has to be installed."""
    packages: ClassVar[str] = ""
    """Debian's names for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Write what the program reads at its start."""

    def command(self) -> Sequence[str]:
        """Return the command that runs in the foreground."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return variables beside `PATH` and `HOME`."""
        return {}

    def is_ready(self) -> bool:
        """Return whether it serves."""
        return listens(self.port)

    @property
    def log(self) -> str:
        """What the program has said."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it serves; the test is skipped, or fails, where it is not installed."""
        need(*self.programs, packages=self.packages)
        self.prepare()
        name, *arguments = self.command()
        with (self.folder / "log").open("ab") as log:
            process = self._process = subprocess.Popen(
                [name, *arguments],
                cwd=self.folder,
                env={
                    "PATH": _path(),
                    "HOME": str(self.folder),
                    "LANG": "C.UTF-8",
                    **self.environment(),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=program.end_with_parent,  # noqa: PLW1509 - it makes one system call
            )
        try:
            until(
                lambda: process.poll() is not None or self.is_ready(),
                f"{name} to serve",
            )
            assert process.poll() is None, f"{name} ended: {self.log[-2000:]}"
        except BaseException:  # whatever ended the start, nothing may keep running
            self.stop()
            raise

    def stop(self) -> None:
        """End it and what it has started, by the id of its group: asked first, killed if it does not listen."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
                os.killpg(self._process.pid, number)
                self._process.wait(_END)
                break
        self._process.wait()
        self._process = None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether somebody takes connections at a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something is true; AssertionError when it has not come in time."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(_LOOK)


def need(*programs: str, packages: str) -> None:
    """Skip the test where a program is missing, or fail it where all have to be there."""
    missing = [name for name in programs if shutil.which(name, path=_path()) is None]
    if missing:
        lack(f"{', '.join(missing)} not installed (Debian: apt-get install {packages})")


def lack(why: str) -> None:
    """Skip the test for what the machine lacks, or fail it where nothing may be lacking."""
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)


def run(*command: str, env: dict[str, str] | None = None) -> bytes:
    """Run a program to its end and return what it said; it may say that it timed out by any exit code."""
    return subprocess.run(
        command,
        env={"PATH": _path(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    ).stdout


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM))
