"""Jobs on Linux: a worker loads apprise once and forks each of them, in milliseconds (`watcher.delivery.worker`)."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

from watcher.delivery.process.interpreter import (
    GRACE,
    PATIENCE,
    Connection,
    WorkerError,
    command,
    environment,
)

assert sys.platform == "linux"  # noqa: S101 - so the type checker knows it too

MODULE = "watcher.delivery.worker"


def spawn(end: socket.socket) -> subprocess.Popen[bytes]:
    """Start the worker with one end of a socket for its standard input, away from the terminal and from secrets."""
    return subprocess.Popen(  # noqa: S603 - this program, run by this interpreter
        command(MODULE),
        stdin=end.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )


class Processes:
    """The worker, which is started when it is first needed, and again if it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._files: tuple[str, ...] = ()

    def start(self) -> tuple[str, ...]:
        """Start it, wait until it has loaded apprise and return files that it loaded; WorkerError if it cannot."""
        if not self._files:
            try:
                control = self._connect()
                control.settimeout(PATIENCE)
                with control.makefile("rb") as lines:
                    said = json.loads(
                        lines.readline() or b'{"error": "its process ended"}'
                    )
            except OSError as error:
                said = {"error": error.strerror or "it took too long"}
            if "error" in said:
                self.end()
                raise WorkerError(said["error"])
            self._files = tuple(said["files"])
        return self._files

    def _connect(self) -> socket.socket:
        """Start it unless it runs, and return the socket to it."""
        if self._control is None:
            self._control, end = socket.socketpair()
            with end:
                self._process = spawn(end)
        return self._control

    @contextlib.contextmanager
    def lent(self) -> Iterator[socket.socket]:
        """Have a job while the block runs."""
        with self._begin() as end:
            yield end

    async def begin(self) -> Connection:
        """Have the worker fork a job; a worker that has ended is started again.

        Nothing is waited for: a worker that is still loading apprise forks the job when it has. The system ends the job
        as soon as its socket is closed.
        """
        return Connection(self._begin())

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as failing, theirs:
            failing.callback(ours.close)
            try:
                socket.send_fds(self._connect(), [b"."], [theirs.fileno()])
            except OSError:
                self.end()
                socket.send_fds(self._connect(), [b"."], [theirs.fileno()])
            failing.pop_all()
        return ours

    @property
    def current(self) -> object:
        """Return what stands for the process that runs now."""
        return self._process

    def replace_if_stuck(self, process: object) -> None:
        """End the process, if it is still that one and has loaded apprise: one that forks no job then never will."""
        if (
            self._process is not None
            and self._process is process
            and self._has_loaded()
        ):
            self._process.kill()
            self.end()

    def _has_loaded(self) -> bool:
        if self._files or self._control is None:
            return bool(self._files)
        try:
            return bool(self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    def kill(self) -> None:
        """End it at once, and wait for nothing: this process ends too, maybe from another thread."""
        if (process := self._process) is not None:
            process.kill()

    def end(self) -> None:
        """End it, and its jobs with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
