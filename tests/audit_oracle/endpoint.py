"""How `GET /nodes` answers as a whole, and how `GET /versions` answers for each pack."""

from __future__ import annotations

from enum import Enum

from aiohttp import web

from tests.audit_oracle.situations import WORLD
from tests.support.fake_registry.server import FakeRegistry


class Endpoint(Enum):
    """A way in which `GET /nodes` answers: its status."""

    GOOD = 200
    ABSENT = 404
    FAILING = 500


def answer_as(registry: FakeRegistry, endpoint: Endpoint) -> None:
    """Have the registry answer `GET /nodes` as the endpoint does, and `GET /versions` as each pack says."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path == "/versions":
            return _of_versions(registry, request)
        if endpoint is Endpoint.GOOD:
            return None
        return web.json_response({"message": "no"}, status=endpoint.value)

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
