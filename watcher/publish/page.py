"""The page: what is known, for people with a browser.

What it says is put together here as values; `templates/` lays it out, and escapes whatever it writes. Text that others
wrote stays apart from our own, and is sanitized as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from watcher import timestamps
from watcher.alerts.advice import Advice, beside
from watcher.alerts.differences import Words, joined
from watcher.alerts.findings import in_a_sentence
from watcher.alerts.phrasing import BLANK, NAMELESS, Part, phrasing
from watcher.changes.facts import safe_version
from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, Severity, rank, severity_of
from watcher.model.finding import Grade
from watcher.model.finding import rank as grade_rank
from watcher.model.malware import names_malware
from watcher.model.precedence import is_same_version
from watcher.model.scan import Scan
from watcher.model.snapshot import Node
from watcher.model.version import (
    BANNED,
    FLAGGED,
    STATUSES,
    SafeVersion,
    Version,
)
from watcher.publish.public import Public
from watcher.state.overview import UNKNOWN, Exposed, NodeRow, counts
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, safe_line

DAYS = 90
"""Days that the drawing and the lists of events go back, that of the last poll included."""
MOST_PACKS, MOST_VERSIONS, MOST_EVENTS, MOST_ROWS = 100, 5, 25, 200
"""Bad packs that are shown, bad versions of each, events of each list, and rows of the table. The rest is counted."""

_TEMPLATES = Path(__file__).with_name("templates")
_TEXT = 300
_RUN = Trusted("you run it")
_STATES = {
    BANNED: "the whole pack is banned",
    "failing": "could not be read",
    "unread": "could not be read",
    "removed": "no version is listed any more",
    "empty": "the registry has no version of it",
    UNKNOWN: "not in the registry",
    "unchecked": "not read yet",
}
"""What is said of a pack's state; of one that was read, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A part of a sentence."""

    text: str
    is_ours: bool


