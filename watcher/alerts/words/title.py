"""The titles of a message, in safe ASCII that no service takes for markup, and what a name is there. Pure."""

from __future__ import annotations

import re
from itertools import product

from watcher.alerts.words.wording import Counts, by_words, counted, is_a_warning, lead
from watcher.model.event import EMPTY, Event, Kind, is_about_all, runs_it
from watcher.model.version import BANNED
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

NAME = "Comfy Watch"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""The ids of node packs, and the names of channels."""
_VERSION = re.compile(r"[vV]?[0-9][0-9A-Za-z-]*(?:[.+][0-9A-Za-z-]+)*")
"""Any semantic version, and what is like one: `1.2.0+build.5`, `v2.0-rc.1`, `1.2.0.1`, `1.0b2`."""
_RUN = ", which you run"
_SIZES = ((100, 60), (40, 20))
"""The most characters of a name and a version; the second where a title must be short."""
_HARMLESS = re.compile(r"[A-Za-z0-9._+-]*")
_DEAD_DOT = "[.]"
"""As the sanitizer writes the dot of a host."""
_DOTS = re.compile(r"\.(?![0-9])")
"""Dots that may make it a host: no top-level domain begins with a digit."""
_FOURTH_NUMBER = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+)\.(?=[0-9])")
"""Four numbers are an address."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What some service takes for markup. An underscore counts only between letters or digits."""


def titles(events: tuple[Event, ...], worst: Event, counts: Counts) -> tuple[str, ...]:
    """Return the titles of a message, longest first: what the worst event is, or how many of what."""
    found = [
        f"{NAME}: {counted(counts)}",
        f"{NAME}: {plural(len(events), 'event')}",
        NAME,
    ]
    if (
        list(by_words(counts)) == ["now watched"]
        and len(events) > 1
        and not any(map(is_about_all, events))
    ):
        return f"Now watched: {len(events)} node packs", *found
    said: list[str] = []
    for (of_name, of_version), runs in product(_SIZES, (True, False)):
        names = (
            _shown(worst.node, _NAME, of_name),
            _shown(worst.version, _VERSION, of_version),
        )
        title = headline(worst, *names, runs=runs)
        if title and title not in said:
            and_more = ", and" if title.endswith(_RUN) else " and"
            said += (
                [f"{title}{and_more} {len(events) - 1} more", title]
                if len(events) > 1
                else [title]
            )
    return *said, *found


def headline(event: Event, node: str, version: str, *, runs: bool = True) -> str:
    """Return an event in a few words; "" without a name for its node. `node` and `version` are fit to be shown.

    With `runs` it also says that somebody runs what it warns of.
    """
    if event.channel is not None:
        name = _shown(event.channel, _NAME, _SIZES[0][0])
        takes = (
            "takes no alerts" if event.kind is Kind.FAILING else "takes alerts again"
        )
        return f"Channel {name} {takes}" if name else f"A channel {takes}"
    if event.install is not None:
        name = _shown(event.install, _NAME, _SIZES[1][0])
        can = (
            "cannot be scanned"
            if event.kind is Kind.FAILING
            else "can be scanned again"
        )
        return f"Install {name} {can}" if name else f"An install {can}"
    words = lead(event)
    words = words[:1].upper() + words[1:]
    if event.node is None:
        return (
            words if event.kind in (Kind.FAILING, Kind.RECOVERED, Kind.BASELINE) else ""
        )
    if not node:
        return ""
    if event.version is None:
        said = _of_node(event, words, node)
    else:
        said = (
            f"{words} {node} {version}" if version else f"{words} a version of {node}"
        )
    return said + _RUN if runs and _warns_of_what_is_run(event) else said


def _warns_of_what_is_run(event: Event) -> bool:
    """Return whether "which you run" belongs behind the event's words."""
    is_sentence = event.kind is Kind.REMOVED and event.version is None
    says_so = event.kind in (Kind.EXPOSED, Kind.BASELINE)
    return is_a_warning(event) and runs_it(event) and not is_sentence and not says_so


def _of_node(event: Event, words: str, node: str) -> str:
    match event.kind:
        case Kind.CLEARED:
            return (
                f"{node} is no longer a problem"
                if runs_it(event)
                else f"You do not run {node} any more"
            )
        case Kind.EXPOSED:
            return f"{words} {node}, a copy of unknown version"
        case Kind.BANNED:
            return f"{words} {node}, the whole pack"
        case Kind.REINSTATED:
            return f"{node} is {'no longer banned' if event.before == BANNED else 'listed again'}"
        case Kind.REMOVED:
            return f"{node} is not listed any more"
        case Kind.FAILING:
            return (
                f"{node} has no versions"
                if event.after == EMPTY
                else f"{node} cannot be read"
            )
        case Kind.RECOVERED:
            return (
                f"{node} has versions now"
                if event.before == EMPTY
                else f"{node} can be read again"
            )
        case _:
            return f"{words} {node}"


def ascii_words(text: str, limit: int) -> str:
    """Return a name with a question mark for whatever is not plain, or could make it an address."""
    if not _HARMLESS.fullmatch(text):
        text = sanitize_line(text, limit).replace(_DEAD_DOT, "?")
    elif len(text) > limit:
        text = text[: limit - 1] + "?"
    text = _FOURTH_NUMBER.sub(r"\1?", _DOTS.sub("?", text))
    return _NOT_PLAIN.sub("?", text).strip()


def _shown(text: str | None, legal: re.Pattern[str], limit: int) -> str:
    """Return a legal name as it is fit for a title; "" for any other text."""
    return ascii_words(text, limit) if text and legal.fullmatch(text) else ""
