"""What a message says of an event, by its kind. The renderers lay it out, and phrase nothing. Pure.

Not here is the reason of an event (`Event.reason`): who makes the event gives it. It is the registry's text, or for a
baseline and a failure a sentence of `watcher.changes`.
Our own words are `Trusted`, or in a field that says so; every other string is untrusted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import NamedTuple, assert_never

from watcher import durations, timestamps
from watcher.alerts.advice import Advice
from watcher.alerts.differences import Item, Words, difference, known_status
from watcher.model.event import (
    EMPTY,
    EXPOSURES,
    INCOMPLETE,
    SWEPT_KINDS,
    TROUBLES,
    BadVersion,
    Event,
    Kind,
    Rank,
    Severity,
    is_about_all,
    is_meant,
    rank,
    replaces_archive,
    runs_it,
    severity_of,
    warns,
)
from watcher.model.pack import OWN_FILES, Copy
from watcher.model.selection import INTERVAL_OF_GLOBS, NODE_ID
from watcher.model.version import BANNED
from watcher.text.ascii import plain_name
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted

PRODUCT = "Comfy Watch"
SYMBOLS: dict[Kind, str] = {
    Kind.BANNED: "⛔",
    Kind.EXPOSED: "❗",
    Kind.FLAGGED: "🚩",
    Kind.DELETED: "🗑",
    Kind.REMOVED: "❌",
    Kind.FAILING: "🔌",
    Kind.DEPRECATED: "📉",
    Kind.CHANGED: "📝",
    Kind.REINSTATED: "✅",
    Kind.CLEARED: "✅",
    Kind.UNDEPRECATED: "📈",
    Kind.RECOVERED: "✅",
    Kind.UPDATE: "🆙",
    Kind.NEW: "✨",
    Kind.PENDING: "⏳",
    Kind.BASELINE: "👀",
}
REPLACED = "🚨"
"""The symbol of a replaced archive."""
_VERSIONS, _INSTALLS = 2, 3
"""The most versions that are run that a line names, and the most installs of each."""
_VERSION_TEXT = re.compile(r"[vV]?[0-9][0-9A-Za-z-]*(?:[.+][0-9A-Za-z-]+)*")
"""Any semantic version, and what is like one: `1.2.0+build.5`, `v2.0-rc.1`, `1.2.0.1`, `1.0b2`."""
_TITLE_SIZES = ((100, 60), (40, 20))
"""The most characters of a name and a version; the second where a title must be short."""
_WHAT_FOLLOWS = Trusted(
    " · of a node pack that only a pattern includes, a channel without kinds of its own gets"
    f" {', '.join(kind for kind in Kind if kind in SWEPT_KINDS)}; of one that you also name or run, the usual kinds"
    f" · polled every {durations.show(INTERVAL_OF_GLOBS)} unless interval says otherwise"
)


class Part(IntEnum):
    """What a line can do without, in the order in which it gives way where room is short."""

    QUOTATION = 1
    """The end of a long quotation."""
    LINK = 2
    SINCE = 3
    DETAILS = 4
    WHY = 5
    RUNS = 6
    """Where it is run, and in which other versions; that it is run stays."""
    ADVICE = 7
    """The long form of it."""
    LINE = 8
    """All of it: the event is only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something that is said of an event."""

    part: Part
    words: Words
    in_short: Words = ()
    """What is left of it after it gave way."""


class Label(NamedTuple):
    """How an event is counted where it is not shown."""

    rank: Rank
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasing:
    """What is said of one event."""

    event: str
    """Its id."""
    label: Label
    symbol: str
    what: str
    """What happened: our own words before the name, upper-case for what is critical."""
    name: str | None
    """The node, a channel or an install; None for the registry."""
    version: str | None
    about: str
    """What happened: our own words after the name."""
    pieces: tuple[Piece, ...]
    """In the order in which they are read; none is empty."""


def phrasing(event: Event, advice: Advice) -> Phrasing:
    """Return what is said of an event, with the advice on its node."""
    what, about = _sentence(event)
    pieces = (
        Piece(part=Part.SINCE, words=_since(event)),
        Piece(part=Part.RUNS, words=running(event), in_short=_runs_it(event)),
        Piece(part=Part.ADVICE, words=advice.words, in_short=advice.in_short),
        Piece(part=Part.DETAILS, words=_details(event)),
        Piece(part=Part.WHY, words=_why(event)),
        Piece(part=Part.LINK, words=(event.url,) if event.node is not None else ()),
    )
    return Phrasing(
        event=event.id,
        label=label(event),
        symbol=_symbol(event),
        what=what,
        name=_name(event),
        version=event.version,
        about=about,
        pieces=tuple(piece for piece in pieces if piece.words),
    )


def beside_the_kind(event: Event) -> list[Words]:
    """Return what a table says of an event beside its kind, its node and its version."""
    why = (event.reason,) if event.reason else ()
    parts = (
        _details(event) or _transition(event),
        running(event),
        (*why, *_named(event.bad_versions)),
    )
    return [words for words in parts if words]


# What happened


def _sentence(event: Event) -> tuple[str, str]:
    """Return what happened, in the words before and after the name. This is the one table of all kinds."""
    words = event.kind.value
    is_of_pack = event.version is None
    match event.kind:
        case Kind.BANNED:
            return _loud(words, event), ", the whole pack" if is_of_pack else ""
        case Kind.EXPOSED:
            wrong = event.after if event.after in EXPOSURES else words
            copy = ", a copy of unknown version" if is_of_pack else ""
            return f"you run {_loud(wrong or '', event)}", copy
        case Kind.REMOVED if is_of_pack:
            return "", " is not listed any more"
        case Kind.FAILING | Kind.RECOVERED:
            return _sentence_of_failure(event)
        case Kind.CHANGED if replaces_archive(event):
            return "ARCHIVE REPLACED", ""
        case Kind.REINSTATED if is_of_pack:
            was_banned = event.before == BANNED
            return "", " is no longer banned" if was_banned else " is listed again"
        case Kind.CLEARED if runs_it(event):
            return "", " is no longer a problem"
        case Kind.CLEARED:
            return "you do not run", " any more"
        case Kind.UPDATE:
            return "update available:", ""
        case Kind.BASELINE:
            return _sentence_of_baseline(event)
        case (
            Kind.FLAGGED
            | Kind.DELETED
            | Kind.REMOVED
            | Kind.DEPRECATED
            | Kind.CHANGED
            | Kind.REINSTATED
            | Kind.UNDEPRECATED
            | Kind.NEW
            | Kind.PENDING
        ):
            return words, ""
        case _:
            assert_never(event.kind)


def _sentence_of_failure(event: Event) -> tuple[str, str]:
    fails = event.kind is Kind.FAILING
    found = event.after if fails else event.before
    if event.channel is not None:
        return "channel", " takes no alerts" if fails else " takes alerts again"
    if event.install is not None:
        return "install", " cannot be scanned" if fails else " can be scanned again"
    in_full = " in full" if found == INCOMPLETE and event.node is None else ""
    can = f"cannot be read{in_full}" if fails else f"can be read{in_full} again"
    if event.node is None:
        return f"the registry {can}", ""
    if found == EMPTY:
        return "", " has no versions" if fails else " has versions now"
    return "", f" {can}"


def _sentence_of_baseline(event: Event) -> tuple[str, str]:
    trouble = _loud(_trouble(event), event)
    if is_about_all(event):
        bad = f", with {trouble} versions" if trouble else ""
        return f"now watched: node packs of the registry{bad}", ""
    if trouble:
        return f"{trouble} versions in", ", now watched"
    return "now watched", ""


def _symbol(event: Event) -> str:
    """Return the symbol of what is wrong, where an event reports that, else of its kind."""
    if replaces_archive(event):
        return REPLACED
    if event.kind is Kind.EXPOSED:
        return SYMBOLS[EXPOSURES.get(event.after or "", Kind.EXPOSED)]
    trouble = _trouble(event)
    return SYMBOLS[Kind(trouble) if trouble else event.kind]


def _trouble(event: Event) -> str:
    """Return the worst that a baseline contains; "" for nothing, and for other events."""
    is_bad = event.kind is Kind.BASELINE and event.after in TROUBLES
    return event.after or "" if is_bad else ""


def _loud(words: str, event: Event) -> str:
    return words.upper() if severity_of(event) is Severity.CRITICAL else words


def _name(event: Event) -> str | None:
    names = (event.channel, event.install, event.node)
    return next((name for name in names if name is not None), None)


# Since when, and why


def _transition(event: Event) -> Words:
    """Return the status before and after."""
    before, after = Item(event.before or ""), Item(event.after or "")
    if event.kind is Kind.CLEARED:
        return (Trusted("was "), before) if before else ()
    if before and after:
        return before, Trusted(" → "), after
    return (after,) if event.kind is Kind.EXPOSED and after else ()


def _since(event: Event) -> Words:
    """Return the status before, where the kind does not imply it, and since when the version is public."""
    if event.version is None:
        return ()
    words: list[str] = []
    implied = (Kind.CHANGED, Kind.DEPRECATED, Kind.UNDEPRECATED, Kind.UPDATE)
    if event.before and event.kind not in implied:
        words += [Trusted("was "), known_status(event.before)]
    if public := timestamps.for_people(event.published):
        since = "uploaded" if event.kind is Kind.PENDING else "public since"
        words.append(Trusted(f"{', ' if words else ''}{since} {public}"))
    return tuple(words)


def _details(event: Event) -> Words:
    """Return what differs, or what is new."""
    clauses: list[Words] = []
    if replaces_archive(event):
        clauses.append((Trusted("the archive of a published version was replaced"),))
    if event.changelog:
        clauses.append((Trusted("changelog: "), event.changelog))
    if event.changes:
        clauses.append(difference(event.changes))
    return _in_one(clauses)


def _why(event: Event) -> Words:
    if is_about_all(event):
        return event.reason, *_named(event.bad_versions), _WHAT_FOLLOWS
    if not event.reason:
        return ()
    if event.install is not None:
        # A person has to type the name of the file to create.
        before, name, after = event.reason.partition(OWN_FILES[0])
        return (before, Trusted(name), after) if name else (before,)
    if event.kind in (Kind.BANNED, Kind.EXPOSED, Kind.FLAGGED, Kind.DELETED):
        return Trusted("reason: "), event.reason
    return (event.reason,)


def _named(versions: Sequence[BadVersion]) -> Words:
    """Return bad versions, each text by itself, so that none is cut for another or looks like two."""
    words: list[str] = []
    for one in versions:
        words.append(Trusted(", " if words else "; the latest of these: "))
        status = (Trusted(" ("), known_status(one.status), Trusted(")"))
        words += [Item(one.node), Trusted(" "), Item(one.version), *status]
    return tuple(words)


def _in_one(clauses: Iterable[Words]) -> Words:
    words: list[str] = []
    for clause in clauses:
        words += [Trusted("; "), *clause] if words else clause
    return tuple(words)


# Who runs it


def running(event: Event) -> Words:
    """Return what is said of the installed copies: "you run 1.2.0 on workstation, laptop and 3 more"; () for none.

    The version that the event is about comes first. Disabled copies are mentioned where none is enabled.
    """
    enabled = [copy for copy in event.installed if copy.enabled]
    lead = "you run " if enabled else "you keep a disabled "
    unknown = "a copy of unknown version" if enabled else "copy of unknown version"

    def order(copy: Copy) -> tuple[bool, bool]:
        return not is_meant(copy, event), copy.version is None

    by_version: dict[str | None, list[str]] = {}
    for copy in sorted(enabled or event.installed, key=order):
        by_version.setdefault(copy.version, []).append(copy.install)
    words: list[str] = []
    for version, installs in list(by_version.items())[:_VERSIONS]:
        if event.kind is Kind.EXPOSED and version == event.version and not words:
            words += [Trusted("on "), *_places(installs)]  # its sentence says the rest
            continue
        named = Trusted(unknown) if version is None else Item(version)
        words += [Trusted(", " if words else lead), named]
        words += [Trusted(" on "), *_places(installs)]
    if len(by_version) > _VERSIONS:
        words.append(Trusted(f", and {len(by_version) - _VERSIONS} more versions"))
    return tuple(words)


def _runs_it(event: Event) -> Words:
    """Return the same in short: that it is run, or which version is."""
    if event.kind is Kind.EXPOSED:  # its sentence says it
        return ()
    if runs_it(event):
        return (Trusted("you run it"),)
    run = (copy.version for copy in event.installed if copy.enabled and copy.version)
    version = next(run, None)
    return (Trusted("you run "), Item(version)) if version else ()


def _places(installs: Sequence[str]) -> Words:
    """Return the names of installs, each once, the first ones quoted and the rest counted."""
    names = list(dict.fromkeys(installs))
    words: list[str] = []
    for name in names[:_INSTALLS]:
        words += [Trusted(", "), Item(name)] if words else [Item(name)]
    if len(names) > _INSTALLS:
        words.append(Trusted(f" and {len(names) - _INSTALLS} more"))
    return tuple(words)


# Counts


def label(event: Event) -> Label:
    """Return how an event is counted."""
    words = event.kind.value
    if event.kind is Kind.EXPOSED and event.after in EXPOSURES:
        words = f"exposed as {event.after}"
    elif event.kind is Kind.BASELINE:
        trouble = _trouble(event)
        return Label(
            rank(event), f"with {trouble} versions" if trouble else "now watched"
        )
    elif replaces_archive(event):
        words = "with a replaced archive"
    elif event.channel is not None:
        words = f"channel {words}"
    elif event.install is not None:
        words = f"install {words}"
    elif event.kind is Kind.UPDATE:
        words = "with an update"
    if warns(event) and runs_it(event):
        words += " that you run"
    return Label(rank(event), words)


def counts(labels: Iterable[Label]) -> str:
    """Return how many events there are of what, worst first: "1 banned, 30 new"."""
    total = Counter[str]()
    for one, number in sorted(Counter(labels).items()):
        total[one.words] += number
    return ", ".join(f"{number} {words}" for words, number in total.items())


def more(labels: Sequence[Label], *, follow: int, in_short: bool) -> str:
    """Return the words for events that are not shown, of which so many follow in further messages; "" for none.

    "… and 31 more: 1 banned, 30 new (1 follows)", or in short "… and 31 more".
    """
    if not labels:
        return ""
    words = f"… and {len(labels)} more"
    if not in_short:
        kinds = {one.words for one in labels}
        words += f" {kinds.pop()}" if len(kinds) == 1 else f": {counts(labels)}"
    return f"{words} ({follow} follow)" if follow else words


def heading(kind: Kind, number: int) -> str:
    """Return the heading of many baselines or exposures."""
    if kind is Kind.BASELINE:
        return f"Now watched: {plural(number, 'node pack')}"
    return f"Problems in what you run: {number}"


def when_seen(events: Iterable[Event]) -> str:
    """Return when the events were seen."""
    times = [event.at for event in events]
    first, last = timestamps.for_people(min(times)), timestamps.for_people(max(times))
    return f"seen {last}" if first == last else f"seen {first} to {last}"


def which_part(part: int) -> str:
    """Return which further message it is; "" for the first one."""
    return f"part {part + 1}" if part else ""


def look_up(reference: str, *, in_full: bool) -> str:
    """Return the reference, in full as a command."""
    command = f"ref {reference}"
    return f"comfy-watch history --{command}" if in_full else command


# Titles


def titles(
    worst_first: Sequence[Event], labels: Sequence[Label], part: int
) -> tuple[str, ...]:
    """Return a message's titles, longest first: the worst event and how many more, or how many of what.

    They are safe ASCII that no service takes for markup.
    """
    worst, others = worst_first[0], len(worst_first) - 1
    found: dict[str, None] = {}
    is_quiet = {one.words for one in labels} == {"now watched"}
    if others and is_quiet and not any(map(is_about_all, worst_first)):
        found[heading(Kind.BASELINE, len(labels))] = None
    for sizes, runs in product(_TITLE_SIZES, (True, False)):
        if title := _headline(worst, *sizes, runs=runs):
            joint = ", and" if "," in title else " and"
            if others:
                found[f"{title}{joint} {others} more"] = None
            found[title] = None
    found[f"{PRODUCT}: {counts(labels)}"] = None
    found[f"{PRODUCT}: {plural(len(labels), 'event')}"] = None
    found[PRODUCT] = None
    if not part:
        return tuple(found)
    return tuple(f"{which_part(part).capitalize()}: {one}" for one in found)


def _headline(event: Event, of_name: int, of_version: int, *, runs: bool) -> str:
    """Return an event in a few words, with `runs` also that it is run; "" for a name that is not fit for a title."""
    what, about = _sentence(event)
    name, version = _name(event), event.version
    if name is not None and not NODE_ID.fullmatch(name):
        return ""
    words = [what[:1].upper() + what[1:]] if what else []
    if version is not None and not _VERSION_TEXT.fullmatch(version):
        words.append("a version of")
        version = None
    if name is not None:
        words.append(plain_name(name, of_name))
    if version is not None:
        words.append(plain_name(version, of_version))
    return " ".join(words) + about + (_which_you_run(event, about) if runs else "")


def _which_you_run(event: Event, about: str) -> str:
    """Return the words behind the sentence of what is run, unless that says it, or ends with a verb."""
    says_so = event.kind in (Kind.EXPOSED, Kind.BASELINE) or about.startswith(" ")
    is_run = warns(event) and runs_it(event) and not says_so
    return ", which you run" if is_run else ""
