"""What a job sends and what is answered, whichever plugin sends it.

apprise says only yes or no. So the adapter of requests, through which each HTTP request of a plugin goes, is wrapped
while a message is sent, and so is the call that connects a socket: nothing goes out where it fails. What goes out by
any way the interpreter reports to audit hooks (`sys.addaudithook`). Nothing of a request, which holds secrets, is
written anywhere.
"""

from __future__ import annotations

import io
import re
import socket
import sys
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Self

from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as LostError
from requests.exceptions import RequestException
from requests.models import PreparedRequest, Response
from urllib3.exceptions import HTTPError

from watcher.delivery.exchange import Exchange

_CONNECT = "socket.connect"
_CONTACTS = frozenset(
    {
        _CONNECT,
        "socket.sendto",
        "socket.sendmsg",
        "syslog.syslog",
        "subprocess.Popen",
        "os.posix_spawn",
    }
)
"""Events of a message that leaves the process, or is about to, by another way than HTTP or SMTP."""
_SECONDS = re.compile(r"\s*\d{1,9}(\.\d{1,9})?\s*", re.ASCII)
_MOST = 2**24
"""Bytes of a body that are read."""
_PIECE = 2**14
_TUNNEL = b"CONNECT "
"""How a request begins that is meant for an HTTP proxy: nothing of the message is in it."""


class FloodError(RequestException):
    """The answer is too long to be kept."""


