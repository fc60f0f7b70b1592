"""What a message says of an event, by its kind. The renderers lay it out, and phrase nothing. Pure.

Not here is the reason of an event (`Event.reason`): who makes the event gives it. It is the registry's text, or for a
baseline and a failure a sentence of `watcher.changes`. `watcher.alerts.findings` says why a version is flagged.
Our own words are `Trusted`, or in a field that says so; every other string is untrusted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import product
from typing import NamedTuple, assert_never

from watcher import durations, timestamps
from watcher.alerts.advice import Advice
from watcher.alerts.differences import (
    Item,
    Words,
    difference,
    joined,
    known_status,
    listed,
)
from watcher.alerts.findings import (
    MOST_FINDINGS,
    in_a_sentence,
    in_a_title,
    scan_of_flag,
)
from watcher.model.acceptance import Accepted
from watcher.model.event import (
    EMPTY,
    EXPOSURES,
    INCOMPLETE,
    TROUBLES,
    UNLISTED,
    BadVersion,
    Event,
    Kind,
    Rank,
    Severity,
    Tally,
    is_about_all,
    is_harmless,
    is_meant,
    rank,
    replaces_archive,
    runs_it,
    severity_of,
    warns,
)
from watcher.model.pack import OWN_FILES, Copy
from watcher.model.selection import NODE_ID
from watcher.model.version import ACTIVE, BANNED
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
    Kind.APPEARED: "📥",
    Kind.REINSTATED: "✅",
    Kind.CLEARED: "✅",
    Kind.UNDEPRECATED: "📈",
    Kind.RECOVERED: "✅",
    Kind.NEW: "✨",
    Kind.PENDING: "⏳",
    Kind.BASELINE: "👀",
}
REPLACED = "🚨"
"""The symbol of a replaced archive."""
NAMELESS = "(no name)"
BLANK = "(blank)"
"""Instead of a name, or of a text, that is empty."""
PAGE = "registry"
"""The words of a link to a page of the registry, where its address is not shown."""
_WHICH_YOU_RUN = ", which you run"
_YOU_RUN_IT = Trusted("you run it")
_WATCHED = "now watched"
_VERSIONS, _INSTALLS = 2, 3
"""The most versions that are run that a line names, and the most installs of each."""
_NAMES, _BANNED, _LATEST = 3, 3, 5
"""The most packs that the line of what is watched names, banned versions of one pack, and the latest ones of all."""
_VERSION_TEXT = re.compile(r"[vV]?[0-9][0-9A-Za-z-]*(?:[.+][0-9A-Za-z-]+)*")
"""Any semantic version, and what is like one: `1.2.0+build.5`, `v2.0-rc.1`, `1.2.0.1`, `1.0b2`."""
_TITLE_SIZES = ((100, 60), (40, 20))
"""The most characters of a name and a version; the second where a title must be short."""
_KINDS = 3
"""The most bad kinds that a title names beside the worst event; the rest of what is bad is one count."""
_SINCE = r"since [-\d]+ [:\d]+ UTC"
_OF_A_FAILURE = (
    rf"(\Acannot reach api\.comfy\.org: |; may have arrived|; no alert was delivered {_SINCE}"
    rf"|; in (?:1 poll|\d+ polls in a row), {_SINCE}| {re.escape(OWN_FILES[0])} )"
)
"""Our own words in the reason of a failure (`watcher.changes.health`)."""
_AFTER_A_STATUS = (
    Kind.BANNED,
    Kind.EXPOSED,
    Kind.FLAGGED,
    Kind.DELETED,
    Kind.REMOVED,
    Kind.REINSTATED,
    Kind.CLEARED,
    Kind.PENDING,
)
"""Kinds whose status before may be any."""
_WHAT_FOLLOWS = Trusted(
    "from now on you hear of bans, flags and deletions, and when they end. "
    "Of packs that you name or run you hear of every change"
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


class Piece(NamedTuple):
    """Something that is said of an event: `RUNS` goes on with its headline, and other parts are clauses."""

    part: Part
    words: Words
    in_short: Words = ()
    """What is left of it after it gave way."""
    on_own_line: bool = False
    """A block has it in a line of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasing:
    """What is said of one event, or in one line of several."""

    symbol: str
    what: str
    """What happened: our own words before the name, upper-case for what is critical."""
    name: str | None
    """The node, a channel or an install, or the folder of a pack without an id; None for the registry."""
    version: str | None
    about: str
    """What happened: our own words after the name."""
    pieces: tuple[Piece, ...]
    """In the order in which they are read; none is empty."""
    place: str | None = None
    """The install in which it happened, between what happened and the name."""
    heads: bool = False
    """It stands above the other lines of its group."""


