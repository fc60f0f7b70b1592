"""What one attempt at a message may take: how long its requests last, and how much of an answer is read.

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
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Request:
    """One request: until when it may last, by the monotonic clock, and whether it was cut."""

    until: float
    is_over: bool = False


class Attempt:
    """One attempt: every connection that its thread opens inside the `with` block belongs to it.

    It may last `timeout` seconds, and with several targets so long for each of them.
    """

    def __init__(self, timeout: float) -> None:
        self.is_over = False
        self._timeout = timeout
        self._begun = time.monotonic()
        self._until = self._begun + timeout
        self._opened: list[tuple[int, os.stat_result]] = []
        self._request: _Request | None = None

    def __enter__(self) -> None:
        _here.attempt = self

    def __exit__(self, *exc_info: object) -> None:
        del _here.attempt

    def allow(self, targets: int, pause: float) -> None:
        """Give each of several targets its time, and the `pause` in seconds that is made between two of them."""
        if targets > 1:
            self._until = self._begun + targets * (self._timeout + pause) + _GRACE

    @contextlib.contextmanager
    def request(self) -> Iterator[_Request]:
        """Time one request, so that a target which hangs leaves the time of the next ones alone."""
        outer, self._request = self._request, _Request(time.monotonic() + self._timeout)
        try:
            yield self._request
        finally:
            self._request = outer

    def is_cut(self) -> bool:
        """Tell whether the time is up, of the attempt or of the request under way."""
        return self.is_over or (self._request is not None and self._request.is_over)

    def wait(self, thread: threading.Thread) -> None:
        """From another thread: wait for the attempt's `thread` until the time is up, and cut what is too slow.

        When the time of a request is up its connection is cut. When the time of the attempt is up all connections are
        cut and no new one can be made; the thread is given a second to end, since not everything can be cut.
        """
        while thread.is_alive() and (left := self._until - time.monotonic()) > 0:
            request, rest = self._request, self._timeout  # a request that is yet to begin has at least as long
            if request is not None and not request.is_over:
                rest = request.until - time.monotonic()
                if rest <= 0:
                    request.is_over = True
                    self._cut(thread, request)
                    continue
            thread.join(min(left, rest))
        if thread.is_alive():
            self.is_over = True
            self._cut(thread)

    def _cut(self, thread: threading.Thread, request: _Request | None = None) -> None:
        """Cut all connections until the request, or else the thread, has ended, for a second at most."""
        patience = time.monotonic() + _GRACE
        while thread.is_alive() and request in (None, self._request) and time.monotonic() < patience:
            # Time and again, for the one that was about to be connected.
            for number, known in list(self._opened):
                _cut(number, known)
            thread.join(0.02)

    def opens(self, connection: socket.socket) -> None:
        """Note a connection that is about to be made; TimeoutError when the time is up."""
        if self.is_cut():
            raise TimeoutError("timed out")
        number = connection.fileno()
        self._opened.append((number, os.fstat(number)))


def certificates() -> str:
    """Return the file of the certificates that requests trusts."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return str(DEFAULT_CA_BUNDLE_PATH)


@cache
def install() -> None:
    """Bound what requests reads from here on, and have each attempt know its connections, whichever library's."""
    from requests import Session
    from requests.adapters import HTTPAdapter
    from requests.exceptions import RequestException, Timeout

    build_response, send = HTTPAdapter.build_response, Session.send

    def bounded(self: HTTPAdapter, req: PreparedRequest, resp: Any) -> Response:  # noqa: ANN401 - urllib3's response
        response = build_response(self, req, resp)
        _read(response)
        return response

    def timed(self: Session, request: PreparedRequest, **options: Any) -> Response:  # noqa: ANN401 - as they come
        attempt: Attempt | None = getattr(_here, "attempt", None)
        if attempt is None:
            return send(self, request, **options)
        with attempt.request() as under_way:
            try:
                return send(self, request, **options)
            except RequestException:
                if under_way.is_over:  # it knows of a lost connection only
                    raise Timeout("timed out") from None
                raise

    HTTPAdapter.build_response = bounded  # type: ignore[method-assign]  # a session has no better place for it
    Session.send = timed  # type: ignore[method-assign]  # as above
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
    attempt: Attempt | None = getattr(_here, "attempt", None)
    if attempt is not None and attempt.is_cut():  # the cut may look like the body's end
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
