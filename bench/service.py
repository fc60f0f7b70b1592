"""A webhook in a process of its own: it answers each message after a while, and tells how long it had them all.

Run as `python -m bench.service LATENCY`; it prints its port. `POST` is a message. `GET` is answered with how many came
and the seconds from the first to the last answer since the last `PUT`, and `PUT /200` or `PUT /503` sets the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aiohttp import web


class Service:
    """Counts messages between its first one and its last answer."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._status = 200
        self._count = 0
        self._first = self._last = 0.0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.method == "GET":
            return web.json_response(
                {"count": self._count, "seconds": self._last - self._first}
            )
        if request.method == "PUT":
            self._status, self._count, self._first, self._last = (
                int(request.path[1:]),
                0,
                0.0,
                0.0,
            )
            return web.json_response({})
        self._first = self._first or time.monotonic()
        await request.read()
        await asyncio.sleep(self._latency)
        self._count += 1
        self._last = time.monotonic()
        return web.json_response({}, status=self._status)


async def serve(latency: float) -> None:
    """Serve until the program that started this one closes standard input."""
    runner = web.ServerRunner(web.Server(Service(latency).handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(json.dumps(runner.addresses[0][1]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
