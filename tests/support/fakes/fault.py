"""What a fault is, what is expected of it, and how a registry is made to answer with one."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry, encoded

Play = Callable[[web.BaseRequest, Catalog], Awaitable[web.StreamResponse | None]]


class Means(StrEnum):
    """What a reading that met a fault is."""

    COMPLETE = "complete"
    """No fault for the reader: the answer says what the registry holds, only unusually."""
    OLDER = "older"
    """By its times it is older than what is known of the node, if anything is. Then it says nothing: no failure."""
    INCOMPLETE = "incomplete"
    """What was seen counts, what was not seen means nothing."""
    EMPTY = "empty"
    """Complete, and without any version: all that was known is gone if it comes twice."""
    UNREADABLE = "unreadable"
    """Nothing is known of the node."""
    REGISTRY = "registry"
    """Nothing is known of the node, and the fault lies with the registry or the way to it."""
    BANNED = "banned"
    """The answer for a banned node."""


FLAGGED, NEW = "flagged", "new"
BROKEN = (
    "cannot reach HOST: the connection broke off; check the network and the firewall"
)
LATE = "cannot reach HOST: it timed out; check the network and the firewall, or raise timeout"
PORTAL = "check registry_url, and whether this network wants a login in a browser"
A_PAGE = f"HOST answered with a web page instead of JSON; {PORTAL}"
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost):\d+")


def without_host(error: str) -> str:
    """Return an error with HOST in place of addresses on loopback, as the expectations have it."""
    return _HOST.sub("HOST", error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to answer wrongly, and what is expected of a program that meets it.

    The expectations hold for a node of five versions, with 32 MB allowed.
    """

    name: str
    play: Play
    """Gets the request and the catalog; None from it means the ordinary answer."""
    means: Means = Means.COMPLETE
    said: str = ""
    """The error that is shown, "" where there is nothing to say."""
    shows: tuple[str, ...] = ()
    """Of an incomplete listing: which of two changes its rows show.

    Rows come by version, latest first: 2.1.0 is new, 1.4.0 to 1.2.0 are as they were, 1.1.0 is flagged, 1.0.0 is last.
    """
    holds: bool = False
    """The other nodes wait after it too."""
    unreached: bool = False
    """No HTTP answer comes, or none to its end in time: the registry may not be there at all."""
    slow: bool = False
    """Only the deadline ends it."""
    everybody: bool = False
    """One node cannot have it alone: it speaks of who asks, or of the address."""
    heavy: bool = False
    """It costs memory."""

    @property
    def counts_at_first(self) -> bool:
        """Whether it is a complete listing where nothing is known of the node."""
        return self.means in {Means.COMPLETE, Means.OLDER}


FAULTS: dict[str, Fault] = {}


def inflict(
    registry: FakeRegistry,
    fault: str | Fault,
    *,
    nodes: Collection[str] | None = None,
    times: int | None = None,
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
        if (only is not None and node not in only) or (
            times is not None and played >= times
        ):
            return None
        played += 1
        return await chosen.play(request, registry.catalog)

    registry.respond = respond


def fault(means: Means, said: str = "", **expected: Any) -> Callable[[Play], Play]:
    """Put a coroutine into the catalogue under its own name, with what is expected (the fields of `Fault`)."""

    def add(play: Play) -> Play:
        FAULTS[play.__name__] = Fault(
            name=play.__name__, play=play, means=means, said=said, **expected
        )
        return play

    return add


Document = dict[str, Any]
Altered = Document | bytes | web.Response


def altered(
    means: Means, said: str = "", *, page_size: str = "", **expected: Any
) -> Callable[[Callable[[Document], Altered]], object]:
    """Put what becomes of the ordinary document into the catalogue, as `fault` does; `page_size` is the registry's."""
    replaced = {"pageSize": page_size} if page_size else {}

    def add(change: Callable[[Document], Altered]) -> object:
        async def play(request: web.BaseRequest, catalog: Catalog) -> web.Response:
            found = change(ordinary(request, catalog, **replaced))
            if isinstance(found, bytes):
                return web.Response(body=found, content_type="application/json")
            return as_json(found) if isinstance(found, dict) else found

        play.__name__ = change.__name__
        fault(means, said, **expected)(play)
        return change

    return add


def fixed(
    name: str,
    means: Means,
    said: str,
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    **expected: Any,
) -> None:
    """Put an answer that is always the same into the catalogue, with what is expected (the fields of `Fault`)."""

    async def play(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
        return web.Response(
            status=status,
            body=body,
            headers={"Content-Type": content_type, **(headers or {})},
        )

    FAULTS[name] = Fault(name=name, play=play, means=means, said=said, **expected)


def asked(request: web.BaseRequest) -> dict[str, list[str]]:
    """Return the decoded query of a request."""
    return parse_qs(request.path_qs.partition("?")[2], keep_blank_values=True)


def ordinary(
    request: web.BaseRequest, catalog: Catalog, **replaced: str
) -> dict[str, Any]:
    """Return the document the catalog would answer with, after some query parameters were replaced."""
    return catalog.answer(
        asked(request) | {name: [value] for name, value in replaced.items()}
    )[1]


def as_json(document: object) -> web.Response:
    """Answer 200 with a document."""
    return web.Response(body=encoded(document), content_type="application/json")
