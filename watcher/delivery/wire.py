"""What a job sends and what is answered, whichever plugin sends it.

apprise says only yes or no. The interpreter reports each connection and each request of the standard library to audit
hooks (`sys.addaudithook`), with the connection's own object, and that object makes its answers with the class that it
is given. So nothing of a library is changed, and nothing of a request, which holds secrets, is written anywhere.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONTACTS = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "syslog.syslog", "subprocess.Popen", "os.posix_spawn"}
)
"""Events of a message that leaves the process by another way than HTTP or SMTP."""
_SECONDS = re.compile(r"\s*\d{1,9}(\.\d{1,9})?\s*", re.ASCII)
_BEGINNING = 4096
"""Bytes of a body that are looked at: they tell whether the message was taken, if the body tells it."""
_TUNNEL = b"CONNECT "
"""How a request begins that is meant for an HTTP proxy: nothing of the message is in it."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One HTTP request, and what is known of its answer."""

    connection: object
    status: int = 0
    """0 until the answer has begun."""
    retry_after: float | None = None
    """Seconds."""
    is_html: bool = False
    """The answer's head says that its body is a web page."""
    is_chunked: bool = False
    body: bytearray = field(default_factory=bytearray)
    """The beginning of a success's body as it came, as far as it was read."""

    @property
    def is_page(self) -> bool:
        """Return whether it is a success whose body begins as a web page does."""
        body = self._readable().lstrip() if self.is_html else b""
        while body.startswith(b"<!--"):
            body = body.partition(b"-->")[2].lstrip()
        return body.lower().startswith((b"<!doctype", b"<html"))

    def refused(self, refuses: re.Pattern[bytes]) -> str | None:
        """Return the service's own code where it says in a success that it refused, "" if it names none; else None."""
        found = refuses.search(self._readable())
        return None if found is None else next(filter(None, found.groups()), b"").decode()

    def _readable(self) -> bytes:
        """Return the beginning of the body as its reader has it."""
        body = _joined(bytes(self.body)) if self.is_chunked else bytes(self.body)
        if body.startswith((b"\x1f\x8b", b"\x78")):
            with suppress(zlib.error):
                body = zlib.decompressobj(wbits=47).decompress(body, _BEGINNING)
        return body.removeprefix(b"\xef\xbb\xbf")


class Wire:
    """Watches what this process sends and what it is answered, while its `with` block runs."""

    def __init__(self, out: Callable[[bool], None] = lambda _: None, begin: Callable[[], None] = lambda: None) -> None:
        self.exchanges: list[Exchange] = []
        self.contacts = 0
        """Times that this process turned to another one: requests, connections, datagrams, programs."""
        self.on_smtp: Callable[[str, Any, bytes | str], None] | None = None
        """Called with each event of an SMTP connection, the connection, and what is sent."""
        self.refuses: re.Pattern[bytes] | None = None
        """What the body of a success has in it where the service refused. The group, if it is there, is the service's
        own code.
        """
        self.by_other_ways = False
        """The plugin speaks neither HTTP nor SMTP, so that a connection counts as a message that went out."""
        self.is_out = False
        """Something went out that is not answered yet."""
        self.was_lost = False
        """Something went out that will not be answered: the next request began."""
        self._out = out
        self._begin: Callable[[], None] | None = begin

    def __enter__(self) -> Self:
        if not _hook.is_installed:
            sys.addaudithook(_hook)
            _hook.is_installed = True
        _hook.wire = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        _hook.wire = self.on_smtp = None  # it knows the service, which is to end now

    @property
    def status(self) -> int:
        """Return the HTTP status of the last request; 0 until its answer has begun, and without one."""
        return self.exchanges[-1].status if self.exchanges else 0

    @property
    def retry_after(self) -> float | None:
        """Return the longest wait that an answer asks for, in seconds."""
        return max((one.retry_after for one in self.exchanges if one.retry_after is not None), default=None)

    @property
    def is_unanswered(self) -> bool:
        """Return whether something went out that was never answered."""
        return self.is_out or self.was_lost

    @property
    def is_page(self) -> bool:
        """Return whether the last answer is a web page."""
        return bool(self.exchanges) and self.exchanges[-1].is_page

    @property
    def refused(self) -> str | None:
        """Return the code with which the last answer refuses in a success, "" if it names none; None if it does not."""
        return self.exchanges[-1].refused(self.refuses) if self.exchanges and self.refuses is not None else None

    def begin(self) -> None:
        """Wait, the first time, until something may leave this process."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin()

    def went_out(self) -> None:
        """Note that something went out; the program learns of it before it does."""
        self.was_lost |= self.is_out
        self.is_out = True
        self._out(True)

    def was_answered(self) -> None:
        """Note that what went out was answered."""
        self.is_out = False
        self._out(False)

    def notice(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an audit event, which comes before what it is about."""
        self.begin()
        if event == "http.client.send":
            if not bytes(args[1]).startswith(_TUNNEL):
                self._request(args[0])
        elif event.startswith("smtplib."):
            if self.on_smtp is not None:
                self.on_smtp(event, args[0], args[1])
        elif event in _CONTACTS:
            self.contacts += 1
            if self.by_other_ways and not self.is_out:
                self.went_out()

    def _request(self, connection: http.client.HTTPConnection) -> None:
        """Note a request; its head and its body are sent one after the other."""
        last = self.exchanges[-1] if self.exchanges else None
        if last is not None and last.connection is connection and not last.status:
            return
        self.contacts += 1
        exchange = Exchange(connection=connection)
        self.exchanges.append(exchange)
        connection.response_class = partial(_Answer, self, exchange)  # type: ignore[assignment]  # it is only called
        self.went_out()


