"""One message's events as a digest: what is said, in which order, and how many are not shown. Pure.

Contract, Alerts: worst first, grouped by node, a burst summarised past a cap with the count of what is not shown.
How it looks in a format is `watcher.alerts.render`'s business; here our own words (`Trusted`) are kept apart from
strangers' text (`Untrusted`), so that no format can mix them up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from watcher.model.event import EMPTY, SEVERITY, Event, Kind, event_id
from watcher.model.version import BANNED, FLAGGED, STATUSES

LINES = 25
"""Lines one message shows at most."""
_BASELINES = 3
_CHANGES = 4
_NAME = "Comfy Watch"
_SAFE_IN_TITLE = re.compile(r"(?=.{2,60}\Z)[A-Za-z0-9]+(?:(?:_|-+)[A-Za-z0-9]+)*")
"""An underscore is no mark only between letters or digits."""
_SAMPLE_NODE = "this-is-only-a-test"
_SAYS_IT_ALL = {Kind.CHANGED, Kind.DEPRECATED, Kind.UNDEPRECATED}
"""Kinds beside which the status before would say nothing new."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Our own words."""

    text: str


@dataclass(frozen=True, slots=True)
class Untrusted:
    """Strangers' text, as it came."""

    text: str


Words = Trusted | Untrusted
Counts = tuple[tuple[Kind, int], ...]
"""How many of which kind, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event, or one of several baselines: then `subject` is the node and `url` its page, which else is empty."""

    kind: Kind
    lead: str
    subject: str | None = None
    url: str = ""
    notes: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The lines under one heading: strangers' text for a node, ours otherwise. `url` is the node's page or empty."""

    heading: Words
    url: str = ""
    lines: tuple[Line, ...]
    hidden: Counts = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A message to be rendered. `titles` run from full to short and hold only safe ASCII; the first that fits is meant.

    `hidden` counts what no group shows. `reference` is the same for the same events: it tells a repeat by its face.
    """

    worst: Kind
    titles: tuple[str, ...]
    groups: tuple[Group, ...]
    hidden: Counts = ()
    reference: str


def compose(events: tuple[Event, ...]) -> Digest:
    """Write the digest of one message's events, of which there must be one at least."""
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
    """Give the digest with at most so many lines, the others counted instead of shown.

    The mildest go first; among equals those far down in a long group, so that no node crowds out the others.
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
    """Count all that no line of the digest shows."""
    return _sum(digest.hidden, *(group.hidden for group in digest.groups))


def sample(at: str) -> tuple[Event, ...]:
    """Give events that show what an alert looks like and say that they are only a test. `at` is RFC 3339 UTC."""
    reason = "a test of your alerts, nothing has happened"
    return (
        Event(
            id=event_id("test", at, 1), kind=Kind.NEW, node=_SAMPLE_NODE, version="1.0.1", reason=reason, at=at, url=""
        ),
        Event(
            id=event_id("test", at, 2),
            kind=Kind.DEPRECATED,
            node=_SAMPLE_NODE,
            version="1.0.0",
            reason=reason,
            at=at,
            url="",
        ),
    )


def counted(counts: Counts) -> str:
    """Say the counts: "1 banned, 30 new"."""
    return ", ".join(f"{count} {_called(kind)}" for kind, count in counts)


def more(counts: Counts) -> str:
    """Say what is not shown: "… and 31 more: 1 banned, 30 new"."""
    total = sum(count for _, count in counts)
    return f"… and {total} more{' ' + _called(counts[0][0]) if len(counts) == 1 else ': ' + counted(counts)}"


def _called(kind: Kind) -> str:
    return "now watched" if kind is Kind.BASELINE else kind.value


def _titles(events: tuple[Event, ...]) -> tuple[str, ...]:
    said = counted(_count(event.kind for event in events))
    nodes = {event.node for event in events}
    titles = [f"{_NAME}: {said}"]
    if len(nodes) == 1 and (node := nodes.pop()) and _SAFE_IN_TITLE.fullmatch(node):
        titles.insert(0, f"{_NAME}: {node}: {said}")
    return (*titles, f"{_NAME}: {len(events)} event{'' if len(events) == 1 else 's'}", _NAME)


def _group(events: list[Event]) -> Group:
    first = events[0]
    return Group(
        heading=Trusted("Comfy Registry") if first.node is None else Untrusted(first.node),
        url="" if first.node is None else first.url,
        lines=tuple(_line(event) for event in events),
    )


def _baseline_group(events: list[Event]) -> Group:
    """Say many first listings as one group, those with something wrong in them first."""
    ordered = sorted(events, key=_trouble)
    lines = [replace(_line(event), lead="", subject=event.node, url=event.url) for event in ordered]
    return Group(heading=Trusted(f"Now watched: {len(events)} node packs"), lines=tuple(lines))


def _trouble(baseline: Event) -> int:
    """Rank a baseline by the worst that was there (`watcher.changes.baseline`); 0 is the worst."""
    ranks = (BANNED, FLAGGED, "deprecated")
    return ranks.index(baseline.after) if baseline.after in ranks else len(ranks)


def _line(event: Event) -> Line:
    notes: list[Words] = []
    if event.before and event.version is not None and event.kind not in _SAYS_IT_ALL:
        notes += [Trusted(" (was "), _status(event.before), Trusted(")")]
    for number, change in enumerate(event.changes[:_CHANGES]):
        notes += [Trusted("; " if number else ": "), Untrusted(change.field), Trusted(" ")]
        notes += [_value(change.before), Trusted(" → "), _value(change.after)]
    if len(event.changes) > _CHANGES:
        notes.append(Trusted(f"; and {len(event.changes) - _CHANGES} more fields"))
    if event.reason:
        notes += [Trusted(": "), Untrusted(event.reason)]
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
            return _called(event.kind)


def _status(status: str) -> Words:
    return Trusted(status) if status in (*STATUSES, "removed") else Untrusted(status)


def _value(value: str) -> Words:
    return Untrusted(value) if value else Trusted("(empty)")


def _count(kinds: Iterable[Kind]) -> Counts:
    return _sum(tuple((kind, 1) for kind in kinds))


def _sum(*counts: Counts) -> Counts:
    total: Counter[Kind] = Counter()
    for kind, count in (pair for several in counts for pair in several):
        total[kind] += count
    return tuple(sorted(total.items(), key=lambda pair: SEVERITY[pair[0]]))