def phrasing(event: Event, advice: Advice) -> Phrasing:
    """Return what is said of an event, with the advice on its node."""
    what, about = _sentence(event)
    pieces = (
        Piece(Part.RUNS, _runs(event), _runs_in_short(event)),
        Piece(Part.ADVICE, advice.words, advice.in_short),
        Piece(Part.DETAILS, _details(event)),
        Piece(Part.WHY, _why(event), on_own_line=is_about_all(event)),
        Piece(Part.SINCE, _since(event)),
        Piece(Part.LINK, (event.url,) if _has_page(event) else ()),
    )
    return Phrasing(
        symbol=_symbol(event),
        what=what,
        name=_name(event),
        version=event.version,
        about=about,
        pieces=tuple(piece for piece in pieces if piece.words),
        place=_place(event),
    )


def phrasing_of_banned(event: Event, named: Sequence[str], count: int) -> Phrasing:
    """Return what is said of a baseline with so many banned versions that no other event names.

    `named` are the texts of some of them.
    """
    if not named:
        return phrasing(event, Advice())
    ban = replace(event, kind=Kind.BANNED, version=named[0], reason="")
    found = phrasing(ban, Advice())
    words = (Trusted("also banned: "), *listed(named[1:_BANNED], count - 1))
    also = (Piece(Part.DETAILS, words),) if count > 1 else ()
    return replace(found, what=f"already {found.what}:", pieces=(*also, *found.pieces))


def phrasing_of_watched(baselines: Sequence[Event], bad: Mapping[str, int]) -> Phrasing:
    """Return what is said of all nodes that are watched from now on, of whose versions so many are bad in each way."""
    names = [event.node or "" for event in baselines]
    is_one = len(names) == 1
    found = " and ".join(
        f"{count:,} {status}" for status, count in bad.items() if count
    )
    end = "" if sum(bad.values()) == 1 else "s"
    last = (Trusted(f", with {found} version{end}"),) if found else ()
    few = (Trusted(" ("), *listed(names, len(names)), Trusted(")"))
    words = (*few, *last) if 1 < len(names) <= _NAMES else last
    piece = Piece(Part.RUNS, words, last)
    return Phrasing(
        symbol=SYMBOLS[Kind.BASELINE],
        what="now watched:" if is_one else _now_watched(len(names)),
        name=names[0] if is_one else None,
        version=None,
        about="",
        pieces=(piece,) if words else (),
        heads=True,
    )


def subject(event: Event) -> Words:
    """Return what an event is about, for a table: a node, a channel, an install or the registry."""
    if event.node is not None:
        return (event.node,)
    if event.folder is not None:
        return (event.folder,)
    if event.install is not None:
        return Trusted("(install "), event.install, Trusted(")")
    if event.channel is not None:
        return Trusted("(channel "), event.channel, Trusted(")")
    return (Trusted("(registry)"),)


def beside_the_kind(event: Event, *, in_short: bool = False) -> list[Words]:
    """Return what a table says of an event beside its kind, its node and its version.

    `in_short` it does not say where the node is run, and names one finding.
    """
    scan = scan_of_flag(event)
    most = 1 if in_short else MOST_FINDINGS
    why = in_a_sentence(scan, most) if scan else _reason(event)
    parts = (
        _transition(event),
        _where(event)
        if event.kind is Kind.APPEARED
        else running(event, with_places=not in_short),
        _details(event),
        (*why, *_latest(event.bad_versions)) if is_about_all(event) else why,
    )
    return [words for words in parts if words]


# What happened


