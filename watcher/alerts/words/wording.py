"""What a message says of one event. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from watcher import timestamps
from watcher.alerts.words import of_all
from watcher.alerts.words.differences import Words, difference, known_status
from watcher.alerts.words.running import running, running_in_short
from watcher.model.event import (
    EMPTY,
    EXPOSURES,
    INCOMPLETE,
    Event,
    Kind,
    Rank,
    Severity,
    is_about_all,
    rank,
    replaces_archive,
    runs_it,
    severity_of,
)
from watcher.model.pack import OWN_FILES
from watcher.model.version import BANNED
from watcher.text.sanitize import Trusted

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
_BEFORE_IS_IMPLIED = {Kind.CHANGED, Kind.DEPRECATED, Kind.UNDEPRECATED, Kind.UPDATE}
"""Kinds whose line does not show the status before."""
_WITH_ADVICE = {
    Kind.BANNED,
    Kind.EXPOSED,
    Kind.FLAGGED,
    Kind.DELETED,
    Kind.REMOVED,
    Kind.DEPRECATED,
}
_WITH_A_REASON = {Kind.BANNED, Kind.EXPOSED, Kind.FLAGGED, Kind.DELETED}
"""Kinds whose reason is the registry's."""
_TROUBLES = {
    "banned": Kind.BANNED,
    "flagged": Kind.FLAGGED,
    "deprecated": Kind.DEPRECATED,
}
"""What a baseline may contain (`watcher.changes.baseline`), with the kind whose symbol it gets."""
Label = tuple[Rank, str]
"""How an event is counted where it is not shown: its rank and a word."""
Counts = tuple[tuple[Label, int], ...]
"""The number of events with each label, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event."""

    event: str
    """Its id."""
    place: int
    """0 for the worst line of its digest, 1 for the next one."""
    kind: Kind
    label: Label
    symbol: str
    lead: str
    """What happened."""
    pack: str | None
    """The node, a channel or an install; None for the registry."""
    version: str | None
    about: str = ""
    """What else is needed to understand the lead; our own words."""
    history: Words = ()
    """The status before, and since when the version is public."""
    runs: Words = ()
    """Whether somebody runs it, where and in which version."""
    runs_in_short: Words = ()
    advice: Words = ()
    """What to do: pieces of advice that each begin with our own words."""
    advice_in_short: Words = ()
    details: Words = ()
    """What differs, or what is new."""
    reason: Words = ()
    url: str = ""
    """The node's page, or empty."""


def line(event: Event, place: int, advice: Words, advice_in_short: Words) -> Line:
    """Return the line of an event."""
    return Line(
        event=event.id,
        place=place,
        kind=event.kind,
        label=label(event),
        symbol=_symbol(event),
        lead=lead(event),
        pack=next(
            (name for name in (event.channel, event.install) if name is not None),
            event.node,
        ),
        version=event.version,
        about=_about(event),
        history=_history(event),
        runs=running(event),
        runs_in_short=running_in_short(event),
        advice=advice,
        advice_in_short=advice_in_short,
        details=_details(event),
        reason=_reason(event),
        url="" if event.node is None else event.url,
    )


def lead(event: Event) -> str:
    """Return what happened, in words that the pack's name and version follow; upper-case for what is critical."""
    words = event.kind.value
    match event.kind:
        case Kind.FAILING | Kind.RECOVERED:
            return _lead_of_failure(event)
        case Kind.BASELINE:
            return _lead_of_baseline(event)
        case Kind.EXPOSED if event.after in EXPOSURES:
            return f"you run {_loud(event.after, event)}"
        case Kind.CHANGED:
            return "ARCHIVE REPLACED" if replaces_archive(event) else words
        case Kind.UPDATE:
            return "update available:"
        case (
            Kind.BANNED
            | Kind.EXPOSED
            | Kind.FLAGGED
            | Kind.DELETED
            | Kind.REMOVED
            | Kind.DEPRECATED
        ):
            return _loud(words, event)
        case (
            Kind.REINSTATED | Kind.CLEARED | Kind.UNDEPRECATED | Kind.NEW | Kind.PENDING
        ):
            return words
        case _:
            assert_never(event.kind)


def _lead_of_failure(event: Event) -> str:
    words = event.kind.value
    if event.channel is not None:
        return f"channel {words}"
    if event.install is not None:
        return f"install {words}"
    if event.node is not None:
        return words
    if event.kind is Kind.FAILING:
        return f"the registry cannot be read{' in full' if event.after == INCOMPLETE else ''}"
    return f"the registry can be read{' in full' if event.before == INCOMPLETE else ''} again"


def _lead_of_baseline(event: Event) -> str:
    trouble = _loud(_trouble(event), event)
    if is_about_all(event):
        return of_all.lead(trouble)
    return f"{trouble} versions in" if trouble else "now watched"


def label(event: Event) -> Label:
    """Return how an event is counted."""
    words = event.kind.value
    if event.kind is Kind.EXPOSED and event.after in EXPOSURES:
        return rank(event), f"exposed as {event.after}"
    if event.kind is Kind.BASELINE:
        trouble = _trouble(event)
        words = f"with {trouble} versions" if trouble else "now watched"
    elif replaces_archive(event):
        words = "with a replaced archive"
    elif event.channel is not None:
        words = f"channel {words}"
    elif event.install is not None:
        words = f"install {words}"
    elif event.kind is Kind.UPDATE:
        words = "with an update"
    if event.kind is not Kind.BASELINE and is_a_warning(event) and runs_it(event):
        words += " that you run"
    return rank(event), words


