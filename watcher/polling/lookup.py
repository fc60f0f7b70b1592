"""`versions`: read the pages of some node packs, or of all, and find in them what matches; then ask for its reasons."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from watcher.model.event import grade_of, grade_rank
from watcher.model.reading import Fault, ReadFailure
from watcher.model.version import STATUSES, Version, recency
from watcher.polling.reading.read import read_all
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.listing import FOREIGN, Rows
from watcher.registry.pages import ALL_VERSIONS, PageRead, read_pages
from watcher.registry.schema import VersionRow, parse_page
from watcher.streams import Progress
from watcher.text.sanitize import plural
from watcher.text.status_reason import Reason, summarize
from watcher.values import frozen

_PATIENCE = 300.0
"""Seconds that all reasons may take."""

Key = tuple[str, str]
"""A lower-case node id, and the key of a version in it."""


@frozen
class Filters:
    """Which versions to look for; what is empty matches all."""

    nodes: tuple[str, ...]
    statuses: tuple[str, ...]
    """Short names."""
    reason: str
    """Text that the registry searches for in reasons."""
    deprecated: bool
    """Only deprecated ones."""
    since: str
    """Only those that were published at this time or later; RFC 3339, UTC."""

    def match(self, version: Version) -> bool:
        """Return whether a version matches, but for its node and its reason."""
        if self.statuses and version.status not in self.statuses:
            return False
        if self.deprecated and not version.deprecated:
            return False
        return not self.since or age_key(version.created_at) >= recency(self.since)


@frozen
class FoundVersion:
    """A version that matches. All texts are untrusted."""

    node: str
    """As the registry spells it."""
    version: Version
    reason: Reason | None = None
    """None if it was not asked for, or could not be read."""


@frozen
class Found:
    """What one look found."""

    versions: tuple[FoundVersion, ...] = ()
    """Newest first, up to the limit."""
    total: int = 0
    """How many versions match."""
    packs: int = 0
    """Of how many packs."""
    by_status: Mapping[str, int] = field(default_factory=dict)
    """Worst first."""
    deprecated: int = 0
    problems: tuple[ReadFailure, ...] = ()


def age_key(created_at: str) -> str:
    """Return a key that sorts times of the registry; text that is none is older than any."""
    return recency(created_at) if created_at[:4].isdigit() else ""


async def look_up(
    filters: Filters,
    *,
    limit: int,
    with_reasons: bool,
    registry_url: str,
    limits: RequestLimits,
    progress: Progress,
) -> Found:
    """Return the newest versions that match, at most `limit`, and how many there are. No answer is an exception.

    ConfigError if the environment names a proxy that cannot be used.
    """
    async with Registry(registry_url, limits, progress=progress) as registry:
        slots = asyncio.Semaphore(limits.concurrency)

        async def read(node: str) -> _Lookup:
            rows = Rows(is_wanted=lambda key: node.lower() in {"", key})
            lookup = _Lookup(node=node, is_search=bool(filters.reason), rows=rows)
            async with slots:
                await lookup.read(registry, filters, progress)
            return lookup

        lookups = await asyncio.gather(*map(read, filters.nodes or ("",)))
        found = _found(lookups, filters, limit)
        return await _with_reasons(registry, found, progress) if with_reasons else found


@dataclass(slots=True, kw_only=True)
class _Lookup:
    """The reading of all pages of a node, or, without one, of all."""

    node: str
    is_search: bool
    """Only versions whose reasons have a text were asked for."""
    rows: Rows
    unreadable: int = 0
    """Rows that could not be read."""
    failed: Counter[str] = field(default_factory=Counter)
    """How many pages could not be read, by the reason."""

    async def read(
        self, registry: Registry, filters: Filters, progress: Progress
    ) -> None:
        """Read the pages. Of one node all versions are asked for: that it has none at all is worth a word."""
        query = Query(
            node=self.node,
            statuses=() if self.node else filters.statuses,
            status_reason=filters.reason,
        )
        reading = read_pages(
            registry, query, parse_page, ALL_VERSIONS, progress=progress
        )
        async with aclosing(reading) as pages:
            async for read in pages:
                self.rows.take(read)
                if read.page is None:
                    self.failed[self._reason(read)] += read.pages
                elif self.rows.has_others:
                    break  # what else there is, is of all nodes
                else:
                    self.unreadable += read.page.items - len(read.page.rows)

    def versions(self) -> Iterator[tuple[Key, FoundVersion]]:
        """Yield what came, each once: of rows that contradict each other the worst."""
        for node, rows in self.rows.nodes.items():
            for key, version in rows.versions.items():
                found = FoundVersion(node=rows.spelling, version=version)
                yield (node, key), found

    def _reason(self, read: PageRead[VersionRow]) -> str:
        """Return why a page could not be read."""
        if not self.node or read.ban is None:
            return read.error
        reason = summarize(read.ban)
        has_reason = reason.lower() != "node banned"
        return f"the whole pack is banned{f': {reason}' if has_reason else ''}"

    def problems(self) -> Iterator[ReadFailure]:
        """Yield what could not be read, and that there is nothing to read."""
        node, has_rows = self.node or None, any(self.versions())
        for error, pages in self.failed.items():
            which = f"{plural(pages, 'page')} could not be read: "
            yield ReadFailure(node=node, error=f"{which if has_rows else ''}{error}")
        if self.rows.has_others:
            yield ReadFailure(node=node, error=FOREIGN)
        if self.unreadable:
            error = f"{plural(self.unreadable, 'version')} could not be read"
            yield ReadFailure(node=node, error=error)
        is_empty = not (self.failed or self.rows.whole.came or self.unreadable)
        if self.node and is_empty and not self.is_search:
            error = "the registry has no version of it: is the id right?"
            yield ReadFailure(node=node, error=error, fault=Fault.NOT_FOUND)


def _found(lookups: Sequence[_Lookup], filters: Filters, limit: int) -> Found:
    """Return what matches in all that was read."""
    matching = {
        key: one
        for lookup in lookups
        for key, one in lookup.versions()
        if filters.match(one.version)
    }
    newest = sorted(
        matching,
        key=lambda key: (age_key(matching[key].version.created_at), *key),
        reverse=True,
    )
    counts = Counter(one.version.status for one in matching.values())
    return Found(
        versions=tuple(matching[key] for key in newest[:limit]),
        total=len(matching),
        packs=len({node for node, _ in matching}),
        by_status={status: counts[status] for status in _worst_first(counts)},
        deprecated=sum(one.version.deprecated for one in matching.values()),
        problems=tuple(one for lookup in lookups for one in lookup.problems()),
    )


def _worst_first(statuses: Iterable[str]) -> list[str]:
    return sorted(sorted(statuses), key=lambda status: grade_rank(grade_of(status)))


async def _with_reasons(registry: Registry, found: Found, progress: Progress) -> Found:
    """Return what was found with the registry's reasons. They are asked for afterwards, since they can be huge."""
    wanted = {
        (one.node, one.version.key): one.version.status
        for one in found.versions
        if one.version.status in STATUSES
    }
    reasons = await read_all(registry, wanted, _PATIENCE, progress)
    versions = tuple(
        replace(one, reason=reasons.get((one.node.lower(), one.version.key)))
        for one in found.versions
    )
    problems = found.problems
    if unread := len(wanted) - sum(one.reason is not None for one in versions):
        error = f"{plural(unread, 'reason')} could not be read"
        problems = (*problems, ReadFailure(error=error))
    return replace(found, versions=versions, problems=problems)
