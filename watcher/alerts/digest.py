"""Titles of messages, and counts of what they do not show: safe ASCII that no service takes for markup. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from watcher.alerts.phrasing import (
    PRODUCT,
    Phrasing,
    counted_as,
    happened,
    name_of,
    now_watched,
    phrasing,
    phrasing_of_watched,
    when_seen,
    which_you_run,
)
from watcher.alerts.words import capital, in_a_title
from watcher.model.event import Event, Kind, Severity, event_id, worst_first
from watcher.model.selection import NODE_ID
from watcher.text.sanitize import plain_name
from watcher.values import frozen

_VERSION_TEXT = re.compile(r"[vV]?[0-9][0-9A-Za-z-]*(?:[.+][0-9A-Za-z-]+)*")
"""Any semantic version, and what is like one: `1.2.0+build.5`, `v2.0-rc.1`, `1.2.0.1`, `1.0b2`."""
_SIZES = ((100, 60), (40, 20))
"""The most characters of a name and a version; the second where a title must be short."""
_KINDS = 3
"""The most bad kinds that are named; the rest of what is bad is one count."""


def counted(worst_first: Sequence[Event], kinds: int = _KINDS) -> str:
    """Return how many events there are of the worst kinds, and how many others: "2 flagged, 45 other"; "" for none.

    If nothing is bad, the first kinds of all are named.
    """
    bad = [one for one in worst_first if one.severity is not Severity.INFO]
    counts = Counter(map(counted_as, bad or worst_first))
    # The events are sorted, and so are the kinds in the order of their first event.
    named = list(counts.items())[:kinds]
    more = counts.total() - sum(count for _, count in named)
    # Releases must not hide how much else is bad.
    others = [
        ("more bad" if named else "bad", more if bad else 0),
        ("other", len(worst_first) - len(bad) if bad else more),
    ]
    return ", ".join(f"{count:,} {what}" for what, count in (*named, *others) if count)


def titles(worst_first: Sequence[Event], part: int) -> tuple[str, ...]:
    """Return a message's titles, longest first: the worst event, and how many others of which bad kind."""
    start = f"{which_part(part).capitalize()}: " if part else ""
    return tuple(dict.fromkeys(start + one for one in _titles(worst_first)))


def _titles(worst_first: Sequence[Event]) -> Iterator[str]:
    worst, *others = worst_first
    if worst.kind is not Kind.BASELINE:
        # What is watched from now on is no news beside what happened.
        others = [one for one in others if one.kind is not Kind.BASELINE]
    elif others and worst.severity is Severity.INFO:
        yield capital(now_watched(len(worst_first)))
    # Without kinds the count of what is bad stays: it is what one wakes up for.
    ends = [f" (+ {counted(others, kinds)})" if others else "" for kinds in (_KINDS, 0)]
    long, short = (_headline(worst, *sizes) for sizes in _SIZES)
    run = which_you_run(worst)
    # A name that could ping or link has no safe form here: titles have no code to quote it in.
    if long:
        yield long + run + in_a_title(worst) + ends[0]
        yield from (long + run + end for end in (*ends, ""))
        yield from (short + run, short)
    # A title that names nothing is always safe, and some title always fits.
    yield f"{PRODUCT}: {counted(worst_first)}"
    yield PRODUCT


def _headline(event: Event, of_name: int, of_version: int) -> str:
    """Return an event in a few words; "" for a name that is not fit for a title."""
    what, about = happened(event)
    name, version = name_of(event), event.version
    if name is not None and not NODE_ID.fullmatch(name):
        return ""
    # Any other text could be words of somebody who wants to be read in a title.
    is_odd = version is not None and not _VERSION_TEXT.fullmatch(version)
    # A title is plain text everywhere, so that one set of characters does for all services.
    words = (
        capital(what),
        "a version of" if is_odd else "",
        plain_name(name or "", of_name),
        "" if is_odd else plain_name(version or "", of_version),
    )
    return " ".join(filter(None, words)) + about


def which_part(part: int) -> str:
    """Return which further message it is; "" for the first one."""
    return f"part {part + 1}" if part else ""


