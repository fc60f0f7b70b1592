"""When a node, the registry as a whole, an install or a channel is failing or has recovered. Pure.

Rules: docs/behaviour.md, Events (Failing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.changes.transitions import (
    counted,
    health_event,
    node_event,
    registry_event,
)
from watcher.durations import DAY
from watcher.model.event import EMPTY, GONE, Event, Kind
from watcher.model.pack import Scanned
from watcher.model.reading import ALL, Fault, ReadFailure
from watcher.model.snapshot import Node, Snapshot
from watcher.text.sanitize import Trusted, plural
from watcher.timestamps import Moment
from watcher.values import frozen

_A_FEW = 3
"""From this many nodes on, the failures of most of them count as the registry's."""


@frozen
class FailureStreak:
    """Polls in a row in which a node, or the registry, could not be read."""

    count: int
    """How many."""
    since: Moment
    """When the first of them began."""
    error: str
    """Why, in the last of these polls."""
    untried: bool = False
    """The last of these polls made no request. The next one makes it first."""
    ours: bool = False
    """The error is in this program's words alone: no text of the registry's is in it."""


@frozen
class Health:
    """What the last polls could not read."""

    nodes: Mapping[str, FailureStreak] = field(default_factory=dict)
    """By lower-case id."""
    empty: Mapping[str, FailureStreak] = field(default_factory=dict)
    """Polls in a row that found no version of a node that never had one."""
    installs: Mapping[str, FailureStreak] = field(default_factory=dict)
    """Polls in a row that could not scan an install, by what the state knows it by."""
    sweep: FailureStreak | None = None
    """Sweeps in a row that were incomplete, where globs are watched."""
    lists: FailureStreak | None = None
    """Polls in a row that could not read the list of all packs, where publishers are watched."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """What could not be read after a poll, the snapshot with what was reported of it, and the events."""

    health: Health
    snapshot: Snapshot
    events: tuple[Event, ...]


def registry_is_down(unread: Mapping[str, ReadFailure], watched: int) -> bool:
    """Return whether the registry as a whole is down.

    It is if every requested node failed registry-wide, if three or more were requested and all failed, if most of
    three or more failed registry-wide, or if the pages of all nodes failed.
    """
    if ALL in unread:
        return True
    tried = [
        failure for failure in unread.values() if failure.fault is not Fault.UNTRIED
    ]
    requested = watched - len(unread) + len(tried)
    registry_wide = sum(failure.registry_wide for failure in tried)
    is_several = requested >= _A_FEW
    all_failed = bool(tried) and len(tried) == requested
    all_wide = registry_wide == requested
    most_wide = registry_wide * 2 > requested
    if all_failed and (all_wide or is_several):
        return True
    return is_several and most_wide


def assess(
    health: Health,
    snapshot: Snapshot,
    unread: Mapping[str, ReadFailure],
    read: Collection[str],
    threshold: int,
    now: str,
    *,
    empty: Collection[str] = (),
) -> Assessment:
    """Count one poll's failures and successes, and report what has become failing or has recovered.

    `unread` are the failures and `read` the successes, by lower-case id. The nodes in `empty` were read and never had a
    version. The id may be wrong, so they are reported failing at the threshold too, and recover when they have a
    version.

    A node that was not polled keeps its count. One outage is reported once: while the registry is reported failing, no
    node is. If every node that cannot be read was already reported failing, the registry is not.
    """
    streaks = {key: one for key, one in health.nodes.items() if key not in read}
    for key, failed in unread.items():
        untried = failed.fault is Fault.UNTRIED
        streaks[key] = once_more(streaks.get(key), failed.error, now, untried=untried)
    found_empty = {key: one for key, one in health.empty.items() if key not in read}
    for key in empty:
        doubt = f"no versions found: {IS_ID_RIGHT}"
        found_empty[key] = once_more(health.empty.get(key), doubt, now)
    is_down = bool(unread) and registry_is_down(unread, len(unread) + len(read))
    events: list[Event] = []
    if snapshot.registry_failing and read and not is_down:
        snapshot, event = _turn_registry(snapshot, "", now)
        events.append(event)
    due = [
        key
        for key in unread
        if streaks[key].count >= threshold and not _is_failing(snapshot, key)
    ]
    if snapshot.registry_failing:
        due = []  # one outage is one event
    elif is_down and _is_outage(due, unread, snapshot):
        # "since" is that of the node that has failed longest.
        longest = max((streaks[key] for key in due), key=lambda one: one.count)
        error = _commonest_error(unread, len(unread) + len(read))
        story = story_of(replace(longest, error=error))
        snapshot, event = _turn_registry(snapshot, story, now)
        events.append(event)
        due = []
    failing = [(key, "failing", story_of(streaks[key])) for key in due]
    failing += [
        (key, EMPTY, _story_of_empty(found_empty[key]))
        for key in empty
        if found_empty[key].count >= threshold and not _is_failing(snapshot, key)
    ]
    changed: dict[str, Node] = {}
    for key, after, story in failing:
        name = unread[key].node if key in unread else None
        node = snapshot.nodes.get(key) or Node(node=name or key)
        events.append(node_event(node, Kind.FAILING, now, after=after, reason=story))
        changed[key] = replace(counted(node), failing=True)
    for key in read:
        if key in empty or not _is_failing(snapshot, key):
            continue  # what was read and still has no version has not recovered
        node = snapshot.nodes[key]
        before = EMPTY if key in health.empty else "failing"
        events.append(node_event(node, Kind.RECOVERED, now, before=before))
        changed[key] = replace(counted(node), failing=False)
    return Assessment(
        health=replace(health, nodes=streaks, empty=found_empty),
        snapshot=snapshot.with_nodes(changed),
        events=tuple(events),
    )


def _is_outage(
    due: Collection[str], unread: Collection[str], snapshot: Snapshot
) -> bool:
    """Return whether the registry is reported failing, and not the nodes that are due, while it is down.

    It is if they are a few, or all that are not reported yet. The pages of all nodes are no node.
    """
    is_all = all(key in due or _is_failing(snapshot, key) for key in unread)
    return bool(due) and (ALL in due or len(due) >= _A_FEW or is_all)


def _is_failing(snapshot: Snapshot, key: str) -> bool:
    node = snapshot.nodes.get(key)
    return node is not None and node.failing


def once_more(
    failure: FailureStreak | None,
    error: str,
    now: str,
    *,
    untried: bool = False,
) -> FailureStreak:
    """Return the streak with this poll's failure."""
    count, since = (failure.count, failure.since) if failure else (0, now)
    return FailureStreak(
        count=count + 1,
        since=since,
        error=error,
        untried=untried,
        ours=isinstance(error, Trusted),
    )


