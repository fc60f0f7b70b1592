"""`versions`: read the pages of some node packs, or of all, and find in them what matches; then ask for its reasons."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import field, replace

from watcher.changes.facts import VersionKey
from watcher.model.event import grade_of, grade_rank
from watcher.model.reading import Fault, ReadFailure
from watcher.model.version import STATUSES, Version, recency
from watcher.polling.reading.read import read_all
from watcher.registry.client import Query, Registry
from watcher.registry.listing import FOREIGN, Rows
from watcher.registry.pages import ALL_VERSIONS, PageRead, Pages
from watcher.registry.schema import VersionRow, parse_page
from watcher.streams import Progress
from watcher.text.sanitize import plural
from watcher.text.status_reason import Reason, summarize
from watcher.values import frozen

_PATIENCE = 300.0
"""Seconds that all reasons may take."""


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

    @property
    def key(self) -> VersionKey:
        """What identifies it among the versions of all packs."""
        return self.node.lower(), self.version.key


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
    # A date that cannot be read must not stand before all others of a table that begins with the newest.
    return recency(created_at) if created_at[:4].isdigit() else ""


async def look_up(
    registry: Registry,
    filters: Filters,
    *,
    limit: int,
    with_reasons: bool,
    progress: Progress,
) -> Found:
    """Return the newest versions that match, at most `limit`, and how many there are. No answer is an exception.

    ConfigError if the environment names a proxy that cannot be used.
    """
    async with registry:
        slots = asyncio.Semaphore(registry.limits.concurrency)

        async def read(node: str) -> _Read:
            async with slots:
                return await _read(registry, node, filters, progress)

        parts = await asyncio.gather(*map(read, filters.nodes or ("",)))
        problems = [one for _, of_node in parts for one in of_node]
        # A pack that is named twice, in other case, has each version once.
        found = {one.key: one for versions, _ in parts for one in versions}
        matching = [one for one in found.values() if filters.match(one.version)]
        matching.sort(
            key=lambda one: (age_key(one.version.created_at), one.key), reverse=True
        )
        newest = matching[:limit]
        if with_reasons:
            newest, unread = await _with_reasons(registry, newest, progress)
            problems += unread
    counts = Counter(one.version.status for one in matching)
    # A status that this program does not know has a place too: the registry may add one.
    worst_first = sorted(counts, key=lambda one: (grade_rank(grade_of(one)), one))
    return Found(
        versions=tuple(newest),
        total=len(matching),
        packs=len({node for node, _ in (one.key for one in matching)}),
        by_status={status: counts[status] for status in worst_first},
        deprecated=sum(one.version.deprecated for one in matching),
        problems=tuple(problems),
    )


_Read = tuple[list[FoundVersion], list[ReadFailure]]
"""The versions that came, each once, and what could not be read."""


async def _read(
    registry: Registry, node: str, filters: Filters, progress: Progress
) -> _Read:
    """Read all pages of a node, or, without one, of all.

    Of one node all versions are asked for: that it has none at all is worth a word.
    """
    query = Query(
        node=node,
        statuses=() if node else filters.statuses,
        status_reason=filters.reason,
    )
    # Rows are put together as a poll does it: one that contradicts another is shown by its worst.
    rows = Rows(is_wanted=lambda key: node.lower() in {"", key})
    failed: Counter[str] = Counter()
    unreadable = 0
    reading = Pages(registry, query, parse_page, ALL_VERSIONS, progress)
    async with aclosing(reading.read()) as pages:
        async for read in pages:
            rows.take(read)
            if read.page is None:
                # One line for each cause: of 330 pages many may fail alike.
                failed[_why(read, node)] += read.pages
            elif rows.has_others:
                break  # the other pages are those of all packs
            else:
                unreadable += read.page.items - len(read.page.rows)
    found = [
        FoundVersion(node=of_node.spelling, version=version)
        for of_node in rows.nodes.values()
        for version in of_node.versions.values()
    ]
    errors = [
        f"{plural(pages, 'page')} could not be read: {why}" if found else why
        for why, pages in failed.items()
    ]
    if rows.has_others:
        errors.append(FOREIGN)
    if unreadable:
        errors.append(f"{plural(unreadable, 'version')} could not be read")
    problems = [ReadFailure(node=node or None, error=error) for error in errors]
    # A typing error in an id shows nothing, as a pack without versions does; a search may find nothing rightly.
    if node and not (found or problems or filters.reason):
        error = "the registry has no version of it: is the id right?"
        problems = [ReadFailure(node=node, error=error, fault=Fault.NOT_FOUND)]
    return found, problems


def _why(read: PageRead[VersionRow], node: str) -> str:
    """Return why a page could not be read."""
    if not node or read.ban is None:
        return read.error
    reason = summarize(read.ban)
    # The bare words of a 403 are no reason (docs/dev/registry.md, Node bans).
    has_reason = reason.lower() != "node banned"
    return f"the whole pack is banned{f': {reason}' if has_reason else ''}"


async def _with_reasons(
    registry: Registry, found: Sequence[FoundVersion], progress: Progress
) -> _Read:
    """Return versions with the registry's reasons. They are asked for afterwards, since they can be huge."""
    wanted = {
        (one.node, one.version.key): one.version.status
        for one in found
        if one.version.status in STATUSES
    }
    # Only of the rows that are shown: a reason can have megabytes.
    reasons = await read_all(registry, wanted, _PATIENCE, progress)
    versions = [replace(one, reason=reasons.get(one.key)) for one in found]
    unread = len(wanted) - sum(one.reason is not None for one in versions)
    error = f"{plural(unread, 'reason')} could not be read"
    return versions, [ReadFailure(error=error)] if unread else []