MOST = 200
"""The most events that a message may show, however much its service takes."""
_VERSIONS = 5
"""The most versions that a line names."""


@frozen
class Digest:
    """The content of a message."""

    titles: tuple[str, ...]
    """Variants, longest first, in safe ASCII. The first that fits is used."""
    events: tuple[Event, ...]
    """All events, worst first."""
    blocks: tuple[Phrasing, ...]
    """Worst first, one for each event; one for all nodes that are watched from now on, and of which nothing is bad."""
    lines: tuple[Phrasing, ...]
    """The same in short: one for the events of one kind about a pack."""
    owed: frozenset[str]
    """The ids of events that get a further message if this one only counts them."""
    when: str
    """When the events were seen, for people; "" for a message without a foot."""
    part: int
    """Which further message this is; 0 for none."""

    @property
    def worst(self) -> Event:
        """The worst event."""
        return self.events[0]


def compose(
    events: Iterable[Event], part: int = 0, named: Collection[str] | None = None
) -> Digest:
    """Return the digest of a message's events; there must be at least one.

    A further message has a `part`. `named` has the lower-case ids of the nodes that are named or run; None for all.
    """
    ordered = worst_first(events)
    # Past these nobody reads on; what is owed follows in further messages.
    shown = ordered[:MOST]
    # A first poll of what is run has a baseline and an `exposed` of the same ban.
    said = {(event.node, event.version) for event in ordered if event.is_a_ban}
    # A pack that is watched from now on, and has no ban that is not said, needs no block of its own.
    quiet = [event for event in shown if _is_quiet(event, said)]
    loud = [event for event in shown if event not in quiet]
    watched = [phrasing_of_watched(quiet)] if quiet else []

    def phrased(key: Callable[[Event], object]) -> tuple[Phrasing, ...]:
        groups: dict[object, list[Event]] = defaultdict(list)
        for event in loud:
            groups[key(event)].append(event)
        # What is left out of a group is counted in the foot like any other event.
        alike = (group[:_VERSIONS] for group in groups.values())
        return (*(phrasing(group, ordered) for group in alike), *watched)

    return Digest(
        titles=titles(ordered, part),
        events=tuple(ordered),
        blocks=phrased(lambda event: event.id),
        lines=phrased(_kind_of),
        # Each message names the worst, so that each further one has fewer events.
        owed=frozenset(one.id for one in ordered[1:] if _is_owed(one, named)),
        when=when_seen(ordered),
        part=part,
    )


def _is_quiet(event: Event, said: set[tuple[str | None, str | None]]) -> bool:
    """Return whether a baseline of a node has no ban that no other event says."""
    if event.kind is not Kind.BASELINE or event.is_about_all:
        return False
    bans = {(event.node, one.version) for one in event.bad_versions}
    return event.severity is not Severity.CRITICAL or (bool(bans) and bans <= said)


def _kind_of(event: Event) -> object:
    """Return what events have in common that are one line: what happened, to which pack, and whether it is run."""
    # Lines are joined by their versions; what has none stays apart.
    if event.node is None or event.version is None or event.kind is Kind.APPEARED:
        return event.id
    return (*happened(event), event.node_key, event.runs_it)


def _is_owed(event: Event, named: Collection[str] | None) -> bool:
    """Return whether an event is critical, and about what somebody runs or named."""
    if event.severity is not Severity.CRITICAL:
        return False
    # A ban of a pack that only a pattern chose is news and no emergency: it may be counted.
    is_named = named is None or event.node_key in named
    return is_named or event.runs_its_pack


def sample(at: str) -> tuple[Event, ...]:
    """Return events for a sample alert, which say that they are a test. `at` is RFC 3339 UTC."""
    return tuple(
        Event(
            id=event_id("test", at, version),
            kind=kind,
            node="this-is-only-a-test",
            version=version,
            reason="a test of your alerts, nothing has happened",
            at=at,
            url="",
        )
        for version, kind in {"1.0.1": Kind.NEW, "1.0.0": Kind.DEPRECATED}.items()
    )