def _sentence(event: Event) -> tuple[str, str]:
    """Return what happened, in the words before and after the name. This is the one table of all kinds."""
    words = "flagged, nothing new:" if is_harmless(event) else event.kind.value
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
        case Kind.APPEARED:
            return "appeared on", ""
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
        return ("alerts no longer reach", "") if fails else ("alerts reach", " again")
    if event.install is not None:
        return "install", " cannot be scanned" if fails else " can be scanned again"
    if found == UNLISTED and event.node is None:
        can = "cannot be listed" if fails else "can be listed again"
        return f"the packs of publishers {can}", ""
    in_full = " in full" if found == INCOMPLETE and event.node is None else ""
    can = f"cannot be read{in_full}" if fails else f"can be read{in_full} again"
    if event.node is None:
        return f"the registry {can}", ""
    if found == EMPTY:
        return "", " has no versions" if fails else HAS_VERSIONS
    return "", f" {can}"


CAN_BE_READ = " can be read again"
HAS_VERSIONS = " has versions now"
"""What is said of a node that recovered."""


def _sentence_of_baseline(event: Event) -> tuple[str, str]:
    trouble = _trouble(event)
    if is_about_all(event):
        return _sentence_of_all(event.tally or Tally(packs=0))
    if trouble:
        return f"{_loud(trouble, event)} versions in", ", now watched"
    return "now watched:", ""


def _sentence_of_all(tally: Tally) -> tuple[str, str]:
    more = "more node pack" if tally.has_others else "node pack"
    packs = plural(tally.packs, more)
    return f"now watched: {packs}", f" with {plural(tally.versions, 'version')}"


def _now_watched(number: int) -> str:
    return f"now watched: {plural(number, 'pack')}"


def _symbol(event: Event) -> str:
    """Return the symbol of what is wrong, where an event reports that, else of its kind."""
    if replaces_archive(event):
        return REPLACED
    if event.kind is Kind.EXPOSED:
        return SYMBOLS[EXPOSURES.get(event.after or "", Kind.EXPOSED)]
    trouble = "" if is_about_all(event) else _trouble(event)
    return SYMBOLS[Kind(trouble) if trouble else event.kind]


def _trouble(event: Event) -> str:
    """Return the worst that a baseline contains; "" for nothing, and for other events."""
    is_bad = event.kind is Kind.BASELINE and event.after in TROUBLES
    return event.after or "" if is_bad else ""


def _loud(words: str, event: Event) -> str:
    return words.upper() if severity_of(event) is Severity.CRITICAL else words


def _name(event: Event) -> str | None:
    names = (event.channel, event.install, event.node)
    if event.kind is Kind.APPEARED:
        names = (event.node, event.folder, event.install)
    return next((name for name in names if name is not None), None)


def _place(event: Event) -> str | None:
    """Return the install in which a pack appeared; None for other events."""
    return event.install if event.kind is Kind.APPEARED else None


def _has_page(event: Event) -> bool:
    """Return whether its pack has a page on the registry: what appeared may only claim an id."""
    return event.node is not None and event.kind is not Kind.APPEARED


# Since when, and why


def _transition(event: Event) -> Words:
    """Return what the kind does not say of the status before and after."""
    before, after = Item(event.before or ""), Item(event.after or "")
    if event.kind in (Kind.CHANGED, Kind.EXPOSED) and before != after:
        arrow = (Trusted(" → "),) if before and after else ()
        return tuple(words for words in (before, *arrow, after) if words)
    return _was(event)


def _was(event: Event) -> Words:
    """Return the status before, where that says something."""
    before = event.before or ACTIVE
    if before == ACTIVE or event.kind not in _AFTER_A_STATUS:
        return ()
    return Trusted("was "), known_status(before)


def _since(event: Event) -> Words:
    """Return the status before, and since when the version is public."""
    if event.version is None:
        return ()
    public = _age(event)
    said = f"public for {public}"
    if event.kind is Kind.PENDING:
        said = f"uploaded {public} ago"
    return joined(", ", (_was(event), (Trusted(said),) if public else ()))


def _age(event: Event) -> str:
    """Return how long the version had been public when the event was seen; "" if that is not known."""
    if not timestamps.for_people(event.published):
        return ""
    age = timestamps.seconds_between(event.published, event.at)
    return durations.age(age) if age >= 0 else ""


