"""A registry in a process of its own, which counts and times its requests: `python -m bench.registry`.

Its arguments are the nodes, the versions of all nodes, and the latency in seconds. It prints its address, and ends with
its standard input. `GET /seen` is answered with how many requests came and the seconds from the first one to the last
answer; `PUT /seen` too, and counts anew.
"""

from __future__ import annotations

import sys

from aiohttp import web

from bench.made_up import made_up_registry
from tests.support.fake_registry.server import FakeRegistry, RecordedRequest


def main() -> None:
    """Serve until the program that started this one closes standard input."""
    nodes, versions, latency = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    catalog = made_up_registry(nodes, versions)
    counted: list[RecordedRequest] = []

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        latest = registry.requests.pop()
        if request.path != "/seen":
            counted.append(latest)
            return None
        spent = counted[-1].at + latency - counted[0].at if counted else 0.0
        seen = {"requests": len(counted), "seconds": spent}
        if request.method == "PUT":
            counted.clear()
        return web.json_response(seen)

    with FakeRegistry(catalog, latency=latency) as registry:
        registry.respond = respond
        print(registry.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