def count(labels: Iterable[Label]) -> Counts:
    """Return how often each label occurs, worst first."""
    return tuple(sorted(Counter(labels).items()))


def add(*counts: Counts) -> Counts:
    """Return the sum of counts."""
    total: Counter[Label] = Counter()
    for several in counts:
        total.update(dict(several))
    return tuple(sorted(total.items()))


def by_words(counts: Counts) -> dict[str, int]:
    """Return the counts by their words alone, worst first."""
    total: dict[str, int] = {}
    for (_, words), number in counts:
        total[words] = total.get(words, 0) + number
    return total


def critical_ones(counts: Counts) -> int:
    """Return how many of the counted events are critical."""
    critical = list(Severity).index(Severity.CRITICAL)
    return sum(number for ((severity, *_), _), number in counts if severity == critical)


def counted(counts: Counts) -> str:
    """Return the counts as text: "1 banned, 30 new"."""
    return ", ".join(f"{number} {words}" for words, number in by_words(counts).items())


def more(counts: Counts, *, in_short: bool = False, follow: int = 0) -> str:
    """Return the line for events that are not shown: "… and 31 more: 1 banned, 30 new", or "… and 31 more".

    Of these so many `follow` in further messages: "… and 31 more banned (6 follow)".
    """
    total = f"… and {sum(number for _, number in counts)} more"
    words = by_words(counts)
    if not in_short:
        total += f" {next(iter(words))}" if len(words) == 1 else f": {counted(counts)}"
    return f"{total} ({follow} follow)" if follow else total


def is_a_warning(event: Event) -> bool:
    """Return whether an event warns of using a version, or some of a node."""
    return (
        event.kind in _WITH_ADVICE or bool(_trouble(event)) or replaces_archive(event)
    )


def is_a_ban(event: Event) -> bool:
    """Return whether a version, or the whole node, is banned."""
    return event.kind is Kind.BANNED or (
        event.kind is Kind.EXPOSED and event.after == BANNED
    )


def _symbol(event: Event) -> str:
    """Return the symbol of what is wrong, where an event reports that, else of its kind."""
    if replaces_archive(event):
        return REPLACED
    wrong = (
        EXPOSURES
        if event.kind is Kind.EXPOSED
        else _TROUBLES
        if event.kind is Kind.BASELINE
        else {}
    )
    return SYMBOLS[wrong.get(event.after or "", event.kind)]


def _loud(words: str, event: Event) -> str:
    return words.upper() if severity_of(event) is Severity.CRITICAL else words


def _trouble(event: Event) -> str:
    """Return the worst that a baseline contains; "" for nothing, and for other events."""
    return (
        event.after or ""
        if event.kind is Kind.BASELINE and event.after in _TROUBLES
        else ""
    )


def _about(event: Event) -> str:
    if event.channel is not None:
        return (
            ", which takes no alerts"
            if event.kind is Kind.FAILING
            else ", which takes alerts again"
        )
    if event.install is not None:
        return (
            ", which cannot be scanned"
            if event.kind is Kind.FAILING
            else ", which can be scanned again"
        )
    if event.kind is Kind.CLEARED:
        return (
            ", no longer a problem"
            if runs_it(event)
            else ", which you do not run any more"
        )
    return (
        _about_node(event) if event.version is None and event.node is not None else ""
    )


def _about_node(event: Event) -> str:
    match event.kind:
        case Kind.BASELINE if _trouble(event):
            return " (now watched)"
        case Kind.EXPOSED:
            return ", in a copy of unknown version"
        case Kind.BANNED:
            return ", the whole node pack"
        case Kind.REINSTATED:
            return (
                ", which is no longer banned"
                if event.before == BANNED
                else ", which is listed again"
            )
        case Kind.REMOVED:
            return ", of which no version is listed any more"
        case Kind.FAILING:
            return (
                ", of which no version was ever found"
                if event.after == EMPTY
                else ", which cannot be read"
            )
        case Kind.RECOVERED:
            return (
                ", which has versions now"
                if event.before == EMPTY
                else ", which can be read again"
            )
        case _:
            return ""


def _history(event: Event) -> Words:
    words: list[str] = []
    if (
        event.before
        and event.version is not None
        and event.kind not in _BEFORE_IS_IMPLIED
    ):
        words += [Trusted("was "), known_status(event.before)]
    if event.version is not None and (public := timestamps.for_people(event.published)):
        since = "uploaded" if event.kind is Kind.PENDING else "public since"
        words.append(Trusted(f"{', ' if words else ''}{since} {public}"))
    return tuple(words)


def _details(event: Event) -> Words:
    words: list[str] = []
    if replaces_archive(event):
        words.append(Trusted("the archive of a published version was replaced"))
    if event.changelog:
        words += [Trusted("changelog: "), event.changelog]
    if event.changes:
        words += (
            [Trusted("; "), *difference(event.changes)]
            if words
            else difference(event.changes)
        )
    return tuple(words)


def _reason(event: Event) -> Words:
    if is_about_all(event):
        return of_all.reason(event)
    if not event.reason:
        return ()
    if event.install is not None:
        return _with_own_file(event.reason)
    return (
        (Trusted("reason: "), event.reason)
        if event.kind in _WITH_A_REASON
        else (event.reason,)
    )


def _with_own_file(reason: str) -> Words:
    """Return why an install cannot be scanned, with the file to create as it is: a person has to type it."""
    before, name, after = reason.partition(OWN_FILES[0])
    return (before, Trusted(name), after) if name else (before,)