def _details(event: Event) -> Words:
    """Return what differs, or what is new."""
    if is_about_all(event):
        return _inventory(event)
    clauses: list[Words] = []
    if event.node is not None and event.folder not in {None, event.node}:
        clauses.append((Trusted("its folder: "), event.folder or ""))
    if event.acceptance:
        clauses.append(_acceptance(event.acceptance))
    if replaces_archive(event):
        clauses.append((Trusted("its download was replaced after the release"),))
    if event.changelog:
        clauses.append((Trusted("changelog: "), event.changelog))
    if event.changes:
        clauses.append(difference(event.changes))
    return joined("; ", clauses)


def _acceptance(accepted: Accepted) -> Words:
    """Return until when, or as what, something was accepted, and why."""
    why = (accepted.reason,) if accepted.reason else ()
    return joined(": ", ((Trusted(accepted.in_words),), why))


def _inventory(event: Event) -> Words:
    """Return how much of all node packs is bad: what is banned by name, the latest few, and the rest as a count."""
    tally = event.tally or Tally(packs=0)
    banned = [plural(tally.banned, "banned version")] if tally.banned else []
    if tally.banned_packs:
        banned.append(f"{plural(tally.banned_packs, 'pack')} banned as a whole")
    counts = ((tally.flagged, "flagged"), (tally.deprecated, "deprecated"))
    rest = ", ".join(f"{count:,} {status}" for count, status in counts if count)
    if not banned:
        return (Trusted(rest),) if rest else ()
    named = [one for one in event.bad_versions if one.status == BANNED][:_LATEST]
    end = (Trusted(f"; {rest}"),) if rest else ()
    return Trusted(" and ".join(banned)), *_latest(named), *end


def _latest(versions: Sequence[BadVersion]) -> Words:
    """Return bad versions, each text by itself, so that none is cut for another or looks like two."""
    words: list[str] = []
    for one in versions:
        words.append(Trusted(", " if words else ", the latest: "))
        words += [Item(one.node), Trusted(" "), Item(one.version)]
        if one.status != BANNED:
            words += [Trusted(" ("), known_status(one.status), Trusted(")")]
    return tuple(words)


def _why(event: Event) -> Words:
    if is_about_all(event) and event.tally and event.tally.packs:
        return (_WHAT_FOLLOWS,)
    if scan := scan_of_flag(event):
        # In plain words, which are better than the summary in its reason.
        return in_a_sentence(scan)
    # Our own words come first: each clause may begin a line.
    return (Trusted("reason: "), *_reason(event)) if event.reason else ()


def _reason(event: Event) -> Words:
    """Return the reason; () without one. In that of a failure our own words are not quoted."""
    words = [event.reason]
    if event.kind is Kind.FAILING:
        words = re.split(_OF_A_FAILURE, event.reason)
        words[1::2] = map(Trusted, words[1::2])
    return tuple(filter(None, words))


# Who runs it


def running(event: Event, *, with_places: bool = True) -> Words:
    """Return what is said of the installed copies: "you run it on workstation, 1.1.0 on laptop"; () for none.

    The version that the event is about comes first. Disabled copies are mentioned where none is enabled.
    """
    enabled = [copy for copy in event.installed if copy.enabled]
    verb = Trusted("you run " if enabled else "you keep a disabled ")
    unknown = "a copy of unknown version" if enabled else "copy of unknown version"

    def order(copy: Copy) -> tuple[bool, bool]:
        return not is_meant(copy, event), copy.version is None

    by_version: dict[str | None, list[str]] = {}
    for copy in sorted(enabled or event.installed, key=order):
        by_version.setdefault(copy.version, []).append(copy.install)
    words: list[str] = []
    for version, installs in list(by_version.items())[:_VERSIONS]:
        is_known = version is not None or event.kind is Kind.EXPOSED
        named = Trusted(unknown) if version is None else Item(version)
        if words:
            # In brackets, so that nobody takes this version for a bad one.
            words += _beside(verb, named, installs if with_places else ())
            continue
        if enabled and is_known and version == event.version:
            words.append(_YOU_RUN_IT)
        else:
            words += [verb, named]
        if with_places:
            words += [Trusted(" on "), *_places(installs)]
    if len(by_version) > _VERSIONS:
        more_versions = plural(len(by_version) - _VERSIONS, "more version")
        words.append(Trusted(f", and {more_versions}"))
    return tuple(words)


