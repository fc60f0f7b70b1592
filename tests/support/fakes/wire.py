"""Answers below HTTP: bytes written to the connection as they are, then an end, a reset, or silence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable

DRIP_SECONDS = 0.2


def head(length: int) -> bytes:
    """Write the head of a 200 that announces so many bytes of body."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",  # else the next request may meet its end
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def cut(request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    """Write the bytes, then end the connection."""
    transport = _transport(request)
    transport.write(data)
    transport.close()
    return web.Response()


async def drip(
    request: web.BaseRequest, at_once: bytes, slowly: Iterable[int]
) -> web.StreamResponse:
    """Write the first bytes at once and the others one by one, `DRIP_SECONDS` apart, until the reader leaves."""
    transport = _transport(request)
    transport.write(at_once)
    for byte in slowly:
        if transport.is_closing():
            break
        transport.write(bytes([byte]))
        await asyncio.sleep(DRIP_SECONDS)
    transport.close()
    return web.Response()


async def flood(
    request: web.BaseRequest, start: bytes, block: bytes
) -> web.StreamResponse:
    """Answer with a chunked body that never ends, as fast as the reader takes it."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(start)
    while True:
        await response.write(block)


async def hang(request: web.BaseRequest) -> web.StreamResponse:
    """Send nothing until the reader leaves or the server closes."""
    await asyncio.get_running_loop().create_future()
    return web.Response()


def _transport(request: web.BaseRequest) -> asyncio.Transport:
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    return transport