class Wire:
    """Watches what this process sends and what it is answered, while its `with` block runs."""

    def __init__(self, out: Callable[[bool], None] = lambda _: None) -> None:
        self.exchanges: list[Exchange] = []
        self.contacts = 0
        """Times that this process turned to another one: requests, connections, datagrams, programs."""
        self.beside = 0
        """Those but for HTTP requests."""
        self.unconnected = ""
        """Why the last connection was not made that failed."""
        self.on_smtp: Callable[[str, Any, bytes | str], None] | None = None
        """Called with each event of an SMTP connection, the connection, and what is sent."""
        self.mark = b""
        """A word of the message, by which a request that carries it is known. Empty: none is."""
        self.sealed: re.Pattern[str] | None = None
        """The addresses of requests that carry it so that it cannot be read (`Rules.sealed`)."""
        self.refuses: re.Pattern[bytes] | None = None
        """What the body of a success has in it where the service refused (`Rules.refuses`)."""
        self.targets: Callable[[bytes], frozenset[str]] = lambda _: frozenset()
        """Returns the targets that a request is sent to, by what is in it."""
        self.by_other_ways = False
        """The plugin speaks neither HTTP nor SMTP, so that a connection counts as a message that went out."""
        self._is_out = self._was_lost = self._is_exchanging = False
        self._out = out

    def __enter__(self) -> Self:
        if not _hook.is_installed:
            sys.addaudithook(_hook)
            _hook.is_installed = True
        _hook.wire = self
        self._adapter_send, self._socket_connect = (
            HTTPAdapter.send,
            socket.socket.connect,
        )
        wire = self

        def send(
            adapter: HTTPAdapter,
            request: PreparedRequest,
            *args: Any,  # noqa: ANN401
            **options: Any,  # noqa: ANN401
        ) -> Response:
            return wire.exchange(
                request, lambda: wire._adapter_send(adapter, request, *args, **options)
            )

        def connect(end: socket.socket, address: Any) -> None:  # noqa: ANN401
            wire.connect(lambda: self._socket_connect(end, address))

        # Both until `__exit__`.
        HTTPAdapter.send = send  # type: ignore[method-assign,assignment]
        socket.socket.connect = connect  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *exc_info: object) -> None:
        HTTPAdapter.send = self._adapter_send  # type: ignore[method-assign]
        socket.socket.connect = self._socket_connect  # type: ignore[method-assign]
        _hook.wire = self.on_smtp = None  # it knows the service, which is to end now

    @property
    def is_unanswered(self) -> bool:
        """Return whether something of the message went out by another way than HTTP and was never answered."""
        return self._is_out or self._was_lost

    @property
    def is_out(self) -> bool:
        """Return whether something of the message went out that is not answered yet, by another way than HTTP."""
        return self._is_out

    def in_doubt(self, known: AbstractSet[str] = frozenset()) -> bool:
        """Return whether a target that is not known to have the message may have it."""
        return self.is_unanswered or any(
            one.is_in_doubt and not one.targets <= known for one in self.exchanges
        )

    def went_out(self) -> None:
        """Note that the message went out by another way than HTTP; the program learns of it before it does."""
        self._was_lost |= self._is_out
        self._is_out = True
        self._out(True)

    def was_answered(self) -> None:
        """Note that what went out by another way was answered."""
        self._is_out = False
        self._out(self.in_doubt())

    def notice(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an audit event, which comes before what it is about."""
        if event == "http.client.send":
            if self.exchanges and not bytes(args[1]).startswith(_TUNNEL):
                self._goes_out(self.exchanges[-1])
        elif event.startswith("smtplib."):
            if self.on_smtp is not None:
                self.on_smtp(event, args[0], args[1])
        elif event in _CONTACTS:
            self.contacts += 1
            self.beside += not self._is_exchanging
            if event != _CONNECT:
                self._went_beside()

    def connect(self, connect: Callable[[], None]) -> None:
        """Connect a socket, after which what a plugin sends over it cannot be seen; what fails is as if never tried."""
        try:
            connect()
        except BlockingIOError:  # it goes on, and may succeed
            self._went_beside()
            raise
        except OSError as error:
            self.unconnected = f"{type(error).__name__} {error}"
            raise
        self._went_beside()

    def _went_beside(self) -> None:
        """Note that the message may go out from now on, unless HTTP or SMTP tell when it does."""
        if self.by_other_ways and not self._is_out:
            self.went_out()

    def exchange(
        self, request: PreparedRequest, send: Callable[[], Response]
    ) -> Response:
        """Send a request, note its answer, and return it with its body read.

        Where the rest of the body is lost the plugin gets what came of the answer to a message: its head says that the
        message was taken. Any other such answer is an exception, as requests has it.
        """
        said = _said(request)
        carries = self._carries(request, said)
        exchange = Exchange(
            carries=carries, targets=self.targets(said), refuses=self.refuses
        )
        self.exchanges.append(exchange)
        self.contacts += 1
        self._is_exchanging = True
        try:
            response = send()
        except BaseException as error:
            exchange.error = f"{type(error).__name__} {error}"
            raise
        finally:
            self._is_exchanging = False
        exchange.retry_after = seconds_of(
            response.headers.get("Retry-After", ""), response.headers.get("Date", "")
        )
        exchange.is_html = (
            response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            == "text/html"
        )
        exchange.status = response.status_code
        # A success may have been taken by some target, whatever its body says: the program hears that with the outcome.
        if not (carries and exchange.is_success):
            self._out(self.in_doubt())
        try:
            _read(response, exchange)
        except (HTTPError, OSError) as error:
            exchange.is_cut, exchange.error = True, f"{type(error).__name__} {error}"
            response.raw.close()
            if not exchange.carries:
                raise LostError(exchange.error) from None
        # The body was read here, and the plugin reads it again.
        response.raw = io.BytesIO(exchange.body)
        return response

    def _carries(self, request: PreparedRequest, said: bytes) -> bool:
        """Return whether the message is in a request."""
        if self.sealed is not None and self.sealed.search(request.url or ""):
            return True
        return bool(self.mark) and self.mark in said

    def _goes_out(self, exchange: Exchange) -> None:
        """Note that some of a request goes out; its head and its body are sent one after the other."""
        if not exchange.is_out:
            exchange.is_out = True
            if exchange.carries:
                self._out(True)


class _Hook:
    """The audit hook of this process: it cannot be removed, so it is installed once, and rests without a `Wire`."""

    # Python traces an audit hook only if it says so, and coverage needs that.
    __cantrace__ = True

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.is_installed = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.wire is not None and (
            event.startswith(("http.client.send", "smtplib.")) or event in _CONTACTS
        ):
            self.wire.notice(event, args)


_hook = _Hook()


def _said(request: PreparedRequest) -> bytes:
    """Return the address and the body of a request."""
    body = request.body.encode() if isinstance(request.body, str) else request.body
    return (request.url or "").encode() + (
        bytes(body) if isinstance(body, (bytes, bytearray)) else b""
    )


def _read(response: Response, exchange: Exchange) -> None:
    """Read the body of an answer; urllib3's HTTPError or OSError if its rest is lost, or it does not end."""
    for piece in response.raw.stream(_PIECE, decode_content=True):
        exchange.body += piece
        if len(exchange.body) > _MOST:
            raise FloodError("the answer is too long")


def seconds_of(retry_after: str, date: str = "") -> float | None:
    """Return a `Retry-After`, which is a number or a moment, in seconds from now; None if it is neither.

    A moment is of the service's clock, which the answer's `date` shows; without one it is as ours.
    """
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    until = _moment(retry_after)
    if until is None:
        return None
    now = _moment(date)
    return max(until - (time.time() if now is None else now), 0.0)


def _moment(text: str) -> float | None:
    """Return a date of HTTP as seconds since 1970, None if it is none."""
    with suppress(ValueError, OverflowError, TypeError):
        return parsedate_to_datetime(text[:100]).timestamp()
    return None
