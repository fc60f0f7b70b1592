"""How `GET /nodes` answers as a whole, and what can be known from that of a pack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp import web

from tests.audit_oracle.situations import BANNED, WORLD, Pack, Row, rows
from tests.support.fake_registry.server import FakeRegistry

Query = Mapping[str, Sequence[str]]
Document = dict[str, Any]
Answer = tuple[int, object]
"""An HTTP status and a document."""


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
    serve: Callable[[Query], Answer]
    sees: Callable[[Pack], Seen]
    """What is known of a pack."""


def _listed(pack: Pack) -> Seen:
    return tuple(row for row in pack.rows if row.readable) or Silence.NO_ROW


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


def _page(query: Query, found: list[Document]) -> Answer:
    page, limit = int(query.get("page", ["1"])[0]), int(query.get("limit", ["10"])[0])
    # Of all packs it is how many there are, however many rows a pack has.
    packs = {row["id"] for row in found if isinstance(row["id"], str)}
    return 200, {
        "total": len(found) if "node_id" in query else len(packs),
        "nodes": found[(page - 1) * limit : page * limit],
        "page": page,
        "limit": limit,
        "totalPages": -(-len(found) // limit),
    }


def _good(query: Query) -> Answer:
    return _page(query, _found(query))


def _constant(status: int) -> Callable[[Query], Answer]:
    return lambda _: (status, {"message": "no"})


ENDPOINTS = (
    Endpoint(name="good", serve=_good, sees=_listed),
    Endpoint(name="absent", serve=_constant(404), sees=lambda _: Silence.ABSENT),
    Endpoint(name="failing", serve=_constant(500), sees=lambda _: Silence.UNUSABLE),
)
GOOD = ENDPOINTS[0]


def answer_as(registry: FakeRegistry, endpoint: Endpoint) -> None:
    """Have the registry answer `GET /nodes` as the endpoint does, and `GET /versions` as each pack says."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path == "/versions":
            return _of_versions(registry, request)
        if request.path != "/nodes":
            return None
        query = {name: request.query.getall(name) for name in request.query}
        status, document = endpoint.serve(query)
        return web.json_response(document, status=status)

    registry.respond = respond


def _of_versions(
    registry: FakeRegistry, request: web.BaseRequest
) -> web.StreamResponse | None:
    """Return the answer for a pack whose listing is not what the catalog answers."""
    pack = WORLD.get(request.query.get("nodeId", "").lower())
    match pack.listing if pack is not None else "complete":
        case "failed":
            return web.json_response({"message": "Internal"}, status=500)
        case "wall":
            return web.json_response({"message": "Forbidden"}, status=403)
        case "short":
            query = {name: request.query.getall(name) for name in request.query}
            status, document = registry.catalog.answer(query)
            document |= {"total": 9, "totalPages": 1}
            return web.json_response(document, status=status)
        case _:
            return None
