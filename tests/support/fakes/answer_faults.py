"""Faults of the answer: the connection, the bytes of the body, the status, where it leads."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from itertools import cycle

from aiohttp import web

from tests.support.fakes import wire
from tests.support.fakes.fault import asked, fault, fixed, ordinary
from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.server import encoded

MEGABYTE = 2**20
BOMB_MEGABYTES = 200
VALUES = 1_400_000
"""In a body of four megabytes, of a few kilobytes on the wire."""


# The connection


@fault
async def reset_mid_body(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Half of the body, then a reset."""
    body = encoded(ordinary(request, catalog))
    return await wire.cut(request, wire.head(len(body)) + body[: len(body) // 2], reset=True)


@fault
async def truncated_body(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """All of the document, 100 bytes short of what was announced."""
    body = encoded(ordinary(request, catalog))
    return await wire.cut(request, wire.head(len(body) + 100) + body, reset=False)


@fault
async def closed_unanswered(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """An end instead of an answer."""
    return await wire.cut(request, b"", reset=False)


@fault
async def no_http(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Another protocol's greeting."""
    return await wire.cut(request, b"SSH-2.0-OpenSSH_9.6\r\n", reset=False)


@fault
async def drip(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary body, byte by byte: each read is quick, the whole never comes."""
    body = encoded(ordinary(request, catalog))
    return await wire.drip(request, wire.head(len(body)), body)


@fault
async def header_drip(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """A header that does not end, byte by byte."""
    return await wire.drip(request, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"z" * 10_000)


@fault
async def hang(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Silence."""
    return await wire.hang(request)


# The body's bytes

_HTML = b"<!doctype html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"

fixed("html_200", _HTML, content_type="text/html; charset=utf-8")
fixed("html_200_said_to_be_json", _HTML)
fixed("empty_body", b"")
fixed("empty_object", b"{}")
fixed("array", b"[]")
fixed("null", b"null")
fixed("number", b"7")
fixed("nan", b'{"page":1,"pageSize":100,"total":NaN,"totalPages":Infinity,"versions":[]}')
fixed("wrong_types", b'{"page":"1","pageSize":{},"total":"many","totalPages":[],"versions":{"id":"1"}}')
fixed("null_versions", b'{"page":1,"pageSize":100,"total":3,"totalPages":1,"versions":null}')
fixed("deep_nesting", b"[" * 100_000 + b"]" * 100_000)
fixed("deep_nesting_inside", b'{"total":0,"totalPages":0,"versions":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
fixed("endless_number", b'{"total":' + b"9" * 10_000 + b',"totalPages":1,"versions":[]}')
fixed("not_gzip", b"{}", Content_Encoding="gzip")


@fault
async def duplicate_keys(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """`total` and `versions` twice: first the true ones, then none, which a reader who takes the last would believe."""
    body = encoded(ordinary(request, catalog))
    return web.Response(body=body[:-1] + b',"total":0,"versions":[]}', content_type="application/json")


_AGAIN = (
    ',"id":"another"',
    ',"status" :"NodeVersionStatusBanned"',
    ',"tags":["another"]',
    ',"st\\u0061tus":"NodeVersionStatusBanned"',
    ',"deprecated":true,"node_id":"another"',
)


@fault
async def duplicate_keys_in_rows(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Every row says something of itself twice, differently: each in another way of those that are easy to overlook."""
    document = ordinary(request, catalog)
    again = cycle(_AGAIN)
    rows = [encoded(row)[:-1] + next(again).encode() + b"}" for row in document["versions"]]
    body = encoded(document | {"versions": []}).replace(b'"versions":[]', b'"versions":[%s]' % b",".join(rows))
    return web.Response(body=body, content_type="application/json")


@fault
async def invalid_utf8(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Bytes in a changelog that are no UTF-8."""
    body = encoded(ordinary(request, catalog)).replace(b'"changelog":"', b'"changelog":"\xff\xfe\xc3(')
    return web.Response(body=body, content_type="application/json")


@fault
async def bom(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary document after a byte order mark."""
    body = b"\xef\xbb\xbf" + encoded(ordinary(request, catalog))
    return web.Response(body=body, content_type="application/json")


@fault
async def gzip_bomb(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary document, and then `BOMB_MEGABYTES` of blanks: good JSON to whoever reads it all."""
    return _zipped(_bomb(encoded(ordinary(request, catalog))))


@cache
def _bomb(document: bytes) -> bytes:
    blanks = b" " * MEGABYTE
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(document) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same input packs to the same bytes, so one megabyte is packed once and repeated.
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    check = zlib.crc32(document)
    for _ in range(BOMB_MEGABYTES):
        check = zlib.crc32(blanks, check)
    size = (len(document) + BOMB_MEGABYTES * MEGABYTE) % 2**32
    trailer = check.to_bytes(4, "little") + size.to_bytes(4, "little")
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + start + block * BOMB_MEGABYTES + packer.flush() + trailer


@fault
async def value_bomb(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """`VALUES` empty objects for versions: 600 MB to a reader who decodes them before counting."""
    return _zipped(_values(b'{"total":5,"versions":[', b"{}", b"]}"))


@fault
async def value_bomb_in_a_row(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The same number of empty lists for one version's dependencies."""
    start = b'{"total":1,"versions":[{"id":"i","version":"1","status":"NodeVersionStatusActive","node_id":'
    node = json.dumps(asked(request)["nodeId"][0]).encode()
    return _zipped(_values(start + node + b',"dependencies":[', b"[]", b"]}]}"))


@cache
def _values(start: bytes, value: bytes, end: bytes) -> bytes:
    return gzip.compress(start + (value + b",") * (VALUES - 1) + value + end, compresslevel=1)


def _zipped(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


@fault
async def endless_body(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """A chunked body without end."""
    return await wire.flood(request, b'{"versions":[', b" " * 65536)


# The status

_MESSAGE = encoded({"error": "Something", "message": "It did not work out"})

for _status in (400, 403, 404, 500, 503):
    fixed(f"status_{_status}_json", _MESSAGE, status=_status)
    fixed(f"status_{_status}_empty", b"{}", status=_status)
fixed("status_403_banned", encoded({"error": "It did not work out", "message": "Node Banned"}), status=403)
for _status in (403, 502):
    fixed(f"status_{_status}_html", _HTML, status=_status, content_type="text/html")
fixed("html_502", _HTML, status=502, content_type="text/html")
fixed("status_204", b"", status=204)
fixed("rate_limited_missing", _MESSAGE, status=429)
fixed("rate_limited_seconds", _MESSAGE, status=429, Retry_After="1")
fixed("rate_limited_absurd", _MESSAGE, status=429, Retry_After="99999999")
fixed("rate_limited_soon", _MESSAGE, status=429, Retry_After="soon")
fixed("rate_limited_negative", _MESSAGE, status=429, Retry_After="-5")
fixed("unavailable_absurd", _MESSAGE, status=503, Retry_After="99999999")
fixed("unavailable_seconds", _MESSAGE, status=503, Retry_After="3")


@fault
async def rate_limited_http_date(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The date is at least one second ahead."""
    due = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    return web.Response(status=429, body=_MESSAGE, headers={"Retry-After": due, "Content-Type": "application/json"})


# Redirects


@fault
async def redirect_elsewhere(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse | None:
    """Another host by name, which is this server again: a reader that follows is seen by its Host header."""
    port = str(request.host).rpartition(":")[2]
    if request.host.startswith("localhost"):
        return None
    return _redirect(f"http://localhost:{port}{request.path_qs}")


@fault
async def redirect_loop(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """A redirect to an address that redirects to itself."""
    return _redirect(request.path_qs if "again" in asked(request) else f"{request.path_qs}&again=1")


@fault
async def redirect_same_origin(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse | None:
    """A redirect to another address of the same server, which answers."""
    return None if "moved" in asked(request) else _redirect(f"{request.path_qs}&moved=1")


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})
