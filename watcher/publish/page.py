"""The page: what is known, for people with a browser.

What it says is put together here as values; `templates/` lays it out, and escapes whatever it writes. Text that others
wrote stays apart from our own, and is sanitized as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from watcher import timestamps
from watcher.alerts.advice import advice_on_run, not_banned
from watcher.alerts.phrasing import BLANK, NAMELESS, Phrasing, phrasing
from watcher.alerts.render import is_page
from watcher.alerts.words import (
    UNKNOWN_VERSION,
    Item,
    Words,
    in_a_list,
    in_a_sentence,
    sentence,
)
from watcher.changes.facts import safe_version
from watcher.changes.transitions import node_url
from watcher.durations import DAY
from watcher.model.event import (
    Event,
    Grade,
    Kind,
    Severity,
    digest,
    grade_of,
    grade_rank,
)
from watcher.model.scan import Scan
from watcher.model.selection import NODE_ID
from watcher.model.snapshot import Ban, Node
from watcher.model.version import BANNED, FLAGGED, Version, recency
from watcher.publish.documents import document_of
from watcher.publish.public import Public
from watcher.state.overview import NodeRow, by_state
from watcher.text.sanitize import Trusted, plural, safe_line
from watcher.values import frozen

DAYS_OF_BANS = 30
"""Days before the last poll whose bans are counted first, and listed beside the cards."""
MOST_CARDS, MOST_VERSIONS, MOST_EVENTS = 24, 5, 15
MOST_ROWS, MOST_RUN = 200, 3
"""Cards and lines beside them, bad versions of a pack, events of each list, rows of the table, and versions that are
run in a row. The rest is counted.
"""

_TEMPLATES = Path(__file__).with_name("templates")
_NAME, _VERSION, _TEXT = 100, 60, 200
"""Characters that are shown of an id, a version and any other text, so that nobody can make the page a large one."""
_OK = "ok"
_FROM_WORST = (*Severity, _OK)
_CALM = {Grade.OUTDATED, Grade.PENDING}
"""What is run and has no line on a card."""


class Label(NamedTuple):
    """Words for how bad something is. The style sheet has a class for each tone: the severities, and `ok`."""

    words: str
    tone: str


@frozen
class BadVersion:
    """A version that is banned or flagged, or one that is run and bad."""

    version: str
    grade: Grade
    is_run: bool = False
    is_accepted: bool = False
    seen: str = ""
    """When that was seen; "" if it is not known."""
    record: str = ""
    """The file of the ban's document; "" if there is none."""
    why: Words = ()


def page(public: Public) -> str:
    """Return the page: one file without scripts, which requests nothing."""
    # Once for all packs: to search the history for each version of each pack is their product.
    events: Mapping[tuple[str, str, str], Event] = {
        (event.node_key, event.key, event.kind): event for event in public.events
    }
    # Of what is equally bad the latest release comes first.
    rows = sorted(public.rows, key=_latest_problem, reverse=True)
    rows.sort(key=lambda row: row.place)
    packs = {
        row.node.lower(): _Watched(row=row, public=public, events=events)
        for row in rows
    }
    news = _by_news(packs.values(), public.events)
    cards, shown = news[:MOST_CARDS], [*packs.values()][:MOST_ROWS]
    carded = {one.anchor for one in cards}
    bans = list(_late_bans(public, packs))
    run = [one for one in packs.values() if one.row.runs_bad]
    # Bans that are over are in none of these, so the first words agree with the lists.
    standing = _standing(public, [one.row for one in run], len(bans))
    return _template().render(
        version=public.version,
        subject=public.subject,
        at=timestamps.normal(public.at) or "",
        looked=timestamps.for_people(public.at),
        standing=standing,
        notes=_notes(public),
        counts=list(_counts(rows)),
        watched=plural(len(rows), "watched pack"),
        cards=cards,
        more_cards=len(news) - len(cards),
        has_installs=any(row.installed for row in rows),
        run=run[:MOST_CARDS],
        more_run=len(run[MOST_CARDS:]),
        bans=bans[:MOST_CARDS],
        more_bans=len(bans[MOST_CARDS:]),
        days_of_bans=DAYS_OF_BANS,
        nameless=NAMELESS,
        lists={
            title: map(_said, islice(public.latest(warns=warns), MOST_EVENTS))
            for title, warns in (("Latest warnings", True), ("Other news", False))
        },
        packs=shown,
        carded=carded,
        anchors=carded | {one.anchor for one in shown},
        more_packs=len(packs) - len(shown),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        # Nearly all texts here are of people who upload packs.
        autoescape=True,
        finalize=_sanitized,
        # A name that is spelt wrong would silently be an empty text.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "line": _line,
        "day": _day,
        "own": Trusted,
        "sentence": sentence,
    }
    environment.tests |= {
        "ours": lambda text: isinstance(text, Trusted),
        "page": is_page,
    }
    return environment.get_template("page.html")


def _sanitized(value: object) -> object:
    """Return what the template writes: whatever is neither our own nor markup is sanitized here, so at every place."""
    is_done = isinstance(value, Trusted) or hasattr(value, "__html__")
    return safe_line(value, _TEXT) if isinstance(value, str) and not is_done else value


