"""The page: what is known, for people with a browser.

What it says is put together here as values; `templates/` lays it out, and escapes whatever it writes. Text that others
wrote stays apart from our own, and is sanitized as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from watcher import timestamps
from watcher.alerts.advice import advice_on_run, not_banned
from watcher.alerts.differences import Item, Words, listed
from watcher.alerts.findings import in_a_sentence
from watcher.alerts.phrasing import BLANK, NAMELESS, phrasing
from watcher.alerts.render import is_page
from watcher.changes.facts import safe_version
from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, Severity, rank, severity_of
from watcher.model.finding import Grade, grade_of
from watcher.model.finding import rank as grade_rank
from watcher.model.pack import Verdict
from watcher.model.scan import Scan
from watcher.model.snapshot import Ban, Node
from watcher.model.version import (
    BANNED,
    FLAGGED,
    Version,
    recency,
)
from watcher.publish.osv import document_of
from watcher.publish.public import Public
from watcher.state.overview import UNKNOWN, NodeRow, counts
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, safe_line

DAYS = 90
"""Days that the drawing and the lists of events go back, that of the last poll included."""
MOST_PACKS, MOST_VERSIONS, MOST_EVENTS, MOST_ROWS, MOST_RUN = 24, 5, 15, 200, 3
"""Bad packs that are shown, bad versions of each, events of each list, rows of the table, and versions that are run in
a row. The rest is counted.
"""

_TEMPLATES = Path(__file__).with_name("templates")
_NAME, _VERSION, _TEXT = 100, 60, 200
"""Characters that are shown of an id, a version and any other text, so that nobody can make the page a large one."""
_OK = "ok"
_NO_VERSION = Trusted("a copy of unknown version")
_FROM_WORST = (*Severity, _OK)
_COUNTED = {
    BANNED: Severity.CRITICAL,
    FLAGGED: Severity.WARNING,
    "deprecated": Severity.INFO,
}
"""Of which status versions are counted, and how bad that is."""
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

Sentence = list[tuple[str, bool]]
"""The parts of a text, and whether each is our own."""


class Label(NamedTuple):
    """Words for how bad something is. The style sheet has a class for each tone: the severities, and `ok`."""

    words: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadVersion:
    """A version that is banned or flagged, or one that is run and bad."""

    version: str
    grade: Grade
    is_run: bool
    is_accepted: bool
    seen: str = ""
    """The day on which that was seen; "" if it is not known."""
    record: str = ""
    """The file of the ban's document; "" if there is none."""
    why: Sentence = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPack:
    """A pack that needs a look."""

    name: str
    url: str
    tone: str
    """Of the worst."""
    state: Sentence
    record: str
    """The file of the document of its ban as a whole; "" if there is none."""
    versions: list[BadVersion]
    more: str
    """What of it is not shown; "" for nothing."""
    advice: Sentence
    """What to do about what is run of it, or what is not banned; empty for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in plain sentences."""

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
class PackRow:
    """A watched pack in the table."""

    name: str
    url: str
    label: Label
    newest: str
    installed: Sentence
    """The versions that are run."""


