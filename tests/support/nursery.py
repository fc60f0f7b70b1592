"""Processes that deliver, in milliseconds: forked from one that has loaded apprise, not started with an interpreter.

`python -m tests.support.nursery MODULE` is such a process. It runs a module first, as `__main__` up to the name of it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping

from tests.support.program import ROOT
from watcher.delivery import process, worker
from watcher.delivery.client import Worker
from watcher.delivery.process import Process
from watcher.text.sanitize import sanitize_line


class Forked:
    """What is used of a started process."""

    def __init__(self, worker_id: int, end: socket.socket) -> None:
        self.pid = worker_id
        self._handle = os.pidfd_open(worker_id)
        self.stdin, self.stdout = end.makefile("wb"), end.makefile("rb")

    def __del__(self) -> None:
        os.close(self._handle)

    def poll(self) -> int | None:
        """Return None while it runs."""
        return 0 if select.select([self._handle], [], [], 0)[0] else None

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end; TimeoutExpired when it does not come in time."""
        if not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("worker", timeout or 0)


def asks(nursery: socket.socket) -> Forked:
    """Have a nursery fork a process."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(nursery, [b"."], [theirs.fileno()])
        return Forked(int.from_bytes(nursery.recv(4)), ours)


def serve(asked: socket.socket, prepare: Callable[[int], None]) -> None:
    """Fork a process for each socket that comes, until the other side is gone."""
    try:
        while (received := socket.recv_fds(asked, 1, 1))[0]:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            (number,) = received[1]
            worker_id = os.fork()
            # Parent and child both set it, so that the group exists before anybody can know its id and kill it.
            with contextlib.suppress(ProcessLookupError):
                os.setpgid(worker_id, worker_id)
            if worker_id == 0:
                prepare(number)
                worker.serve(os.fdopen(number, "rb"), os.fdopen(os.dup(number), "wb"))
                return
            os.close(number)
            asked.sendall(worker_id.to_bytes(4))
    finally:
        os._exit(0)


class Nursery:
    """The other side of `python -m tests.support.nursery MODULE`, which starts with the first process."""

    def __init__(
        self, module: str = process.MODULE, env: Mapping[str, str] | None = None
    ) -> None:
        self._module, self._env = module, env or {}
        self._asking: socket.socket | None = None

    def spawn(self) -> Forked:
        """Start a process as `watcher.delivery.process.spawn` does."""
        if self._asking is None:
            self._asking, end = socket.socketpair()
            with end:
                self._started = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.nursery", self._module],
                    cwd=ROOT,
                    stdin=end.fileno(),
                    env=os.environ | self._env,
                )
        return asks(self._asking)

    def end(self) -> None:
        """End it; what it has started goes on."""
        if self._asking is not None:
            self._asking.close()
            self._started.wait()
            self._asking = None


class NurseryWorker(Worker):
    """A worker whose processes come from a nursery."""

    def __init__(
        self, module: str = process.MODULE, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._nursery = Nursery(module, env)

    def take(self) -> Process:
        """Return a process as ever, but for how it is started."""
        before, process.spawn = process.spawn, self._nursery.spawn  # type: ignore[assignment]  # what is used of one
        try:
            return super().take()
        finally:
            process.spawn = before

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__()
        self._nursery.end()


def load() -> None:
    """Load what a process that delivers needs, with the patterns that are compiled at their first use."""
    sanitize_line("somebody@example.org at", cut_off=True)
    worker.load()


def _main() -> None:
    importlib.import_module(sys.argv[1])
    load()
    asked = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    serve(asked, lambda _: asked.close())


if __name__ == "__main__":
    _main()