IS_ID_RIGHT = "is the id right?"
"""What is asked of an id without versions."""


def story_of(failure: FailureStreak) -> str:
    """Return why and for how long something could not be read."""
    since = timestamps.for_people(failure.since)
    return f"{failure.error}; in {in_polls(failure)}, since {since}"


def _story_of_empty(found: FailureStreak) -> str:
    since = timestamps.for_people(found.since)
    polls = in_polls(found)
    return f"no versions found in {polls}, since {since}: {IS_ID_RIGHT}"


def in_polls(failure: FailureStreak) -> str:
    """Return how many polls a streak has, in words."""
    return "1 poll" if failure.count == 1 else f"{failure.count} polls in a row"


def _commonest_error(unread: Mapping[str, ReadFailure], watched: int) -> str:
    tried = [
        failure.error
        for failure in unread.values()
        if failure.fault is not Fault.UNTRIED
    ]
    error, _ = Counter(tried).most_common(1)[0]
    return error if watched == 1 else f"{error} ({len(unread)} of {watched} packs)"


def _turn_registry(snapshot: Snapshot, story: str, now: str) -> tuple[Snapshot, Event]:
    """Return the snapshot with the registry failing, or recovered without a story, and the event of that."""
    snapshot = replace(snapshot, registry_failing=bool(story))
    if not story:
        return registry_event(snapshot, Kind.RECOVERED, now, before="failing")
    return registry_event(snapshot, Kind.FAILING, now, after="failing", reason=story)


def assess_scans(
    health: Health,
    snapshot: Snapshot,
    scans: Mapping[str, Scanned],
    threshold: int,
    now: str,
) -> Assessment:
    """Count one poll's scans, and report what has become failing or has recovered.

    `scans` has every configured install: one that is not configured any more is forgotten.
    """
    reported = snapshot.installed
    streaks = {
        key: once_more(health.installs.get(key), scan.error, now)
        for key, scan in scans.items()
        if scan.error
    }
    failing: list[str] = []
    events: list[Event] = []
    for key in sorted(scans):
        was_failing, streak = key in reported.failing, streaks.get(key)
        is_failing = streak is not None and (was_failing or streak.count >= threshold)
        if is_failing:
            failing.append(key)
        if is_failing != was_failing:
            reason = story_of(streak) if streak else ""
            seen = reported.seen + len(events)
            name = scans[key].name
            events.append(health_event(seen, now, reason, install=name))
    seen = reported.seen + len(events)
    installed = replace(reported, failing=tuple(failing), seen=seen)
    return Assessment(
        health=replace(health, installs=streaks),
        snapshot=replace(snapshot, installed=installed),
        events=tuple(events),
    )


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
    alerts: int
    """How many wait for it."""
    may_have_arrived: int
    """How many of them are in messages that went out without an answer."""


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
        is_failing = has_failed and (was_failing or _has_failed_long(channel, now))
        if is_failing:
            failing.append(channel.key)
        if was_failing != is_failing:
            seen = snapshot.channels_seen + len(events)
            reason = _story_of_channel(channel) if has_failed else ""
            after = GONE if channel.gone else "failing"
            events.append(
                health_event(seen, now, reason, channel=channel.name, after=after)
            )
    reported = tuple(sorted(failing))
    if reported == snapshot.channels_failing:
        return snapshot, ()
    seen = snapshot.channels_seen + len(events)
    snapshot = replace(snapshot, channels_failing=reported, channels_seen=seen)
    return snapshot, tuple(events)


def _has_failed_long(channel: ChannelState, now: str) -> bool:
    return channel.gone or timestamps.seconds_between(channel.failing_since, now) >= DAY


def _story_of_channel(channel: ChannelState) -> str:
    since = timestamps.for_people(channel.failing_since)
    waiting = (
        f"{plural(channel.alerts, 'alert')} undelivered, none delivered since {since}"
    )
    if channel.may_have_arrived:
        waiting += f"; {channel.may_have_arrived:,} may have arrived"
    return f"{channel.error or 'no answer'}; {waiting}"
