"""A gate in front of the fake registry's answers."""

from __future__ import annotations

import asyncio
import threading

from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry

_LONGEST = 20.0


class Gate:
    """Holds answers back until it is opened: all those for the named nodes, or else the first one."""

    def __init__(self, registry: FakeRegistry, *nodes: str) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()
        self._nodes = nodes
        registry.respond = self._respond

    def open(self) -> None:
        """Let the answers through."""
        self._opened.set()

    async def _respond(self, request: web.BaseRequest) -> None:
        held = (
            request.query.get("nodeId") in self._nodes
            if self._nodes
            else not self.reached.is_set()
        )
        if held:
            self.reached.set()
            await asyncio.to_thread(self._opened.wait, _LONGEST)
