"""What differs in a watched field, in words: what was added to a list and removed from it, or both values. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    "status": "status",
}
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
    return joined("; ", map(_clause_of, changes))


def _clause_of(change: FieldChange) -> Words:
    # Our own words come first: a message may begin a line with them.
    name = FIELD_NAMES.get(change.field, "a field")
    return Trusted(f"{name}: "), *_of_field(change)


def joined(joint: str, clauses: Iterable[Words]) -> Words:
    """Return all words of several clauses, with a joint of our own between them; an empty clause is left out."""
    words: list[str] = []
    for clause in filter(None, clauses):
        words += [Trusted(joint), *clause] if words else clause
    return tuple(words)


def listed(names: Sequence[str], count: int) -> Words:
    """Return names of which there are so many: "a, b and 3 more"."""
    words = joined(", ", ((name,) for name in names))
    if more := count - len(names):
        return *words, Trusted(f" and {more:,} more" if words else f"{more:,} more")
    return words


def known_status(status: str) -> str:
    """Return a status as `Trusted` if it is one of ours."""
    return (
        Trusted(status)
        if status in (*STATUSES, "removed", "deprecated", "delisted")
        else status
    )


def _of_field(change: FieldChange) -> Words:
    before = items_of(change.before, change.before_left)
    after = items_of(change.after, change.after_left)
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
    """Return what was added, then what was dropped; what has no room is counted."""
    added = [item for item in dict.fromkeys(after.shown) if item not in before.shown]
    removed = [item for item in dict.fromkeys(before.shown) if item not in after.shown]
    # Removals keep half of the room, so that many additions cannot hide them.
    shown_removed = removed[: max(_ITEMS // 2, _ITEMS - len(added))]
    shown_added = added[: _ITEMS - len(shown_removed)]
    adds = _clause("adds ", shown_added, len(added) + (after.left or 0))
    drops = _clause("drops ", shown_removed, len(removed) + (before.left or 0))
    same = (Trusted("the same in another order or number"),)
    return joined("; ", (adds, drops)) or same


def _clause(verb: str, shown: list[str], count: int) -> Words:
    """Return what was done to which items, of which some are shown; () for none."""
    items = [Item(item) if item else Trusted("(empty)") for item in shown]
    return (Trusted(verb), *listed(items, count)) if count else ()


def _from_the_difference(before: str, after: str) -> tuple[str, str]:
    """Return two texts without most of a long start that they have in common."""
    pairs = zip(before, after, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if same <= _SAME_AT_MOST:
        return before, after
    start = same - _LEAD_IN
    return f"…{before[start:]}", f"…{after[start:]}"
