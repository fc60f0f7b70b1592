"""The look itself: all pages of what was asked for, and the reasons of what was found."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from watcher.model.failure import Fault, ReadFailure
from watcher.model.version import STATUSES
from watcher.polling.lookup.collection import Collection
from watcher.polling.lookup.gathered import Gathered
from watcher.polling.lookup.model import Filters, Found
from watcher.polling.reading.reasons import read_summaries
from watcher.progress import Progress, silent
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.error_body import describe_refusal
from watcher.registry.pages import read_pages
from watcher.registry.schema import parse_page
from watcher.text.plural import plural

_OTHER_SIZE = 89
"""Rows of a page in the second reading: what the first one lost between two pages is inside of one then."""
_PATIENCE = 300.0
"""Seconds that all reasons may take."""
_SHORTEST_SILENCE = 24
"""After this many nodes in a row without any HTTP answer, or twice `concurrency` if that is more, no other is asked."""


async def look_up(
    filters: Filters,
    *,
    limit: int,
    with_reasons: bool,
    registry_url: str,
    limits: RequestLimits,
    progress: Progress = silent,
) -> Found:
    """Return the newest versions that match, at most `limit`, and how many there are. No answer is an exception.

    ConfigError if the environment names a proxy that cannot be used.
    """
    async with Registry(registry_url, limits, progress=progress) as registry:
        if filters.reason and (problem := await _why_no_search(registry)):
            return Found(problems=(problem,), incomplete="nothing could be searched")
        lookup = _Lookup(
            registry=registry,
            filters=filters,
            collection=Collection(filters, limit),
            progress=progress,
        )
        await lookup.read()
        found = lookup.found()
        return await _with_reasons(registry, found, progress) if with_reasons else found


async def _why_no_search(registry: Registry) -> ReadFailure | None:
    """Return why the registry cannot be searched by reason; None if it can.

    It may refuse that, or ignore it (docs/registry.md, Statuses): then what no reason has is found too.
    """
    nowhere = Query(status_reason=secrets.token_hex(16), page_size=1)
    hint = "show the reasons, and search in these: comfy-watch versions --status flagged --reasons --limit 5000"
    try:
        answer = await registry.ask(nowhere)
        if answer.code == HTTPStatus.BAD_REQUEST:
            error = describe_refusal(answer.code, answer.body).partition("(")[2]
            return ReadFailure(
                node=None,
                error=f"the registry keeps the search in reasons to itself ({error}",
                hint=hint,
            )
        if answer.code != HTTPStatus.OK:
            return ReadFailure(error=describe_refusal(answer.code, answer.body))
        if parse_page(answer.body).items:
            return ReadFailure(
                node=None, error="the registry ignores the search in reasons", hint=hint
            )
    except NoAnswerError as error:
        return ReadFailure(error=str(error))
    return None


@dataclass(slots=True, kw_only=True)
class _Lookup:
    """The reading of what was asked for."""

    registry: Registry
    filters: Filters
    collection: Collection
    progress: Progress
    read_of: list[Gathered] = field(default_factory=list)
    problems: list[ReadFailure] = field(default_factory=list)
    silence: int = 0
    """Nodes in a row without any HTTP answer."""

    async def read(self) -> None:
        """Read every node that is named, several at once; if none is, all."""
        free = asyncio.Semaphore(self.registry.limits.concurrency)

        async def read_one(node: str) -> None:
            async with free:
                if self.silence < max(
                    2 * self.registry.limits.concurrency, _SHORTEST_SILENCE
                ):
                    await self._read(node)
                else:
                    self.problems.append(
                        ReadFailure(
                            node=node,
                            error="not asked, since the registry could not be reached",
                        )
                    )

        async with asyncio.TaskGroup() as group:
            for node in self.filters.nodes or ("",):
                group.create_task(read_one(node))

    async def _read(self, node: str) -> None:
        """Read all pages of a node, or of all; once more if rows are missing."""
        first = Query(
            node=node, statuses=self.filters.statuses, status_reason=self.filters.reason
        )
        pages = Gathered(node=node)
        self.read_of.append(pages)
        await self._read_pages(first, pages)
        if pages.missing and not pages.failed and not pages.foreign:
            pages.total, pages.unreadable, pages.pages = None, 0, 0
            await self._read_pages(replace(first, page_size=_OTHER_SIZE), pages)
        self.silence = (
            self.silence + 1
            if any(read.fault is Fault.UNREACHED for read in pages.failed)
            else 0
        )
        self.problems += [
            ReadFailure(node=node or None, error=error) for error in pages.problems()
        ]
        if (
            node
            and not pages.keys
            and not (pages.failed or pages.foreign)
            and (why := await self._why_empty(first))
        ):
            self.problems.append(ReadFailure(node=node, error=why))

    async def _read_pages(self, first: Query, pages: Gathered) -> None:
        async with aclosing(
            read_pages(self.registry, first, progress=self.progress)
        ) as reads:
            async for read in reads:
                pages.pages += read.pages
                if read.page is None:
                    pages.failed.append(read)
                    continue
                pages.add(read.page)
                for row in read.page.rows:
                    if first.node and row.node_id.lower() != first.node.lower():
                        pages.foreign = True
                    else:
                        pages.keys.add(self.collection.take(row))
                if pages.foreign:
                    return

    async def _why_empty(self, query: Query) -> str:
        """Return why a node has no version; "" if it has others than those that were asked for."""
        unknown = "the registry has no version of it; is the id right?"
        if not query.statuses and not query.status_reason:
            return unknown
        try:
            answer = await self.registry.ask(Query(node=query.node, page_size=1))
            return (
                ""
                if answer.code != HTTPStatus.OK or parse_page(answer.body).items
                else unknown
            )
        except NoAnswerError:
            return ""

    def found(self) -> Found:
        """Return what was found."""
        return replace(
            self.collection.found(),
            problems=tuple(self.problems),
            incomplete=self._incomplete(),
        )

    def _incomplete(self) -> str:
        if not self.problems:
            return ""
        if self.filters.nodes:
            packs = len({problem.node for problem in self.problems})
            return f"{packs} of {plural(len(self.filters.nodes), 'pack')} could not be read completely"
        [all_pages] = self.read_of
        failed = sum(read.pages for read in all_pages.failed)
        return (
            f"{failed} of {plural(all_pages.pages, 'page')} could not be read"
            if failed
            else "some are missing"
        )


async def _with_reasons(registry: Registry, found: Found, progress: Progress) -> Found:
    """Return what was found with the registry's reasons. They are asked for afterwards, since they can be huge."""
    wanted: dict[str, dict[str, str]] = {}
    for one in found.versions:
        if one.version.status in STATUSES:
            wanted.setdefault(one.node, {})[one.version.key] = one.version.status
    reasons = await read_summaries(registry, wanted, _PATIENCE, progress)
    versions = tuple(
        replace(one, reason=reasons.get((one.node, one.version.key)))
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
