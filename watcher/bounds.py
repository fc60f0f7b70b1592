"""What one attempt at a message may take: how long its connections last, and how much of an answer is read.

apprise waits while bytes keep coming and keeps them all, so that a service whose answer never ends would hold a thread
for ever and fill the memory. Nothing else knows requests, which apprise sends with.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

MOST = 2**20
"""Bytes that are read of one answer, decompressed."""

_PART = 2**16
_GRACE = 1.0
_here = threading.local()


class Attempt:
    """One attempt: every connection that its thread opens inside the `with` block belongs to it."""

    def __init__(self) -> None:
        self.is_over = False
        self._opened: list[tuple[int, os.stat_result]] = []

    def __enter__(self) -> None:
        _here.attempt = self

    def __exit__(self, *exc_info: object) -> None:
        del _here.attempt

    def end(self, thread: threading.Thread) -> None:
        """From another thread: cut all connections and let no new one be made, until the attempt's `thread` has ended.

        It is given a second for that: what it does besides waiting for a connection can't be ended.
        """
        self.is_over = True
        patience = time.monotonic() + _GRACE
        while thread.is_alive() and time.monotonic() < patience:
            # Time and again, for the one that was about to be connected.
            for number, known in list(self._opened):
                _cut(number, known)
            thread.join(0.02)

    def opens(self, connection: socket.socket) -> None:
        """Note a connection that is about to be made; TimeoutError when the time is up."""
        if self.is_over:
            raise TimeoutError("timed out")
        number = connection.fileno()
        self._opened.append((number, os.fstat(number)))


@cache
def install() -> None:
    """Bound what requests reads from here on, and have each attempt know its connections, whichever library's."""
    from requests.adapters import HTTPAdapter

    build_response = HTTPAdapter.build_response

    def bounded(self: HTTPAdapter, req: PreparedRequest, resp: Any) -> Response:  # noqa: ANN401 - urllib3's response
        response = build_response(self, req, resp)
        _read(response)
        return response

    HTTPAdapter.build_response = bounded  # type: ignore[method-assign]  # a session has no better place for it
    sys.addaudithook(_noticed)


def _read(response: Response) -> None:
    """Read the body, at most `MOST` bytes of it: what lies behind has no say.

    The status has come, and with a 2xx the message is taken: to call a long answer a failure, or one that breaks off,
    would repeat the message at each poll. A service that tells more in the body tells it in the beginning, and apprise
    judges that as ever. An answer that is not complete when the time is up is a Timeout.
    """
    from requests.exceptions import ChunkedEncodingError, ConnectionError, ContentDecodingError, Timeout  # noqa: A004

    body = bytearray()
    try:
        for part in response.iter_content(_PART):
            body += part
            if len(body) >= MOST:
                response.close()
                break
    except (ChunkedEncodingError, ConnectionError, ContentDecodingError):
        if response.status_code // 100 != 2:
            raise
        response.close()
    attempt = getattr(_here, "attempt", None)
    if attempt is not None and attempt.is_over:  # the cut may look like the body's end
        raise Timeout("timed out")
    response._content = bytes(body[:MOST])  # noqa: SLF001 - where requests keeps what it has read
    response._content_consumed = True  # noqa: SLF001 - as above


def _noticed(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and (attempt := getattr(_here, "attempt", None)) is not None:
        attempt.opens(args[0])


def _cut(number: int, known: os.stat_result) -> None:
    """Shut down the connection that had this file number; nothing if it is closed, or the number another's by now.

    Not by the socket that was connected: TLS takes the number away from it.
    """
    with contextlib.suppress(OSError):
        handle = os.dup(number)
        try:
            if os.path.samestat(os.fstat(handle), known):
                connection = socket.socket(fileno=handle)
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                finally:
                    connection.detach()
        finally:
            os.close(handle)
