"""`health --strict`: what of a state it counts as bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import NOW, PACK, channel, event, known, minute, version
from watcher.alerts.queues.outbox import Outbox, enqueue
from watcher.changes.health import FailureStreak
from watcher.cli.commands.health import judge
from watcher.model.event import About
from watcher.model.snapshot import Snapshot
from watcher.state.model import Checks, State

HOUR = 60
WELL = State(
    snapshot=Snapshot(nodes={PACK.lower(): known(version())}),
    checks=Checks(polled_at=NOW),
)
STREAK = FailureStreak(count=3, since=NOW, error="it timed out")


def said(state: State, now: str = NOW, max_age: float = 60) -> tuple[bool, str]:
    """Return what is said of a state, as strictly as it can be."""
    return judge(
        state,
        max_age,
        now,
        nodes=[PACK],
        channels=["ops"],
        installs={"home": "home"},
        strict=True,
    )


@pytest.mark.parametrize(("hours", "healthy"), [(23, True), (25, False)])
def test_an_alert_may_wait_for_a_day(hours: int, healthy: bool) -> None:
    """However often polls are due. What is set aside does not count."""
    since = minute(-hours * HOUR)
    both = (channel("ops"), channel("former"))
    owed = enqueue(Outbox(), both, (event(at=since),), 1, since)
    (message,) = owed.queues["ops"].messages
    aside = replace(message, refusals=2, tried_next=minute(5 * HOUR))
    young = replace(message, id="young", queued_at=NOW, tried_next=aside.tried_next)
    queue = replace(owed.queues["ops"], messages=(young, aside))
    owed = replace(owed, queues={**owed.queues, "ops": queue})
    found, line = said(replace(WELL, outbox=owed))
    assert found is healthy
    assert f"1 alert undelivered, the oldest for {hours} hours" in line


def test_what_fails_is_not_healthy() -> None:
    """A pack that is failing, an install that cannot be read, a channel that took nothing since it failed."""
    assert said(WELL) == (True, "last poll just now")
    reported = Snapshot(failing={About.NODE: {PACK.lower(): "failing"}})
    pack = replace(WELL, snapshot=reported)
    found, line = said(pack)
    assert (found, line.endswith(f"; 1 pack failing: {PACK}")) == (False, True)
    streaks = {About.INSTALL: {"home": STREAK}}
    install = replace(WELL, checks=replace(WELL.checks, streaks=streaks))
    assert not said(install)[0]
    owed = enqueue(Outbox(), (channel("ops"),), (event(),), 1, NOW)
    expired = replace(owed.queues["ops"], messages=(), failing_since=NOW)
    found, line = said(replace(WELL, outbox=Outbox(queues={"ops": expired})))
    assert (found, "; channel ops failing for " in line) == (False, True)
