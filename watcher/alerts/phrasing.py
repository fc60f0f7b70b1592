"""What is said of an event, by its kind. How it is laid out, is the renderers'. Pure.

Not here is the reason of an event (`Event.reason`): who makes the event gives it. It is the registry's text, or for a
baseline and a failure a sentence of `watcher.changes`. `watcher.alerts.words` says why a version is flagged.
Our own words are `Trusted`, or in a field that says so; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from watcher import durations, timestamps
from watcher.alerts.advice import STOP_IN_SHORT, UNREVIEWED
from watcher.alerts.words import (
    MOST_FINDINGS,
    Item,
    Words,
    difference,
    in_a_sentence,
    joined,
    known_status,
    listed,
    scan_of_flag,
)
from watcher.model.event import (
    EMPTY,
    EXPOSURES,
    INCOMPLETE,
    TROUBLES,
    UNLISTED,
    BadVersion,
    Event,
    Kind,
    Severity,
    Tally,
    is_a_ban,
    is_a_flag,
    is_about_all,
    is_harmless,
    is_meant,
    replaces_archive,
    runs_it,
    severity_of,
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
HAS_VERSIONS = " has versions now"
"""What is said of a node that recovered."""
_YOU_RUN_IT = Trusted("you run it")
_WATCHED = "now watched"
_INSTALLS = 3
"""The most copies that a line names."""
_NAMES, _LATEST = 3, 5
"""The most packs that the line of what is watched names, and the most bad versions of a baseline."""
_AFTER_A_STATUS = frozenset(Kind) - {
    *(Kind.NEW, Kind.DEPRECATED, Kind.UNDEPRECATED, Kind.CHANGED, Kind.BASELINE),
    *(Kind.FAILING, Kind.RECOVERED),
}
"""Kinds whose status before may be any."""


@frozen
class Phrasing:
    """What is said of one event, or of several of one kind about a pack."""

    symbol: str
    what: str
    """What happened: our own words before the name, upper-case for what is critical."""
    name: str | None
    """The node, a channel or an install, or the folder of a pack without an id; None for the registry."""
    version: str | None
    about: str
    """What happened: our own words after the name."""
    run: str = ""
    """That it is run, in our own words."""
    runs: Words = ()
    """The same with where, or which other version is run."""
    details: tuple[Words, ...] = ()
    """What differs, why, and since when: a sentence each, without capital letter and full stop."""
    url: str = ""
    """The page of its pack; "" if it has none."""


def phrasing(event: Event) -> Phrasing:
    """Return what is said of an event."""
    what, about = sentence(event)
    run = which_you_run(event)
    where = running(event)
    if event.kind is Kind.APPEARED:
        where = (Trusted(" "), *_in_install(event))
    elif is_about_all(event) and event.tally and event.tally.patterns:
        where = (Trusted(" for "), event.tally.patterns)
    elif event.kind is Kind.EXPOSED or where[:1] == (_YOU_RUN_IT,):
        where = (Trusted(run), *where[1:])
    elif where:
        where = (Trusted("; "), *where)
    details = _differences(event), _why(event), _since(event)
    return Phrasing(
        symbol=_symbol(event),
        what=what,
        name=name_of(event),
        version=event.version,
        about=about,
        run=run,
        runs=where,
        details=tuple(filter(None, details)),
        url=event.url if _has_page(event) else "",
    )


def phrasing_of_watched(baselines: Sequence[Event]) -> Phrasing:
    """Return what is said of all nodes that are watched from now on, and of which no version is banned."""
    names = [event.node or "" for event in baselines]
    tallies = [event.tally or Tally() for event in baselines]
    counts = (
        (sum(one.flagged for one in tallies), "flagged"),
        (sum(one.deprecated for one in tallies), "deprecated"),
    )
    few = (Trusted(" ("), *listed(names, len(names)), Trusted(")"))
    is_one = len(names) == 1
    found = " and ".join(f"{count:,} {status}" for count, status in counts if count)
    return Phrasing(
        symbol=SYMBOLS[Kind.BASELINE],
        what="now watched:" if is_one else now_watched(len(names)),
        name=names[0] if is_one else None,
        version=None,
        about="",
        runs=few if 1 < len(names) <= _NAMES else (),
        details=((Trusted(f"versions: {found}"),),) if found else (),
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
    why = in_a_sentence(scan, most) if scan else reason_of(event)
    if event.kind is Kind.BASELINE and event.tally and event.node is not None:
        why = (Trusted(plural(event.tally.versions, "version")),)
    where = running(event, with_places=not in_short)
    if event.kind is Kind.APPEARED:
        where = _in_install(event)
    to_do: Words = (STOP_IN_SHORT,) if is_a_ban(event) and runs_it(event) else ()
    parts = (_transition(event), where, to_do, _differences(event), why)
    return [words for words in parts if words]


# What happened


def sentence(event: Event) -> tuple[str, str]:
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
        case Kind.REMOVED | Kind.REINSTATED:
            return _sentence_of_listing(event)
        case Kind.FAILING | Kind.RECOVERED:
            return _sentence_of_failure(event)
        case Kind.CHANGED if replaces_archive(event):
            return "ARCHIVE REPLACED", ""
        case Kind.CLEARED if runs_it(event):
            return "", " is no longer a problem"
        case Kind.CLEARED:
            return "you do not run", " any more"
        case Kind.BASELINE:
            return _sentence_of_baseline(event)
        case Kind.FLAGGED:
            return ("flagged, nothing new:" if is_harmless(event) else words), ""
        case (
            Kind.DELETED
            | Kind.DEPRECATED
            | Kind.CHANGED
            | Kind.APPEARED
            | Kind.UNDEPRECATED
            | Kind.NEW
            | Kind.PENDING
        ):
            return words, ""
        case _:
            assert_never(event.kind)


def _sentence_of_listing(event: Event) -> tuple[str, str]:
    is_of_pack = event.version is None
    if event.kind is Kind.REMOVED:
        return ("", " is not listed any more") if is_of_pack else ("removed", "")
    if not is_of_pack:
        return "", " is active again"
    return "", " is no longer banned" if event.before == BANNED else " is listed again"


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


def _sentence_of_baseline(event: Event) -> tuple[str, str]:
    if is_about_all(event):
        tally = event.tally or Tally(packs=0)
        more = "more node pack" if tally.has_others else "node pack"
        packs = plural(tally.packs, more)
        return f"{_WATCHED}: {packs}", f" with {plural(tally.versions, 'version')}"
    if trouble := _trouble(event):
        return f"{_loud(trouble, event)} versions in", f", {_WATCHED}"
    return f"{_WATCHED}:", ""


def now_watched(number: int) -> str:
    """Return that so many packs are watched from now on."""
    return f"{_WATCHED}: {plural(number, 'pack')}"


def counted_as(event: Event) -> str:
    """Return how an event is counted where it is not shown."""
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


def name_of(event: Event) -> str | None:
    """Return what a sentence names: a node, a channel or an install, or a folder; None for the registry."""
    names = (event.channel, event.install, event.node)
    if event.kind is Kind.APPEARED:
        names = (event.node, event.folder, None)
    return next((name for name in names if name is not None), None)


def _has_page(event: Event) -> bool:
    """Return whether its pack has a page on the registry: what appeared may only claim an id."""
    return event.node is not None and event.kind is not Kind.APPEARED


# Since when, and why


def _transition(event: Event) -> Words:
    """Return what the kind does not say of the status before and after."""
    before, after = Item(event.before or ""), Item(event.after or "")
    # A status that this program does not know is among the differences of a `changed`.
    if event.kind is Kind.EXPOSED and before != after:
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


def _differences(event: Event) -> Words:
    """Return what differs."""
    if event.kind is Kind.BASELINE:
        return _inventory(event)
    clauses: list[Words] = []
    if event.node is not None and event.folder not in {None, event.node}:
        clauses.append((Trusted("its folder: "), event.folder or ""))
    if replaces_archive(event):
        clauses.append((Trusted("its download was replaced after the release"),))
    if event.changes:
        clauses.append(difference(event.changes))
    return joined("; ", clauses)


def _inventory(event: Event) -> Words:
    """Return how much of what is watched is bad: the latest banned versions by name, and the rest as a count."""
    tally = event.tally or Tally(packs=0)
    banned = [plural(tally.banned, "banned version")] if tally.banned else []
    if tally.banned_packs:
        banned.append(f"{plural(tally.banned_packs, 'pack')} banned as a whole")
    counts = ((tally.flagged, "flagged"), (tally.deprecated, "deprecated"))
    rest = ", ".join(f"{count:,} {status}" for count, status in counts if count)
    found = (Trusted(" and ".join(banned)), *_latest(event)) if banned else ()
    return joined("; ", (found, (Trusted(rest),) if rest else ()))


def _latest(event: Event) -> Words:
    """Return the latest banned versions of a baseline, each text by itself, so that none looks like two."""
    named = [one for one in event.bad_versions if one.status == BANNED][:_LATEST]
    said = joined(", ", (_version(one, event) for one in named))
    return (Trusted(", the latest: "), *said) if named else ()


def _version(one: BadVersion, event: Event) -> Words:
    of_pack = (Item(one.node), Trusted(" ")) if event.node is None else ()
    return *of_pack, Item(one.version)


def _why(event: Event) -> Words:
    if event.kind is Kind.BASELINE:
        is_empty = is_about_all(event) and not (event.tally and event.tally.packs)
        return reason_of(event) if is_empty else ()
    unreviewed: Words = ()
    # Of what is run that is said with what to do about it.
    if is_a_flag(event) and not is_harmless(event) and not runs_it(event):
        unreviewed = (UNREVIEWED,)
    # In plain words, which are better than the summary in its reason.
    found = in_a_sentence(scan) if (scan := scan_of_flag(event)) else reason_of(event)
    return joined("; ", (unreviewed, found))


def reason_of(event: Event) -> Words:
    """Return the reason of an event. Our own words come first: each clause may begin a line."""
    return (Trusted("reason: "), event.reason) if event.reason else ()


# Who runs it


def running(event: Event, *, with_places: bool = True) -> Words:
    """Return what is said of the copies that are run: "you run it on workstation", or of which other version.

    () for none: a disabled copy is not run.
    """
    enabled = [copy for copy in event.installed if copy.enabled]
    if not enabled:
        return ()
    # That a pack has a banned version says nothing about the one that is run.
    is_of_copies = event.kind is not Kind.BASELINE
    meant = [copy for copy in enabled if is_of_copies and is_meant(copy, event)]
    words: Words = (_YOU_RUN_IT,)
    if not meant:
        unknown = Trusted("a copy of unknown version")
        version = enabled[0].version
        words = (Trusted("you run "), unknown if version is None else Item(version))
    if not with_places:
        return words
    is_said = not meant or event.version is not None
    copies = meant or enabled[:1]
    places = dict.fromkeys(_place(copy, event, is_said=is_said) for copy in copies)
    named = joined(", ", [*places][:_INSTALLS])
    more = len(places) - _INSTALLS
    end = (Trusted(f" and {more:,} more"),) if more > 0 else ()
    return *words, Trusted(" on "), *named, *end


def _place(copy: Copy, event: Event, *, is_said: bool) -> Words:
    """Return where a copy is: its install, its version unless that is said, and its folder if that is not its id."""
    beside: list[Words] = []
    if copy.version is not None and not is_said:
        beside.append((Trusted("version "), Item(copy.version)))
    if copy.folder and named_after(copy.folder).lower() != (event.node or "").lower():
        beside.append((Trusted("folder "), Item(copy.folder)))
    if not beside:
        return (Item(copy.install),)
    return Item(copy.install), Trusted(" ("), *joined(", ", beside), Trusted(")")


def which_you_run(event: Event) -> str:
    """Return that what an event is about is run, as the end of its sentence; "" if the sentence says so, or not."""
    says_so = {Kind.EXPOSED, Kind.APPEARED, Kind.BASELINE}
    if not runs_it(event) or event.kind in says_so:
        return ""
    _, about = sentence(event)
    is_verb = about.startswith(" ")
    return f"; {_YOU_RUN_IT}" if is_verb else ", which you run"


def _in_install(event: Event) -> Words:
    """Return where a pack appeared, and whether it is disabled."""
    copies = [copy for copy in event.installed if copy.install == event.install]
    is_run = not copies or any(copy.enabled for copy in copies)
    disabled = () if is_run else (Trusted("; it is disabled"),)
    return Trusted("on "), Item(event.install or ""), *disabled


def when_seen(events: Iterable[Event]) -> str:
    """Return when the events were seen."""
    times = [event.at for event in events]
    first, last = timestamps.for_people(min(times)), timestamps.for_people(max(times))
    return f"seen {last}" if first == last else f"seen {first} to {last}"
