"""When a channel is failing or has recovered, for the other channels (docs/behaviour.md, Events (Failing)). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.transitions import health_event
from watcher.durations import DAY
from watcher.model.event import Event
from watcher.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelState:
    """How deliveries to a configured channel went, until this poll."""

    name: str
    key: str
    """What it is known by: its name, or the digest of its URL where the name is only a place in `alert_urls`."""
    failing_since: str
    """When the first attempt failed since an alert was taken; empty if the last one did not."""
    gone: bool
    """The service has said that there is no such address, or that it may not be used any more."""
    error: str


def assess_channels(
    snapshot: Snapshot, channels: Sequence[ChannelState], now: str
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Report the channels that have become failing or have recovered, and note that in the snapshot.

    A channel is failing once its address is gone, and otherwise after a day in which it took nothing. It recovers when
    it takes an alert. One that is not configured any more is forgotten. The same snapshot is returned if nothing
    changed.
    """
    failing: list[str] = []
    events: list[Event] = []
    for channel in channels:
        was_failing = channel.key in snapshot.channels_failing
        has_failed = bool(channel.failing_since)
        # Once it is reported, only a delivery ends it.
        is_failing = has_failed and (was_failing or _is_failing(channel, now))
        if is_failing:
            failing.append(channel.key)
        if was_failing != is_failing:
            seen = snapshot.channels_seen + len(events)
            reason = _reason(channel) if has_failed else ""
            events.append(health_event(seen, now, reason, channel=channel.name))
    reported = tuple(sorted(failing))
    if reported == snapshot.channels_failing:
        return snapshot, ()
    seen = snapshot.channels_seen + len(events)
    snapshot = replace(snapshot, channels_failing=reported, channels_seen=seen)
    return snapshot, tuple(events)


def _is_failing(channel: ChannelState, now: str) -> bool:
    return channel.gone or timestamps.seconds_between(channel.failing_since, now) >= DAY


def _reason(channel: ChannelState) -> str:
    """Return why a channel is failing; first what to do about it, because the end is cut where room is short."""
    return f"{channel.error}; no alert was delivered since {timestamps.for_people(channel.failing_since)}"