Sentence = list[Text]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word for how bad something is, with its severity, which is a class of the style sheet too."""

    words: str
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class BadVersion:
    """A version that is banned or flagged, or one that is run and bad."""

    version: str
    label: Label
    is_run: bool
    notes: list[Sentence]
    """That it is accepted, and why it is bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPack:
    """A pack that needs a look."""

    name: str
    url: str
    label: Label
    is_run: bool
    state: Sentence
    versions: list[BadVersion]
    more: str
    """What is counted alone; "" for nothing."""
    good: Sentence
    """The newest good version; empty if that is not known, or none may be advised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day on which something happened, in the coordinates of its lane."""

    x: int
    height: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The events of one severity by day."""

    severity: Severity
    count: int
    title: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in plain sentences."""

    at: str
    day: str
    severity: Severity
    what: str
    name: str
    url: str
    """The pack's page; "" if it has none."""
    version: str
    about: Sentence
    notes: list[Sentence]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """The latest events of some severities."""

    title: str
    events: list[Happened]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRow:
    """A watched pack in the table."""

    name: str
    url: str
    labels: list[Label]
    newest: str
    installed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the page says."""

    version: str
    at: str
    looked: str
    """When the last poll began, for people; "" before the first."""
    severity: Severity
    standing: str
    """How all stands, in one sentence."""
    notes: list[str]
    """What is to be known of how it was read."""
    counts: str
    bad: list[BadPack]
    more_bad: int
    days: list[str]
    """The first and the last day of the drawing."""
    lanes: list[Lane]
    lists: list[EventList]
    packs: list[PackRow]
    more_packs: int
    shows_installs: bool


def page(public: Public) -> str:
    """Return the page: one file without scripts, which requests nothing."""
    # Here, since most of what imports this module writes no page.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return environment.get_template("page.html").render(page=_page(public))


def _page(public: Public) -> Page:
    rows = sorted(public.rows, key=_place)
    bad = [row for row in rows if row.has_problem]
    known = _Known.of(public, bad[:MOST_PACKS])
    days = _days(public.at)
    first = days[0] if days else ""
    recent = [event for event in public.events if event.at[:10] >= first and first]
    severity, standing = _standing(public)
    return Page(
        version=public.version,
        at=public.at,
        looked=timestamps.for_people(public.at),
        severity=severity,
        standing=standing,
        notes=list(_notes(public)),
        counts=_counts(public.rows),
        bad=[_bad_pack(row, known) for row in bad[:MOST_PACKS]],
        more_bad=max(len(bad) - MOST_PACKS, 0),
        days=[days[0], days[-1]] if days else [],
        lanes=_lanes(recent, days),
        lists=_lists(recent),
        packs=[_pack_row(row) for row in rows[:MOST_ROWS]],
        more_packs=max(len(rows) - MOST_ROWS, 0),
        shows_installs=public.shows_installs,
    )


# How all stands


def _place(row: NodeRow) -> tuple[object, ...]:
    """Return a key that sorts packs: what is run and bad, then the worst."""
    is_run = row.run.severity is not Severity.INFO
    return not is_run, grade_rank(row.run) if is_run else 0, row.rank


def _standing(public: Public) -> tuple[Severity, str]:
    rows = public.rows
    bad = [row for row in rows if row.has_problem]
    if not public.at:
        return Severity.WARNING, "There was no poll yet: nothing is known."
    if not rows:
        return Severity.INFO, "No packs are watched."
    if public.nothing_was_read:
        return Severity.WARNING, "The last poll could read none of the watched packs."
    if not bad:
        return Severity.INFO, f"All is well with {plural(len(rows), 'watched pack')}."
    found = counts(rows)
    packs = sum(row.state == BANNED for row in rows)
    named = [plural(packs, "banned pack")] if packs else []
    named += [
        plural(found[status], f"{status} version")
        for status in (BANNED, FLAGGED, "deprecated")
        if found[status]
    ]
    run = sum(row.run.severity is not Severity.INFO for row in rows)
    you = f"You run bad versions of {plural(run, 'pack')}. " if run else ""
    with_what = f", with {_and(named)}" if named else ""
    some = f"{len(bad):,} of {plural(len(rows), 'watched pack')}"
    is_critical = bool(packs or found[BANNED])
    need = "needs" if len(bad) == 1 else "need"
    return (
        Severity.CRITICAL if is_critical else Severity.WARNING,
        f"{you}{some} {need} a look{with_what}.",
    )


def _notes(public: Public) -> Iterator[str]:
    """Yield what is to be known of how it was read."""
    health = public.state.checks.health
    unread = sum(row.node.lower() in health.nodes for row in public.rows)
    if not public.rows or not public.at:
        return
    if public.nothing_was_read:
        yield "What follows is what earlier polls saw."
    elif unread:
        yield f"The last poll could not read {plural(unread, 'pack')}."
    elif health.sweep:
        yield "The last poll could not read all pages of the registry."
    for name in health.installs:
        yield f"The last poll could not scan the install {safe_line(name)}."


def _counts(rows: Sequence[NodeRow]) -> str:
    """Return how many packs and versions there are, and how many are bad in which way."""
    found = counts(rows)
    found["banned as a whole"] = sum(row.state == BANNED for row in rows)
    packs = plural(len(rows), "pack")
    parts = [f"{packs} with {plural(found.pop('versions'), 'version')}"]
    parts += [f"{count:,} {name}" for name, count in found.items() if count]
    return ", ".join(parts)


def _and(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


# What is bad


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of some packs besides their rows."""

    public: Public
    events: Mapping[tuple[str, str], Event]
    """The last ban or flag of each version, by lower-case id and key."""

    @classmethod
    def of(cls, public: Public, rows: Iterable[NodeRow]) -> _Known:
        """Return what is known of the packs of these rows."""
        names = {row.node.lower() for row in rows}
        events = {
            (event.node.lower(), event.key): event
            for event in public.events
            if event.kind in {Kind.BANNED, Kind.FLAGGED}
            and event.node is not None
            and event.node.lower() in names
        }
        return cls(public=public, events=events)

    def node(self, row: NodeRow) -> Node:
        key = row.node.lower()
        return self.public.state.snapshot.nodes.get(key, Node(node=row.node))

    def scan(self, row: NodeRow, key: str) -> Scan | None:
        """Return what the scanner found in a version, if all of it is known."""
        event = self.events.get((row.node.lower(), key))
        scan = self.node(row).scans.get(key) or (event and event.scan)
        return scan if scan and scan.is_whole else None

    def reason(self, row: NodeRow, key: str) -> str:
        """Return the registry's reason for a ban or a flag; "" if that is not known."""
        ban = self.node(row).bans.get(key)
        event = self.events.get((row.node.lower(), key))
        return (ban and ban.reason) or (event.reason if event else "")