def _line(text: str, limit: int = _TEXT) -> str:
    """Return a text of at most so many characters, and a word for one without any that can be seen."""
    return safe_line(text, _VERSION if isinstance(text, Item) else limit) or BLANK


# How all stands


def _standing(public: Public, run: Sequence[NodeRow], bans: int) -> Label:
    """Return the first words: what is run and bad, and how many bans were seen of late. Flags are counted apart."""
    rows = public.rows
    if not public.at:
        return Label("There was no poll yet: nothing is known.", Severity.WARNING)
    if not rows:
        return Label("No packs are watched.", Severity.INFO)
    failed = ""
    # What is known is old then, and "no ban" would be no news: say that before anything else.
    if public.nothing_was_read:
        failed = "The last poll could read none of the watched packs. "
    elif not public.began and all(row.state is Grade.UNREAD for row in rows):
        words = f"Nothing is known yet of {plural(len(rows), 'watched pack')}."
        return Label(words, Severity.WARNING)
    words = (
        f"{plural(bans, 'ban') if bans else 'No ban'} in the last {DAYS_OF_BANS} days."
    )
    tones = [row.runs.severity for row in run]
    tones += [Severity.CRITICAL] if bans else []
    tones += [Severity.WARNING] if failed else []
    # Most watchers of the registry always have a flagged pack: that alone is no warning.
    usual = Severity.INFO if any(row.has_problem for row in rows) else _OK
    if run:
        words = f"You run {plural(len(run), 'bad pack')}. {words}"
    elif own := [row for row in rows if any(one.enabled for one in row.installed)]:
        # A copy of which nothing is known must not be called good.
        is_known = not any(row.has_problem for row in own)
        bad = "bad" if is_known else "known to be bad"
        words = f"Nothing that you run is {bad}. {words}"
    tone = min(tones, key=_FROM_WORST.index, default=usual)
    return Label(f"{failed}{words}", tone)


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
        yield f"The last poll could not scan the install {safe_line(name, _NAME)}."


def _counts(rows: Sequence[NodeRow]) -> Iterator[Label]:
    """Yield how many packs stand in each way."""
    for state, packs in by_state(rows).items():
        if packs:
            yield Label(f"{packs:,} {state.in_words}", _tone(state))


def _tone(state: Grade) -> str:
    return _OK if state is Grade.OK else state.severity


# What is bad


