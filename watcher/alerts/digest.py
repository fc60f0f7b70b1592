"""The content of a message: which events it shows, in which order, and which it only counts. Pure.

Rules: docs/behaviour.md, Messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from watcher.alerts.advice import Advice, advice_on_node
from watcher.alerts.phrasing import (
    Label,
    Phrasing,
    heading,
    label,
    phrasing,
    titles,
    when_seen,
)
from watcher.alerts.reference import reference_of
from watcher.model.event import (
    Event,
    Kind,
    Severity,
    event_id,
    is_about_all,
    rank,
    runs_it,
    severity_of,
    warns,
)
from watcher.model.version import recency

LINES = 25
"""The most events that one message shows."""
MOST_PARTS = 4
"""The most further messages that name critical events which nobody runs."""
_TOGETHER = 3
"""Above this number baselines are grouped, and so are exposures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Events that stand together: on one node, or many of one kind."""

    key: tuple[str, str]
    heading: str = ""
    """Our own words, where the events are about several nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An event that is shown."""

    phrasing: Phrasing
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The content of a message."""

    worst: Event
    titles: tuple[str, ...]
    """Variants, longest first, in safe ASCII. The first that fits is used."""
    lines: tuple[Line, ...]
    """Worst first."""
    rest: tuple[Label, ...]
    """The events that have no line."""
    when: str
    """When the events were seen, for people."""
    reference: str
    """Equal for equal events, so that a person recognises a repeat; `history --ref` finds the events by it."""
    part: int
    """Which further message this is; 0 for none."""
    owed: Mapping[str, bool]
    """The ids of events that get a further message if this one only counts them, worst first; whether each is run."""


def compose(events: tuple[Event, ...], part: int = 0, reference: str = "") -> Digest:
    """Return the digest of a message's events; there must be at least one.

    A further message has a `part`, and the `reference` of the one that it goes on with.
    """
    ordered = worst_first(events)
    labels = [label(event) for event in ordered]
    groups = _groups(ordered)
    chosen = _chosen(labels, groups)
    lines: list[Line] = []
    by_node: dict[str, list[Event]] = {}
    for event in ordered:
        by_node.setdefault((event.node or "").lower(), []).append(event)
    for number in chosen:
        event = ordered[number]
        advice = Advice()
        if event.node and warns(event):  # once for each node, at the worst
            advice = advice_on_node(by_node.pop(event.node.lower(), ()))
        lines.append(Line(phrasing=phrasing(event, advice), group=groups[number]))
    rest = set(range(len(ordered))).difference(chosen)
    return Digest(
        worst=ordered[0],
        titles=titles(ordered, labels, part),
        lines=tuple(lines),
        rest=tuple(labels[number] for number in sorted(rest)),
        when=when_seen(events),
        reference=reference or reference_of(events),
        part=part,
        owed=owed(events, part),
    )


def owed(events: Iterable[Event], part: int) -> dict[str, bool]:
    """Return which of a message's events get a further message if it only counts them, worst first.

    They are critical. The worst is none of them: each message names it, so that each further one has fewer events.
    The baseline of all nodes has no pack to be named. After so many parts only what somebody runs is left.
    """
    critical = (one for one in events if severity_of(one) is Severity.CRITICAL)
    others = (one for one in worst_first(critical)[1:] if not is_about_all(one))
    run = {one.id: runs_it(one) and one.kind is not Kind.BASELINE for one in others}
    return {key: is_run for key, is_run in run.items() if is_run or part < MOST_PARTS}


def worst_first(events: Iterable[Event]) -> list[Event]:
    """Return events as a message has them: worst first, and among equals the newest version."""
    # What has no time of its own stays in its order: sorting keeps that of equals.
    newest_first = sorted(
        events, key=lambda event: recency(event.published), reverse=True
    )
    return sorted(newest_first, key=rank)


def sample(at: str) -> tuple[Event, ...]:
    """Return events for a sample alert, which say that they are a test. `at` is RFC 3339 UTC."""
    node = "this-is-only-a-test"
    reason = "a test of your alerts, nothing has happened"
    kinds = {"1.0.1": Kind.NEW, "1.0.0": Kind.DEPRECATED}
    return tuple(
        Event(
            id=event_id("test", at, version),
            kind=kind,
            node=node,
            version=version,
            reason=reason,
            at=at,
            url="",
        )
        for version, kind in kinds.items()
    )


def _groups(events: Sequence[Event]) -> list[Group]:
    """Return the group of each event."""
    counts = Counter(event.kind for event in events if not is_about_all(event))
    together = {
        kind for kind in (Kind.BASELINE, Kind.EXPOSED) if counts[kind] > _TOGETHER
    }
    return [
        Group(key=("kind", event.kind), heading=heading(event.kind, counts[event.kind]))
        if event.kind in together and not is_about_all(event)
        else Group(key=_subject(event))
        for event in events
    ]


def _subject(event: Event) -> tuple[str, str]:
    if event.channel is not None:
        return "channel", event.channel
    if event.install is not None:
        return "install", event.install
    return ("registry", "") if event.node is None else ("node", event.node.lower())


def _chosen(labels: Sequence[Label], groups: Sequence[Group]) -> list[int]:
    """Return the numbers of the events that have a line, worst first.

    The mildest are left out first, and among equals the last ones of the longest groups, so that no node crowds out
    others.
    """
    places: Counter[Group] = Counter()
    first: dict[Group, int] = {}
    found: list[tuple[Label, int, int, int]] = []
    for number, (one, group) in enumerate(zip(labels, groups, strict=True)):
        first.setdefault(group, number)
        found.append((one, places[group], first[group], number))
        places[group] += 1
    order = nsmallest(LINES, found, key=lambda one: (one[0].rank, *one[1:]))
    return [number for *_, number in order]