def _bad_pack(row: NodeRow, known: _Known) -> BadPack:
    versions = sorted(
        _bad_versions(row, known), key=lambda one: (not one[1].is_run, one[0])
    )
    shown = [one for _, one in versions[:MOST_VERSIONS]]
    deprecated = sum(
        one.deprecated and one.status not in {BANNED, FLAGGED} for one in row.problems
    )
    left = len(versions) - len(shown)
    more = [f"{plural(left, 'more bad version')}"] if left else []
    more += [f"{plural(deprecated, 'deprecated version')}"] if deprecated else []
    return BadPack(
        name=safe_line(row.node),
        url=_url(row),
        label=_labels(row)[0],
        is_run=row.run.severity is not Severity.INFO,
        state=_state(row, known),
        versions=shown,
        more=_and(more) if more else "",
        good=_good(row, known),
    )


def _url(row: NodeRow) -> str:
    """Return the page of a pack on the registry; "" if it has none."""
    return "" if row.state == UNKNOWN else node_url(row.node)


def _state(row: NodeRow, known: _Known) -> Sentence:
    words = _STATES.get(row.state)
    if words is None:
        return []
    said: Words = (Trusted(words[:1].upper() + words[1:]),)
    if row.state == BANNED and (reason := known.reason(row, "")):
        said = (*said, Trusted(": "), reason)
    if row.state in {"failing", "unread"}:
        read = timestamps.for_people(row.checked_at or "")
        since = f", last read {read}" if read else ", never read"
        said = (*said, Trusted(since))
    return _texts(said)


def _bad_versions(row: NodeRow, known: _Known) -> Iterator[tuple[int, BadVersion]]:
    """Yield the banned and flagged versions, the newest first, and what is run and bad; each with its rank."""
    left = list(row.exposed)
    for version in reversed(row.problems):
        if version.status not in {BANNED, FLAGGED}:
            continue
        run = [one for one in left if _is_of(one, version)]
        left = [one for one in left if one not in run]
        scan = known.scan(row, version.key)
        is_calm = version.status == FLAGGED and scan is not None and scan.is_harmless
        grade = Grade.FLAGGED_INFO if is_calm else Grade(version.status)
        why = _why(version.status, scan, known.reason(row, version.key))
        yield _bad_version(version.version, grade, run, why)
    for one in left:
        yield _bad_version(one.version, one.grade, [one], ())


def _bad_version(
    version: str | None, grade: Grade, run: Sequence[Exposed], why: Words
) -> tuple[int, BadVersion]:
    accepted = [
        Trusted(one.acceptance.in_words) for one in run if one.acceptance is not None
    ]
    return grade_rank(grade), BadVersion(
        version="a copy of unknown version" if version is None else safe_line(version),
        label=Label(words=grade.in_words, severity=grade.severity),
        is_run=bool(run),
        notes=[_texts(words) for words in (tuple(accepted[:1]), why) if words],
    )


def _is_of(exposed: Exposed, version: Version) -> bool:
    text = exposed.version
    return text is not None and is_same_version(text, version.version)


def _why(status: str, scan: Scan | None, reason: str) -> Words:
    """Return why a version is banned or flagged: of a flag what the scanner found, in plain words."""
    found = in_a_sentence(scan) if scan else ()
    of_registry: Words = (Trusted("reason: "), reason) if reason else ()
    return of_registry or found if status == BANNED else found or of_registry


def _good(row: NodeRow, known: _Known) -> Sentence:
    """Return the newest good version; nothing where a ban names malware, or that is not known."""
    node = known.node(row)
    bans = [version.key for version in row.problems if version.status == BANNED]
    if any(names_malware(known.reason(row, key)) for key in ["", *bans]):
        return []
    good = safe_version(node, STATUSES, known.public.minimum_age)
    if good is None:
        return []
    if good.version is None:
        return _texts((Trusted("There is no good version"),))
    return _texts(_newest_good(good, known.public.at))


def _newest_good(good: SafeVersion, at: str) -> Words:
    newest: Words = (Trusted("The newest good version is "), good.version or "")
    return joined("; ", (newest, beside(good, at)))


# What happened


def _days(at: str) -> list[str]:
    """Return the days of the drawing; none before the first poll."""
    if not at:
        return []
    last = timestamps.read(at).date()
    return [f"{last - timedelta(days=ago)}" for ago in reversed(range(DAYS))]