@dataclass(frozen=True, kw_only=True, eq=False)
class _Watched:
    """All that is known of a pack. A pack may have thousands of versions: what is made of them is made once."""

    row: NodeRow
    public: Public
    events: Mapping[tuple[str, str, str], Event]
    """The last events by the pack's lower-case id, the version's key and the kind."""

    @property
    def node(self) -> Node:
        """What the snapshot has of it."""
        return self.public.node(self.row.node)

    def reason(self, key: str, status: str) -> str:
        """Return the registry's reason for a ban or a flag; "" if that is not known."""
        ban, event = self.ban(key), self._event(key, status)
        if reason := (ban and ban.reason) or (event.reason if event else ""):
            return reason
        # Of what was bad before it was watched, only who runs it hears why.
        exposed = self._event(key, Kind.EXPOSED)
        return exposed.reason if exposed and exposed.after == status else ""

    def seen(self, version: Version) -> str:
        """Return when a ban or a flag was seen; "" if that is not known, or it was there before the watch."""
        ban, event = self.ban(version.key), self._event(version.key, version.status)
        # What the first listing showed may have been banned for years.
        if ban and ban.since > self.node.baseline_at:
            return ban.since
        return event.at if event else ""

    @property
    def is_bad(self) -> bool:
        """Whether something of it is bad, if only a version that nobody runs."""
        has_bad = any(one.status in {BANNED, FLAGGED} for one in self.row.problems)
        return has_bad or self.row.has_problem

    def ban(self, key: str) -> Ban | None:
        """Return the ban that holds, if it was seen: of a version by its key, "" for the whole pack."""
        of = self.node.by_key.get(key) if key else self.node
        return of.ban if of and of.ban and not of.ban.until else None

    def record(self, key: str) -> str:
        """Return the file of the document of a ban; "" if there is none."""
        known = self.node.by_key.get(key)
        text = known.row.version if known else ""
        has_one = self.ban(key) and (text or not key)
        return document_of(self.node, text) if has_one else ""

    @property
    def anchor(self) -> str:
        """What its place on the page is called, so that a link may lead there."""
        name = self.row.node
        is_id = NODE_ID.fullmatch(name)
        return f"pack-{name.lower() if is_id else digest(name, 16)}"

    @property
    def url(self) -> str:
        """Its page on the registry; "" if it has none."""
        # The page of an id that is in no registry would be an error, or somebody else's tomorrow.
        return node_url(self.node.node) if self.node.is_there else ""

    @property
    def label(self) -> Label:
        """How it stands."""
        return Label(self.row.state.in_words, _tone(self.row.state))

    @property
    def tone(self) -> str:
        """The worst that its card shows."""
        tones = [one.grade.severity for one in self.shown if not one.is_accepted]
        return min([*tones, self.label.tone], key=_FROM_WORST.index)

    @cached_property
    def shown(self) -> list[BadVersion]:
        """The bad versions on its card: what is run first, the worst of it before all; then what was seen last."""
        worst = sorted(self.bad_versions, key=lambda one: grade_rank(one.grade))
        # A flag of today must not hide that another copy is banned.
        worst.sort(
            key=lambda one: (one.is_run, not one.is_run and one.seen), reverse=True
        )
        return worst[:MOST_VERSIONS]

    @property
    def run(self) -> Words:
        """The versions of it that are run."""
        copies = (copy.version for copy in self.row.installed if copy.enabled)
        # Ten copies of one version are one version in a table.
        run = [*dict.fromkeys(one or UNKNOWN_VERSION for one in copies)]
        return in_a_list([(one,) for one in run[:MOST_RUN]], len(run))

    @cached_property
    def bad_versions(self) -> tuple[BadVersion, ...]:
        """The banned and flagged versions, the newest first, and what is run and bad."""
        return tuple(self._bad_versions())

    def _bad_versions(self) -> Iterator[BadVersion]:
        left = tuple(one for one in self.row.run if one.grade not in _CALM)
        # A pack may have hundreds: the newest first, as only a few of them are shown.
        for version in reversed(self.row.problems):
            if version.status not in {BANNED, FLAGGED}:
                continue
            run = self.row.run_as(version)
            left = tuple(one for one in left if one not in run)
            known = self.node.by_key[version.key].scan
            # Of a part of the findings it is not known whether the rest is as harmless.
            scan = known if known and known.is_whole else None
            yield BadVersion(
                version=version.version,
                grade=grade_of(version.status, scan=scan),
                is_run=bool(run),
                is_accepted=any(one.accepted for one in run),
                seen=self.seen(version),
                record=self.record(version.key),
                why=_why(
                    version.status, scan, self.reason(version.key, version.status)
                ),
            )
        for one in left:
            yield BadVersion(
                version=one.version or UNKNOWN_VERSION,
                grade=one.grade,
                is_run=True,
                is_accepted=one.accepted,
            )

    @property
    def whole_ban(self) -> Words:
        """That the pack as a whole is banned, and why."""
        if not self.node.banned:
            return ()
        reason = self.reason("", BANNED)
        why = (Trusted(": "), reason) if reason else ()
        return sentence((Trusted("the whole pack is banned"), *why))

    @property
    def advice(self) -> Words:
        """What to do about what is run, and of a pack with bans what is not banned, as a fact."""
        age = self.public.minimum_age
        good = safe_version(self.node, age)
        if words := advice_on_run(self.row.runs, good, age.now).words:
            return words
        has_bans = any(one.status == BANNED for one in self.row.problems)
        return sentence(not_banned(good)) if has_bans else ()

    def _event(self, key: str, kind: str) -> Event | None:
        return self.events.get((self.row.node.lower(), key, kind))


def _by_news(packs: Iterable[_Watched], events: Iterable[Event]) -> list[_Watched]:
    """Return the packs of which something is bad: what was seen last first."""
    bad = {one.row.node.lower(): one for one in packs if one.is_bad}
    # What is bad and was there before the watch was never news.
    seen = dict.fromkeys(bad, "")
    for event in events:
        if event.node_key in bad and event.severity is not Severity.INFO:
            seen[event.node_key] = event.at
    return [bad[key] for key in sorted(bad, key=seen.__getitem__, reverse=True)]


def _latest_problem(row: NodeRow) -> str:
    return max((recency(one.created_at) for one in row.problems), default="")


def _why(status: str, scan: Scan | None, reason: str) -> Words:
    """Return why a version is banned or flagged: of a flag what the scanner found, in plain words."""
    found = in_a_sentence(scan) if scan else ()
    of_registry: Words = (Trusted("reason: "), reason) if reason else ()
    # A person gave the reason of a ban; that of a flag is what a scanner printed.
    ways = (of_registry, found) if status == BANNED else (found, of_registry)
    return sentence(ways[0] or ways[1])


# Beside the cards


def _late_bans(
    public: Public, packs: Mapping[str, _Watched]
) -> Iterator[tuple[_Watched, Event]]:
    """Yield the bans that were seen in the days before the last poll and still hold, the latest first."""
    found: dict[tuple[str, str], Event] = {}
    now = public.minimum_age.now
    for event in reversed(public.events):
        if event.kind is not Kind.BANNED:
            continue
        if timestamps.seconds_between(event.at, now) <= DAYS_OF_BANS * DAY:
            found.setdefault((event.node_key, event.key), event)
    for (node, key), event in found.items():
        # A ban that ended is no reason to look here any more.
        if node in packs and packs[node].ban(key):
            yield packs[node], event


# What happened


def _day(at: str) -> str:
    return str(timestamps.read(at).date())


def _said(event: Event) -> tuple[Event, Phrasing]:
    return event, phrasing([event])
