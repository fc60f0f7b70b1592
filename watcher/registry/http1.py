"""HTTP/1.1 to one origin, as a transport for httpx: h11 reads the protocol, asyncio carries the bytes.

httpx's own asynchronous transport takes five times as much CPU a request, most of it in locks and in the layers between
it and the socket. Neither is needed here: one origin is asked, and the registry's client bounds the requests at once
and the time of each.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from typing import Self

import h11
import httpx

_KEPT = 5.0
"""Seconds that an idle connection is used again: servers close theirs sooner or later, and a request may cross that."""
_MOST_UNREAD = 256 * 1024
"""Bytes that wait to be read before the server has to."""
_LONGEST_HEAD = 100 * 1024
"""Bytes of a head that is not complete, or of a chunk's."""
_NEXT_ADDRESS = 0.25
"""Seconds until a host's next address is tried beside the one that does not answer (RFC 8305)."""
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
_ERRNO = re.compile(r"\[Errno (\d+)\]")


class Transport(httpx.AsyncBaseTransport):
    """Connections to the origin of a URL, directly or through a proxy; each is used again while it is open.

    Requests have no body. A failure is an OSError, or an error of httpx for what is no HTTP and for a proxy's refusal.
    """

    def __init__(
        self,
        target: httpx.URL,
        context: ssl.SSLContext | None,
        proxy: httpx.Proxy | None,
    ) -> None:
        """Prepare for requests to the origin of `target`; `context` is for it, if its scheme is https."""
        self._target = target
        self._context = context
        self._proxy = proxy
        self._forwarded = proxy is not None and target.scheme == "http"
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer as soon as the head has come; its stream reads the body."""
        url = request.url
        path, headers = url.raw_path, request.headers.raw
        if self._forwarded:
            path = b"%s://%s%s" % (url.raw_scheme, url.netloc, path)
            headers = [*headers, *self._authorization()]
        try:
            asked = h11.Request(method=request.method, target=path, headers=headers)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        head, connection = await self._asked(asked)
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(connection, self._idle),
        )

    async def _asked(self, request: h11.Request) -> tuple[h11.Response, _Connection]:
        """Return the head of the answer, and the connection that has its body.

        A server may close an idle connection while the request is on its way. It has not taken that then, so it is sent
        again, over a new connection (RFC 9112, 9.3.1).
        """
        connection = self._take()
        if connection is not None:
            try:
                return await connection.ask(request), connection
            except (httpx.RemoteProtocolError, OSError):
                connection.close()
                if connection.was_answered:
                    raise
            except BaseException:
                connection.close()
                raise
        connection = await self._connect()
        try:
            return await connection.ask(request), connection
        except BaseException:
            connection.close()
            raise

    async def aclose(self) -> None:
        """Close what is idle; a body that is still read closes its own connection."""
        while self._idle:
            self._idle.pop().close()
        await asyncio.sleep(0)  # the loop closes the sockets at its next turn

    def _take(self) -> _Connection | None:
        """Return an idle connection that is as good as new, and close those that are not."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        if self._proxy is None:
            return await _Connection.open(self._target, self._context)
        connection = await _Connection.open(self._proxy.url, self._proxy_context())
        if not self._forwarded:
            try:
                await self._tunnel(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    async def _tunnel(self, connection: _Connection) -> None:
        """Have the proxy connect to the origin, and speak TLS with that."""
        host = self._target.raw_host.decode("ascii")
        authority = f"{f'[{host}]' if ':' in host else host}:{self._target.port or 443}"
        headers = [(b"Host", authority.encode("ascii")), *self._authorization()]
        head = await connection.ask(
            h11.Request(method="CONNECT", target=authority, headers=headers)
        )
        if not 200 <= head.status_code < 300:
            raise httpx.ProxyError(f"HTTP {head.status_code}")
        await connection.start_tls(self._context or httpx.create_ssl_context(), host)

    def _proxy_context(self) -> ssl.SSLContext | None:
        if self._proxy is None or self._proxy.url.scheme != "https":
            return None
        return self._proxy.ssl_context or httpx.create_ssl_context()

    def _authorization(self) -> list[tuple[bytes, bytes]]:
        if self._proxy is None or self._proxy.raw_auth is None:
            return []
        return [
            (
                b"Proxy-Authorization",
                b"Basic " + b64encode(b":".join(self._proxy.raw_auth)),
            )
        ]


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it arrives. Closing it keeps the connection if the whole body was read."""

    def __init__(self, connection: _Connection, idle: list[_Connection]) -> None:
        self._connection: _Connection | None = connection
        self._idle = idle

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        event = await self._connection.event() if self._connection else None
        if isinstance(event, h11.Data):
            return bytes(event.data)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.begin_again():
            self._idle.append(connection)
        else:
            connection.close()


class _Connection:
    """One connection, which carries one request after the other."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._since = 0.0
        self.was_answered = False
        """Something came since the last request."""

    @classmethod
    async def open(cls, url: httpx.URL, context: ssl.SSLContext | None) -> Self:
        """Connect to the host of a URL, by TLS if there is a context for it."""
        host, port = (
            url.raw_host.decode("ascii"),
            url.port or (443 if url.scheme == "https" else 80),
        )
        wait = None if _ADDRESS.fullmatch(host) else _NEXT_ADDRESS
        try:
            _, stream = await asyncio.get_running_loop().create_connection(
                _Stream, host, port, ssl=context, happy_eyeballs_delay=wait
            )
        except OSError as error:
            # Of several addresses asyncio returns the errors as one text.
            if error.errno is None and (found := _ERRNO.search(str(error))):
                raise OSError(
                    int(found[1]), "no address of the host could be connected to"
                ) from error
            raise
        return cls(stream)

    async def ask(self, request: h11.Request) -> h11.Response:
        """Send a request without a body and return the head of its answer."""
        self.was_answered = False
        self._stream.write(
            self._http.send(request) + self._http.send(h11.EndOfMessage())
        )
        while not isinstance(event := await self.event(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("no answer")
        return event

    async def event(self) -> type[h11.NEED_DATA | h11.PAUSED] | h11.Event:
        """Return what comes next of the answer; `httpx.RemoteProtocolError` if that is no HTTP, or nothing."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._stream.read()
                self.was_answered = self.was_answered or bool(data)
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on, and HTTP in it anew: what was said before was a proxy's."""
        await self._stream.start_tls(context, host)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    def begin_again(self) -> bool:
        """Prepare for the next request; False if the connection cannot have one."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self._http.trailing_data[0]:
            return False
        self._http.start_next_cycle()
        self._since = asyncio.get_running_loop().time()
        return True

    def is_fresh(self) -> bool:
        """Return whether nothing came since the last answer, and that not long ago."""
        return (
            self._stream.is_quiet()
            and asyncio.get_running_loop().time() - self._since < _KEPT
        )

    def close(self) -> None:
        """Close at once. A task that waits for data gets no more."""
        self._stream.close()


class _Stream(asyncio.Protocol):
    """The bytes of one connection, read and written by one task at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._unread: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._arrival: asyncio.Future[None] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type: streams have no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._size += len(data)
        if self._size > _MOST_UNREAD and self._transport:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # What a connection calls

    def is_quiet(self) -> bool:
        """Return whether the connection is open and nothing waits to be read."""
        return not self._ended and not self._unread

    def write(self, data: bytes) -> None:
        """Send some bytes, which are few: asyncio keeps them until they are sent."""
        if self._transport:
            self._transport.write(data)

    async def read(self) -> bytes:
        """Return what has arrived, and wait if that is nothing; b"" at the end. Raises OSError."""
        while not self._unread and not self._ended:
            self._arrival = self._loop.create_future()
            await self._arrival
        if not self._unread and self._error is not None:
            raise self._error
        data = b"".join(self._unread)
        self._unread.clear()
        if self._size > _MOST_UNREAD and self._transport:
            self._transport.resume_reading()
        self._size = 0
        return data

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on."""
        assert self._transport is not None  # noqa: S101 - for the type: there is one once it is connected
        self._transport = await self._loop.start_tls(
            self._transport, self, context, server_hostname=host
        )

    def close(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()
