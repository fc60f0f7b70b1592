"""What a fault is, and how a registry is made to answer with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.server import FakeRegistry, encoded

Play = Callable[[web.BaseRequest, Catalog], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to answer wrongly. `play` gets the request and the catalog; None from it means the ordinary answer."""

    name: str
    play: Play


FAULTS: dict[str, Fault] = {}


def inflict(
    registry: FakeRegistry, fault: str | Fault, *, nodes: Collection[str] | None = None, times: int | None = None
) -> None:
    """Make the registry answer with the fault: for the nodes given (None: all), the first `times` times (None: ever).

    It takes the place of what `registry.respond` was; set that to None to end it.
    """
    chosen = FAULTS[fault] if isinstance(fault, str) else fault
    only = None if nodes is None else {node.lower() for node in nodes}
    played = 0

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        nonlocal played
        node = asked(request).get("nodeId", [""])[0].lower()
        if (only is not None and node not in only) or (times is not None and played >= times):
            return None
        played += 1
        return await chosen.play(request, registry.catalog)

    registry.respond = respond


def fault(play: Play) -> Play:
    """Put a coroutine into the catalogue under its own name."""
    name = play.__name__
    FAULTS[name] = Fault(name=name, play=play)
    return play


def fixed(name: str, body: bytes, *, status: int = 200, content_type: str = "application/json", **headers: str) -> None:
    """Put an answer that is always the same into the catalogue; header names are written with `_` for `-`."""

    async def play(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
        extra = {header.replace("_", "-"): value for header, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": content_type} | extra)

    FAULTS[name] = Fault(name=name, play=play)


def asked(request: web.BaseRequest) -> dict[str, list[str]]:
    """Give the decoded query of a request."""
    return parse_qs(request.path_qs.partition("?")[2], keep_blank_values=True)


def ordinary(request: web.BaseRequest, catalog: Catalog, **replaced: str) -> dict[str, Any]:
    """Give the document the catalog would answer with, after some query parameters were replaced."""
    return catalog.answer(asked(request) | {name: [value] for name, value in replaced.items()})[1]


def as_json(document: object) -> web.Response:
    """Answer 200 with a document."""
    return web.Response(body=encoded(document), content_type="application/json")
