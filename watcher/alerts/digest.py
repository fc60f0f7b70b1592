"""The content of a message: which lines, in which order, and how many events are not shown. Pure.

Rules: docs/behaviour.md, Messages. Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

from watcher import timestamps
from watcher.alerts.reference import reference_of
from watcher.alerts.words.advice import advice_on, in_short
from watcher.alerts.words.differences import Words
from watcher.alerts.words.title import titles
from watcher.alerts.words.wording import (
    Counts,
    Label,
    Line,
    add,
    count,
    is_a_warning,
    label,
    line,
)
from watcher.model.event import (
    Event,
    Kind,
    Severity,
    event_id,
    is_about_all,
    rank,
    runs_it,
    severity_of,
)
from watcher.model.version import recency
from watcher.text.plural import plural

LINES = 25
"""The most lines that one message shows."""
MOST_PARTS = 4
"""The most further messages that name critical events which nobody runs."""
_TOGETHER = 3
"""Above this number baselines are grouped, and so are exposures."""

_Key = tuple[str, str]
"""What the events of a group have in common."""
_Labelled = tuple[Label, Event]
_ALL: dict[Kind, _Key] = {
    Kind.BASELINE: ("baselines", ""),
    Kind.EXPOSED: ("exposures", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The lines about one node. The first one names it, or each one does below a heading."""

    heading: str = ""
    """Our own words, where the lines are about several nodes."""
    lines: tuple[Line, ...]
    hidden: Counts = ()
    """The events of the group that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """An event that is never only counted."""

    event: str
    """Its id."""
    is_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The content of a message."""

    worst: Event
    severity: Severity
    """That of the worst event."""
    titles: tuple[str, ...]
    """Variants, longest first, in safe ASCII. The first that fits is used."""
    groups: tuple[Group, ...]
    hidden: Counts = ()
    """The events of groups that are not shown at all."""
    seen: str
    """When the events were seen, for people."""
    reference: str
    """Equal for equal events, so that a person recognises a repeat; `history --ref` finds the events by it."""
    part: int = 0
    """Which further message this is; 0 for none."""
    owed: tuple[Owed, ...] = ()
    """The events that get a further message if this one only counts them, worst first."""

    @property
    def lines(self) -> int:
        """The number of lines."""
        return sum(len(group.lines) for group in self.groups)


def compose(events: tuple[Event, ...], part: int = 0, reference: str = "") -> Digest:
    """Return the digest of a message's events; there must be at least one.

    The worst comes first and takes its group with it; among equals the newest version does. A further message has a
    `part`, and the `reference` of the one that it goes on with.
    """
    ranked = [(label(event), event) for event in worst_first(events)]
    several = {
        kind
        for kind in _ALL
        if sum(event.kind is kind and not is_about_all(event) for event in events)
        > _TOGETHER
    }
    by_key: dict[_Key, list[_Labelled]] = {}
    for one in ranked:
        by_key.setdefault(_key(one[1], several), []).append(one)
    groups = list(by_key.values())
    lines = _lines(groups)
    hidden: list[Label] = []
    made: list[Group] = []
    for number, (key, group) in enumerate(by_key.items()):
        shown = tuple(
            lines[number, place]
            for place in range(len(group))
            if (number, place) in lines
        )
        rest = [name for name, _ in group[len(shown) :]]
        if shown:
            made.append(
                Group(
                    heading=_heading(key, len(group)), lines=shown, hidden=count(rest)
                )
            )
        else:
            hidden += rest
    worst = ranked[0][1]
    return Digest(
        worst=worst,
        severity=severity_of(worst),
        titles=tuple(
            _of_part(part) + title
            for title in titles(events, worst, count(name for name, _ in ranked))
        ),
        groups=tuple(made),
        hidden=count(hidden),
        seen=_seen(events),
        reference=reference or reference_of(events),
        part=part,
        owed=owed(events, part),
    )


def _of_part(part: int) -> str:
    return f"Part {part + 1}: " if part else ""


