"""The process that delivers: it loads apprise once, and forks a job for each message.

Its standard input is a socket to the program. Each byte there brings a socket of a job's own: the job reads what it is
to do from it and writes what comes of it, as lines of JSON, to it. A job is killed when the program closes its end,
whatever it does then, and all end when the program does. Signals are the program's to answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
from functools import partial

_PR_SET_PDEATHSIG = 1
_MEMORY = 2**28
"""Bytes of address space that a job may take beyond what this process has."""


def main() -> None:
    """Serve the program at the other end of standard input."""
    program = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(program)


def serve(program: socket.socket) -> None:
    """Load apprise, say which files it is, and run jobs until the program is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        _tell(program, "files", load())
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        _tell(program, "error", f"{type(error).__name__}: {error}")
    else:
        _Jobs(program).run()


def load() -> list[str]:
    """Load all that a message may need, and return files of what was loaded."""
    import netrc  # noqa: F401 - requests has it wait for the first request

    import apprise
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    from watcher.delivery import sender, urls  # noqa: F401 - what jobs run

    urls.load()
    gc.collect()
    gc.freeze()  # a job collects its own garbage only, and shares the memory of all else
    return [str(apprise.__file__), str(DEFAULT_CA_BUNDLE_PATH)]


class _Jobs:
    """The jobs under way, by the number of their socket: the process id, and the socket."""

    def __init__(self, program: socket.socket) -> None:
        self._program = program
        self._jobs: dict[int, tuple[int, socket.socket]] = {}
        self._ended, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(program, select.POLLIN)
        self._poll.register(self._ended, select.POLLIN)

    def run(self) -> None:
        """Run jobs until the program is gone."""
        while True:
            for number, _ in self._poll.poll():
                if number == self._ended:
                    os.read(number, 4096)
                elif number in self._jobs:  # the program has closed its end
                    os.kill(self._jobs[number][0], signal.SIGKILL)
                elif number == self._program.fileno() and not self._begin():
                    return
            self._reap()

    def _begin(self) -> bool:
        """Begin a job; False when the program is gone, and with it all jobs."""
        byte, ends, _, _ = socket.recv_fds(self._program, 1, 1)
        for end in (socket.socket(fileno=number) for number in ends):
            with contextlib.suppress(OSError):  # no process can be had: the program sees the socket closed
                self._jobs[end.fileno()] = self._fork(end), end
                self._poll.register(end, 0)  # it is heard of when the other end is closed
        if not byte:
            for pid, _ in self._jobs.values():
                os.kill(pid, signal.SIGKILL)
        return bool(byte)

    def _fork(self, end: socket.socket) -> int:
        """Fork a job and return its process id. This process has one thread, so that no lock is held by another."""
        worker = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                for other in (self._program, *(socket for _, socket in self._jobs.values())):
                    other.close()
                if os.getppid() == worker:
                    _limit_memory()
                    _work(end)
            finally:
                os._exit(0)
        return pid

    def _reap(self) -> None:
        for number, (pid, end) in list(self._jobs.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._poll.unregister(number)
                del self._jobs[number]
                end.close()


def _limit_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as sizes:  # noqa: PTH123 - before anything else that takes memory
        size = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, resource.RLIM_INFINITY))


def _work(end: socket.socket) -> None:
    """Do what the socket asks for: judge a URL, or send a message."""
    from watcher.delivery import sender, urls

    with end.makefile("rb") as asked:
        job = pickle.load(asked)  # noqa: S301 - it comes from the program itself
    if isinstance(job, str):
        result = urls.refusal(job)
    else:
        result = sender.send(job, taken=partial(_tell, end, "taken"), allow=partial(_tell, end, "allow"))
    _tell(end, "result", result)


def _tell(to: socket.socket, name: str, value: object) -> None:
    to.sendall(json.dumps({name: value}).encode() + b"\n")


if __name__ == "__main__":
    main()
