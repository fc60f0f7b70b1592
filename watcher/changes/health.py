"""When a node, or the registry as a whole, counts as failing, and when it has recovered. Pure.

Contract: the kinds `failing` and `recovered` ("one event, not one per node") and the setting `failure_threshold`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from watcher.changes.transitions import counted, node_event, node_url
from watcher.model.event import EMPTY, Event, Kind, event_id
from watcher.model.snapshot import Node, Snapshot

_A_FEW = 3
"""From so many watched nodes on, the failures of most of them are the registry's."""


class Trouble(StrEnum):
    """What kept a node from being read, where it matters for the next poll."""

    FAULT = "fault"
    UNTRIED = "untried"
    """The registry had failed so often that this node was not even asked for: it goes first the next time."""

    @classmethod
    def _missing_(cls, value: object) -> Trouble | None:
        """Read what earlier versions wrote: a doubted 403 is a fault like any other."""
        return cls.FAULT if value == "refused" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureStreak:
    """Polls in a row (`count`) in which something could not be read, since when, and why the last time."""

    count: int
    since: str
    error: str
    trouble: Trouble = Trouble.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Who could not be read lately: nodes by lower-case id, and the registry as a whole.

    `empty` counts the polls in a row that read a node and found no version, of nodes that never had one.
    """

    nodes: Mapping[str, FailureStreak] = field(default_factory=dict)
    registry: FailureStreak | None = None
    empty: Mapping[str, FailureStreak] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """One node that this poll could not read; `registry_wide` as in `listing.Unreadable`."""

    node: str
    error: str
    registry_wide: bool
    trouble: Trouble = Trouble.FAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The health after a poll, the snapshot with its `failing` flags, and the events of both."""

    health: Health
    snapshot: Snapshot
    events: tuple[Event, ...]


def registry_is_down(unread: Mapping[str, Unread], watched: int) -> bool:
    """Tell whether the failures of one poll are the registry's rather than those of single nodes.

    So it is when the way to the registry failed for all (even the only one) or for most nodes, or when every one of
    a few nodes failed for whatever reason. A node that was not tried says nothing of either.
    """
    tried = [failure for failure in unread.values() if failure.trouble is not Trouble.UNTRIED]
    asked = watched - len(unread) + len(tried)
    wide = sum(failure.registry_wide for failure in tried)
    if tried and len(tried) == asked and (wide == asked or asked >= _A_FEW):
        return True
    return asked >= _A_FEW and wide * 2 > asked


def assess(
    health: Health,
    snapshot: Snapshot,
    unread: Mapping[str, Unread],
    read: Mapping[str, bool],
    threshold: int,
    now: str,
    *,
    empty: Collection[str] = (),
) -> Assessment:
    """Count one poll's failures (`unread`, by lower-case id) and successes (`read`: was each called failing before?).

    Of those that were read, the `empty` have no version and never had one: their ids may be wrong, so that they are
    called failing at the threshold too, and recover when they have a version.

    Every poll that could not read a node counts for that node, whatever the reason. A node that was not polled keeps
    its count. One outage is reported once, whatever it looks like from poll to poll: until a node is read again after
    the registry was called failing, no node is called so on its own; nor is the registry where each node that it keeps
    from being read was called so.
    """
    failures = {key: failure for key, failure in health.nodes.items() if key not in read}
    for key, failed in unread.items():
        failures[key] = _once_more(failures.get(key), failed.error, now, failed.trouble)
    registry = None
    error = ""
    if unread and registry_is_down(unread, len(unread) + len(read)):
        error = _for_all(unread, len(unread) + len(read))
        registry = _once_more(health.registry, error, now)
    events: list[Event] = []
    if registry is None and read and snapshot.registry_failing:
        events.append(_registry_event(snapshot, Kind.RECOVERED, now))
        snapshot = replace(snapshot, registry_failing=False, registry_seen=snapshot.registry_seen + 1)
    failing: list[tuple[Node, str]] = []
    if not snapshot.registry_failing:
        due = [key for key in unread if failures[key].count >= threshold and not _is_failing(snapshot, key)]
        outage = _outage(registry, [failures[key] for key in due], error, threshold)
        if outage is None:
            failing = [(snapshot.nodes.get(key) or Node(node=unread[key].node), _story(failures[key])) for key in due]
        elif not all(_is_failing(snapshot, key) for key in unread):
            events.append(_registry_event(snapshot, Kind.FAILING, now, _story(outage)))
            snapshot = replace(snapshot, registry_failing=True, registry_seen=snapshot.registry_seen + 1)
    found_empty = {key: found for key, found in health.empty.items() if key not in read}
    found_empty |= {key: _once_more(health.empty.get(key), "no versions found", now) for key in empty}
    newly_empty = _newly_empty(snapshot, {key: found_empty[key] for key in empty}, threshold)
    nodes: dict[str, Node] = {}
    for after, some in (("failing", failing), (EMPTY, newly_empty)):
        for node, story in some:
            events.append(node_event(node, Kind.FAILING, now, before=None, after=after, reason=story))
            nodes[node.node.lower()] = replace(counted(node), failing=True)
    for key, node in _recovering(health, snapshot, read, found_empty, threshold).items():
        before = EMPTY if key in health.empty and key not in health.nodes else "failing"
        events.append(node_event(node, Kind.RECOVERED, now, before=before, after=None))
        nodes[key] = replace(counted(node), failing=False)
    assessed = Health(nodes=failures, registry=registry, empty=found_empty)
    return Assessment(health=assessed, snapshot=snapshot.with_nodes(nodes), events=tuple(events))


