"""The embedded registry as a server: what it remembers, what can be put before it, how it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from aiohttp import web

from tests.support.parameters import one_of
from tests.support.program import Started
from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.server import FakeRegistry, main

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


def test_a_registry_can_go_down_and_come_back() -> None:
    """The same port serves the same catalog again after a pause."""
    catalog = Catalog()
    catalog.publish("a", "1.0.0")
    with FakeRegistry(catalog) as first:
        url = first.url
        assert httpx.get(f"{url}/versions", trust_env=False).json()["total"] == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/versions", trust_env=False)
    with FakeRegistry(catalog, port=int(url.rpartition(":")[2])) as second:
        assert second.url == url
        assert httpx.get(f"{url}/versions", trust_env=False).json()["total"] == 1


@pytest.mark.parametrize("way", one_of("SIGTERM", "stdin", "SIGINT", fast=2))
def test_as_a_process(start: Callable[..., Started], way: str) -> None:
    """As a program it prints its address first and serves its nodes until a signal or the end of its input."""
    process = start(
        "--nodes",
        "3",
        "--versions",
        "12",
        "--latency",
        "0.01",
        module="watcher.fake_registry.server",
    )
    process.until(lambda it: it.out.endswith("\n"))
    url = process.out.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    answer = httpx.get(
        f"{url}/versions", params={"nodeId": "node-2", "pageSize": 100}, trust_env=False
    ).json()
    assert answer["total"] == 12
    assert 600 <= len(str(answer)) / 12 <= 800
    if way == "stdin":
        process.stdin.close()
    else:
        process.signal(signal.Signals[way])
    ended = process.wait()
    assert (ended.code, ended.out, ended.err) == (0, f"{url}\n", "")


def test_a_whole_registry_as_a_process(start: Callable[..., Started]) -> None:
    """With a total it serves nodes that share so many versions unevenly."""
    process = start(
        "--nodes", "30", "--total", "120", module="watcher.fake_registry.server"
    )
    process.until(lambda it: it.out.endswith("\n"))
    query = {"pageSize": 100, "page": 2}
    answer = httpx.get(
        f"{process.out.strip()}/versions", params=query, trust_env=False
    ).json()
    assert (answer["total"], answer["totalPages"], len(answer["versions"])) == (
        120,
        2,
        20,
    )
    process.stdin.close()
    assert process.wait().code == 0


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that is no number is a usage error."""
    with pytest.raises(SystemExit, match="2"):
        main(["--nodes", "many"])
    assert "--nodes" in capsys.readouterr().err
