"""Faults of the answer: the connection, the bytes of the body, the status, where it leads."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import encoded
from tests.support.fakes import wire
from tests.support.fakes.fault import (
    A_PAGE,
    BROKEN,
    LATE,
    PORTAL,
    Altered,
    Document,
    Means,
    altered,
    fault,
    fixed,
    ordinary,
)

MEGABYTE = 2**20
BOMB_MEGABYTES = 200
VALUES = 1_400_000
"""In a body of four megabytes, of a few kilobytes on the wire."""


# The connection


@fault(Means.REGISTRY, BROKEN)
async def truncated_body(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """All of the document, 100 bytes short of what was announced."""
    body = encoded(ordinary(request, catalog))
    return await wire.cut(request, wire.head(len(body) + 100) + body)


@fault(Means.REGISTRY, BROKEN, unreached=True)
async def closed_unanswered(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """An end instead of an answer."""
    return await wire.cut(request, b"")


@fault(Means.REGISTRY, BROKEN, unreached=True)
async def no_http(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Another protocol's greeting."""
    return await wire.cut(request, b"SSH-2.0-OpenSSH_9.6\r\n")


@fault(Means.REGISTRY, LATE, unreached=True, slow=True)
async def drip(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary body, byte by byte: each read is quick, the whole never comes."""
    body = encoded(ordinary(request, catalog))
    return await wire.drip(request, wire.head(len(body)), body)


@fault(Means.REGISTRY, LATE, unreached=True, slow=True)
async def header_drip(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """A header that does not end, byte by byte."""
    return await wire.drip(request, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"z" * 10_000)


@fault(Means.REGISTRY, LATE, unreached=True, slow=True)
async def hang(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Silence."""
    return await wire.hang(request)


# The body's bytes

_HTML = b"<!doctype html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"

fixed(
    "html_200",
    Means.REGISTRY,
    A_PAGE,
    _HTML,
    content_type="text/html; charset=utf-8",
)
fixed("html_200_said_to_be_json", Means.REGISTRY, A_PAGE, _HTML)
fixed("empty_body", Means.UNREADABLE, "the answer is empty", b"")
fixed(
    "not_gzip",
    Means.UNREADABLE,
    "its answer is damaged (gzip)",
    b"{}",
    headers={"Content-Encoding": "gzip"},
)
fixed("empty_object", Means.UNREADABLE, "the answer has no list of versions", b"{}")
fixed(
    "null_versions",
    Means.INCOMPLETE,
    "0 of 3 versions came",
    b'{"total":3,"totalPages":1,"versions":null}',
)


@altered(Means.UNREADABLE, "the answer is no readable JSON")
def invalid_utf8(document: Document) -> Altered:
    """Bytes in a text that are no UTF-8, also if there is no row."""
    return encoded(document | {"changelog": ""}).replace(
        b'"changelog":"', b'"changelog":"\xff\xfe\xc3('
    )


@altered(Means.COMPLETE)
def bom(document: Document) -> Altered:
    """The ordinary document after a byte order mark."""
    return b"\xef\xbb\xbf" + encoded(document)


@altered(Means.UNREADABLE, "its answer is larger than 32 MB", heavy=True)
def gzip_bomb(document: Document) -> Altered:
    """The ordinary document, and then `BOMB_MEGABYTES` of blanks: good JSON to whoever reads it all."""
    return _zipped(_bomb(encoded(document)))


@cache
def _bomb(document: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
    blanks = [b" " * MEGABYTE] * BOMB_MEGABYTES
    return b"".join(map(packer.compress, [document, *blanks])) + packer.flush()


@fault(
    Means.UNREADABLE,
    "the answer holds too many values to be a page of versions",
    heavy=True,
)
async def value_bomb(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """`VALUES` empty objects for versions: 600 MB to a reader who decodes them before counting."""
    return _zipped(_values(b'{"total":5,"versions":[', b"{}", b"]}"))


@cache
def _values(start: bytes, value: bytes, end: bytes) -> bytes:
    return gzip.compress(
        start + (value + b",") * (VALUES - 1) + value + end, compresslevel=1
    )


def _zipped(body: bytes) -> web.Response:
    return web.Response(
        body=body,
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )


@fault(Means.UNREADABLE, "its answer is larger than 32 MB", heavy=True)
async def endless_body(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """A chunked body without end."""
    return await wire.flood(request, b'{"versions":[', b" " * 65536)


# The status

_SENT = "It did not work out"
_FAULT = "registry error ({})"
_REFUSED = "the registry, or something in front of it, refused access (403)"
_MESSAGE = encoded({"error": "Something", "message": _SENT})

for _status, _means, _said in (
    (400, Means.UNREADABLE, "the registry rejected the request (400)"),
    (403, Means.REGISTRY, _REFUSED),
    (404, Means.UNREADABLE, "the registry does not know it (404)"),
    (500, Means.REGISTRY, _FAULT.format(500)),
    (503, Means.REGISTRY, _FAULT.format(503)),
):
    fixed(
        f"status_{_status}_json",
        _means,
        f"{_said}: {_SENT}",
        _MESSAGE,
        status=_status,
    )
fixed(
    "status_403_banned",
    Means.BANNED,
    _SENT,
    encoded({"error": _SENT, "message": "Node Banned"}),
    status=403,
)
fixed(
    "status_403_forbidden",
    Means.REGISTRY,
    f"{_REFUSED}: Forbidden",
    encoded({"message": "Forbidden"}),
    status=403,
)
fixed(
    "status_403_html",
    Means.REGISTRY,
    _REFUSED,
    _HTML,
    status=403,
    content_type="text/html",
)
fixed(
    "html_502",
    Means.REGISTRY,
    _FAULT.format(502),
    _HTML,
    status=502,
    content_type="text/html",
)
fixed(
    "status_204",
    Means.REGISTRY,
    "the registry gave an unexpected answer (204)",
    b"",
    status=204,
)


def _wait(name: str, said: str, retry_after: str | None, **expected: Any) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    fixed(name, Means.REGISTRY, said, _MESSAGE, status=429, headers=headers, **expected)


_SLOW_DOWN = f"the registry asked to slow down (429): {_SENT}"
_wait("rate_limited_missing", _SLOW_DOWN, None)
_wait("rate_limited_seconds", _SLOW_DOWN, "1", holds=True)
_wait(
    "rate_limited_absurd",
    "the registry asked to wait 1157d9h46m39s (429)",
    "99999999",
    everybody=True,
)


@fault(Means.REGISTRY, _SLOW_DOWN, holds=True)
async def rate_limited_http_date(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The date is at least one second ahead."""
    due = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    return web.Response(
        status=429,
        body=_MESSAGE,
        headers={"Retry-After": due, "Content-Type": "application/json"},
    )


# Times


@fault(Means.OLDER)
async def age_that_lies(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The ordinary answer, which a cache gives a month of age."""
    return web.json_response(ordinary(request, catalog), headers={"Age": "2592000"})


@fault(Means.COMPLETE)
async def age_unreadable(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The ordinary answer, with an age that is no number of seconds."""
    return web.json_response(ordinary(request, catalog), headers={"Age": "-1e9"})


@fault(Means.COMPLETE)
async def no_date(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary answer, without any time."""
    body = encoded(ordinary(request, catalog))
    return await wire.cut(request, wire.head(len(body)) + body)


# Redirects


@fault(
    Means.REGISTRY,
    f"HOST redirects to localhost (302), which is not followed; {PORTAL}",
)
async def redirect_elsewhere(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse | None:
    """Another host by name, which is this server again: a reader that follows is seen by its Host header."""
    port = str(request.host).rpartition(":")[2]
    if request.host.startswith("localhost"):
        return None
    location = f"http://localhost:{port}{request.path_qs}"
    return web.Response(status=302, headers={"Location": location})
