"""The process that delivers: it loads apprise once, and forks a job for each channel's round of messages.

Its standard input is a socket to the program. Each byte received carries the socket of one job. The job reads one task
after the other from that socket and writes its results to it (`watcher.delivery.process.work`). The system ends a job
when the program closes the other end, whatever the job does, and so all of them when the program ends. SIGINT and
SIGTERM are ignored: the program handles them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path

from watcher.delivery.process.work import Bounds, load, tell, work

assert sys.platform == "linux"  # noqa: S101 - so the type checker knows it too

_PREPARATION = 60.0
"""Seconds of CPU after which the system ends a job that has not asked yet whether its message may go out."""
_MEMORY = 2**28
"""Bytes of address space that a job may take beyond what this process has."""


def main() -> None:
    """Serve the program at the other end of standard input."""
    program = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(program)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        os.killpg(
            os.getpid(), signal.SIGKILL
        )  # a job that somebody has stopped (SIGSTOP) hears nothing else


def serve(program: socket.socket) -> None:
    """Load apprise, say which files it is, and run jobs until the program is gone."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    try:
        tell(program, "files", load())
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        tell(program, "error", f"{type(error).__name__}: {error}")
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a job
    with contextlib.suppress(
        ConnectionResetError
    ):  # the program ended without reading the line above
        while (received := socket.recv_fds(program, 1, 1))[0]:
            for number in received[1]:
                # Where no process can be had, the program sees its socket closed.
                with socket.socket(fileno=number) as end, contextlib.suppress(OSError):
                    if (
                        os.fork() == 0
                    ):  # this process has one thread, so that no lock is held by another
                        _be_a_job(program, end)


def _be_a_job(program: socket.socket, end: socket.socket) -> None:
    try:
        program.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _limit_memory()
        with end.makefile("rb") as asked:
            work(end, asked, _Bounds(end))
    finally:
        os._exit(0)


def _limit_memory() -> None:
    """Limit this process's address space. No alert is lost where that cannot be done, as without `/proc`."""
    with contextlib.suppress(OSError, ValueError):
        size = (
            int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            * resource.getpagesize()
        )
        given = resource.getrlimit(resource.RLIMIT_AS)
        most = min(
            [
                size + _MEMORY,
                *(limit for limit in given if limit != resource.RLIM_INFINITY),
            ]
        )
        resource.setrlimit(resource.RLIMIT_AS, (most, given[1]))


class _Bounds(Bounds):
    """Bounds that the system keeps, by signals."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def prepare(self) -> None:
        """Limit the time: the program may not wait yet."""
        signal.setitimer(signal.ITIMER_VIRTUAL, _PREPARATION)

    def hold(self) -> None:
        """Have the system end this process, by SIGIO, as soon as the other end of the socket is closed."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        fcntl.fcntl(self._end, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(
            self._end, fcntl.F_SETFL, fcntl.fcntl(self._end, fcntl.F_GETFL) | os.O_ASYNC
        )
        if select.select([self._end], [], [], 0)[0]:  # it was closed before that
            os._exit(0)

    def release(self) -> None:
        """Undo it: what comes next may be another task, and is read."""
        fcntl.fcntl(
            self._end,
            fcntl.F_SETFL,
            fcntl.fcntl(self._end, fcntl.F_GETFL) & ~os.O_ASYNC,
        )


if __name__ == "__main__":
    main()
