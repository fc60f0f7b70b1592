"""Jobs where a process cannot be forked: each is an interpreter of its own (`watcher.delivery.process.alone`).

It takes half a second to load apprise, and then serves one channel's round of messages. A socket is passed to it by way
of a port on loopback, which every system has. Its standard input carries the port and two secrets, by which each side
knows the other: another program on the machine may find the port too.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from watcher.delivery.process.interpreter import (
    PATIENCE,
    Connection,
    WorkerError,
    command,
    environment,
)

MODULE = "watcher.delivery.process.alone"
_LOOK = 0.1
"""Seconds between two looks at whether a process that has not connected yet has ended."""
_HANDSHAKE = 5.0
"""Seconds that a connection has to show the secret."""

if sys.platform == "win32":

    def _popen(module: str) -> subprocess.Popen[bytes]:
        """Start a process without a window, which no Ctrl-C reaches."""
        return subprocess.Popen(  # noqa: S603 - this program, run by this interpreter
            command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            creationflags=subprocess.CREATE_NO_WINDOW
            | subprocess.CREATE_NEW_PROCESS_GROUP,
        )

else:

    def _popen(module: str) -> subprocess.Popen[bytes]:
        """Start a process away from the terminal."""
        return subprocess.Popen(  # noqa: S603 - this program, run by this interpreter
            command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )


class Processes:
    """Processes that run, one for each line of messages."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        self._turn = threading.Lock()
        """Held while that list changes, which threads do."""
        self._files: tuple[str, ...] = ()
        self._idle: Connection | None = None
        """One that has loaded apprise and waits for work."""

    def start(self) -> tuple[str, ...]:
        """Start a process, wait until it has loaded apprise and return files of it; WorkerError if it cannot."""
        if not self._files:
            try:
                self._idle = self._taken()
            except OSError as error:
                raise WorkerError(
                    error.strerror or str(error) or "it took too long"
                ) from None
        return self._files

    @contextlib.contextmanager
    def lent(self) -> Iterator[socket.socket]:
        """Have a process while the block runs; if all went well, it is kept."""
        job = self._taken()
        try:
            yield job.end
        except BaseException:
            job.end.close()
            job.kill()
            raise
        job.end.settimeout(None)
        self._idle = job

    async def begin(self) -> Connection:
        """Start a process; OSError if it does not come to run. The loop goes on meanwhile.

        The thread is none of the loop's own, for whose end a loop waits: this one may be left behind.
        """
        loop = asyncio.get_running_loop()
        begun: asyncio.Future[Connection] = loop.create_future()

        def give(job: Connection | None, error: OSError | None) -> None:
            if job is not None and begun.done():  # nobody waits any more
                job.end.close()
                job.kill()
            elif error is not None and not begun.done():
                begun.set_exception(error)
            elif job is not None and not begun.done():
                begun.set_result(job)

        def start() -> None:
            job, failure = None, None
            try:
                job = self._taken()
            except OSError as error:
                failure = error
            with contextlib.suppress(
                RuntimeError
            ):  # the loop has ended, and the process does with this one
                loop.call_soon_threadsafe(give, job, failure)

        threading.Thread(target=start, name="job", daemon=True).start()
        return await begun

    def _taken(self) -> Connection:
        """Return the idle process, or a new one that has loaded apprise; OSError if there is none."""
        idle, self._idle = self._idle, None
        if idle is not None:
            if not _has_ended(idle.end):
                return idle
            idle.end.close()
        process = self._popen()
        try:
            end = _connected(process)
        except BaseException:
            process.kill()
            raise
        try:
            self._files = _loaded(end)
        except BaseException:
            end.close()
            process.kill()
            raise
        return Connection(end, process.kill)

    def _popen(self) -> subprocess.Popen[bytes]:
        with self._turn:
            self._running = [one for one in self._running if one.poll() is None]
            self._running.append(process := _popen(MODULE))
        return process

    @property
    def current(self) -> object:
        """Return None: none stands for the others."""
        return None

    def replace_if_stuck(self, process: object) -> None:
        """Do nothing: the next job has a process of its own."""

    def kill(self) -> None:
        """End all of them at once, and wait for nothing: this process ends too, maybe from another thread."""
        for process in list(self._running):
            process.kill()

    def end(self) -> None:
        """End all of them."""
        if self._idle is not None:
            self._idle.end.close()
            self._idle = None
        with self._turn:
            for process in self._running:
                process.kill()
            for process in self._running:
                process.wait()
            self._running = []


def _connected(process: subprocess.Popen[bytes]) -> socket.socket:
    """Return a socket to the process; OSError if it ends before it is there, or takes too long."""
    mine, its = secrets.token_hex(16), secrets.token_hex(16)
    until = time.monotonic() + PATIENCE
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with socket.create_server(("127.0.0.1", 0)) as listener, process.stdin as asked:
        listener.settimeout(_LOOK)
        asked.write(f"{listener.getsockname()[1]} {mine} {its}\n".encode())
        asked.flush()
        while time.monotonic() < until:
            if process.poll() is not None:
                raise ConnectionError(0, "its process ended")
            with contextlib.suppress(TimeoutError):
                end, _ = listener.accept()
                if _shows(end, its):
                    end.sendall(mine.encode())
                    return end
                end.close()
    raise TimeoutError(0, "it took too long")


def _shows(end: socket.socket, secret: str) -> bool:
    """Return whether who has connected knows the secret."""
    end.settimeout(_HANDSHAKE)
    shown = b""
    with contextlib.suppress(OSError):
        while len(shown) < len(secret) and (part := end.recv(len(secret) - len(shown))):
            shown += part
    return hmac.compare_digest(shown, secret.encode())


def _loaded(end: socket.socket) -> tuple[str, ...]:
    """Wait until the process has loaded apprise and return files that it loaded; OSError if it cannot."""
    end.settimeout(PATIENCE)
    with end.makefile("rb") as lines:
        said = json.loads(lines.readline() or b'{"error": "its process ended"}')
    if "error" in said:
        raise ConnectionError(0, said["error"])
    end.settimeout(None)
    return tuple(said["files"])


def _has_ended(end: socket.socket) -> bool:
    """Return whether the process that nothing was asked of has closed its socket."""
    return bool(select.select([end], [], [], 0)[0])
