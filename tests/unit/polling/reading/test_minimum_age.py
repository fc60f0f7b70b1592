"""A version that is too young: when it is offered, and what `audit` knows of its age, by polls on loopback."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.lived_in import LivedIn
from tests.support.polls import Watcher, reported
from watcher import timestamps
from watcher.alerts.advice import advice_on_copy
from watcher.durations import DAY
from watcher.installs.scan import scan
from watcher.model.finding import Finding
from watcher.model.pack import Source, SourceKind
from watcher.polling.audit import audit
from watcher.polling.clock import clock
from watcher.registry.client import RequestLimits

LONG_AGO = "2026-01-01T00:00:00Z"


class Days:
    """A ComfyUI that runs 1.0.0 of a pack, its watch, and a clock."""

    def __init__(self, registry: FakeRegistry, folder: Path, state: Path) -> None:
        self.comfyui = LivedIn(folder / "ComfyUI")
        self.comfyui.put("pack", "1.0.0")
        self.source = Source(
            name="studio", kind=SourceKind.PATH, where=str(self.comfyui.root)
        )
        self.registry = registry
        self.publish = partial(registry.catalog.publish, "pack", created_at=LONG_AGO)
        self.polls = Watcher(
            registry, state, installs=(self.source,), minimum_age=DAY, baseline="silent"
        )

    def after(self, hours: float) -> list[tuple[str, str | None, str | None]]:
        """Return what a poll reports so many hours from now."""
        self.polls.clock = partial(timestamps.later, clock(), hours * 3600)
        return reported(self.polls.poll())

    def audited(self, *, with_state: bool) -> Finding:
        """Return what `audit` says of the pack now."""
        watched = self.polls.folder.load().snapshot if with_state else None

        async def look() -> Finding:
            done = await audit(
                [await scan(self.source, timeout=30)],
                registry_url=self.registry.url,
                limits=RequestLimits(timeout=30, retries=0, concurrency=4),
                minimum_age=DAY,
                watched=watched,
                clock=clock,
            )
            [finding] = done.findings
            return finding

        return asyncio.run(look())


@pytest.fixture
def days(registry: FakeRegistry, tmp_path: Path, state: Path) -> Days:
    """A registry whose pack has one version, long since."""
    made = Days(registry, tmp_path, state)
    made.publish("1.0.0")
    return made


def test_a_version_that_waited_for_its_scan(days: Days) -> None:
    """It is as old as its scan; `audit` knows that from the state, and goes by its date without one."""
    days.publish("1.1.0", status="pending")
    days.after(-3)
    days.registry.catalog.set_status("pack", "1.1.0", "active")
    assert days.after(-2) == [("new", "pack", "1.1.0")]
    assert days.audited(with_state=False).verdict == "outdated"
    found = days.audited(with_state=True)
    assert (found.verdict, found.safe_version) == ("ok", found.advised)
    days.registry.catalog.set_status("pack", "1.0.0", "flagged")
    days.publish("0.9.0")
    advice = "".join(advice_on_copy(days.audited(with_state=True)))
    assert advice == "go back to 0.9.0; 1.1.0 has been out for 2 hours"
    assert "".join(advice_on_copy(days.audited(with_state=False))) == "move to 1.1.0"
