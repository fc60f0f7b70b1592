"""A proxy before the registry, whose edges keep answers and give them again, whatever a request says of caches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.fake_registry.server import FakeRegistry


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
        self.age = ""
        """What `Age` says; "" is the age."""

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        copies = self.copies.setdefault(self.route(request), {})
        key = request.path_qs
        if not (self.gives_copies and key in copies):
            copies[key] = await self._fresh(key)
        return self._given(copies[key])

    async def _fresh(self, path: str) -> Copy:
        async with (
            aiohttp.ClientSession() as session,
            session.get(URL(self.registry.url + path, encoded=True)) as answer,
        ):
            return Copy(at=self.now, status=answer.status, body=await answer.read())

    def _given(self, copy: Copy) -> web.StreamResponse:
        headers = {
            "Date": format_datetime(self.now, usegmt=True),
            "Age": self.age or str(int((self.now - copy.at).total_seconds())),
            "Content-Type": "application/json",
        }
        return web.Response(status=copy.status, body=copy.body, headers=headers)
