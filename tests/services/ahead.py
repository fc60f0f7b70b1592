"""Somebody for whom days take seconds: the real program, whose clock is ahead."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.services.operator import PACK, Operator
from tests.support.ahead import AHEAD
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fork_server import ForkServer

BETWEEN = 3 * 3600
"""Seconds between two polls: the longest backoff is over then."""
DAY = 86400
_PATIENCE = 240.0


class Ahead(Operator):
    """An operator who knows the pack, and whose clock goes on by three hours with each poll."""

    def __init__(
        self,
        folder: Path,
        registry: FakeRegistry,
        fork_server: ForkServer,
        *urls: str,
        **settings: str,
    ) -> None:
        super().__init__(folder, registry, *urls, surrounding=None, **settings)
        self._run = partial(
            fork_server.run, timeout=_PATIENCE, module="tests.support.ahead"
        )
        self.seconds = 0
        """How far its clock is ahead."""
        self.delivered = 0
        """Alerts, as the polls have said."""
        self.owed = 0
        """Alerts, as the last poll has said."""
        self.knows()

    def environment(self) -> dict[str, str]:
        """Write the settings as environment variables, and how far ahead the clock is."""
        return super().environment() | {AHEAD: str(self.seconds)}

    def release(self, version: str) -> None:
        """Have the registry get a version."""
        self.registry.catalog.publish(PACK, version)

    def poll(self, times: int = 1) -> None:
        """Poll, and let three hours pass, so many times."""
        for _ in range(times):
            done = self.run("check", "--json")
            assert done.code in (0, 1), done
            alerts = json.loads(done.out)["alerts"]
            assert alerts["expired"] == 0
            self.delivered += alerts["delivered"]
            self.owed = alerts["pending"]
            self.seconds += BETWEEN

    def live(self, days: int, daily: Callable[[int], None] = lambda _: None) -> None:
        """Poll every three hours for so many days, and call `daily` with the number of each as it begins."""
        for day in range(days):
            daily(day)
            while self.seconds < (day + 1) * DAY:
                self.poll()
