"""`health`: when a poll is late, and what of a state `--strict` counts as bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import NOW, PACK, channel, event, known, minute, version
from watcher.alerts.queues.outbox import Outbox, enqueue
from watcher.changes.health import FailureStreak
from watcher.cli.commands.health import judge, last_poll, usual_age
from watcher.model.event import About
from watcher.model.snapshot import Snapshot
from watcher.state.model import Checks, State

HOUR = 60
WELL = State(
    snapshot=Snapshot(nodes={PACK.lower(): known(version())}),
    checks=Checks(polled_at=NOW),
)
STREAK = FailureStreak(count=3, since=NOW, error="it timed out")


def said(state: State) -> tuple[bool, str]:
    """Return what is said of a state, as strictly as it can be."""
    return judge(
        state,
        60,
        NOW,
        nodes=[PACK],
        channels=["ops"],
        installs={"home": "home"},
        strict=True,
    )


@pytest.mark.parametrize(
    ("age", "pause", "said"),
    [
        (44, 0, "last poll 44 minutes ago"),
        (46, 0, "last poll 46 minutes ago, which is late (at most 45 minutes)"),
        (150, HOUR, "last poll 2 hours ago"),
        (-1, 0, "last poll just now"),
        (-24 * HOUR, 0, "last poll 24 hours in the future: is the clock right?"),
    ],
)
def test_when_the_last_poll_is_late(age: float, pause: float, said: str) -> None:
    """After three times the interval, or the last pause if that was longer; a poll in the future is no good sign."""
    before = minute(-pause) if pause else ""
    state = State(checks=Checks(polled_at=NOW, polled_before=before))
    found = last_poll(state, usual_age(state, 900), minute(age))
    assert found == (said.endswith(("ago", "now")), said)


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
