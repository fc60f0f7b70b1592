"""The content of a message: which lines, in which order, and how many events are not shown. Pure.

Rules: docs/behaviour.md, Messages. Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from watcher.model.event import EMPTY, SEVERITY, Event, Kind, event_id
from watcher.model.version import BANNED, FLAGGED, STATUSES
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted

LINES = 25
"""The most lines that one message shows."""
_BASELINES = 3
"""Above this number baselines are grouped."""
_CHANGES = 4
"""Changed fields that one line shows."""
_NAME = "Comfy Watch"
_SAFE_IN_TITLE = re.compile(r"(?=.{2,60}\Z)[A-Za-z0-9]+(?:(?:_|-+)[A-Za-z0-9]+)*")
"""Plain words: no service treats them as markup. An underscore counts only between letters or digits."""
_BEFORE_IS_IMPLIED = {Kind.CHANGED, Kind.DEPRECATED, Kind.UNDEPRECATED}
"""Kinds whose line does not show the status before."""


Counts = tuple[tuple[Kind, int], ...]
"""The number of events of each kind, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event."""

    kind: Kind
    lead: str
    """What happened."""
    subject: str | None = None
    """The version, or the node in a group of baselines."""
    url: str = ""
    """The node's page, if the group has none."""
    notes: tuple[str, ...] = ()
    """The status before, the changed fields, the reason. Some parts are `Trusted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The lines under one heading."""

    heading: str
    """A node's id, or `Trusted`."""
    url: str = ""
    """The node's page, or empty."""
    lines: tuple[Line, ...]
    hidden: Counts = ()
    """The events of the group that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The content of a message."""

    worst: Kind
    titles: tuple[str, ...]
    """Variants, longest first, in safe ASCII. The first that fits is used."""
    groups: tuple[Group, ...]
    hidden: Counts = ()
    """The events of groups that are not shown at all."""
    reference: str
    """Equal for equal events, so that a person recognises a repeat."""


def compose(events: tuple[Event, ...]) -> Digest:
    """Return the digest of a message's events; there must be at least one."""
    by_node: dict[str, list[Event]] = {}
    baselines = [event for event in events if event.kind is Kind.BASELINE]
    several = len(baselines) > _BASELINES
    for event in sorted(events, key=lambda event: SEVERITY[event.kind]):
        if not (several and event.kind is Kind.BASELINE):
            by_node.setdefault("" if event.node is None else event.node.lower() or "?", []).append(event)
    groups = [_group(of_node) for of_node in by_node.values()]
    if several:
        groups.append(_baseline_group(baselines))
    whole = Digest(
        worst=min((event.kind for event in events), key=SEVERITY.__getitem__),
        titles=_titles(events),
        groups=tuple(groups),
        reference=event_id(*(event.id for event in events))[:8],
    )
    return shorter(whole, LINES)


def shorter(digest: Digest, lines: int) -> Digest:
    """Return the digest cut to this many lines. Omitted events are counted.

    The least severe are dropped first, and among equals the last ones of the longest groups, so that no node crowds
    out others.
    """
    ranked = sorted(
        (SEVERITY[line.kind], place, number)
        for number, group in enumerate(digest.groups)
        for place, line in enumerate(group.lines)
    )
    if len(ranked) <= lines:
        return digest
    shown = {(number, place) for _, place, number in ranked[:lines]}
    groups: list[Group] = []
    hidden = digest.hidden
    for number, group in enumerate(digest.groups):
        kept = tuple(line for place, line in enumerate(group.lines) if (number, place) in shown)
        gone = _sum(group.hidden, _count(line.kind for line in group.lines[len(kept) :]))
        if kept:
            groups.append(replace(group, lines=kept, hidden=gone))
        else:
            hidden = _sum(hidden, gone)
    return replace(digest, groups=tuple(groups), hidden=hidden)


def not_shown(digest: Digest) -> Counts:
    """Return the counts of all events that no line shows."""
    return _sum(digest.hidden, *(group.hidden for group in digest.groups))