def owed(events: Iterable[Event], part: int) -> tuple[Owed, ...]:
    """Return which of a message's events get a further message if it only counts them, worst first.

    They are critical. The worst is none of them: each message names it, so that each further one has fewer events.
    The baseline of all nodes has no pack to be named. After so many parts only what somebody runs is left.
    """
    _, *others = worst_first(events)
    found = [
        Owed(event=event.id, is_run=runs_it(event) and event.kind is not Kind.BASELINE)
        for event in others
        if severity_of(event) is Severity.CRITICAL and not is_about_all(event)
    ]
    return tuple(one for one in found if one.is_run or part < MOST_PARTS)


def left(digest: Digest, *, brief: bool) -> tuple[str, ...]:
    """Return the ids of the events that a message does not name and that go into a further one.

    Where a service shows lines alone (`brief`) that is only what somebody runs.
    """
    named = {line.event for group in digest.groups for line in group.lines}
    return tuple(
        one.event
        for one in digest.owed
        if one.event not in named and (one.is_run or not brief)
    )


def worst_first(events: Iterable[Event]) -> list[Event]:
    """Return events as a message has them: worst first, and among equals the newest version."""
    # What has no time of its own stays in its order: sorting keeps that of equals.
    newest_first = sorted(
        events, key=lambda event: recency(event.published), reverse=True
    )
    return sorted(newest_first, key=rank)


def shorter(digest: Digest, lines: int) -> Digest:
    """Return the digest cut to this many lines, the worst ones. Omitted events are counted."""
    if digest.lines <= lines:
        return digest
    groups: list[Group] = []
    hidden = digest.hidden
    for group in digest.groups:
        kept = tuple(line for line in group.lines if line.place < lines)
        gone = add(group.hidden, count(line.label for line in group.lines[len(kept) :]))
        if kept:
            groups.append(replace(group, lines=kept, hidden=gone))
        else:
            hidden = add(hidden, gone)
    return replace(digest, groups=tuple(groups), hidden=hidden)


def not_shown(digest: Digest) -> Counts:
    """Return the counts of all events that no line shows."""
    return add(digest.hidden, *(group.hidden for group in digest.groups))


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


def _key(event: Event, several: Container[Kind]) -> _Key:
    if event.kind in several and not is_about_all(event):
        return _ALL[event.kind]
    if event.channel is not None:
        return "channel", event.channel
    if event.install is not None:
        return "install", event.install
    return ("registry", "") if event.node is None else ("node", event.node.lower())


def _heading(key: _Key, number: int) -> str:
    if key == _ALL[Kind.BASELINE]:
        return f"Now watched: {plural(number, 'node pack')}"
    return f"Problems in what you run: {number}" if key == _ALL[Kind.EXPOSED] else ""


def _lines(groups: Sequence[Sequence[_Labelled]]) -> dict[tuple[int, int], Line]:
    """Return the lines that are shown, by the numbers of the group and of the event in it.

    The mildest are left out first, and among equals the last ones of the longest groups, so that no node crowds out
    others. Each node's advice is in the first line that warns of it.
    """
    everything = (
        (name[0], place, number)
        for number, group in enumerate(groups)
        for place, (name, _) in enumerate(group)
    )
    places = [(number, place) for _, place, number in nsmallest(LINES, everything)]
    by_node: dict[str, list[Event]] = {
        (groups[number][place][1].node or "").lower(): [] for number, place in places
    }
    for _, event in (one for group in groups for one in group):
        if (node := (event.node or "").lower()) in by_node:
            by_node[node].append(event)
    lines: dict[tuple[int, int], Line] = {}
    for order, (number, place) in enumerate(places):
        _, event = groups[number][place]
        advice: Words = ()
        if event.node and is_a_warning(event):
            advice = advice_on(by_node.pop(event.node.lower(), ()))
        lines[number, place] = line(event, order, advice, in_short(advice))
    return lines


def _seen(events: Iterable[Event]) -> str:
    times = [event.at for event in events]
    first, last = timestamps.for_people(min(times)), timestamps.for_people(max(times))
    return f"seen {last}" if first == last else f"seen {first} to {last}"