def _lanes(events: Iterable[Event], days: Sequence[str]) -> list[Lane]:
    by_day = Counter((severity_of(event), event.at[:10]) for event in events)
    return [
        _lane(severity, [by_day[severity, day] for day in days], days)
        for severity in Severity
    ]


def _lane(severity: Severity, numbers: Sequence[int], days: Sequence[str]) -> Lane:
    most = max(numbers, default=0)
    total = sum(numbers)
    title = plural(total, f"{severity} event")
    if most:
        title += f", most on {days[numbers.index(most)]}: {most:,}"
    return Lane(
        severity=severity,
        count=total,
        title=title,
        bars=[
            # The least of them can be seen.
            Bar(x=x, height=max(100 * number // most, 8), title=f"{day}: {number:,}")
            for x, (number, day) in enumerate(zip(numbers, days, strict=True))
            if number
        ],
    )


def _lists(events: Iterable[Event]) -> list[EventList]:
    """Return the latest events: what warns apart, so that nothing crowds it out."""
    by_severity: dict[bool, list[Event]] = {True: [], False: []}
    for event in events:
        by_severity[severity_of(event) is not Severity.INFO].append(event)
    titles = {True: "Latest warnings", False: "Other news"}
    return [
        EventList(
            title=titles[warns],
            events=[_happened(event) for event in _latest(found)[:MOST_EVENTS]],
            more=max(len(found) - MOST_EVENTS, 0),
        )
        for warns, found in by_severity.items()
    ]


def _latest(events: Iterable[Event]) -> list[Event]:
    """Return events by poll, the latest first; of a poll the worst first."""
    return sorted(sorted(events, key=rank), key=lambda event: event.at, reverse=True)


def _happened(event: Event) -> Happened:
    said = phrasing(replace(event, installed=event.installed[:3]), Advice())
    pieces = {piece.part: piece.words for piece in said.pieces}
    has_page = bool(pieces.pop(Part.LINK, ()))
    runs = pieces.pop(Part.RUNS, ())
    what = said.what or ""
    if said.place is not None:
        what = f"{what} {safe_line(said.place)}:"
    return Happened(
        at=event.at,
        day=event.at[:10],
        severity=severity_of(event),
        what=what[:1].upper() + what[1:],
        name="" if said.name is None else safe_line(said.name) or NAMELESS,
        url=node_url(event.node) if has_page else "",
        version="" if said.version is None else safe_line(said.version) or BLANK,
        about=_texts((Trusted(said.about), *runs)),
        notes=[_texts(_capital(words)) for words in pieces.values()],
    )


# All that is watched


def _pack_row(row: NodeRow) -> PackRow:
    run = dict.fromkeys(
        copy.version or "unknown version" for copy in row.installed if copy.enabled
    )
    return PackRow(
        name=safe_line(row.node),
        url=_url(row),
        labels=_labels(row),
        newest=safe_line(row.newest or ""),
        installed=", ".join(map(safe_line, run)),
    )


def _labels(row: NodeRow) -> list[Label]:
    """Return how a pack stands, the worst first: what is run of it, its state, and how many versions are bad."""
    found: list[Label] = []
    if row.run is not Grade.OK:
        found.append(Label(words=f"runs {row.run.in_words}", severity=row.run.severity))
    if row.state != "ok":
        words = _STATES.get(row.state, row.state)
        is_bad = row.has_problem
        severity = Severity.WARNING if is_bad else Severity.INFO
        found.append(
            Label(
                words=words,
                severity=Severity.CRITICAL if row.state == BANNED else severity,
            )
        )
    for status, severity in (
        (BANNED, Severity.CRITICAL),
        (FLAGGED, Severity.WARNING),
    ):
        if count := sum(one.status == status for one in row.problems):
            found.append(Label(words=f"{count:,} {status}", severity=severity))
    if count := sum(one.deprecated for one in row.problems):
        found.append(Label(words=f"{count:,} deprecated", severity=Severity.INFO))
    if row.outdated:
        found.append(Label(words="outdated", severity=Severity.INFO))
    return found or [Label(words="ok", severity=Severity.INFO)]


# Words


def _texts(words: Words) -> Sentence:
    return [
        Text(text=safe_line(one, _TEXT) or BLANK, is_ours=isinstance(one, Trusted))
        for one in words
        if one or not isinstance(one, Trusted)
    ]


def _capital(words: Words) -> Words:
    first = words[0]
    if isinstance(first, Trusted):
        return (Trusted(first[:1].upper() + first[1:]), *words[1:])
    return words
