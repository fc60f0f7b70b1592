"""The embedded registry as a server: what it remembers, what can be put before it, how it ends."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.measured


def test_latency_holds_every_answer() -> None:
    """An answer comes no sooner than the latency."""
    with FakeRegistry(latency=0.2) as registry:

        async def ask_ten() -> None:
            async with httpx.AsyncClient(
                base_url=registry.url, trust_env=False
            ) as client:
                await asyncio.gather(*(client.get("/versions") for _ in range(10)))

        began = time.monotonic()
        asyncio.run(ask_ten())
        assert time.monotonic() - began >= 0.2


def test_leaving_cuts_what_is_under_way() -> None:
    """Leaving ends a hanging answer and an idle connection at once, and leaves neither thread nor listener behind."""
    waiting = threading.Event()
    failures: list[Exception] = []

    async def hang(request: web.BaseRequest) -> web.StreamResponse | None:
        waiting.set()
        await asyncio.sleep(60)
        return None

    def ask_and_hang() -> None:
        try:
            httpx.get(f"{registry.url}/versions", timeout=30, trust_env=False)
        except httpx.TransportError as error:
            failures.append(error)

    threads = threading.active_count()
    with FakeRegistry() as registry, httpx.Client(trust_env=False) as client:
        assert client.get(f"{registry.url}/versions").status_code == 200
        registry.respond = hang
        asking = threading.Thread(target=ask_and_hang)
        asking.start()
        assert waiting.wait(10)
    asking.join()
    assert len(failures) == 1
    assert threading.active_count() == threads
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{registry.url}/versions", trust_env=False)
