"""`versions`: read the pages of some node packs, or of all, and find in them what matches; then ask for its reasons."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from watcher.changes.health import is_id_right
from watcher.model.failure import ReadFailure
from watcher.model.version import STATUSES, Version, recency, standing
from watcher.polling.reading.reasons import read_all
from watcher.progress import Progress
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.error_body import with_message
from watcher.registry.pages import PageRead, read_pages
from watcher.registry.row import VersionRow, parse_version
from watcher.registry.schema import parse_page
from watcher.registry.search import read_near
from watcher.text.plural import plural
from watcher.text.status_reason import Reason, summarize

_PATIENCE = 300.0
"""Seconds that all reasons may take."""

Key = tuple[str, str]
"""A lower-case node id, and the key of a version in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A version that matches. All texts are untrusted."""

    node: str
    """As the registry spells it."""
    version: Version
    changelog: str
    """Its beginning."""
    reason: Reason | None = None
    """None if it was not asked for, or could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    incomplete: str = ""
    """How much could not be read, for a person; "" if all could."""


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
        if filters.reason and (problem := await _why_no_search(registry)):
            return Found(problems=(problem,), incomplete="nothing could be searched")
        slots = asyncio.Semaphore(limits.concurrency)

        async def read(node: str) -> _Lookup:
            lookup = _Lookup(registry=registry, filters=filters, node=node)
            async with slots:
                await lookup.read(progress)
            return lookup

        lookups = await asyncio.gather(*map(read, filters.nodes or ("",)))
        found = _found(lookups, filters, limit)
        return await _with_reasons(registry, found, progress) if with_reasons else found


async def _why_no_search(registry: Registry) -> ReadFailure | None:
    """Return why the registry cannot be searched by reason; None if it can.

    It may refuse that, or ignore it (docs/registry.md, Statuses): then what no reason has is found too.
    """
    nowhere = Query(status_reason=secrets.token_hex(16), page_size=1)
    hint = "search the reasons yourself: comfy-watch versions --status flagged --reasons --limit 5000"
    try:
        answer = await registry.ask(nowhere)
        if answer.code == HTTPStatus.BAD_REQUEST:
            what = "the registry refuses to search in reasons"
            why = with_message(what, answer.code, answer.body)
            return ReadFailure(error=why, hint=hint)
        if answer.code == HTTPStatus.OK and parse_page(answer.body).items:
            why = "the registry ignores the search in reasons"
            return ReadFailure(error=why, hint=hint)
    except NoAnswerError as error:
        return error.failure()
    return None  # any other refusal is reported where the pages are read


