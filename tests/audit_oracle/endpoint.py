"""How `GET /nodes` answers as a whole, and what can be known from that of a pack."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from aiohttp import web

from tests.audit_oracle.situations import (
    BANNED,
    NEW_PACK_STATUS,
    WORLD,
    Pack,
    Row,
    rows,
)
from tests.support.fake_registry.server import FakeRegistry

Query = Mapping[str, Sequence[str]]
Document = dict[str, Any]
Answer = tuple[int, object]
"""An HTTP status and a document, or text that is none."""


class Silence(Enum):
    """Why nothing is known of a pack from `GET /nodes`."""

    ABSENT = "the registry does not have the endpoint"
    UNUSABLE = "the answer cannot be used"
    NO_ROW = "the answer has no readable row of it"


Seen = Silence | tuple[Row, ...]
"""What the endpoint shows of a pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A way in which `GET /nodes` answers."""

    name: str
    serve: Callable[[Query, int], Answer]
    """From the query, and how many requests came before, to the answer."""
    sees: Callable[[Pack], tuple[Seen, ...]]
    """What may be known of a pack; more than one where it depends on how the program asks."""


def _listed(pack: Pack) -> tuple[Seen, ...]:
    readable = tuple(row for row in pack.rows if row.readable)
    return (readable or Silence.NO_ROW,)


def _either(pack: Pack) -> tuple[Seen, ...]:
    """Return what is known where rows are on pages that the program may read or not."""
    return (*_listed(pack), Silence.NO_ROW, Silence.UNUSABLE)


def _never(*silences: Silence) -> Callable[[Pack], tuple[Seen, ...]]:
    return lambda _: silences


def _with_status(status: object) -> Callable[[Pack], tuple[Seen, ...]]:
    def sees(pack: Pack) -> tuple[Seen, ...]:
        readable = tuple(
            replace(row, status=status) for row in pack.rows if row.readable
        )
        return (readable or Silence.NO_ROW,)

    return sees


def _is_hidden(pack: Pack) -> bool:
    return zlib.crc32(pack.id.encode()) % 2 == 0


def _shown_half(pack: Pack) -> tuple[Seen, ...]:
    return (Silence.NO_ROW,) if _is_hidden(pack) else _listed(pack)


def _without_banned(pack: Pack) -> tuple[Seen, ...]:
    left = tuple(row for row in pack.rows if row.readable and row.status != BANNED)
    return (left or Silence.NO_ROW,)


def _asked(query: Query) -> list[Pack]:
    """Return the packs that are asked for, in the registry's order; ids are compared with their case."""
    wanted = set(query.get("node_id", ()))
    return [
        pack for pack in WORLD.values() if "node_id" not in query or pack.id in wanted
    ]


def _found(query: Query) -> list[Document]:
    with_banned = query.get("include_banned", ["false"])[0] == "true"
    found = [row for pack in _asked(query) for row in rows(pack)]
    return [row for row in found if with_banned or row.get("status") != BANNED]


def _page(query: Query, found: list[Document], most: int = 100) -> Document:
    page, limit = (
        int(query.get("page", ["1"])[0]),
        min(int(query.get("limit", ["10"])[0]), most),
    )
    shown = found[(page - 1) * limit : page * limit]
    # Of all packs it is how many there are, however many rows a pack has.
    packs = {row["id"] for row in found if isinstance(row["id"], str)}
    return {
        "total": len(found) if "node_id" in query else len(packs),
        "nodes": shown,
        "page": page,
        "limit": limit,
        "totalPages": -(-len(found) // limit),
    }


def _good(query: Query, _: int = 0) -> Answer:
    return 200, _page(query, _found(query))


def _of_rows(change: Callable[[Document], Document]) -> Callable[[Query, int], Answer]:
    return lambda query, _: (200, _page(query, [change(row) for row in _found(query)]))


def _second_page_fails(query: Query, _: int) -> Answer:
    if query.get("page", ["1"])[0] != "1":
        return 500, "{}"
    return 200, _page(query, _found(query), 10)


def _second_request_fails(query: Query, before: int) -> Answer:
    return _good(query) if before % 2 == 0 else (500, "{}")


def _half(query: Query, _: int) -> Answer:
    found = [
        row for pack in _asked(query) if not _is_hidden(pack) for row in rows(pack)
    ]
    return 200, _page(query, found)


def _no_banned(query: Query, _: int) -> Answer:
    return 200, _page(
        query, [row for row in _found(query) if row.get("status") != BANNED]
    )


def _constant(status: int, body: object) -> Callable[[Query, int], Answer]:
    return lambda _, __: (status, body)


ENDPOINTS = (
    Endpoint(name="good", serve=_good, sees=_listed),
    Endpoint(
        name="absent_404",
        serve=_constant(404, {"message": "none"}),
        sees=_never(Silence.ABSENT),
    ),
    Endpoint(
        name="status_500",
        serve=_constant(500, {"message": "no"}),
        sees=_never(Silence.UNUSABLE),
    ),
    Endpoint(
        name="empty",
        serve=_constant(200, {"total": 0, "nodes": []}),
        sees=_never(Silence.NO_ROW, Silence.UNUSABLE),
    ),
    Endpoint(name="half_hidden", serve=_half, sees=_shown_half),
    Endpoint(name="banned_hidden", serve=_no_banned, sees=_without_banned),
    Endpoint(
        name="status_new",
        serve=_of_rows(lambda row: row | {"status": NEW_PACK_STATUS}),
        sees=_with_status(NEW_PACK_STATUS),
    ),
    Endpoint(name="second_page_fails", serve=_second_page_fails, sees=_either),
    Endpoint(name="second_request_fails", serve=_second_request_fails, sees=_either),
)
GOOD = ENDPOINTS[0]


def answer_as(registry: FakeRegistry, endpoint: Endpoint) -> None:
    """Have the registry answer `GET /nodes` as the endpoint does, and `GET /versions` as each pack says."""
    requests = 0

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        nonlocal requests
        if request.path == "/versions":
            return _of_versions(registry, request)
        if request.path != "/nodes":
            return None
        query = {name: request.query.getall(name) for name in request.query}
        status, body = endpoint.serve(query, requests)
        requests += 1
        return _response(status, body)

    registry.respond = respond


def _of_versions(
    registry: FakeRegistry, request: web.BaseRequest
) -> web.StreamResponse | None:
    """Return the answer for a pack whose listing is not what the catalog answers."""
    pack = WORLD.get(request.query.get("nodeId", "").lower())
    match pack.listing if pack is not None else "complete":
        case "failed":
            return _response(500, {"message": "Internal Server Error"})
        case "wall":
            return _response(403, {"message": "Forbidden"})
        case "short":
            query = {name: request.query.getall(name) for name in request.query}
            status, document = registry.catalog.answer(query)
            return _response(status, document | {"total": 9, "totalPages": 1})
        case _:
            return None


def _response(status: int, body: object) -> web.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    return web.Response(
        status=status,
        text=text,
        content_type="application/json" if text[0] in "{[" else "text/html",
    )
