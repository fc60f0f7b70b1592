"""What is known of one node while a listing is compared with it: which known version each row is, how many changes a
version had, and which versions are dropped. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from watcher.model.event import Severity, worst_of
from watcher.model.listing import Listing
from watcher.model.scan import Scan
from watcher.model.snapshot import Ban, Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    Version,
    in_order,
)

KEPT = 2000
"""The most versions that a node keeps and a listing does not show, newest first: a pack may publish and remove without
end. They may all exist, so this is far above the size of any pack.
"""

_BAD = {
    FLAGGED: Severity.WARNING,
    DELETED: Severity.WARNING,
    BANNED: Severity.CRITICAL,
}
"""How bad a version of each status is, unless `Node.ends` says it."""


@dataclass(slots=True, kw_only=True)
class KnownVersions:
    """A node's versions by key and what is known of them, as one listing changes it. The fields are those of `Node`."""

    rows: dict[str, Version]
    seen: dict[str, int]
    seen_floor: int
    marks: dict[str, Mark]
    partial: set[str]
    scans: dict[str, Scan]
    ends: dict[str, Severity | None]
    bans: dict[str, Ban]

    @classmethod
    def of(cls, node: Node) -> Self:
        """Return what is known of the node."""
        return cls(
            rows={version.key: version for version in node.versions},
            seen=dict(node.seen),
            seen_floor=node.seen_floor,
            marks=dict(node.marks),
            partial=set(node.partial),
            scans=dict(node.scans),
            ends=dict(node.ends),
            bans=dict(node.bans),
        )

    def put_into(self, node: Node) -> Node:
        """Return the node with what is known now."""
        return replace(
            node,
            seen=self.seen,
            seen_floor=self.seen_floor,
            marks=self.marks,
            partial=tuple(sorted(self.partial)),
            ends=dict(sorted(self.ends.items())),
            versions=in_order(self.rows.values()),
            scans=self.scans,
            bans=self.bans,
        )

    def count(self, *keys: str) -> int:
        """Return how many changes a version had under all of its keys."""
        return max(self.seen.get(key, self.seen_floor) for key in keys)

    def count_one(self, key: str) -> None:
        """Count one more change of a version, or of the node itself (the key "")."""
        self.seen[key] = self.seen.get(key, self.seen_floor if key else 0) + 1

    def take(self, version: Version, old: Version | None, *, partial: bool) -> None:
        """Replace what was known of a version with a row that was read."""
        key = version.key
        if old is not None and old.key != key:
            if old.key in self.seen or key in self.seen:
                self.seen[key] = self.count(old.key, key)
            if old.key in self.scans:
                self.scans[key] = self.scans[old.key]
            if old.key in self.bans:
                self.bans[key] = self.bans[old.key]
            self.forget(old.key)
        self.rows[key] = version
        self.marks.pop(key, None)
        if partial:
            self.partial.add(key)
        else:
            self.partial.discard(key)

    def worst_of(self, version: Version) -> Severity | None:
        """Return how bad the worst was that was reported of a version since it was active; None if nothing was."""
        return self.ends.get(version.key, _BAD.get(version.status))

    def is_decided(self, version: Version) -> bool:
        """Return whether a version is, or was, active or bad, so that it is not new when it becomes active."""
        has_been = version.key in self.ends
        return has_been or version.status == ACTIVE or version.status in _BAD

    def take_end(self, version: Version, old: Version | None) -> None:
        """Record what the row does not say of how bad the version was (`Node.ends`). `old` is None for a new one."""
        is_kept, own = (
            old is not None and old.key in self.ends,
            _BAD.get(version.status),
        )
        worst = self.worst_of(old) if old else None
        is_decided = old is not None and self.is_decided(old)
        for key in {version.key} if old is None else {version.key, old.key}:
            self.ends.pop(key, None)
        if old is None or version.status == ACTIVE:
            return
        if old.status == version.status:
            if is_kept:
                self.ends[version.key] = worst
        elif own is None:
            if is_decided:
                self.ends[version.key] = worst
        elif worst not in {None, Severity.INFO}:
            self.ends[version.key] = worst_of(worst, own)

    def forget(self, key: str) -> None:
        """Drop a version. The floor rises to its counter, so that no event id is used twice."""
        self.rows.pop(key, None)
        self.marks.pop(key, None)
        self.partial.discard(key)
        self.scans.pop(key, None)
        self.ends.pop(key, None)
        self.bans.pop(key, None)
        self.seen_floor = max(self.seen_floor, self.seen.pop(key, 0))

    def forget_the_rest(self, shown: Collection[str]) -> None:
        """Drop the oldest versions that a listing does not show, if too many, and counters of lost ones."""
        hidden = [row for key, row in self.rows.items() if key not in shown]
        for version in in_order(hidden)[:-KEPT]:
            self.forget(version.key)
        for key in self.seen.keys() - self.rows.keys() - {""}:
            self.forget(key)


class Matcher:
    """Finds the known version of each row of a listing: by id, else by version text if one side has no id."""

    def __init__(self, known: KnownVersions, listing: Listing) -> None:
        # A row with the key of a known version matches only that one.
        self._known = known
        named = {version.key for version in listing.versions}
        self._by_text: dict[str, list[Version]] = {}
        # The newest first: of equals `min` in `find` keeps the first.
        for version in reversed(known.rows.values()):
            if version.key not in named:
                self._by_text.setdefault(version.version, []).append(version)

    def find(self, shown: Version) -> Version | None:
        """Return the known version that a row is, or None.

        In this order it prefers a version that was not removed, the one with the row's key, one that the last listing
        showed, and the one created last.
        """
        rows = self._known.rows
        found = [
            one
            for one in self._by_text.get(shown.version, ())
            if one.key in rows and not (one.id and shown.id)
        ]
        if (own := rows.get(shown.key)) is not None:
            found.append(own)
        return min(found, key=lambda one: self._rank(one, shown), default=None)

    def _rank(self, one: Version, shown: Version) -> tuple[bool, bool, bool]:
        mark = self._known.marks.get(one.key)
        return mark is Mark.REMOVED, one.key != shown.key, mark is not None
