"""What an event keeps of a long text: its beginning, or of a list what was added or removed. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

_SHORTEST_ITEM = 60
_MARK = re.compile(
    r"… \(([0-9]{1,9}) more (?:added|removed), ([0-9]{1,9}) in both; [0-9]{1,12} characters, sha256 [0-9a-f]{16}\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of a list, and how many more it had before it was cut."""

    shown: tuple[str, ...]
    more: int = 0
    """Of those that were added, or removed."""
    same: int = 0
    """Of those that are in the list before and after."""


def digest(text: str, length: int) -> str:
    """Return the beginning of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def cut(text: str, longest: int) -> str:
    """Return a text; of a long one the beginning, with the length and a digest of all of it."""
    return _cut(text, longest, text)


def cut_values(before: str, after: str, longest: int) -> tuple[str, str]:
    """Return the two values of a change. If one of two lists is long, keep what was removed and what was added.

    The last item then says how many are left out, and has the length and a digest of the whole text. Without that a
    long list could hide what was added at its end.
    """
    old, new = items_of(before), items_of(after)
    if max(len(before), len(after)) <= longest or old is None or new is None:
        return cut(before, longest), cut(after, longest)
    removed, added = _without(old, new), _without(new, old)
    kept_before = _list(before, old, removed, "removed", longest)
    kept_after = _list(after, new, added, "added", longest)
    if kept_before is None or kept_after is None:
        return _cut(before, longest, _json(removed)), _cut(after, longest, _json(added))
    return kept_before, kept_after


def items_of(text: str) -> Items | None:
    """Return the items of a list in JSON, which `cut_values` may have cut; None for any other text."""
    if not text:
        return Items(shown=())
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return None
    if items and (mark := _MARK.fullmatch(items[-1])):
        return Items(shown=tuple(items[:-1]), more=int(mark[1]), same=int(mark[2]))
    return Items(shown=tuple(items))


def _without(items: Items, others: Items) -> list[str]:
    known = set(others.shown)
    return [item for item in dict.fromkeys(items.shown) if item not in known]


def _list(text: str, items: Items, differing: list[str], what: str, longest: int) -> str | None:
    """Return the list of what differs, as much as fits; None if nothing fits."""
    if len(text) <= longest and len(differing) == len(items.shown):
        return text
    same = items.same + len(set(items.shown)) - len(differing)

    def mark(shown: int) -> str:
        return f"… ({items.more + len(differing) - shown} more {what}, {same} in both; {_of_all(text)})"

    kept: list[str] = []
    room = longest - len(_json([mark(0)]))
    for item in differing:
        short = cut(item, max(_SHORTEST_ITEM, longest // 8))
        room -= len(_json([short]))
        if room < 0:
            break
        kept.append(short)
    if room < 0 and not kept:
        return None
    return _json([*kept, mark(len(kept))])


def _cut(text: str, longest: int, beginning: str) -> str:
    if len(text) <= longest:
        return text
    mark = f"… ({_of_all(text)})"
    return beginning[: longest - len(mark)] + mark


def _of_all(text: str) -> str:
    return f"{len(text)} characters, sha256 {digest(text, 16)}"


def _json(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