def _beside(verb: str, version: str, installs: Sequence[str]) -> Words:
    """Return what else is installed: " (on laptop you run 1.1.0)"."""
    if not installs:
        return Trusted(" (also "), version, Trusted(")")
    return (
        *(Trusted(" (on "), *_places(installs), Trusted(f" {verb}"), version),
        Trusted(")"),
    )


def _runs(event: Event) -> Words:
    """Return the same as the end of a headline."""
    if event.kind is Kind.APPEARED:
        return _that_it_is_disabled(event)
    if is_about_all(event) and event.tally and event.tally.patterns:
        return Trusted(" for "), event.tally.patterns
    words = running(event)
    if words[:1] == (_YOU_RUN_IT,):
        return *_that_it_is_run(event), *words[1:]
    return (Trusted("; "), *words) if words else ()


def _runs_in_short(event: Event) -> Words:
    """Return the same in short: that it is run, or which version is."""
    if event.kind is Kind.APPEARED:
        return ()
    if runs_it(event):
        return _that_it_is_run(event)
    run = (copy.version for copy in event.installed if copy.enabled and copy.version)
    version = next(run, None)
    return (Trusted("; you run "), Item(version)) if version else ()


def _that_it_is_run(event: Event) -> Words:
    if event.kind is Kind.EXPOSED:
        return ()  # its sentence says that
    is_verb = _ends_with_a_verb(event)
    return (Trusted(f"; {_YOU_RUN_IT}" if is_verb else _WHICH_YOU_RUN),)


def _ends_with_a_verb(event: Event) -> bool:
    _, about = _sentence(event)
    return about.startswith(" ")


def _places(installs: Sequence[str]) -> Words:
    """Return the names of installs, each once, the first ones quoted and the rest counted."""
    names = list(dict.fromkeys(installs))
    return listed([Item(name) for name in names[:_INSTALLS]], len(names))


def _that_it_is_disabled(event: Event) -> Words:
    """Return whether a pack that appeared is disabled; () if it is not."""
    copies = [copy for copy in event.installed if copy.install == event.install]
    is_run = not copies or any(copy.enabled for copy in copies)
    return () if is_run else (Trusted("; it is disabled"),)


def _where(event: Event) -> Words:
    """Return the install in which a pack appeared, for a table."""
    return Trusted("on "), event.install or "", *_that_it_is_disabled(event)


# Counts


def _counted_as(event: Event) -> str:
    if event.kind is Kind.BASELINE:
        trouble = _trouble(event)
        return f"with {trouble} versions" if trouble else _WATCHED
    if event.kind is Kind.EXPOSED and event.after in EXPOSURES:
        return event.after or ""
    if replaces_archive(event):
        return "with a replaced archive"
    if event.channel is not None:
        return f"channel {event.kind}"
    if event.install is not None and event.kind is not Kind.APPEARED:
        return f"install {event.kind}"
    return event.kind.value


class Label(NamedTuple):
    """How an event is counted where it is not shown."""

    rank: Rank
    words: str


def label(event: Event) -> Label:
    """Return how an event is counted."""
    words = _counted_as(event)
    if warns(event) and runs_it(event) and event.kind is not Kind.BASELINE:
        words += " that you run"
    return Label(rank(event), words)


def counts(labels: Iterable[Label]) -> str:
    """Return how many events there are of what, worst first: "1 banned, 30 new"."""
    total = Counter[str]()
    for one, number in sorted(Counter(labels).items()):
        total[one.words] += number
    return ", ".join(f"{number} {words}" for words, number in total.items())