@dataclass(slots=True, kw_only=True)
class _Lookup:
    """The reading of all pages of a node, or, without one, of all."""

    registry: Registry
    filters: Filters
    node: str
    versions: dict[Key, FoundVersion] = field(default_factory=dict)
    """Each once: of rows that contradict each other the worst counts."""
    total: int | None = None
    """The most that any page claims."""
    unreadable: int = 0
    pages: int = 0
    failed: list[PageRead] = field(default_factory=list)
    foreign: bool = False
    """Rows of other nodes came."""
    empty: str = ""
    """Why there is no version at all, if that is a problem."""

    async def read(self, progress: Progress) -> None:
        """Read the pages."""
        filters = self.filters
        query = Query(
            node=self.node, statuses=filters.statuses, status_reason=filters.reason
        )
        async with aclosing(
            read_pages(self.registry, query, progress=progress)
        ) as reads:
            async for read in reads:
                self.pages += read.pages
                if read.page is None:
                    self.failed.append(read)
                    continue
                if read.page.total is not None:
                    self.total = max(self.total or 0, read.page.total)
                self.unreadable += read.page.items - len(read.page.rows)
                for row in read.page.rows:
                    self._take(row)
                if self.foreign:
                    return  # the further pages are those of all packs
        if self.node and not (self.versions or self.failed):
            self.empty = await self._why_empty(query)

    def _take(self, row: VersionRow) -> None:
        if self.node and row.node_id.lower() != self.node.lower():
            self.foreign = True
            return
        version = parse_version(row)
        key = (row.node_id.lower(), version.key)
        known = self.versions.get(key)
        if known is None or standing(version) > standing(known.version):
            self.versions[key] = FoundVersion(
                node=row.node_id, version=version, changelog=row.changelog
            )

    async def _why_empty(self, query: Query) -> str:
        """Return why a node has no version; "" if it has others than those that were asked for."""
        if not query.statuses and not query.status_reason:
            return await self._doubt()
        try:
            answer = await self.registry.ask(Query(node=query.node, page_size=1))
            is_known = answer.code != HTTPStatus.OK or parse_page(answer.body).items
        except NoAnswerError:
            return ""
        return "" if is_known else await self._doubt()

    async def _doubt(self) -> str:
        near = await read_near(self.registry, [self.node], ())
        doubt = is_id_right(near.get(self.node.lower(), ""))
        return f"the registry has no version of it: {doubt}"

    def problems(self) -> Iterator[str]:
        """Yield what could not be read, for a person."""
        by_error: dict[str, list[PageRead]] = {}
        for read in self.failed:
            by_error.setdefault(self._reason(read), []).append(read)
        for error, reads in by_error.items():
            pages = plural(sum(read.pages for read in reads), "page")
            is_first = reads[0].number == 1
            yield error if is_first else f"{pages} could not be read: {error}"
        came = len(self.versions)
        if self.foreign:
            yield "the answer holds other nodes' versions, as if nodeId were ignored"
        elif self.total is None and not self.failed:
            yield "the registry does not say how many versions there are"
        elif self.total is not None:
            missing = self.total - self.unreadable - came
            if came > self.total or (missing > 0 and not self.failed):
                yield f"{came:,} came of the {plural(self.total, 'version')} that the registry counts; ask again"
        if self.unreadable:
            yield f"{plural(self.unreadable, 'version')} could not be read"
        if self.empty and not self.foreign:
            yield self.empty

    def _reason(self, read: PageRead) -> str:
        """Return why a page could not be read."""
        if self.node and read.ban is not None:
            reason = summarize(read.ban)
            has_reason = reason.lower() != "node banned"
            return f"the whole pack is banned{f': {reason}' if has_reason else ''}"
        return read.error


def _found(lookups: Iterable[_Lookup], filters: Filters, limit: int) -> Found:
    """Return what matches in all that was read."""
    lookups = list(lookups)
    matching = {
        key: one
        for lookup in lookups
        for key, one in lookup.versions.items()
        if filters.match(one.version)
    }
    newest = sorted(
        matching,
        key=lambda key: (age_key(matching[key].version.created_at), *key),
        reverse=True,
    )
    counts = Counter(one.version.status for one in matching.values())
    problems = [
        ReadFailure(node=lookup.node or None, error=error)
        for lookup in lookups
        for error in lookup.problems()
    ]
    return Found(
        versions=tuple(matching[key] for key in newest[:limit]),
        total=len(matching),
        packs=len({node for node, _ in matching}),
        by_status={status: counts[status] for status in _worst_first(counts)},
        deprecated=sum(one.version.deprecated for one in matching.values()),
        problems=tuple(problems),
        incomplete=_incomplete(lookups, problems),
    )


def _worst_first(statuses: Iterable[str]) -> list[str]:
    return sorted(
        sorted(statuses),
        key=lambda status: standing(Version(status=status)),
        reverse=True,
    )


def _incomplete(lookups: list[_Lookup], problems: list[ReadFailure]) -> str:
    """Return how much could not be read, for a person."""
    if not problems:
        return ""
    if lookups[0].node:
        wrong = len({one.node for one in problems})
        of = plural(len(lookups), "pack")
        return f"{wrong:,} of {of} could not be shown completely"
    failed = sum(read.pages for read in lookups[0].failed)
    pages = plural(lookups[0].pages, "page")
    return f"{failed:,} of {pages} could not be read" if failed else "some are missing"


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
    unread = sum(
        one.reason is None and one.version.status in STATUSES for one in versions
    )
    if not unread:
        return replace(found, versions=versions)
    why = f"{plural(unread, 'reason')} could not be read"
    return replace(
        found,
        versions=versions,
        problems=(*found.problems, ReadFailure(error=why)),
        incomplete=f"{found.incomplete}; {why}" if found.incomplete else why,
    )
