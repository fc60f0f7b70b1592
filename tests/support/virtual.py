"""Hours in milliseconds: an event loop whose clock jumps to the next timer, and connections that are no sockets.

What waits takes no time, and nothing else makes the clock go on, so that the same seed gives the same run to the
microsecond.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import RecordedRequest, Respond, encoded
from watcher.registry.client import Registry, RequestLimits

_Result = TypeVar("_Result")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where the loop would wait, its clock goes on by that."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; else let the time pass."""
        found = super().select(0)
        if not found:
            assert timeout is not None, "it waits for something that never comes"
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that begins at 0 and never waits."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run to the end in a loop that never waits."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Peer:
    """A `FakeRegistry` without sockets, for `VirtualRegistry`; the time of a request is the loop's."""

    catalog: Catalog = field(default_factory=Catalog)
    respond: Respond | None = None
    requests: list[RecordedRequest] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as `respond` does, else from the catalog."""
        path, _, query = request.path_qs.partition("?")
        asked = RecordedRequest(
            path=path,
            query_string=query,
            headers={},
            at=asyncio.get_running_loop().time(),
        )
        self.requests.append(asked)
        if self.respond is not None and (found := await self.respond(request)):
            return found
        answering = self.catalog.packs if path == "/nodes" else self.catalog.answer
        status, document = answering(asked.query)
        return web.Response(status=status, body=encoded(document))


class VirtualRegistry(Registry):
    """A registry whose answers come from a function, as those of the fakes do, also byte by byte or not at all."""

    def __init__(self, answer: Answer, limits: RequestLimits) -> None:
        super().__init__("http://registry.test", limits)
        self._open = lambda: _Line(answer)


class _Line(httpx.AsyncBaseTransport):
    """One connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer as soon as its head came."""
        wire = _Wire()
        playing = asyncio.create_task(self._play(_Request(request, wire), wire))
        body = _Body(wire, playing)
        try:
            head, rest = await wire.head()
        except BaseException:
            await body.aclose()
            raise
        status, headers = _parsed(head)
        body.rest = rest
        body.left = int(headers.get("content-length", "0"))
        return httpx.Response(status, headers=headers, stream=body)

    async def _play(self, request: Any, wire: _Wire) -> None:
        try:
            response = await self._answer(request)
            if not wire.was_used:
                assert isinstance(response, web.Response)
                wire.write(_encoded(response))
        finally:
            wire.close()


class _Request:
    """What the fakes ask of a request."""

    def __init__(self, request: httpx.Request, wire: _Wire) -> None:
        self.path_qs = request.url.raw_path.decode("ascii")
        self.path = self.path_qs.partition("?")[0]
        self.host = "registry.test"
        self.method = request.method
        self.transport = wire


class _Wire(asyncio.Transport):
    """What a fake writes to its connection."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._is_closing = False
        self.was_used = False

    def write(self, data: Any) -> None:
        self.was_used = True
        self._parts.put_nowait(bytes(data))

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self.was_used = True
        if not self._is_closing:
            self._is_closing = True
            self._parts.put_nowait(httpx.RemoteProtocolError("the peer has closed it"))

    async def read(self) -> bytes:
        """Return the next bytes; httpx's error where there are no more."""
        part = await self._parts.get()
        if isinstance(part, Exception):
            raise part
        return part

    async def head(self) -> tuple[bytes, bytes]:
        """Return the head of the answer, and what of the body came with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self.read()
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest


class _Body(httpx.AsyncByteStream):
    """A body of a known length, as it comes."""

    def __init__(self, wire: _Wire, playing: asyncio.Task[None]) -> None:
        self._wire = wire
        self._playing = playing
        self.rest = b""
        self.left = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        part = self.rest
        while True:
            yield part[: self.left]
            self.left -= len(part)
            if self.left <= 0:
                return
            part = await self._wire.read()

    async def aclose(self) -> None:
        self._wire.close()
        self._playing.cancel()
        await asyncio.gather(self._playing, return_exceptions=True)


def _parsed(head: bytes) -> tuple[int, httpx.Headers]:
    first, *lines = head.split(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines]
    return int(first.split()[1]), httpx.Headers([(name, text) for name, text in pairs])


def _encoded(response: web.Response) -> bytes:
    body = response.body
    assert isinstance(body, bytes | None)
    lines = [
        f"HTTP/1.1 {response.status} -",
        *(
            f"{name}: {text}"
            for name, text in response.headers.items()
            if name.lower() != "content-length"
        ),
        f"Content-Length: {len(body or b'')}",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