def more(labels: Counter[Label], *, follow: int, in_short: bool) -> str:
    """Return the words for events that are not shown, of which so many follow in further messages; "" for none.

    "… and 31 more: 1 banned, 30 new (1 follows)", or in short "… and 31 more".
    """
    if not labels:
        return ""
    words = f"… and {labels.total()} more"
    if not in_short:
        kinds = {one.words for one in labels}
        words += f" {kinds.pop()}" if len(kinds) == 1 else f": {counts(labels)}"
    verb = "follows" if follow == 1 else "follow"
    return f"{words} ({follow} {verb})" if follow else words


def heading_of_exposures(number: int) -> str:
    """Return the heading of many exposures."""
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


def titles(worst_first: Sequence[Event], part: int) -> tuple[str, ...]:
    """Return a message's titles, longest first: the worst event, and how many others of which bad kind.

    They are safe ASCII that no service takes for markup.
    """
    worst, *others = worst_first
    if worst.kind is not Kind.BASELINE:
        # What is watched from now on is no news beside what happened.
        others = [one for one in others if one.kind is not Kind.BASELINE]
    number = len(worst_first)
    found: list[str] = []
    if others and all(_counted_as(event) == _WATCHED for event in worst_first):
        found.append(_capital(_now_watched(number)))
    why = dict.fromkeys((in_a_title(worst), ""))
    for sizes, runs, said in product(_TITLE_SIZES, (True, False), why):
        if title := _headline(worst, *sizes, runs=runs):
            found += [title + said + end for end in (*_ends(others), "")]
    found += [f"{PRODUCT}: {counts(map(label, worst_first))}"]
    found += [f"{PRODUCT}: {plural(number, 'event')}", PRODUCT]
    start = f"{which_part(part).capitalize()}: " if part else ""
    return tuple(dict.fromkeys(start + one for one in found))


def _ends(others: Sequence[Event]) -> Iterator[str]:
    """Yield ends of a title that count the other events, longest first: by kind, then how many are bad at all."""
    bad = Counter(
        _counted_as(event)
        for event in others
        if severity_of(event) is not Severity.INFO
    )
    for most in (_KINDS, 0):
        named = dict(list(bad.items())[:most])
        unnamed = bad.total() - sum(named.values())
        more = "more bad" if named else "bad"
        counted = {**named, more: unnamed, "other": len(others) - bad.total()}
        words = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
        if words:
            yield f" (+ {words})"


def titles_of_sample(found: Iterable[str]) -> tuple[str, ...]:
    """Return the titles of a sample, from those of its events: each begins with the word "Test"."""
    marks = ("Test of your alerts", "Test")
    return (*(f"{mark}: {title}" for title, mark in product(found, marks)), *marks)


def _headline(event: Event, of_name: int, of_version: int, *, runs: bool) -> str:
    """Return an event in a few words, with `runs` also that it is run; "" for a name that is not fit for a title."""
    if event.kind is Kind.APPEARED:
        return _headline_of_appearance(event, of_name, of_version)
    what, about = _sentence(event)
    name = _name(event)
    version = None if is_about_all(event) else event.version
    if name is not None and not NODE_ID.fullmatch(name):
        return ""
    words = [_capital(what)] if what else []
    if version is not None and not _VERSION_TEXT.fullmatch(version):
        words.append("a version of")
        version = None
    if name is not None:
        words.append(plain_name(name, of_name))
    if version is not None:
        words.append(plain_name(version, of_version))
    says_so = event.kind in (Kind.EXPOSED, Kind.BASELINE) or _ends_with_a_verb(event)
    is_run = runs and warns(event) and runs_it(event) and not says_so
    return " ".join(words) + about + (_WHICH_YOU_RUN if is_run else "")


def _headline_of_appearance(event: Event, of_name: int, of_version: int) -> str:
    """Return the same of a pack that appeared; what is not fit for a title is left out."""
    name, place, version = _name(event), event.install or "", event.version or ""
    what, _ = _sentence(event)
    where = "an install"
    if NODE_ID.fullmatch(place):
        where = plain_name(place, of_name)
    words = [_capital(what), f"{where}:"]
    if name is not None and NODE_ID.fullmatch(name):
        words.append(plain_name(name, of_name))
        if _VERSION_TEXT.fullmatch(version):
            words.append(plain_name(version, of_version))
        return " ".join(words)
    return " ".join([*words, "a pack"])


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