def page(public: Public) -> str:
    """Return the page: one file without scripts, which requests nothing."""
    # Of those that are equally bad, the latest: of a whole registry only the first are shown.
    rows = sorted(sorted(public.rows, key=_latest_problem, reverse=True), key=_place)
    bad = [row for row in rows if row.has_problem]
    days = _days(public.minimum_age.now)
    recent = [event for event in public.events if _day(event.at) >= days[0]]
    events: Mapping[tuple[str, str, str], Event] = {
        ((event.node or "").lower(), event.key, event.kind): event
        for event in public.events
    }
    return _template().render(
        version=public.version,
        at=timestamps.show(timestamps.read(public.at)) if public.at else "",
        looked=timestamps.for_people(public.at),
        standing=_standing(public),
        notes=_notes(public),
        counts=list(_counts(rows)),
        versions=plural(sum(row.versions for row in rows), "version"),
        bad=[
            _bad_pack(_Known(row=row, public=public, events=events))
            for row in bad[:MOST_PACKS]
        ],
        more_bad=len(bad[MOST_PACKS:]),
        days=days,
        lanes=_lanes(recent, days),
        lists=_lists(recent),
        packs=list(map(_pack_row, rows[:MOST_ROWS])),
        more_packs=len(rows[MOST_ROWS:]),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return environment.get_template("page.html")


# How all stands


def _place(row: NodeRow) -> tuple[object, ...]:
    """Return a key that sorts packs: what is run and bad, then the worst."""
    is_run = _is_run(row)
    return not is_run, grade_rank(row.run) if is_run else 0, row.rank


def _latest_problem(row: NodeRow) -> str:
    return max((recency(one.created_at) for one in row.problems), default="")


def _standing(public: Public) -> Label:
    rows = public.rows
    bad = sum(row.has_problem for row in rows)
    run = sum(_is_run(row) for row in rows)
    watched = plural(len(rows), "watched pack")
    if not public.at:
        return Label("There was no poll yet: nothing is known.", Severity.WARNING)
    if not rows:
        return Label("No packs are watched.", Severity.INFO)
    if public.nothing_was_read:
        words = "The last poll could read none of the watched packs."
        return Label(words, Severity.WARNING)
    well = sum(row.is_ok for row in rows)
    if not (bad or well):
        return Label(f"Nothing is known yet of {watched}.", Severity.WARNING)
    if not bad:
        some = f"{well:,} of " if well < len(rows) else ""
        return Label(f"All is well with {some}{watched}.", _OK)
    need = "needs" if bad == 1 else "need"
    you = f"; you run {run:,} of them" if run else ""
    worst = min(rows, key=lambda row: row.rank)
    return Label(f"{bad:,} of {watched} {need} a look{you}.", _label(worst).tone)


def _is_run(row: NodeRow) -> bool:
    """Return whether something is run of it that warns."""
    return row.run.severity is not Severity.INFO


def _notes(public: Public) -> Iterator[str]:
    """Yield what is to be known of how it was read."""
    unread = len(public.unread)
    if not public.rows or not public.at:
        return
    if public.nothing_was_read:
        yield "What follows is what earlier polls saw."
    elif unread:
        yield f"The last poll could not read {plural(unread, 'pack')}."
    elif public.is_partial:
        yield "The last poll could not read all pages of the registry."
    for name in public.unscanned:
        yield f"The last poll could not scan {safe_line(name, _NAME)}."


def _counts(rows: Sequence[NodeRow]) -> Iterator[Label]:
    """Yield how many packs are banned as a whole, and how many versions are bad, by their status."""
    if packs := sum(row.state == BANNED for row in rows):
        words = f"{plural(packs, 'pack')} banned as a whole"
        yield Label(words, Severity.CRITICAL)
    found = counts(rows)
    for status, tone in _COUNTED.items():
        if found[status]:
            yield Label(f"{found[status]:,} {status}", tone)


# What is bad


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """All that is known of a pack."""

    row: NodeRow
    public: Public
    events: Mapping[tuple[str, str, str], Event]
    """The last events by the pack's lower-case id, the version's key and the kind."""

    @property
    def node(self) -> Node:
        """What the snapshot has of it."""
        return self.public.node(self.row.node)

    def scan(self, version: Version) -> Scan | None:
        """Return what the scanner found in a banned or flagged version, if all of it is known."""
        event = self._event(version.key, version.status)
        scan = self.node.scans.get(version.key) or (event and event.scan)
        return scan if scan and scan.is_whole else None

    def reason(self, key: str, status: str) -> str:
        """Return the registry's reason for a ban or a flag; "" if that is not known."""
        ban, event = self._ban(key), self._event(key, status)
        if reason := (ban and ban.reason) or (event.reason if event else ""):
            return reason
        # Of what was bad before it was watched, only who runs it hears why.
        exposed = self._event(key, Kind.EXPOSED)
        return exposed.reason if exposed and exposed.after == status else ""

    def seen(self, version: Version) -> str:
        """Return the day on which a ban or a flag was seen; "" if that is not known."""
        ban, event = self._ban(version.key), self._event(version.key, version.status)
        at = ban.since if ban else event.at if event else ""
        return _day(at) if at else ""

    def record(self, key: str) -> str:
        """Return the file of the document of a ban; "" if there is none."""
        ban = self._ban(key)
        return document_of(self.node, ban) if ban else ""

    def _ban(self, key: str) -> Ban | None:
        ban = self.node.bans.get(key)
        return ban if ban and not ban.until else None

    def _event(self, key: str, kind: str) -> Event | None:
        return self.events.get((self.row.node.lower(), key, kind))


def _bad_pack(known: _Known) -> BadPack:
    row = known.row
    versions = sorted(
        _bad_versions(known), key=lambda one: (not one.is_run, grade_rank(one.grade))
    )
    shown = versions[:MOST_VERSIONS]
    left = len(versions) - len(shown)
    mild = [one for one in row.problems if one.status not in {BANNED, FLAGGED}]
    # Of these, what is run is shown.
    mild = [one for one in mild if not row.exposed_as(one)]
    more = [plural(left, "bad version")] if left else []
    more += [plural(len(mild), "deprecated version")] if mild else []
    tones = [one.grade.severity for one in shown if row.state not in _STATES]
    return BadPack(
        name=safe_line(row.node, _NAME),
        url=_url(row),
        tone=min(tones, key=_FROM_WORST.index) if tones else _label(row).tone,
        state=_state(known),
        record=known.record(""),
        versions=shown,
        more=" and ".join(more),
        advice=_advice(known),
    )


def _url(row: NodeRow) -> str:
    """Return the page of a pack on the registry; "" if it has none."""
    url = node_url(row.node)
    return url if row.state != UNKNOWN and is_page(url) else ""


def _state(known: _Known) -> Sentence:
    row = known.row
    if row.state not in _STATES:
        return []
    said: Words = (Trusted(_STATES[row.state]),)
    if row.state == BANNED and (reason := known.reason("", BANNED)):
        said = (*said, Trusted(": "), reason)
    if row.state in {"failing", "unread"}:
        read = timestamps.for_people(row.checked_at or "")
        said = (*said, Trusted(f", last read {read}" if read else ", never read"))
    return _sentence(said)


def _bad_versions(known: _Known) -> Iterator[BadVersion]:
    """Yield the banned and flagged versions, the newest first, and what is run and bad."""
    left = known.row.exposed
    for version in reversed(known.row.problems):
        if version.status not in {BANNED, FLAGGED}:
            continue
        run = known.row.exposed_as(version)
        left = tuple(one for one in left if one not in run)
        scan = known.scan(version)
        yield BadVersion(
            version=safe_line(version.version, _VERSION),
            grade=grade_of(Verdict(version.status), scan),
            is_run=bool(run),
            is_accepted=any(one.accepted for one in run),
            seen=known.seen(version),
            record=known.record(version.key),
            why=_why(version.status, scan, known.reason(version.key, version.status)),
        )
    for one in left:
        yield BadVersion(
            version=safe_line(one.version or _NO_VERSION, _VERSION),
            grade=one.grade,
            is_run=True,
            is_accepted=one.accepted,
        )


def _why(status: str, scan: Scan | None, reason: str) -> Sentence:
    """Return why a version is banned or flagged: of a flag what the scanner found, in plain words."""
    found = in_a_sentence(scan) if scan else ()
    of_registry: Words = (Trusted("reason: "), reason) if reason else ()
    ways = (of_registry, found) if status == BANNED else (found, of_registry)
    return _sentence(ways[0] or ways[1])


def _advice(known: _Known) -> Sentence:
    """Return what to do about what is run, and of a pack with bans what is not banned, as a fact."""
    age, row = known.public.minimum_age, known.row
    good = safe_version(known.node, age)
    if words := advice_on_run(row.run, good, age.now).words:
        return _texts(words)
    has_bans = any(one.status == BANNED for one in row.problems)
    return _sentence(not_banned(good)) if has_bans else []


# What happened


def _day(at: str) -> str:
    return str(timestamps.read(at).date())


def _days(at: str) -> list[str]:
    """Return the days of the drawing."""
    last = timestamps.read(at).date()
    return [str(last - timedelta(days=ago)) for ago in reversed(range(DAYS))]


def _lanes(
    events: Iterable[Event], days: Sequence[str]
) -> Iterator[tuple[Severity, str, Sequence[int]]]:
    """Yield each severity, its events in words, and their number by day."""
    by_day = Counter((severity_of(event), _day(event.at)) for event in events)
    for severity in Severity:
        numbers = [by_day[severity, day] for day in days]
        most = max(numbers)
        title = plural(sum(numbers), f"{severity} event")
        if most:
            title += f", most on {days[numbers.index(most)]}: {most:,}"
        yield severity, title, numbers


def _lists(events: Iterable[Event]) -> Iterator[tuple[str, list[Happened], int]]:
    """Yield lists with their titles: the latest events, of a poll the worst first, and how many others there are.

    What warns has a list of its own, so that nothing crowds it out.
    """
    latest = sorted(sorted(events, key=rank), key=lambda event: event.at, reverse=True)
    for title, warns in (("Latest warnings", True), ("Other news", False)):
        found = [
            event
            for event in latest
            if (severity_of(event) is not Severity.INFO) is warns
        ]
        shown = [_happened(event) for event in found[:MOST_EVENTS]]
        yield title, shown, len(found) - len(shown)


def _happened(event: Event) -> Happened:
    said = phrasing(event)
    return Happened(
        day=_day(event.at),
        severity=severity_of(event),
        what=said.what[:1].upper() + said.what[1:],
        name="" if said.name is None else safe_line(said.name, _NAME) or NAMELESS,
        url=said.url if is_page(said.url) else "",
        version=""
        if said.version is None
        else safe_line(said.version, _VERSION) or BLANK,
        about=_texts((Trusted(said.about), *said.runs)),
        notes=[_sentence(words) for words in said.details],
    )


# All that is watched


def _pack_row(row: NodeRow) -> PackRow:
    copies = (copy.version for copy in row.installed if copy.enabled)
    run = [*dict.fromkeys(one or _NO_VERSION for one in copies)]
    return PackRow(
        name=safe_line(row.node, _NAME),
        url=_url(row),
        label=_label(row),
        newest=safe_line(row.newest or "", _VERSION),
        installed=_texts(listed(run[:MOST_RUN], len(run))),
    )


def _label(row: NodeRow) -> Label:
    """Return how a pack stands: what is run of it if that is bad, else the worst of itself and its versions."""
    if row.run is not Grade.OK:
        return Label(f"runs {row.run.in_words}", row.run.severity)
    is_its_own = row.worst in {row.state, _OK}
    words = _STATES.get(row.state, row.state) if is_its_own else row.worst
    if row.is_ok:
        return Label(words, _OK if row.worst == row.state else Severity.INFO)
    usual = Severity.WARNING if row.has_problem else Severity.INFO
    return Label(words, _COUNTED.get(row.worst, usual))


# Words


def _texts(words: Words) -> Sentence:
    return [
        (
            safe_line(one, _VERSION if isinstance(one, Item) else _TEXT) or BLANK,
            isinstance(one, Trusted),
        )
        for one in words
        if one or not isinstance(one, Trusted)
    ]


def _sentence(words: Words) -> Sentence:
    """Return words with a capital letter, if the first are ours, and a full stop; nothing for none."""
    if not words:
        return []
    first, *others = words
    if isinstance(first, Trusted):
        first = Trusted(first[:1].upper() + first[1:])
    return _texts((first, *others, Trusted(".")))
