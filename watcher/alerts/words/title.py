"""The titles of a message, in safe ASCII that no service takes for markup, and what a name is there. Pure."""

from __future__ import annotations

import re

from watcher.alerts.words.wording import Counts, counted, lead
from watcher.model.event import EMPTY, Event, Kind
from watcher.model.version import BANNED
from watcher.text.plural import plural

NAME = "Comfy Watch"
_PLAIN_NODE = re.compile(r"(?=.{2,60}\Z)[A-Za-z0-9]+(?:(?:_|-+)[A-Za-z0-9]+)*")
"""Plain words: no service treats them as markup. An underscore counts only between letters or digits."""
_PLAIN_VERSION = re.compile(r"[vV]?[0-9]{1,8}(?:\.[0-9]{1,8}){0,2}(?:-?[A-Za-z]{1,8}(?:[.-]?[0-9]{1,8})?)?")
"""A number of at most three parts, which is no address, and a word: `1.2.0`, `v2.0-rc.1`, `1.0b2`."""


def titles(events: tuple[Event, ...], worst: Event, counts: Counts) -> tuple[str, ...]:
    """Return the titles of a message, longest first: what the worst event is, or how many of what."""
    found = [f"{NAME}: {counted(counts)}", f"{NAME}: {plural(len(events), 'event')}", NAME]
    if len(counts) == 1 and counts[0][0][1] == "now watched" and len(events) > 1:
        return f"Now watched: {len(events)} node packs", *found
    if title := headline(worst, plain(worst.node, _PLAIN_NODE), plain(worst.version, _PLAIN_VERSION)):
        return *([f"{title} and {len(events) - 1} more"] if len(events) > 1 else []), title, *found
    return tuple(found)


def headline(event: Event, node: str, version: str) -> str:
    """Return an event in a few words; "" without a name for its node. `node` and `version` are fit to be shown."""
    if event.channel is not None:
        name = plain(event.channel, _PLAIN_NODE)
        takes = "takes no alerts" if event.kind is Kind.FAILING else "takes alerts again"
        return f"Channel {name} {takes}" if name else f"A channel {takes}"
    words = lead(event)
    words = words[:1].upper() + words[1:]
    if event.node is None:
        return words if event.kind in (Kind.FAILING, Kind.RECOVERED) else ""
    if not node:
        return ""
    if event.version is None:
        return _of_node(event, words, node)
    return f"{words} {node} {version}" if version else f"{words} a version of {node}"


def _of_node(event: Event, words: str, node: str) -> str:
    match event.kind:
        case Kind.BANNED:
            return f"{words} {node}, the whole pack"
        case Kind.REINSTATED:
            return f"{node} is {'no longer banned' if event.before == BANNED else 'listed again'}"
        case Kind.REMOVED:
            return f"{node} is not listed any more"
        case Kind.FAILING:
            return f"{node} has no versions" if event.after == EMPTY else f"{node} cannot be read"
        case Kind.RECOVERED:
            return f"{node} has versions now" if event.before == EMPTY else f"{node} can be read again"
        case _:
            return f"{words} {node}"


def plain(text: str | None, pattern: re.Pattern[str]) -> str:
    """Return a text if it is made of plain words; else ""."""
    return text if text and pattern.fullmatch(text) else ""
