"""The process of one job where none can be forked: it connects to the program, loads apprise and does what is asked.

A thread reads what the program sends, and ends this process as soon as the program closes its socket, which the system
does when the program ends.
"""

from __future__ import annotations

import hmac
import io
import os
import signal
import socket
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from watcher.delivery.process import work

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PATIENCE = 60.0
"""Seconds that the program may take to accept the connection."""

if sys.platform == "win32":

    def _leave_signals_to_the_work() -> None:
        """Do nothing: Windows has none that come from outside."""

else:

    def _leave_signals_to_the_work() -> None:
        """Have a signal interrupt what the first thread waits for, and never this one."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})


def main() -> None:
    """Serve the program whose port is on standard input."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    end = _connected(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    asked = io.BufferedReader(_Incoming(end))
    try:
        work.tell(end, "files", work.load())
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        work.tell(end, "error", f"{type(error).__name__}: {error}")
        return
    work.work(end, asked, work.Bounds())


def _connected(asked: BinaryIO) -> socket.socket:
    """Connect to the program, and leave unless it knows the secret too: what it sends is run."""
    port, theirs, ours = asked.readline().split()
    end = socket.create_connection(("127.0.0.1", int(port)), timeout=_PATIENCE)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.sendall(ours)
    with end.makefile("rb", buffering=0) as shown:
        if not hmac.compare_digest(shown.read(len(theirs)) or b"", theirs):
            sys.exit(1)
    end.settimeout(None)
    return end


class _Incoming(io.RawIOBase):
    """What the program sends, read by a thread of its own."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._parts: SimpleQueue[bytes] = SimpleQueue()
        self._rest = b""
        threading.Thread(target=self._read, name="program", daemon=True).start()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Wait until something has come, and give of it what there is room for."""
        self._rest = self._rest or self._parts.get()
        room = memoryview(buffer)
        given, self._rest = self._rest[: len(room)], self._rest[len(room) :]
        room[: len(given)] = given
        return len(given)

    def _read(self) -> None:
        _leave_signals_to_the_work()
        try:
            while part := self._end.recv(2**16):
                self._parts.put(part)
        finally:
            os._exit(0)


if __name__ == "__main__":
    main()
