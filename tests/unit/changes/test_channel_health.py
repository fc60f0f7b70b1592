"""When a channel is reported failing or recovered: once, on the others, whatever happens to its name and URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, minute
from watcher.changes.health import ChannelState, Turn
from watcher.model.event import About, Event, Kind
from watcher.model.snapshot import Snapshot

DAY = 24 * 60


def state(name: str = "ops", *, failing: bool = True, **fields: Any) -> ChannelState:
    """Make a channel, failing with 500 since `NOW` unless it is said otherwise."""
    given: dict[str, Any] = {
        "name": name,
        "key": name,
        "gone": False,
        "alerts": 2,
        "may_have_arrived": 0,
    }
    given |= (
        {"failing_since": NOW, "error": "HTTP 500"}
        if failing
        else {"failing_since": "", "error": ""}
    )
    return ChannelState(**given | fields)


def taken(before: Snapshot, channels: Sequence[ChannelState], at: str) -> Turn:
    """Take the channels of a poll."""
    turn = Turn({}, before, 3, at)
    turn.take_channels(channels)
    return turn


def reported(
    *channels: ChannelState, before: Snapshot | None = None, at: str = NOW
) -> tuple[Snapshot, list[Any]]:
    """Return the snapshot after a poll, and what was reported, as kind and channel."""
    turn = taken(before or Snapshot(), channels, at)
    events = [(event.kind.value, event.channel) for event in turn.events]
    return turn.snapshot, events


GONE = state(gone=True, error="HTTP 404")


def test_a_channel_that_is_gone_is_reported_at_once_and_once() -> None:
    """One poll reports it, the next ones do not, and it recovers when it takes an alert."""
    first, events = reported(GONE)
    assert (events, first.failing) == (
        [("failing", "ops")],
        {About.CHANNEL: {"ops": "failing"}},
    )
    assert reported(GONE, before=first) == (first, [])
    other_cause, events = reported(state(), before=first)
    assert events == []
    after, events = reported(state(failing=False), before=other_cause)
    assert (events, after.failing) == ([("recovered", "ops")], {})
    assert reported(state(failing=False), before=after) == (after, [])


@pytest.mark.parametrize(
    ("minutes", "due"),
    [(DAY - 1, False), (DAY, True), (-DAY, False)],
)
def test_any_other_failure_is_reported_after_a_day(minutes: int, *, due: bool) -> None:
    """The day begins with the first failure since an alert was taken; a clock set back makes none of it."""
    assert bool(reported(state(), at=minute(minutes))[1]) is due


def test_what_the_event_says() -> None:
    """It is about no node; it names the channel, and says why, since when, how many alerts wait or may have arrived."""
    (event,) = taken(Snapshot(), [GONE], minute(3)).events
    assert event == Event(
        id=event.id,
        kind=Kind.FAILING,
        node=None,
        channel="ops",
        after="gone",
        reason="HTTP 404; 2 alerts undelivered, none delivered since 2026-03-02 00:00 UTC",
        at=minute(3),
        url="https://registry.comfy.org",
    )
    doubtful = replace(GONE, may_have_arrived=1)
    (doubted,) = taken(Snapshot(), [doubtful], minute(3)).events
    assert doubted.reason == f"{event.reason}; 1 may have arrived"


def test_a_place_in_a_list_is_the_channel_of_its_url() -> None:
    """Under another name it is not reported again; with another URL it is another channel, which has not recovered."""
    first, _ = reported(state(gone=True, key="one URL"))
    moved, events = reported(state("ops-2", gone=True, key="one URL"), before=first)
    assert (moved, events) == (first, [])
    edited = reported(state(failing=False, key="another URL"), before=first)
    assert edited == (replace(first, failing={}), [])
