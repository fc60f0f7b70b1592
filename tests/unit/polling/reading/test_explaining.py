"""A registry that stops giving reasons, over polls of days: said once, shown while it lasts, and no event."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.polls import Watcher, reported
from watcher import timestamps
from watcher.cli.commands.status import Overview, lines
from watcher.polling.model import Report
from watcher.polling.reports.problems import problems

START = "2026-01-01T12:00:00.000Z"
SILENT = "no longer says why"


class Days:
    """A watched pack, polled on days of a clock of its own; each poll finds a version with a status and a reason."""

    def __init__(self, registry: FakeRegistry, folder: Path) -> None:
        self.registry, self.now, self.versions = registry, START, 0
        self.watcher = Watcher(registry, folder)
        self.watcher.clock = lambda: self.now
        registry.catalog.publish("pack", "1.0.0", created_at="2025-01-01T00:00:00Z")
        self.watcher.poll()

    def poll(
        self, day: float, reason: str | None = None, status: str = "flagged"
    ) -> Report:
        """Poll on a day; with a reason a version has just got it."""
        self.now = timestamps.later(START, day * 86_400)
        if reason is not None:
            self.versions += 1
            version = f"2.0.{self.versions}"
            self.registry.catalog.publish("pack", version, status=status, reason=reason)
        return self.watcher.poll()

    def status(self) -> str:
        """Return what `status` shows."""
        state = self.watcher.folder.load()
        return "\n".join(
            lines(
                Overview(
                    state=state,
                    nodes=["pack"],
                    now=self.now,
                    max_age=1e9,
                    minimum_age=0,
                )
            )
        )


@pytest.fixture
def days(registry: FakeRegistry, state: Path) -> Days:
    """A pack of which a flag with a reason was seen, on day 0."""
    made = Days(registry, state)
    made.poll(0, "Steals passwords")
    return made


def _said(report: Report) -> list[str]:
    return [one.sentence for one in problems(report) if SILENT in one.sentence]


def test_it_is_said_once_and_shown_while_it_lasts(days: Days) -> None:
    """After a week of empty reasons one poll says so and `status` shows it, until a reason comes back; no event."""
    for day in (1, 2, 7):
        assert _said(days.poll(day, "")) == []
        assert SILENT not in days.status()
    report = days.poll(8, "")
    assert _said(report) == [
        "the registry no longer says why it flags and bans: each reason read since 2026-01-02 12:00 UTC is empty"
    ]
    assert reported(report) == [("flagged", "pack", "2.0.5")]
    for day, reason in ((9, ""), (10, None), (30, "")):
        assert _said(days.poll(day, reason)) == []
        assert SILENT in days.status()
    assert _said(days.poll(31, "Mines coins", "banned")) == []
    assert SILENT not in days.status()
    assert _said(days.poll(32, "")) == []
    assert len(_said(days.poll(39, ""))) == 1


def test_a_reason_that_cannot_be_read_is_not_empty(
    days: Days, registry: FakeRegistry
) -> None:
    """Where no reason could be read nothing is concluded, however long that lasts."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        is_refused = "include_status_reason" in asked(request)
        return web.Response(status=500) if is_refused else None

    registry.respond = respond
    for day in (1, 8, 30):
        report = days.poll(day, "")
        assert [event.reason for event in report.events] == [""]
        assert _said(report) == []
    assert SILENT not in days.status()


def test_a_deletion_needs_no_reason(days: Days, registry: FakeRegistry) -> None:
    """Versions that their publishers delete have none, so they are no sign."""
    for number, day in enumerate((1, 8, 30)):
        version = f"3.0.{number}"
        registry.catalog.publish("pack", version)
        days.poll(day)
        registry.catalog.set_status("pack", version, "deleted")
        report = days.poll(day)
        assert reported(report) == [("deleted", "pack", version)]
        assert _said(report) == []
