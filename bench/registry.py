"""A whole registry in a process of its own, which counts its requests and can change: `python -m bench.registry`.

Its arguments are the nodes, the versions of all nodes, and the latency in seconds. It prints its address, and ends with
its standard input. `GET /requests` is answered with how many requests came since the last one. `PUT /changes` changes
`CHANGED` versions of `CHANGED_NODES` nodes.
"""

from __future__ import annotations

import sys
from typing import Any

from aiohttp import web

from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.made_up import made_up_registry
from watcher.fake_registry.server import FakeRegistry

CHANGED_NODES = 80
CHANGED = 100
_FLAGGED, _BANNED = range(30), range(30, 40)


def change(catalog: Catalog) -> None:
    """Flag, ban or deprecate a version of 80 nodes all over the registry, and publish one of 20 of them."""
    for number, (node, version) in enumerate(_chosen(catalog)):
        if number in _FLAGGED:
            catalog.set_status(node, version, "flagged", "Changed for the benchmark")
        elif number in _BANNED:
            catalog.set_status(node, version, "banned", "Changed for the benchmark")
        else:
            catalog.deprecate(node, version)
        if number < CHANGED - CHANGED_NODES:
            catalog.publish(node, "2.0.0")


def _chosen(catalog: Catalog) -> list[tuple[str, str]]:
    """Return an active version of each node that is changed."""
    _, document = catalog.answer(
        {"page": ["0"], "statuses": ["NodeVersionStatusActive"]}
    )
    rows: Any = document["versions"]
    active = sorted(
        {
            row["node_id"]: row["version"] for row in rows if not row["deprecated"]
        }.items()
    )
    return active[:: len(active) // CHANGED_NODES][:CHANGED_NODES]


class Counting:
    """Answers the questions about a registry that are none of its own."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        registry.respond = self._respond

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path_qs == "/requests":
            count = len(self._registry.requests) - 1  # without this one
            self._registry.requests.clear()
            return web.json_response(count)
        if request.path_qs == "/changes" and request.method == "PUT":
            change(self._registry.catalog)
            self._registry.requests.clear()
            return web.json_response(CHANGED)
        return None


def main() -> None:
    """Serve until the program that started this one closes standard input."""
    nodes, versions, latency = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with FakeRegistry(made_up_registry(nodes, versions), latency=latency) as registry:
        Counting(registry)
        print(registry.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