def sample(at: str) -> tuple[Event, ...]:
    """Return events for a sample alert, which say that they are a test. `at` is RFC 3339 UTC."""
    node = "this-is-only-a-test"
    reason = "a test of your alerts, nothing has happened"
    kinds = {"1.0.1": Kind.NEW, "1.0.0": Kind.DEPRECATED}
    return tuple(
        Event(id=event_id("test", at, version), kind=kind, node=node, version=version, reason=reason, at=at, url="")
        for version, kind in kinds.items()
    )


def counted(counts: Counts) -> str:
    """Return the counts as text: "1 banned, 30 new"."""
    return ", ".join(f"{count} {_label(kind)}" for kind, count in counts)


def more(counts: Counts) -> str:
    """Return the line for events that are not shown: "… and 31 more: 1 banned, 30 new"."""
    total = sum(count for _, count in counts)
    return f"… and {total} more{' ' + _label(counts[0][0]) if len(counts) == 1 else ': ' + counted(counts)}"


def _label(kind: Kind) -> str:
    return "now watched" if kind is Kind.BASELINE else kind.value


def _titles(events: tuple[Event, ...]) -> tuple[str, ...]:
    counts = counted(_count(event.kind for event in events))
    nodes = {event.node for event in events}
    titles = [f"{_NAME}: {counts}"]
    if len(nodes) == 1 and (node := nodes.pop()) and _SAFE_IN_TITLE.fullmatch(node):
        titles.insert(0, f"{_NAME}: {node}: {counts}")
    return (*titles, f"{_NAME}: {plural(len(events), 'event')}", _NAME)


def _group(events: list[Event]) -> Group:
    first = events[0]
    return Group(
        heading=Trusted("Comfy Registry") if first.node is None else first.node,
        url="" if first.node is None else first.url,
        lines=tuple(_line(event) for event in events),
    )


def _baseline_group(events: list[Event]) -> Group:
    """Return many baselines as one group, those with problems first."""
    ordered = sorted(events, key=_trouble)
    lines = [replace(_line(event), lead="", subject=event.node, url=event.url) for event in ordered]
    return Group(heading=Trusted(f"Now watched: {len(events)} node packs"), lines=tuple(lines))


def _trouble(baseline: Event) -> int:
    """Return the rank of a baseline by the worst that it contains (`watcher.changes.baseline`); 0 is the worst."""
    ranks = (BANNED, FLAGGED, "deprecated")
    return ranks.index(baseline.after) if baseline.after in ranks else len(ranks)


def _line(event: Event) -> Line:
    notes: list[str] = []
    if event.before and event.version is not None and event.kind not in _BEFORE_IS_IMPLIED:
        notes += [Trusted(" (was "), _status(event.before), Trusted(")")]
    for number, change in enumerate(event.changes[:_CHANGES]):
        notes += [Trusted("; " if number else ": "), change.field, Trusted(" ")]
        notes += [_value(change.before), Trusted(" → "), _value(change.after)]
    if len(event.changes) > _CHANGES:
        notes.append(Trusted(f"; and {len(event.changes) - _CHANGES} more fields"))
    if event.reason:
        notes += [Trusted(": "), event.reason]
    return Line(kind=event.kind, lead=_lead(event), subject=event.version, notes=tuple(notes))


def _lead(event: Event) -> str:
    if event.version is not None:
        return event.kind.value
    match event.kind:
        case Kind.BANNED:
            return "the whole node pack is banned"
        case Kind.REINSTATED:
            return "the node pack is no longer banned" if event.before == BANNED else "the node pack is listed again"
        case Kind.REMOVED:
            return "no version is listed any more"
        case Kind.FAILING if event.after == EMPTY:
            return "no version was ever found"
        case Kind.RECOVERED if event.before == EMPTY:
            return "has versions now"
        case Kind.FAILING:
            return "cannot be read" if event.node is not None else "the registry cannot be read"
        case Kind.RECOVERED:
            return "can be read again" if event.node is not None else "the registry can be read again"
        case _:
            return _label(event.kind)


def _status(status: str) -> str:
    return Trusted(status) if status in (*STATUSES, "removed") else status


def _value(value: str) -> str:
    return value or Trusted("(empty)")


def _count(kinds: Iterable[Kind]) -> Counts:
    return tuple(sorted(Counter(kinds).items(), key=lambda pair: SEVERITY[pair[0]]))


def _sum(*counts: Counts) -> Counts:
    return _count(kind for several in counts for kind in Counter(dict(several)).elements())
