"""The versions that match, from rows in any order: counted, and the newest of them kept."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest

from watcher.model.version import Version, standing
from watcher.polling.lookup.model import Filters, Found, FoundVersion, age_key
from watcher.registry.row import VersionRow, parse_version

_SPARE = 1_000
"""Versions that are kept beyond the limit before the oldest are dropped."""

Key = tuple[str, str]
"""A lower-case node id, and the key of a version in it."""


class Collection:
    """Versions by key, each once: of rows that contradict each other the worst counts. Few of them are held."""

    def __init__(self, filters: Filters, limit: int) -> None:
        self._filters = filters
        self._limit = limit
        self._seen: dict[Key, tuple[tuple[int, bool], str]] = {}
        self._kept: dict[Key, FoundVersion] = {}
        self._deprecated: set[Key] = set()

    def take(self, row: VersionRow) -> Key:
        """Add a row, and return its key."""
        version = parse_version(row)
        key = (row.node_id.lower(), version.key)
        rank = standing(version)
        if key in self._seen and self._seen[key][0] >= rank:
            return key
        matches = self._filters.match(version)
        self._seen[key] = rank, version.status if matches else ""
        self._kept.pop(key, None)
        self._deprecated.discard(key)
        if matches:
            self._kept[key] = FoundVersion(
                node=row.node_id, version=version, changelog=row.changelog
            )
            if version.deprecated:
                self._deprecated.add(key)
            if len(self._kept) > 2 * self._limit + _SPARE:
                self._kept = dict(
                    nlargest(self._limit, self._kept.items(), key=_newest)
                )
        return key

    def found(self) -> Found:
        """Return what was collected."""
        matching = [(key, status) for key, (_, status) in self._seen.items() if status]
        counts = Counter(status for _, status in matching)
        worst_first = sorted(
            sorted(counts),
            key=lambda status: standing(Version(status=status)),
            reverse=True,
        )
        newest = nlargest(self._limit, self._kept.items(), key=_newest)
        return Found(
            versions=tuple(version for _, version in newest),
            total=len(matching),
            packs=len({node for (node, _), _ in matching}),
            by_status={status: counts[status] for status in worst_first},
            deprecated=len(self._deprecated),
        )


def _newest(item: tuple[Key, FoundVersion]) -> tuple[object, ...]:
    key, found = item
    return age_key(found.version.created_at), *key
