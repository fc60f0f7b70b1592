"""A proxy before the registry, whose edges keep answers and give them again, whatever a request says of caches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes import wire


class Dating(StrEnum):
    """Which times an edge gives with an answer."""

    ITS_OWN = "its own"
    """`Date` is now, as large networks have it, and `Age` is how old the copy is."""
    KEPT = "kept"
    """`Date` is the registry's, as RFC 9111 has it, and `Age` is how old the copy is."""
    NONE = "none"
    """Neither header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An answer that an edge keeps."""

    at: datetime
    status: int
    body: bytes


Route = Callable[[web.BaseRequest], int]


class CachingProxy(FakeRegistry):
    """Serves the answers of `registry` on a port of its own. Its clock stands still but for `wait`."""

    def __init__(self, registry: FakeRegistry) -> None:
        super().__init__()
        self.respond = self._answer
        self.registry = registry
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.copies: dict[int, dict[str, Copy]] = {}
        """By edge, then by path and query."""
        self.route: Route = lambda _: 0
        """Which edge a request meets."""
        self.gives_copies = False
        """An edge gives its copy where it has one; else it asks the registry, and keeps what that answers."""
        self.dating = Dating.ITS_OWN
        self.age: Callable[[int], str] = str
        """What `Age` says, by the age in seconds; "" is no header."""

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        copies = self.copies.setdefault(self.route(request), {})
        key = request.path_qs
        if not (self.gives_copies and key in copies):
            copies[key] = await self._fresh(key)
        return await self._given(request, copies[key])

    async def _fresh(self, path: str) -> Copy:
        async with (
            aiohttp.ClientSession() as session,
            session.get(URL(self.registry.url + path, encoded=True)) as answer,
        ):
            return Copy(at=self.now, status=answer.status, body=await answer.read())

    async def _given(self, request: web.BaseRequest, copy: Copy) -> web.StreamResponse:
        if self.dating is Dating.NONE:
            return await wire.cut(
                request, wire.head(len(copy.body)) + copy.body, reset=False
            )
        date = copy.at if self.dating is Dating.KEPT else self.now
        headers = {
            "Date": format_datetime(date, usegmt=True),
            "Content-Type": "application/json",
        }
        if age := self.age(int((self.now - copy.at).total_seconds())):
            headers["Age"] = age
        return web.Response(status=copy.status, body=copy.body, headers=headers)
