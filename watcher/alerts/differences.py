"""What differs in a watched field, in words: what was added to a list and removed from it, or both values. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from itertools import takewhile
from urllib.parse import urlsplit

from watcher.model.bounds import Items, items_of
from watcher.model.event import FieldChange
from watcher.model.version import STATUSES
from watcher.text.sanitize import Trusted

Words = tuple[str, ...]

FIELD_NAMES = {
    "downloadUrl": "archive",
    "dependencies": "dependencies",
    "supported_accelerators": "accelerators",
    "supported_os": "systems",
    "supported_comfyui_version": "ComfyUI",
    "supported_comfyui_frontend_version": "ComfyUI frontend",
    "tags": "tags",
    "tags_admin": "admin tags",
    "status": "status",
}
_FIELDS = 4
"""The most fields that one line shows."""
_ITEMS = 6
"""The most items of a list, added or removed, that one line shows."""
_SAME_AT_MOST = 40
"""Characters of two long values that are shown before the first difference; the rest of their common start is not."""
_LEAD_IN = 10


class Item(str):
    """Untrusted text that is one of several: a line shows only its start."""

    __slots__ = ()


def difference(changes: tuple[FieldChange, ...]) -> Words:
    """Return what differs in an event's fields; () if there are none."""
    words: list[str] = []
    for change in changes[:_FIELDS]:
        name = FIELD_NAMES.get(change.field)
        words += [Trusted("; ")] if words else []
        words += [Trusted(name) if name else Item(change.field), Trusted(": ")]
        words += _of_field(change)
    if len(changes) > _FIELDS:
        words.append(Trusted(f"; and {len(changes) - _FIELDS} more fields"))
    return tuple(words)


def known_status(status: str) -> str:
    """Return a status as `Trusted` if it is one of ours."""
    return (
        Trusted(status)
        if status in (*STATUSES, "removed", "deprecated", "delisted")
        else status
    )


def _of_field(change: FieldChange) -> Words:
    before, after = items_of(change.before), items_of(change.after)
    if before is not None and after is not None:
        return _of_list(before, after)
    if change.field == "status":
        return _of_text(known_status(change.before), known_status(change.after))
    if change.field == "downloadUrl":
        return _of_address(_place(change.before), _place(change.after))
    return _of_text(*_from_the_difference(change.before, change.after))


def _of_address(before: str, after: str) -> Words:
    if before == after:
        return after, Trusted(" by another scheme, login or query")
    return _of_text(*_from_the_difference(before, after))


def _place(url: str) -> str:
    """Return the host and the path of an address; a text that is none as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else url


def _of_text(before: str, after: str) -> Words:
    if not before:
        return (Trusted("now "), after)
    if not after:
        return (Trusted("no longer "), before)
    return (before, Trusted(" → "), after)


def _of_list(before: Items, after: Items) -> Words:
    """Return what was added, then what was removed; what has no room is counted."""
    added = [item for item in dict.fromkeys(after.shown) if item not in before.shown]
    removed = [item for item in dict.fromkeys(before.shown) if item not in after.shown]
    # Removals keep half of the room, so that many additions cannot hide them.
    shown_removed = removed[: max(_ITEMS // 2, _ITEMS - len(added))]
    shown_added = added[: _ITEMS - len(shown_removed)]
    words: list[str] = []
    for sign, items in (("+ ", shown_added), ("- ", shown_removed)):
        for item in items:
            joint = ", " if words else ""
            words += [
                Trusted(f"{joint}{sign}"),
                Item(item) if item else Trusted("(empty)"),
            ]
    counts = (
        (len(added) - len(shown_added) + after.more, "added"),
        (len(removed) - len(shown_removed) + before.more, "removed"),
    )
    if more := ", ".join(f"{count} more {what}" for count, what in counts if count):
        words.append(Trusted(f", and {more}" if words else more))
    return tuple(words) or (Trusted("the same in another order or number"),)


def _from_the_difference(before: str, after: str) -> tuple[str, str]:
    """Return two texts without most of a long start that they have in common."""
    pairs = zip(before, after, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if same <= _SAME_AT_MOST:
        return before, after
    start = same - _LEAD_IN
    return f"…{before[start:]}", f"…{after[start:]}"
