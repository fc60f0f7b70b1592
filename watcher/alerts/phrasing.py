"""What is said of an event, by its kind. How it is laid out, is the renderers'. Pure.

Not here is the reason of an event (`Event.reason`): who makes the event gives it. It is the registry's text, or for a
baseline and a failure a sentence of `watcher.changes`. `watcher.alerts.words` says why a version is flagged.
Our own words are `Trusted`, or in a field that says so; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher import durations, timestamps
from watcher.alerts.advice import UNREVIEWED, Advice, advice_on
from watcher.alerts.words import (
    UNKNOWN_VERSION,
    Item,
    Words,
    difference,
    in_a_list,
    in_a_sentence,
    joined,
    known_status,
    said,
    scan_of_flag,
)
from watcher.model.event import (
    EMPTY,
    EXPOSURES,
    INCOMPLETE,
    UNLISTED,
    Event,
    Kind,
    Severity,
    Tally,
    is_meant,
)
from watcher.model.pack import Copy, named_after
from watcher.model.version import ACTIVE, BANNED
from watcher.text.sanitize import Trusted, plural
from watcher.values import frozen

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
_YOU_RUN_IT = Trusted("you run it")
_WATCHED = "now watched"
_INSTALLS = 3
"""The most copies that a line names."""
_NAMES, _LATEST = 3, 5
"""The most packs that the line of what is watched names, and the most banned versions of a baseline."""
_SAYS_BEFORE = {Kind.NEW, Kind.DEPRECATED, Kind.UNDEPRECATED, Kind.CHANGED}
"""Kinds that say enough of the status before: what was changed mostly still has it."""


@frozen
class Phrasing:
    """What is said of one event, or of several that are alike."""

    symbol: str
    what: str
    """What happened: our own words before the name, upper-case for what is critical."""
    name: str | None
    """The node, a channel or an install, or the folder of a pack without an id; None for the registry."""
    versions: tuple[str, ...] = ()
    """The versions that it names."""
    about: str = ""
    """What happened: our own words after the name."""
    run: str = ""
    """That it is run, in our own words."""
    runs: Words = ()
    """The same with where, or which other version is run."""
    advice: Advice = Advice()
    details: tuple[Words, ...] = ()
    """What differs, why, and since when."""
    reason: Words = ()
    """Of a ban of what is run: however short the room is, some of it is said. () for any other."""
    url: str = ""
    """The page of its pack; "" if it has none."""
    events: tuple[Event, ...]
    """The events that it names, worst first."""


def phrasing(alike: Sequence[Event], others: Iterable[Event] = ()) -> Phrasing:
    """Return what is said of events that are alike but for their versions; `others` are those of their message."""
    event = alike[0]
    what, about = happened(event)
    run = which_you_run(event)
    # What is said of the copies has its joint from the sentence before it.
    where = running(event)
    # The install is all that is known of what appeared; that it is run follows from it.
    if event.kind is Kind.APPEARED:
        where = said(" {}", _in_install(event))
    # Who has set patterns knows the packs by these.
    elif event.tally.patterns:
        where = said(" for {}", event.tally.patterns)
    elif event.runs_it and event.kind is not Kind.BASELINE:
        where = said(f"{run}{{}}", where[1:])
    elif where:
        where = said("; {}", where)
    # What appeared may only claim an id.
    has_page = event.node is not None and event.kind is not Kind.APPEARED
    # Why to stop at once must not be lost to a small screen.
    is_run_ban = event.is_a_ban and event.runs_it
    return Phrasing(
        symbol=_symbol(event),
        what=what,
        name=name_of(event),
        # An empty version text is one too, and is shown as blank.
        versions=tuple(one.version or "" for one in alike if event.version is not None),
        about=about,
        run=run,
        runs=where,
        advice=advice_on(event, others),
        details=tuple(filter(None, (_differences(event), _why(event), _since(event)))),
        reason=reason_of(event) if is_run_ban else (),
        url=event.url if has_page else "",
        events=tuple(alike),
    )


def phrasing_of_watched(baselines: Sequence[Event]) -> Phrasing:
    """Return what is said of all nodes that are watched from now on, and of which no version is banned."""
    names = [event.node or "" for event in baselines]
    is_one = len(names) == 1
    some = in_a_list([(name,) for name in names[:_NAMES]], len(names))
    found = _counts([event.tally for event in baselines], "flagged", "deprecated")
    return Phrasing(
        symbol=SYMBOLS[Kind.BASELINE],
        what="now watched:" if is_one else now_watched(len(names)),
        name=names[0] if is_one else None,
        runs=() if is_one else said(" ({})", some),
        details=(said(f"versions: {found}"),) if found else (),
        events=tuple(baselines),
    )


def _counts(tallies: Sequence[Tally], *statuses: str) -> str:
    """Return how many versions have each of some statuses."""
    counts = {one: sum(getattr(of, one) for of in tallies) for one in statuses}
    return ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)


# What happened


def happened(event: Event) -> tuple[str, str]:
    """Return what happened, in the words before and after the name. This is the one table of all kinds."""
    words = event.kind.value
    is_of_pack = event.version is None
    match event.kind:
        case Kind.BANNED:
            return _loud(words, event), ", the whole pack" if is_of_pack else ""
        case Kind.EXPOSED:
            copy = f", {UNKNOWN_VERSION}" if is_of_pack else ""
            return f"you run {_loud(_wrong(event) or words, event)}", copy
        # Without our own words before a name the sentence is about it: "x is not listed any more".
        case Kind.REMOVED if is_of_pack:
            return "", " is not listed any more"
        case Kind.REINSTATED if not is_of_pack:
            return "", " is active again"
        case Kind.REINSTATED:
            was_banned = event.before == BANNED
            return "", " is no longer banned" if was_banned else " is listed again"
        case Kind.FAILING | Kind.RECOVERED:
            return _of_failure(event, fails=event.kind is Kind.FAILING)
        case Kind.CHANGED if event.replaces_archive:
            return "ARCHIVE REPLACED", ""
        # Both ways say that all is well, but only one that a copy is still there.
        case Kind.CLEARED if event.runs_it:
            return "", " is no longer a problem"
        case Kind.CLEARED:
            return "you do not run", " any more"
        case Kind.BASELINE:
            return _of_baseline(event)
        # Nobody is woken by what earlier versions had too.
        case Kind.FLAGGED:
            return ("flagged, nothing new:" if event.is_harmless else words), ""
        case _:
            return words, ""


def _of_failure(event: Event, *, fails: bool) -> tuple[str, str]:
    found = event.after if fails else event.before
    # The end of a failure is said in the words of its beginning, so that both are found by one search.
    can, again = ("cannot", "") if fails else ("can", " again")
    if event.channel is not None:
        return "alerts no longer reach" if fails else "alerts reach", again
    if event.install is not None:
        return "install", f" {can} be scanned{again}"
    # That it cannot be read would send people to look for a network problem.
    if event.node is not None and found == EMPTY:
        return "", " has no versions" if fails else " has versions now"
    if event.node is not None:
        return "", f" {can} be read{again}"
    if found == UNLISTED:
        return f"the packs of publishers {can} be listed{again}", ""
    in_full = " in full" if found == INCOMPLETE else ""
    return f"the registry {can} be read{in_full}{again}", ""


def _of_baseline(event: Event) -> tuple[str, str]:
    if event.is_about_all:
        tally = event.tally
        # A pattern may be added to a watch that has run for long.
        more = "more node pack" if tally.has_others else "node pack"
        packs = plural(tally.packs, more)
        return f"{_WATCHED}: {packs}", f" with {plural(tally.versions, 'version')}"
    if wrong := _wrong(event):
        return f"{_loud(wrong, event)} versions in", f", {_WATCHED}"
    return f"{_WATCHED}:", ""


def now_watched(number: int) -> str:
    """Return that so many packs are watched from now on."""
    return f"{_WATCHED}: {plural(number, 'pack')}"


def counted_as(event: Event) -> str:
    """Return how an event is counted where it is not shown."""
    if event.kind is Kind.BASELINE:
        wrong = _wrong(event)
        return f"with {wrong} versions" if wrong else _WATCHED
    if event.replaces_archive:
        return "with a replaced archive"
    # Who counts wants to know what is wrong; that it is run is said of the worst.
    wrong = _wrong(event) if event.kind is Kind.EXPOSED else ""
    return wrong or event.kind.value


def _symbol(event: Event) -> str:
    """Return the symbol of what is wrong, where an event reports that, else of its kind."""
    if event.replaces_archive:
        return REPLACED
    # A first sweep of the registry always has some ban: its symbol is no alarm.
    kind = event.kind if event.is_about_all else event.kind_reported
    return SYMBOLS[kind]


def _wrong(event: Event) -> str:
    """Return what an exposure reports, or the worst that a baseline contains; "" for nothing that is known."""
    after = event.after or ""
    return after if after in EXPOSURES else ""


def _loud(words: str, event: Event) -> str:
    # Capitals are the one emphasis that a title, a text message and a log line have.
    return words.upper() if event.severity is Severity.CRITICAL else words


def name_of(event: Event) -> str | None:
    """Return what a sentence names: a node, a channel or an install, or a folder; None for the registry."""
    # A failing channel or install is about no pack.
    names = (event.channel, event.install, event.node)
    if event.kind is Kind.APPEARED:
        names = (event.node, event.folder, None)
    return next((name for name in names if name is not None), None)


# Since when, and why


def _since(event: Event) -> Words:
    """Return the status before, where that says something, and since when the version is public."""
    if event.version is None:
        return ()
    before, age = event.before or ACTIVE, _age(event)
    is_said = before != ACTIVE and event.kind not in _SAYS_BEFORE
    was = said("was {}", known_status(before)) if is_said else ()
    # What is pending is not public yet.
    since = f"uploaded {age} ago" if event.kind is Kind.PENDING else f"public for {age}"
    return joined(", ", (was, said(since) if age else ()))


def _age(event: Event) -> str:
    """Return how long the version had been public when the event was seen; "" if that is not known."""
    # A publisher, or a proxy, may write anything here; a date in the future is no age.
    if not timestamps.for_people(event.published):
        return ""
    age = timestamps.seconds_between(event.published, event.at)
    return durations.age(age) if age >= 0 else ""


def _differences(event: Event) -> Words:
    """Return what differs."""
    if event.kind is Kind.BASELINE:
        return _inventory(event)
    folder: Words = ()
    # An id is only claimed by what appeared: the folder is what one can look at.
    if event.node is not None and event.folder not in {None, event.node}:
        folder = said("its folder: {}", event.folder or "")
    return joined("; ", (folder, difference(event.changes)))


def _inventory(event: Event) -> Words:
    """Return how much of what is watched is bad, and the latest banned versions by name."""
    tally = event.tally
    versions = said(_counts([tally], "banned", "flagged", "deprecated"))
    packs: Words = ()
    if tally.banned_packs:
        packs = said(f"{plural(tally.banned_packs, 'pack')} banned as a whole")
    # Each text by itself, so that none looks like two.
    named = [
        said("{} {}", Item(one.node), Item(one.version))
        for one in event.bad_versions
        if one.status == BANNED
    ]
    latest = said("the latest bans: {}", joined(", ", named[:_LATEST])) if named else ()
    return joined("; ", (versions, packs, latest))


def _why(event: Event) -> Words:
    if event.kind is Kind.BASELINE:
        is_empty = event.is_about_all and not event.tally.packs
        return reason_of(event) if is_empty else ()
    # Of what is run that is said with what to do about it.
    # Most flags are of harmless packs: who hears only "flagged" takes them for verdicts.
    is_unsaid = event.is_a_flag and not event.is_harmless and not event.runs_it
    return joined("; ", ((UNREVIEWED,) if is_unsaid else (), _found(event)))


def _found(event: Event) -> Words:
    """Return what the scanner found, in plain words, which are better than the reason; else that."""
    scan = scan_of_flag(event)
    return in_a_sentence(scan) if scan else reason_of(event)


def reason_of(event: Event) -> Words:
    """Return the reason of an event. Our own words come first: each clause may begin a line."""
    # What follows is quoted: a registry's text may try to look like our advice.
    return said("reason: {}", event.reason) if event.reason else ()


# Who runs it


def running(event: Event) -> Words:
    """Return what is said of the copies that are run: "you run it on workstation", or of which other version.

    () for none: a disabled copy is not run.
    """
    enabled = [copy for copy in event.installed if copy.enabled]
    if not enabled:
        return ()
    # That a pack has a banned version says nothing about the one that is run.
    is_of_copies = event.kind is not Kind.BASELINE
    meant = [copy for copy in enabled if is_of_copies and is_meant(copy, event)]
    version = enabled[0].version
    other = UNKNOWN_VERSION if version is None else Item(version)
    words = said(_YOU_RUN_IT) if meant else said("you run {}", other)
    is_said = not meant or event.version is not None
    copies = meant or enabled[:1]
    # Two copies in one install that look alike are said once.
    places = [*dict.fromkeys(_place(copy, event, is_said=is_said) for copy in copies)]
    return *words, *said(" on {}", in_a_list(places[:_INSTALLS], len(places)))


def _place(copy: Copy, event: Event, *, is_said: bool) -> Words:
    """Return where a copy is: its install, its version unless that is said, and its folder if that is not its id."""
    version: Words = ()
    if copy.version is not None and not is_said:
        version = said("version {}", Item(copy.version))
    folder: Words = ()
    if copy.folder and named_after(copy.folder).lower() != event.node_key:
        folder = said("folder {}", Item(copy.folder))
    beside, install = joined(", ", (version, folder)), Item(copy.install)
    return said("{} ({})", install, beside) if beside else (install,)


def which_you_run(event: Event) -> str:
    """Return that what an event is about is run, as the end of its sentence; "" if the sentence says so, or not."""
    says_so = {Kind.EXPOSED, Kind.APPEARED, Kind.BASELINE}
    if not event.runs_it or event.kind in says_so:
        return ""
    what, _ = happened(event)
    # Without words before the name, its verb is behind it: no relative clause fits there.
    return ", which you run" if what else f"; {_YOU_RUN_IT}"


def _in_install(event: Event) -> Words:
    """Return where a pack appeared, and whether it is disabled."""
    copies = [copy for copy in event.installed if copy.install == event.install]
    # A disabled pack does nothing until somebody enables it.
    is_run = not copies or any(copy.enabled for copy in copies)
    disabled = "" if is_run else "; it is disabled"
    return said(f"on {{}}{disabled}", Item(event.install or ""))


def when_seen(events: Iterable[Event]) -> str:
    """Return when the events were seen."""
    times = [event.at for event in events]
    first, last = timestamps.for_people(min(times)), timestamps.for_people(max(times))
    return f"seen {last}" if first == last else f"seen {first} to {last}"
