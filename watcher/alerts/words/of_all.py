"""What a message says of the baseline of all nodes that globs choose. Pure."""

from __future__ import annotations

from watcher import durations
from watcher.alerts.words.differences import Item, Words
from watcher.model.event import LATEST, SWEPT_KINDS, Kind
from watcher.model.selection import INTERVAL_OF_GLOBS
from watcher.text.sanitize import Trusted

_WHAT_FOLLOWS = Trusted(
    " · of a node pack that only a pattern includes, a channel without kinds of its own gets"
    f" {', '.join(kind for kind in Kind if kind in SWEPT_KINDS)}; of one that you also name or run, the usual kinds"
    f" · polled every {durations.show(INTERVAL_OF_GLOBS)} unless interval says otherwise"
)

_BETWEEN_PARTS = "; "


def lead(trouble: str) -> str:
    """Return what happened; `trouble` is the worst status that there is, or ""."""
    return f"now watched: node packs of the registry{f', with {trouble} versions' if trouble else ''}"


def reason(text: str) -> Words:
    """Return the event's reason and what channels will get.

    Each part of the reason is a quotation, and so is each version that it names, so that none is cut for another.
    """
    words: list[str] = []
    for part in filter(None, text.split(_BETWEEN_PARTS)):
        comma = Trusted(", " if words else "")
        if part.startswith(LATEST):
            items = part.removeprefix(LATEST).split(", ")
            words.append(Trusted(f"{comma}{LATEST}"))
            words += [word for item in items for word in (Trusted(", "), Item(item))][1:]
        else:
            words += [comma, part]
    return (*words, _WHAT_FOLLOWS)
