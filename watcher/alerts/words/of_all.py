"""What a message says of the baseline of all nodes that globs choose. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from watcher import durations
from watcher.alerts.words.differences import Item, Words, known_status
from watcher.model.event import SWEPT_KINDS, BadVersion, Event, Kind
from watcher.model.selection import INTERVAL_OF_GLOBS
from watcher.text.sanitize import Trusted

_WHAT_FOLLOWS = Trusted(
    " · of a node pack that only a pattern includes, a channel without kinds of its own gets"
    f" {', '.join(kind for kind in Kind if kind in SWEPT_KINDS)}; of one that you also name or run, the usual kinds"
    f" · polled every {durations.show(INTERVAL_OF_GLOBS)} unless interval says otherwise"
)


def lead(trouble: str) -> str:
    """Return what happened; `trouble` is the worst status that there is, or ""."""
    return f"now watched: node packs of the registry{f', with {trouble} versions' if trouble else ''}"


def reason(event: Event) -> Words:
    """Return the event's reason, the bad versions that it names, and what channels will get."""
    return (event.reason, *named(event.bad_versions), _WHAT_FOLLOWS)


def named(versions: Sequence[BadVersion]) -> Words:
    """Return the bad versions, each text by itself, so that none is cut for another or looks like two; () for none."""
    words: list[str] = []
    for one in versions:
        words.append(Trusted(", " if words else "; the latest of these: "))
        status = (Trusted(" ("), known_status(one.status), Trusted(")"))
        words += [Item(one.node), Trusted(" "), Item(one.version), *status]
    return tuple(words)
