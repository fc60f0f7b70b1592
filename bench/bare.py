"""The floor: the same requests from a bare aiohttp loop that reads each body and does nothing with it.

Run as `python -m bench.bare URL NODES CONCURRENCY`.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp


async def fetch_all(url: str, nodes: int, concurrency: int) -> None:
    """Ask for each node's first page of 100, `concurrency` requests at a time."""
    waiting = iter(range(nodes))

    async def work(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            query = {"nodeId": f"node-{number}", "page": "1", "pageSize": "100"}
            async with session.get(f"{url}/versions", params=query) as answer:
                answer.raise_for_status()
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))


if __name__ == "__main__":
    asyncio.run(fetch_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