def _newly_empty(snapshot: Snapshot, found: Mapping[str, FailureStreak], threshold: int) -> list[tuple[Node, str]]:
    """Return the nodes that have been found empty often enough to be called failing, and why."""
    due = [key for key, empty in found.items() if empty.count >= threshold and not _is_failing(snapshot, key)]
    return [(snapshot.nodes[key], _story_of_empty(found[key])) for key in due if key in snapshot.nodes]


def _recovering(
    health: Health, snapshot: Snapshot, read: Mapping[str, bool], empty: Mapping[str, FailureStreak], threshold: int
) -> dict[str, Node]:
    """Return the nodes that were read, were called failing, and are so no more.

    An empty one is so still, unless it was called failing because it could not be read, and has not been found empty
    often enough by now.
    """
    found: dict[str, Node] = {}
    for key in (key for key, was_failing in read.items() if was_failing):
        node = snapshot.nodes.get(key)
        still = key in empty and (key not in health.nodes or empty[key].count >= threshold)
        if node is not None and node.failing and not still:
            found[key] = node
    return found


def _outage(
    registry: FailureStreak | None, due: Sequence[FailureStreak], error: str, threshold: int
) -> FailureStreak | None:
    """Return the failure to report of the registry as a whole, in place of its nodes; None if there is none.

    It is the registry's own once it has been down for `threshold` polls. Before that, nodes that were unreadable for
    other reasons may be `due`: as many as `_A_FEW` are one event of the registry too, with the longest of their counts.
    """
    if registry is None or registry.count >= threshold:
        return registry
    if len(due) < _A_FEW:
        return None
    longest = max(due, key=lambda failure: failure.count)
    return FailureStreak(count=longest.count, since=longest.since, error=error)


def _is_failing(snapshot: Snapshot, key: str) -> bool:
    node = snapshot.nodes.get(key)
    return node is not None and node.failing


def _once_more(failure: FailureStreak | None, error: str, now: str, trouble: Trouble = Trouble.FAULT) -> FailureStreak:
    if failure is None:
        return FailureStreak(count=1, since=now, error=error, trouble=trouble)
    return FailureStreak(count=failure.count + 1, since=failure.since, error=error, trouble=trouble)


def _story(failure: FailureStreak) -> str:
    return f"could not be read in {_polls(failure)}, since {failure.since}: {failure.error}"


def _story_of_empty(found: FailureStreak) -> str:
    return f"{_polls(found)} found no version, since {found.since}: is the id right?"


def _polls(failure: FailureStreak) -> str:
    return "1 poll" if failure.count == 1 else f"{failure.count} polls in a row"


def _for_all(unread: Mapping[str, Unread], watched: int) -> str:
    tried = [failure.error for failure in unread.values() if failure.trouble is not Trouble.UNTRIED]
    error, _ = Counter(tried).most_common(1)[0]
    return error if watched == 1 else f"{error} ({len(unread)} of {watched} nodes)"


def _registry_event(snapshot: Snapshot, kind: Kind, now: str, reason: str = "") -> Event:
    failing = kind is Kind.FAILING
    return Event(
        id=event_id(None, "", snapshot.registry_seen, kind),
        kind=kind,
        node=None,
        before=None if failing else "failing",
        after="failing" if failing else None,
        reason=reason,
        at=now,
        url=node_url(None),
    )
