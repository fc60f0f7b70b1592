"""What differs in a watched field, in words: what was added to a list and removed from it, or both values. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from itertools import takewhile

from watcher.model.event import Change
from watcher.model.kept import Items, items_of
from watcher.model.version import STATUSES
from watcher.text.sanitize import Trusted

Words = tuple[str, ...]

_NAMES = {
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


def difference(changes: tuple[Change, ...]) -> Words:
    """Return what differs in an event's fields; () if there are none."""
    words: list[str] = []
    for number, change in enumerate(changes[:_FIELDS]):
        name = _NAMES.get(change.field)
        words += [Trusted("; ")] if number else []
        words += [
            Trusted(name) if name else Item(change.field),
            Trusted(": "),
            *_of_field(change),
        ]
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


def _of_field(change: Change) -> Words:
    before, after = items_of(change.before), items_of(change.after)
    if before is not None and after is not None:
        return _of_list(before, after)
    if change.field == "status":
        return _of_text(known_status(change.before), known_status(change.after))
    return _of_text(*_from_the_difference(change.before, change.after))


def _of_text(before: str, after: str) -> Words:
    if not before:
        return (Trusted("now "), after)
    if not after:
        return (Trusted("no longer "), before)
    return (before, Trusted(" → "), after)


def _of_list(before: Items, after: Items) -> Words:
    old, new = dict.fromkeys(before.shown), dict.fromkeys(after.shown)
    added = [item for item in new if item not in old]
    removed = [item for item in old if item not in new]
    signed = [("+ ", item) for item in added] + [("- ", item) for item in removed]
    shown = _fair(len(added), len(removed))
    words: list[str] = []
    for sign, item in signed[: shown[0]] + signed[len(added) : len(added) + shown[1]]:
        words += [
            Trusted(f"{', ' if words else ''}{sign}"),
            Item(item) if item else Trusted("(empty)"),
        ]
    hidden = {
        "added": len(added) - shown[0] + after.more,
        "removed": len(removed) - shown[1] + before.more,
    }
    if more := ", ".join(
        f"{count} more {what}" for what, count in hidden.items() if count
    ):
        words.append(Trusted(f", and {more}" if words else more))
    return tuple(words) or (Trusted("the same in another order or number"),)


def _fair(added: int, removed: int) -> tuple[int, int]:
    """Return how many of each are shown: half of the room each, and what the other one leaves."""
    half = _ITEMS // 2
    return min(added, max(half, _ITEMS - removed)), min(
        removed, max(half, _ITEMS - added)
    )


def _from_the_difference(before: str, after: str) -> tuple[str, str]:
    """Return two texts without most of a long start that they have in common."""
    same = sum(
        1
        for _ in takewhile(
            lambda pair: pair[0] == pair[1], zip(before, after, strict=False)
        )
    )
    if same <= _SAME_AT_MOST:
        return before, after
    start = same - _LEAD_IN
    return f"…{before[start:]}", f"…{after[start:]}"