class _Hook:
    """The audit hook of this process: it cannot be removed, so it is installed once, and rests without a `Wire`."""

    __cantrace__ = True

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.is_installed = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.wire is not None and (event.startswith(("http.client.send", "smtplib.")) or event in _CONTACTS):
            self.wire.notice(event, args)


_hook = _Hook()


class _Answer(http.client.HTTPResponse):
    """An answer whose head is noted as soon as it is read, and the beginning of its body when the plugin reads it."""

    def __init__(
        self,
        wire: Wire,
        exchange: Exchange,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
    ) -> None:
        self._wire, self._exchange = wire, exchange
        super().__init__(sock, debuglevel, method)
        self._tap = _Tap(self.fp.detach())
        self.fp = io.BufferedReader(self._tap)

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        exchange = self._exchange
        exchange.status = self.status
        exchange.retry_after = seconds_of(self.headers.get("Retry-After"), self.headers.get("Date"))
        self._wire.was_answered()
        if self.status // 100 == 2 and self.fp is not None:
            exchange.is_html = self.headers.get_content_type() == "text/html"
            exchange.is_chunked = bool(self.chunked)
            self._tap.begin(exchange.body, self.fp)


class _Tap(io.RawIOBase):
    """Keeps the beginning of what is read from a connection. It comes in pieces, so it cannot be looked at before."""

    def __init__(self, connection: io.RawIOBase) -> None:
        self._connection = connection
        self._kept: bytearray | None = None
        self._is_shut = False

    def begin(self, kept: bytearray, reader: io.BufferedReader) -> None:
        """Begin with what the reader has already, and wait for nothing."""
        self._is_shut = True
        kept += reader.peek()[:_BEGINNING]
        self._is_shut = False
        self._kept = kept

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read as the connection does."""
        if self._is_shut:
            return None
        count: int | None = self._connection.readinto(buffer)
        if count and self._kept is not None and (room := _BEGINNING - len(self._kept)) > 0:
            self._kept += memoryview(buffer)[: min(count, room)]
        return count

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the connection's number."""
        return self._connection.fileno()

    def close(self) -> None:
        """Close the connection's file too."""
        super().close()
        self._connection.close()


def seconds_of(retry_after: str | None, date: str | None) -> float | None:
    """Return a `Retry-After` in seconds; None if it is none. A moment counts from the answer's `Date`, or from now."""
    if retry_after is None or len(retry_after) > 100:
        return None
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    with suppress(ValueError, OverflowError, TypeError):
        if (until := parsedate_tz(retry_after)) is not None:
            since = parsedate_tz(date) if date else None
            return max(mktime_tz(until) - (mktime_tz(since) if since else time.time()), 0.0)
    return None


def _joined(chunks: bytes) -> bytes:
    """Return what the chunks of a body hold, the last of which may be a part of one."""
    body = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            break
        body += rest[:length]
        chunks = rest[length + 2 :]
    return body
