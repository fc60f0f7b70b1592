"""The floor: the same requests from a bare aiohttp loop.

Run as `python -m bench.bare URL nodes NODES CONCURRENCY`, which asks for each node and reads each body, or as
`python -m bench.bare URL pages PAGES CONCURRENCY`, which reads and decodes the pages of all nodes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable

import aiohttp


async def fetch_all(
    url: str, queries: Iterable[dict[str, str]], concurrency: int, *, decode: bool
) -> int:
    """Ask all, `concurrency` requests at a time; return how many rows were decoded."""
    waiting = iter(queries)
    rows = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal rows
        for query in waiting:
            async with session.get(f"{url}/versions", params=query) as answer:
                answer.raise_for_status()
                body = await answer.read()
                if decode:
                    rows += len(json.loads(body)["versions"])

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency)
    ) as session:
        await asyncio.gather(*(work(session) for _ in range(concurrency)))
    return rows


def main() -> None:
    """Ask for what the arguments say."""
    url, what, count, concurrency = (
        sys.argv[1],
        sys.argv[2],
        int(sys.argv[3]),
        int(sys.argv[4]),
    )
    if what == "nodes":
        each = (
            {"nodeId": f"node-{number}", "page": "1", "pageSize": "100"}
            for number in range(count)
        )
        asyncio.run(fetch_all(url, each, concurrency, decode=False))
    else:
        pages = (
            {"page": str(number), "pageSize": "100"} for number in range(1, count + 1)
        )
        print(asyncio.run(fetch_all(url, pages, concurrency, decode=True)))


if __name__ == "__main__":
    main()
