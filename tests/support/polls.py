"""Polls of a loopback registry in this process, and what was asked in each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.support.factories import watch
from tests.support.fake_registry.server import FakeRegistry
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.state.store import StateFolder


class Watcher:
    """Polls a registry into a folder."""

    def __init__(
        self, registry: FakeRegistry, folder: Path, *nodes: str, **settings: Any
    ) -> None:
        self.registry = registry
        has_others = settings.get("globs") or settings.get("publishers")
        self.nodes = nodes or (() if has_others else ("pack",))
        self.settings = settings
        self.folder = StateFolder(folder)
        self.clock = clock

    def poll(self, **changed: Any) -> Report:
        """Poll once and forget what was asked before; some settings may differ this time."""
        self.registry.requests.clear()
        settings = {**self.settings, **changed}
        url, nodes = (
            settings.pop("url", self.registry.url),
            settings.pop("nodes", self.nodes),
        )

        async def work() -> Report:
            config = watch(url, *nodes, **settings)
            poller = Poller(
                config=config,
                folder=self.folder,
                clock=self.clock,
                stopping=asyncio.Event(),
            )
            return await poller.poll()

        with self.folder.locked():
            return asyncio.run(work())

    def asked(self, name: str = "nodeId") -> list[str]:
        """Return what was asked under a parameter, in order, by the requests that had it."""
        return [
            request.query[name][0]
            for request in self.registry.requests
            if name in request.query
        ]


def reported(report: Report) -> list[tuple[str, str | None, str | None]]:
    """Return a poll's events by kind, node and version."""
    return [(event.kind.value, event.node, event.version) for event in report.events]
