"""When a channel is failing or has recovered, for the other channels (docs/behaviour.md, Events (Failing)). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    placed: bool
    """The name comes from a place in `alert_urls`, so that it is the same channel only with the same URL."""
    url_digest: str
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
    failing: dict[str, str] = {}
    events: list[Event] = []
    for channel in channels:
        reported = _was_reported(channel, channels, snapshot.channels_failing)
        if channel.failing_since and (reported or _is_failing(channel, now)):
            failing[channel.name] = channel.url_digest
        if reported != (channel.name in failing):
            seen = snapshot.channels_seen + len(events)
            reason = _reason(channel) if channel.failing_since else ""
            events.append(health_event(seen, now, reason, channel=channel.name))
    if failing == snapshot.channels_failing:
        return snapshot, ()
    seen = snapshot.channels_seen + len(events)
    return replace(snapshot, channels_failing=failing, channels_seen=seen), tuple(
        events
    )


def _was_reported(
    channel: ChannelState, channels: Sequence[ChannelState], reported: Mapping[str, str]
) -> bool:
    """Return whether the channel is one that was reported failing, maybe under another name."""
    if channel.name in reported:
        return not channel.placed or reported[channel.name] == channel.url_digest
    configured = {one.name for one in channels}
    return channel.url_digest in {
        digest for name, digest in reported.items() if name not in configured
    }


def _is_failing(channel: ChannelState, now: str) -> bool:
    return channel.gone or timestamps.seconds_between(channel.failing_since, now) >= DAY


def _reason(channel: ChannelState) -> str:
    """Return why a channel is failing; first what to do about it, because the end is cut where room is short."""
    return f"{channel.error}; no alert was delivered since {timestamps.for_people(channel.failing_since)}"
