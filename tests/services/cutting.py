"""A proxy on loopback before a real server: it passes all requests on, and cuts the answers to some of them.

What the server has got is the server's to say. Nothing here is encrypted: the proxy has to see where a request ends.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

_KEPT, _CLOSED = b"Connection: keep-alive\r\n", b"Connection: close\r\n"
_PATIENCE = 60.0
"""Seconds that a server may take, and a client that is kept waiting."""


class Way(Enum):
    """What becomes of a request and its answer."""

    UNSENT = auto()
    """The connection ends before the server has got the request."""
    LOST = auto()
    """The server has answered, and the connection ends before the answer begins."""
    HALF = auto()
    """The head of the answer passes, of a reply in SMTP its code, and then the connection ends."""
    SILENT = auto()
    """The server has answered, and the client hears nothing until it leaves."""
    AFTER = auto()
    """The answer passes, and then the connection ends."""
    LAST = auto()
    """The answer passes, and further connections are refused."""
    REFUSED = auto()
    """The server does not get the request: the proxy answers with 500, in SMTP 451, and then the connection ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which requests are cut, and how."""

    at: str
    """A pattern that the request has in it: its head and body, or its line in SMTP, where a mail is a request too."""
    way: Way


class Cutting:
    """Passes on what comes to `port` to another port while a `with` block runs, and cuts as `cut` says, if any."""

    def __init__(self, to: int, *, mail: bool = False) -> None:
        self.cut: Cut | None = None
        self.requests: list[str] = []
        """All that came, in order."""
        self.port = 0
        self._to = to
        self._serve = self._mail if mail else self._http
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._refuse()
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def mend(self) -> None:
        """Cut nothing any more, and take connections again."""
        self.cut = None
        self._refuse()
        self._listen()

    def count(self, pattern: str) -> int:
        """Return how many requests had the pattern in them."""
        return sum(
            re.search(pattern, request, re.DOTALL) is not None
            for request in self.requests
        )

    def _listen(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listening.getsockname()[1])
        self._begin(self._accept, self._listening)

    def _refuse(self) -> None:
        """Take no connections."""
        with contextlib.suppress(OSError):  # it takes none already
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # it ends
                return
            self._begin(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        """Serve one connection; whoever leaves ends it."""
        with contextlib.suppress(OSError, EOFError), self._kept(client):
            server = socket.create_connection(("127.0.0.1", self._to), _PATIENCE)
            with self._kept(server):
                self._serve(_Stream(client), _Stream(server))

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[None]:
        connection.settimeout(_PATIENCE)
        with connection:
            with self._lock:
                self._open.add(connection)
            try:
                yield
            finally:
                with self._lock:
                    self._open.discard(connection)

    def _way(self, request: bytes) -> Way | None:
        """Note a request, and return how it is cut."""
        text = request.decode("utf-8", "replace")
        with self._lock:
            self.requests.append(text)
            cut = self.cut
            return (
                cut.way
                if cut is not None and re.search(cut.at, text, re.DOTALL)
                else None
            )

    def _http(self, client: _Stream, server: _Stream) -> None:
        """Pass one request on, and its answer, whose end is that of the connection."""
        head = client.until(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
        body = client.take(int(length[1]) if length else 0)
        way = self._way(head + body)

        def answer() -> bytes:
            server.send(head.replace(_KEPT, _CLOSED) + body)
            return server.rest()

        self._answer(
            way,
            client,
            answer,
            b"HTTP/1.1 500 Refused\r\nContent-Length: 2\r\n\r\n{}",
            b"\r\n\r\n",
        )

    def _mail(self, client: _Stream, server: _Stream) -> None:
        """Pass one command on after the other, and their replies. A mail follows the command DATA."""
        client.send(_reply(server))
        is_mail, goes_on = False, True
        while goes_on:
            request = client.until(b"\r\n.\r\n" if is_mail else b"\r\n")
            way = self._way(request)

            def answer(request: bytes = request) -> bytes:
                server.send(request)
                return _reply(server)

            reply = self._answer(way, client, answer, b"451 Refused\r\n", b"250")
            is_mail, goes_on = reply.startswith(b"354"), way is None

    def _answer(
        self,
        way: Way | None,
        client: _Stream,
        answer: Callable[[], bytes],
        refusal: bytes,
        head: bytes,
    ) -> bytes:
        """Answer the client, as far as it goes, with the server's answer, and return that."""
        if way is Way.UNSENT:
            return b""
        if way is Way.REFUSED:
            client.send(refusal)
            return refusal
        whole = answer()
        if way is Way.LAST:
            self._refuse()
        if way is Way.SILENT:
            client.rest()
        elif way is Way.HALF:
            client.send(whole[: whole.index(head) + len(head)])
        elif way is not Way.LOST:
            client.send(whole)
        return whole


class _Stream:
    """What comes from one end of a connection; EOFError where it ends too early."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._came = b""
        self.send = connection.sendall

    def until(self, end: bytes) -> bytes:
        """Return what comes up to these bytes, and them."""
        while end not in self._came:
            self._more()
        return self.take(self._came.index(end) + len(end))

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        while len(self._came) < length:
            self._more()
        taken, self._came = self._came[:length], self._came[length:]
        return taken

    def rest(self) -> bytes:
        """Return what comes until the end."""
        with contextlib.suppress(EOFError):
            while True:
                self._more()
        return self._came

    def _more(self) -> None:
        if not (more := self._connection.recv(65536)):
            raise EOFError
        self._came += more


def _reply(server: _Stream) -> bytes:
    """Return an SMTP reply, whose last line has a blank after the code."""
    lines = [server.until(b"\r\n")]
    while lines[-1][3:4] == b"-":
        lines.append(server.until(b"\r\n"))
    return b"".join(lines)
