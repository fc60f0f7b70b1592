"""The process that delivers: it loads apprise once, and forks a job for each channel's round of messages.

Its standard input is a socket to the program. Each byte received carries the socket of one job. The job reads one task
after the other from that socket and writes its results to it, one JSON object per line. Before anything of a message
leaves the job, it waits for a byte by which the program lets it go out. The system ends a job when the program closes
the other end, whatever the job does, and so all of them when the program ends. SIGINT and SIGTERM are ignored: the
program handles them.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
from functools import partial
from pathlib import Path
from typing import BinaryIO

_PREPARATION = 60.0
"""Seconds of CPU after which the system ends a job that has not asked yet whether its message may go out."""
_MEMORY = 2**28
"""Bytes of address space that a job may take beyond what this process has."""


def main() -> None:
    """Serve the program at the other end of standard input."""
    program = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(program)


def serve(program: socket.socket) -> None:
    """Load apprise, say which files it is, and run jobs until the program is gone."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    try:
        _tell(program, "files", load())
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        _tell(program, "error", f"{type(error).__name__}: {error}")
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a job
    with contextlib.suppress(ConnectionResetError):  # the program ended without reading the line above
        while (received := socket.recv_fds(program, 1, 1))[0]:
            for number in received[1]:
                # Where no process can be had, the program sees its socket closed.
                with socket.socket(fileno=number) as end, contextlib.suppress(OSError):
                    if os.fork() == 0:  # this process has one thread, so that no lock is held by another
                        _be_a_job(program, end)


def load() -> list[str]:
    """Load all that a message may need, and return files of what was loaded."""
    import netrc  # noqa: F401 - requests has it wait for the first request

    import apprise
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    from watcher.delivery import sender, urls  # noqa: F401 - what jobs run

    urls.load()
    gc.collect()
    gc.freeze()  # a job then collects its own garbage only: 14 ms of CPU instead of 52, and 9 MB of its own, not 21
    return [str(apprise.__file__), str(DEFAULT_CA_BUNDLE_PATH)]


def _be_a_job(program: socket.socket, end: socket.socket) -> None:
    try:
        program.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _limit_memory()
        _work(end)
    finally:
        os._exit(0)


def _limit_memory() -> None:
    """Limit this process's address space. No alert is lost where that cannot be done, as without `/proc`."""
    with contextlib.suppress(OSError, ValueError):
        size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        given = resource.getrlimit(resource.RLIMIT_AS)
        most = min([size + _MEMORY, *(limit for limit in given if limit != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_AS, (most, given[1]))


def _work(end: socket.socket) -> None:
    """Do what the socket asks for, one thing after the other: judge a URL, or send a message."""
    from watcher.delivery import sender, urls
    from watcher.delivery.outcome import encoded

    with end.makefile("rb") as asked, contextlib.suppress(EOFError):
        while True:
            job = pickle.load(asked)  # noqa: S301 - it comes from the program itself
            result: object
            if isinstance(job, str):
                _end_with(end)
                result = urls.refusal(job)
            else:
                _tell(end, "allow", job.timeout)
                signal.setitimer(signal.ITIMER_VIRTUAL, _PREPARATION)
                taken, allow, out = (partial(_tell, end, name) for name in ("taken", "allow", "out"))
                result = encoded(sender.send(job, taken, allow, out, partial(_begin, asked, end)))
            _outlive(end)
            _tell(end, "result", result)


def _begin(asked: BinaryIO, end: socket.socket) -> None:
    """Wait until the program lets the message go out, which it has prepared meanwhile."""
    if not asked.read(1):  # the program is gone, or sends something else first
        os._exit(0)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    _end_with(end)


def _end_with(end: socket.socket) -> None:
    """Have the system end this process, by SIGIO, as soon as the other end of the socket is closed."""
    fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([end], [], [], 0)[0]:  # it was closed before that
        os._exit(0)


def _outlive(end: socket.socket) -> None:
    """Undo `_end_with`: what comes next may be another task, and is read."""
    fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) & ~os.O_ASYNC)


def _tell(to: socket.socket, name: str, value: object) -> None:
    to.sendall(json.dumps({name: value}).encode() + b"\n")


if __name__ == "__main__":
    main()
