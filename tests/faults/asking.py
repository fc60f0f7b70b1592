"""Asking a loopback registry, and a clock that does not make anyone wait for a back-off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry, Respond
from watcher.model.reading import Reading
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.listing import read_node

PROXY_VARIABLES = tuple(
    name
    for scheme in ("http", "https", "all", "no")
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
)
NOON = "2026-03-02T12:00:00.000Z"
_LONG = 0.2

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop in which a sleep of more than a fifth of a second takes no time and is remembered in `naps`.

    Its clock goes forward by what was slept, so whoever looks at it finds that the time has passed.
    """

    def __init__(self) -> None:
        self.naps: list[float] = []
        self._skipped = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._skipped

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        # By its callback a sleep is known from a deadline, which must stay as far away as it was.
        if (
            delay > _LONG
            and getattr(callback, "__name__", "") == "_set_result_unless_cancelled"
        ):
            self.naps.append(delay)
            self._skipped += delay
            delay = 0.0
        return super().call_later(delay, callback, *args, context=context)


def hurried(work: Coroutine[Any, Any, _Result]) -> tuple[_Result, list[float]]:
    """Run to the end without waiting for sleeps, and return the result and how long each sleep would have been."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, HurriedLoop)
        result = runner.run(work)
        return result, loop.naps


async def ask(url: str, query: Query | None = None, **limits: Any) -> Answer:
    """Ask once over a pool of its own; no retries unless asked for."""
    bounds = RequestLimits(**{"timeout": 10.0, "retries": 0} | limits)
    async with Registry(url, bounds) as registry:
        return await registry.ask(query or Query())


def answer(url: str, query: Query | None = None, **limits: Any) -> Answer:
    """Ask once and return the answer."""
    return asyncio.run(ask(url, query, **limits))


def complaint(url: str, query: Query | None = None, **limits: Any) -> str:
    """Ask once and return the error."""
    with pytest.raises(NoAnswerError) as caught:
        answer(url, query, **limits)
    return str(caught.value)


def read(url: str, node: str, **limits: Any) -> Reading:
    """Read one node over a pool of its own, by a clock that stands at `NOON`."""

    async def work() -> Reading:
        bounds = RequestLimits(**{"timeout": 10.0, "retries": 0} | limits)
        async with Registry(url, bounds) as registry:
            return await read_node(registry, node, lambda: NOON)

    return asyncio.run(work())


def responding(**headers: str) -> Callable[[int, bytes], Respond]:
    """Return a maker of answers that are always the same; header names are written with `_` for `-`."""

    def make(status: int, body: bytes) -> Respond:
        async def respond(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(
                status=status,
                body=body,
                headers={
                    name.replace("_", "-"): value for name, value in headers.items()
                },
            )

        return respond

    return make


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the surroundings' proxies away."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield


def of_pack(registry: FakeRegistry, node: str = "pack", versions: int = 5) -> None:
    """Publish versions 1.0.0, 1.1.0, … of a node."""
    for number in range(versions):
        registry.catalog.publish(node, f"1.{number}.0", dependencies=["x"])
