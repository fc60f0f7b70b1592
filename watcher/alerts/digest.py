"""The content of a message: which events it shows, in which order, and which it only counts. Pure.

Rules: docs/behaviour.md, Messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import NamedTuple

from watcher.alerts.advice import advice_on
from watcher.alerts.phrasing import (
    Label,
    Phrasing,
    heading_of_exposures,
    label,
    phrasing,
    phrasing_of_banned,
    phrasing_of_watched,
    titles,
    titles_of_sample,
    when_seen,
)
from watcher.alerts.reference import reference_of
from watcher.model.event import (
    TROUBLES,
    Event,
    Kind,
    Rank,
    Severity,
    event_id,
    is_about_all,
    rank,
    runs_it,
    severity_of,
    warns,
)
from watcher.model.precedence import is_same_version
from watcher.model.version import BANNED, recency

LINES = 25
"""The most events that one message shows."""
MOST_PARTS = 4
"""The most further messages that name critical events which nobody runs."""
_TOGETHER = 3
"""Above this number exposures are grouped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Events that stand together: on one node, or on many."""

    key: tuple[str, str]
    heading: str = ""
    """Our own words above the lines."""
    is_of_many: bool = False
    """Each line names its node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is shown of an event, or of several."""

    phrasing: Phrasing
    group: Group
    rank: Rank
    events: tuple[Event, ...]
    """What is counted where the line is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The content of a message."""

    worst: Event
    titles: tuple[str, ...]
    """Variants, longest first, in safe ASCII. The first that fits is used."""
    lines: tuple[Line, ...]
    """Worst first."""
    rest: Counter[Label]
    """The events that have no line."""
    when: str
    """When the events were seen, for people."""
    reference: str
    """Equal for equal events, so that a person recognises a repeat; `history --ref` finds the events by it.

    "" for a sample, which no history has.
    """
    part: int
    """Which further message this is; 0 for none."""
    owed: Mapping[str, bool]
    """The ids of events that get a further message if this one only counts them, worst first; whether each is run."""


def compose(events: tuple[Event, ...], part: int = 0, reference: str = "") -> Digest:
    """Return the digest of a message's events; there must be at least one.

    A further message has a `part`, and the `reference` of the one that it goes on with.
    """
    ordered = worst_first(events)
    looks = _first_looks(ordered)
    # What these have to say, others say, or one line says it of all of them.
    quiet = {key for key, look in looks.items() if not look.left[BANNED]}
    by_subject: dict[_Subject, list[Event]] = defaultdict(list)
    for event in ordered:
        by_subject[_subject(event)].append(event)
    lines = [
        Line(
            phrasing=_phrasing(event, looks.get(event.id), by_subject),
            group=group,
            rank=place,
            events=(event,),
        )
        for event, group, place in _chosen(
            [one for one in ordered if one.id not in quiet]
        )
    ]
    if looks and (quiet or not part):
        after_run = _after_what_is_run(ordered)
        place = max(_place(look.event, after_run) for look in looks.values())
        lines.append(_line_of_watched(looks.values(), place))
        lines.sort(key=lambda line: line.rank)
    shown = {event.id for line in lines for event in line.events}
    counted = [
        looks[event.id].event if event.id in looks else event for event in ordered
    ]
    owing = owed(events, part).items()
    said = titles(counted, part)
    reference = reference or reference_of(events)
    if all(map(_is_of_sample, events)):
        said = titles_of_sample(said)
        reference = ""
    return Digest(
        worst=ordered[0],
        titles=said,
        lines=tuple(lines),
        rest=Counter(label(event) for event in counted if event.id not in shown),
        when=when_seen(events),
        reference=reference,
        part=part,
        owed={key: is_run for key, is_run in owing if key not in quiet},
    )


def _phrasing(
    event: Event, look: _FirstLook | None, by_subject: dict[_Subject, list[Event]]
) -> Phrasing:
    """Return what is said of an event."""
    if look:
        return phrasing_of_banned(event, look.named, look.left[BANNED])
    return phrasing(event, advice_on(event, by_subject[_subject(event)]))


def _group(event: Event, exposed: int) -> Group:
    """Return the group of an event of a message with so many exposures."""
    if event.kind is Kind.EXPOSED and exposed > _TOGETHER:
        heading = heading_of_exposures(exposed)
        return Group(key=("kind", event.kind), heading=heading, is_of_many=True)
    if event.kind is Kind.APPEARED:
        return Group(key=_subject(event), is_of_many=True)
    is_watched = event.kind is Kind.BASELINE and not is_about_all(event)
    return _WATCHED if is_watched else Group(key=_subject(event))


def _line_of_watched(looks: Iterable[_FirstLook], place: Rank) -> Line:
    """Return the line of all nodes that are watched from now on, which stands for the quiet ones."""
    found = tuple(looks)
    mild = [status for status in TROUBLES if status != BANNED]
    bad = {status: sum(one.left[status] for one in found) for status in mild}
    return Line(
        phrasing=phrasing_of_watched([one.event for one in found], bad),
        group=_WATCHED,
        rank=place,
        events=tuple(one.event for one in found if not one.left[BANNED]),
    )


_WATCHED = Group(key=("kind", Kind.BASELINE), is_of_many=True)


class _FirstLook(NamedTuple):
    """The baseline of a node, without what other events of the message say."""

    event: Event
    """Its `after` is the worst that is left."""
    named: Sequence[str]
    """The latest banned versions."""
    left: Mapping[str, int]
    """How many versions are bad, by status."""


def _first_looks(events: Sequence[Event]) -> dict[str, _FirstLook]:
    """Return what the baselines of nodes say that no other event says, by their ids, worst first."""
    said: dict[tuple[_Subject, str | None], list[str]] = defaultdict(list)
    for event in events:
        status = event.after if event.kind is Kind.EXPOSED else event.kind
        if event.version is not None:
            said[_subject(event), status].append(event.version)
    return {
        event.id: _first_look(
            event, {status: said[_subject(event), status] for status in TROUBLES}
        )
        for event in events
        if event.kind is Kind.BASELINE and not is_about_all(event)
    }


def _first_look(event: Event, said: Mapping[str, list[str]]) -> _FirstLook:
    """Return what a baseline says but for the versions, by status, that others say are bad."""
    unsaid = [
        one
        for one in event.bad_versions
        if not any(
            is_same_version(one.version, text) for text in said.get(one.status, ())
        )
    ]
    left: dict[str, int] = {}
    for status, known in said.items():
        found = event.tally
        count = getattr(found, status) if found else int(event.after == status)
        # What is said may be of a later poll, and not among what is counted.
        listed = sum(one.status == status for one in unsaid)
        left[status] = max(count - len(known), listed)
    worst = next((status for status, count in left.items() if count), None)
    named = [one.version for one in unsaid if one.status == BANNED]
    return _FirstLook(replace(event, after=worst), named, left)


def owed(events: Iterable[Event], part: int) -> dict[str, bool]:
    """Return which of a message's events get a further message if it only counts them, worst first.

    They are critical. The worst is none of them: each message names it, so that each further one has fewer events.
    After so many parts only what somebody runs is left.
    """
    critical = [one for one in events if severity_of(one) is Severity.CRITICAL]
    others = worst_first(critical)[1:]
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
            id=_id_in_sample(at, version),
            kind=kind,
            node=node,
            version=version,
            reason=reason,
            at=at,
            url="",
        )
        for version, kind in kinds.items()
    )


def _id_in_sample(at: str, version: str | None) -> str:
    return event_id("test", at, version)


def _is_of_sample(event: Event) -> bool:
    """Return whether an event is one of `sample`: no text from outside makes another one look so."""
    return event.id == _id_in_sample(event.at, event.version)


_Subject = tuple[str, str]


def _subject(event: Event) -> _Subject:
    if event.kind is Kind.APPEARED:
        return "kind", event.kind
    if event.channel is not None:
        return "channel", event.channel
    if event.install is not None:
        return "install", event.install
    return ("registry", "") if event.node is None else ("node", event.node.lower())


def _after_what_is_run(events: Iterable[Event]) -> Rank:
    """Return the rank after the mildest event that warns of what somebody runs; one before all if there is none."""
    run = (one for one in events if warns(one) and runs_it(one))
    ranks = (rank(one) for one in run if one.kind is not Kind.BASELINE)
    severity, apart, kind, after_it = max(ranks, default=(0, 0, 0, 0))
    return severity, apart, kind, after_it + 1


def _place(event: Event, after_run: Rank) -> Rank:
    """Return the rank by which an event has its place: the first look at a node comes after all that is run and bad."""
    is_first_look = event.kind is Kind.BASELINE and not is_about_all(event)
    return max(rank(event), after_run) if is_first_look else rank(event)


def _chosen(events: Sequence[Event]) -> list[tuple[Event, Group, Rank]]:
    """Return the events that have a line, worst first, each with its group and place.

    The mildest are left out first, and among equals the last ones of the longest groups, so that no node crowds out
    others.
    """
    exposed = sum(event.kind is Kind.EXPOSED for event in events)
    places: Counter[Group] = Counter()
    first: dict[Group, int] = {}
    after_run = _after_what_is_run(events)
    found: list[tuple[Rank, int, int, int, Group]] = []
    for number, event in enumerate(events):
        group = _group(event, exposed)
        first.setdefault(group, number)
        place = _place(event, after_run)
        found.append((place, places[group], first[group], number, group))
        places[group] += 1
    return [
        (events[number], group, place)
        for place, *_, number, group in nsmallest(LINES, found)
    ]
