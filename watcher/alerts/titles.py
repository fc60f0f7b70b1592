"""Titles of messages, and counts of what they do not show: safe ASCII that no service takes for markup. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from watcher.alerts.findings import in_a_title
from watcher.alerts.phrasing import (
    PRODUCT,
    counted_as,
    name_of,
    now_watched,
    sentence,
    which_you_run,
)
from watcher.model.event import Event, Kind, Severity, is_about_all, severity_of
from watcher.model.selection import NODE_ID
from watcher.text.ascii import plain_name

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
    bad = [one for one in worst_first if severity_of(one) is not Severity.INFO]
    counts = Counter(map(counted_as, bad or worst_first))
    named = list(counts.items())[:kinds]
    more = counts.total() - sum(count for _, count in named)
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
    elif others and severity_of(worst) is Severity.INFO:
        yield capital(now_watched(len(worst_first)))
    ends = [f" (+ {counted(others, kinds)})" if others else "" for kinds in (_KINDS, 0)]
    long, short = (_headline(worst, *sizes) for sizes in _SIZES)
    run, why = which_you_run(worst), in_a_title(worst)
    if long:
        yield from (long + run + why + end for end in ends)
        yield from (long + run + end for end in (*ends, ""))
        yield from (short + run, short)
    yield f"{PRODUCT}: {counted(worst_first)}"
    yield PRODUCT


def _headline(event: Event, of_name: int, of_version: int) -> str:
    """Return an event in a few words; "" for a name that is not fit for a title."""
    what, about = sentence(event)
    name = name_of(event)
    version = None if is_about_all(event) else event.version
    if name is not None and not NODE_ID.fullmatch(name):
        return ""
    words = [capital(what)] if what else []
    if version is not None and not _VERSION_TEXT.fullmatch(version):
        words.append("a version of")
        version = None
    if name is not None:
        words.append(plain_name(name, of_name))
    if version is not None:
        words.append(plain_name(version, of_version))
    return " ".join(words) + about


def capital(words: str) -> str:
    """Return our own words with a capital letter."""
    return words[:1].upper() + words[1:]


def which_part(part: int) -> str:
    """Return which further message it is; "" for the first one."""
    return f"part {part + 1}" if part else ""
