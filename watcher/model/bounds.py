"""Cuts the texts and lists of an event, so that no answer of the registry makes the state or a message huge. Pure.

A change must not hide in what was cut. So a long text becomes its beginning with a digest of all of it, and a long list
becomes those items that only one side of the change has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from watcher.model.event import (
    LONGEST_TEXT,
    MOST_COPIES,
    BadVersion,
    Event,
    FieldChange,
    digest,
    is_meant,
)
from watcher.model.pack import Copy
from watcher.model.scan import MOST_IN_EVENT, Scan, shortened

_LONGEST_NAME = 100
"""Characters of an install's name."""
_SHORTEST_ITEM = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of a list."""

    shown: tuple[str, ...]
    left: int | None = None
    """How many were added or removed that it leaves out; None if it was not cut."""


def bounded(
    event: Event,
    longest: int = LONGEST_TEXT,
    copies: int = MOST_COPIES,
    findings: int = MOST_IN_EVENT,
) -> Event:
    """Return the event with long texts cut to their beginning, their length and a digest of the whole text.

    Of a list that is too long, before or after, both keep what differs. Two long texts that differ stay different. The
    id stays: it was made from the whole texts. So does the newest good version, which is a version number and so short.
    Of many installed copies those that the event is about are kept first.
    """

    def kept(text: str) -> str:
        return cut(text, longest)

    def if_any(text: str | None) -> str | None:
        return None if text is None else kept(text)

    longest_name = min(longest, _LONGEST_NAME)
    installed = tuple(
        replace(
            copy,
            install=cut(copy.install, longest_name),
            version=if_any(copy.version),
            folder=if_any(copy.folder),
        )
        for copy in _foremost(event, copies)
    )
    bad_versions = tuple(
        BadVersion(
            node=kept(one.node), version=kept(one.version), status=kept(one.status)
        )
        for one in event.bad_versions
    )
    return replace(
        event,
        version=if_any(event.version),
        version_id=if_any(event.version_id),
        before=if_any(event.before),
        after=if_any(event.after),
        reason=kept(event.reason),
        changes=tuple(_shortened(one, longest) for one in event.changes),
        published=kept(event.published),
        install=event.install and cut(event.install, longest_name),
        folder=if_any(event.folder),
        installed=installed,
        bad_versions=bad_versions,
        scan=event.scan and _scan(event.scan, findings, longest),
        tally=event.tally and replace(event.tally, patterns=kept(event.tally.patterns)),
    )


def _scan(scan: Scan, most: int, longest: int) -> Scan:
    """Return the scan with the first of its findings, their texts cut."""
    scan = shortened(scan, most)
    items = tuple(
        replace(
            one,
            rule=cut(one.rule, longest),
            severity=cut(one.severity, longest),
            file=cut(one.file, longest),
        )
        for one in scan.items
    )
    return replace(scan, items=items)


def _foremost(event: Event, most: int) -> tuple[Copy, ...]:
    """Return at most so many copies, enabled ones first; of more those of the event's version go first among them."""
    if len(event.installed) <= most:
        return event.installed

    def place(copy: Copy) -> tuple[bool, bool]:
        return not copy.enabled, not is_meant(copy, event)

    return tuple(sorted(event.installed, key=place)[:most])


def _shortened(change: FieldChange, longest: int) -> FieldChange:
    """Return a change with its values cut. If one of two lists is long, keep what was removed and what was added.

    The last item then says how many are left out, and has the length and a digest of the whole text. Without that a
    long list could hide what was added at its end.
    """
    before, after = change.before, change.after
    old = items_of(before, change.before_left)
    new = items_of(after, change.after_left)
    if max(len(before), len(after)) <= longest or old is None or new is None:
        return replace(change, before=cut(before, longest), after=cut(after, longest))
    removed, added = _without(old, new), _without(new, old)
    kept_before = _list(before, old, removed, "removed", longest)
    kept_after = _list(after, new, added, "added", longest)
    if kept_before is None or kept_after is None:
        return replace(
            change,
            before=_cut(before, longest, _json(removed)),
            after=_cut(after, longest, _json(added)),
        )
    (before, before_left), (after, after_left) = kept_before, kept_after
    return replace(
        change,
        before=before,
        after=after,
        before_left=before_left,
        after_left=after_left,
    )


def cut(text: str, longest: int) -> str:
    """Return a text; of a long one the beginning, with the length and a digest of all of it."""
    return _cut(text, longest, text)


def items_of(text: str, left: int | None) -> Items | None:
    """Return the items of a list in JSON; None for any other text. `left` is how many a cut one leaves out."""
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
    if left is not None:
        return Items(shown=tuple(items[:-1]), left=left)
    return Items(shown=tuple(items))


def _without(items: Items, others: Items) -> list[str]:
    known = set(others.shown)
    return [item for item in dict.fromkeys(items.shown) if item not in known]


def _list(
    text: str, items: Items, differing: list[str], what: str, longest: int
) -> tuple[str, int | None] | None:
    """Return the list of what differs, as much as fits, and how many are left out; None if nothing fits."""
    if len(text) <= longest and len(differing) == len(items.shown):
        return text, items.left

    def left(shown: int) -> int:
        return (items.left or 0) + len(differing) - shown

    def mark(shown: int) -> str:
        return f"… ({left(shown)} more {what}; {_of_all(text)})"

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
    return _json([*kept, mark(len(kept))]), left(len(kept))


def _cut(text: str, longest: int, beginning: str) -> str:
    if len(text) <= longest:
        return text
    mark = f"… ({_of_all(text)})"
    return beginning[: longest - len(mark)] + mark


def _of_all(text: str) -> str:
    return f"{len(text)} characters, sha256 {digest(text, 16)}"


def _json(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
