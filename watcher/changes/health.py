"""When a node, or the registry as a whole, is failing or has recovered (docs/behaviour.md, Events (Failing)). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.changes.transitions import counted, node_event, registry_event
from watcher.model.event import EMPTY, Event, Kind
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import ALL
from watcher.model.snapshot import Node, Snapshot
from watcher.timestamps import Moment

_A_FEW = 3
"""From this many nodes on, the failures of most of them count as the registry's."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the last polls could not read: nodes, by lower-case id, and the registry as a whole."""

    nodes: Mapping[str, FailureStreak] = field(default_factory=dict)
    """By lower-case id."""
    registry: FailureStreak | None = None
    """Polls in a row that could not read the registry as a whole; None if the last one could."""
    empty: Mapping[str, FailureStreak] = field(default_factory=dict)
    """Polls in a row that found no version of a node that never had one."""
    installs: Mapping[str, FailureStreak] = field(default_factory=dict)
    """Polls in a row that could not scan an install, by its name."""
    sweep: FailureStreak | None = None
    """Sweeps in a row that were incomplete, where globs are watched."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """The health after a poll, the snapshot with its `failing` flags, and the events of both."""

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
    if (
        tried
        and len(tried) == requested
        and (registry_wide == requested or requested >= _A_FEW)
    ):
        return True
    return requested >= _A_FEW and registry_wide * 2 > requested


def assess(
    health: Health,
    snapshot: Snapshot,
    unread: Mapping[str, ReadFailure],
    read: Mapping[str, bool],
    threshold: int,
    now: str,
    *,
    empty: Collection[str] = (),
) -> Assessment:
    """Count one poll's failures and successes, and report what has become failing or has recovered.

    `unread` are the failures and `read` the successes, by lower-case id; the value in `read` says whether the node was
    reported failing before. The nodes in `empty` were read and never had a version. The id may be wrong, so they are
    reported failing at the threshold too, and recover when they have a version.

    A node that was not polled keeps its count. One outage is reported once: while the registry is reported failing, no
    node is. If every node that cannot be read was already reported failing, the registry is not.
    """
    failures = {
        key: failure for key, failure in health.nodes.items() if key not in read
    }
    for key, failed in unread.items():
        failures[key] = once_more(
            failures.get(key), failed.error, now, untried=failed.fault is Fault.UNTRIED
        )
    found_empty = {key: found for key, found in health.empty.items() if key not in read}
    found_empty |= {
        key: once_more(health.empty.get(key), "no versions found", now) for key in empty
    }
    watched = len(unread) + len(read)
    registry = None
    if unread and registry_is_down(unread, watched):
        registry = once_more(health.registry, _commonest_error(unread, watched), now)
    events: list[Event] = []
    if registry is None and read and snapshot.registry_failing:
        snapshot, event = _turn_registry(snapshot, None, now)
        events.append(event)
    failing: list[tuple[Node, str, str]] = []
    if not snapshot.registry_failing:
        due = [
            key
            for key in unread
            if failures[key].count >= threshold and not _is_failing(snapshot, key)
        ]
        due = [key for key in due if key != ALL]  # which is no node
        outage = _outage(registry, [failures[key] for key in due], threshold)
        if outage is None:
            for key in due:
                node = snapshot.nodes.get(key) or Node(node=unread[key].node or key)
                failing.append((node, "failing", _story(failures[key])))
        elif not all(_is_failing(snapshot, key) for key in unread):
            snapshot, event = _turn_registry(snapshot, outage, now)
            events.append(event)
    due = [
        key
        for key in empty
        if found_empty[key].count >= threshold and not _is_failing(snapshot, key)
    ]
    failing += [
        (snapshot.nodes[key], EMPTY, _story_of_empty(found_empty[key]))
        for key in due
        if key in snapshot.nodes
    ]
    changed: dict[str, Node] = {}
    for node, after, story in failing:
        events.append(
            node_event(node, Kind.FAILING, now, before=None, after=after, reason=story)
        )
        changed[node.node.lower()] = replace(counted(node, ""), failing=True)
    for key, node in _recovering(
        health, snapshot, read, found_empty, threshold
    ).items():
        before = EMPTY if key in health.empty and key not in health.nodes else "failing"
        events.append(node_event(node, Kind.RECOVERED, now, before=before, after=None))
        changed[key] = replace(counted(node, ""), failing=False)
    assessed = replace(health, nodes=failures, registry=registry, empty=found_empty)
    return Assessment(
        health=assessed, snapshot=snapshot.with_nodes(changed), events=tuple(events)
    )


def _recovering(
    health: Health,
    snapshot: Snapshot,
    read: Mapping[str, bool],
    empty: Mapping[str, FailureStreak],
    threshold: int,
) -> dict[str, Node]:
    """Return the nodes that were reported failing, were read, and are not failing any more.

    An empty node is still failing, unless it was reported because it could not be read and has not been empty often
    enough since.
    """
    still = {
        key
        for key, found in empty.items()
        if key not in health.nodes or found.count >= threshold
    }
    back = [
        key
        for key, was_failing in read.items()
        if was_failing and key not in still and _is_failing(snapshot, key)
    ]
    return {key: snapshot.nodes[key] for key in back}


def _outage(
    registry: FailureStreak | None, due: Sequence[FailureStreak], threshold: int
) -> FailureStreak | None:
    """Return the failure to report for the registry instead of its nodes, or None.

    The registry is failing once it has been down for `threshold` polls. It is also failing once `_A_FEW` nodes are
    `due` while it is down; their longest count is then the registry's.
    """
    if registry is None or registry.count >= threshold:
        return registry
    if len(due) < _A_FEW:
        return None
    longest = max(due, key=lambda failure: failure.count)
    return replace(registry, count=longest.count, since=longest.since)


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
    return FailureStreak(count=count + 1, since=since, error=error, untried=untried)


def _story(failure: FailureStreak) -> str:
    return f"could not be read in {in_polls(failure)}, since {timestamps.for_people(failure.since)}: {failure.error}"


def _story_of_empty(found: FailureStreak) -> str:
    return f"{in_polls(found)} found no version, since {timestamps.for_people(found.since)}: is the id right?"


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
    return error if watched == 1 else f"{error} ({len(unread)} of {watched} nodes)"


def _turn_registry(
    snapshot: Snapshot, outage: FailureStreak | None, now: str
) -> tuple[Snapshot, Event]:
    """Return the snapshot with the registry failing, or recovered for None, and the event of that."""
    snapshot = replace(snapshot, registry_failing=outage is not None)
    if outage is None:
        return registry_event(snapshot, Kind.RECOVERED, now, before="failing")
    return registry_event(
        snapshot, Kind.FAILING, now, after="failing", reason=_story(outage)
    )
