"""Ask the registry why it has flagged, banned or deleted versions."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
)
from dataclasses import replace
from http import HTTPStatus

from watcher.changes.scans import VersionKey, version_of
from watcher.model.event import Event, is_explained, rank
from watcher.model.listing import ServerTime
from watcher.model.version import STATUSES
from watcher.progress import Progress, silent
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import Query, Registry
from watcher.registry.row import VersionRow, parse_version
from watcher.registry.schema import Page, parse_page
from watcher.text.plural import plural
from watcher.text.status_reason import Reason, read_reason

_MOST_NODES = 200
"""How many nodes are asked about in one poll, at most: each takes a request or more."""
_ROWS = 20
_PAGES = 50
"""The most pages, of `_ROWS` each, that are read of one status of a node."""

IsStale = Callable[[str, ServerTime], bool]
"""Whether an answer about a node, by lower-case id, is older than what was known of it before."""


def _is_never(_node: str, _made: ServerTime) -> bool:
    return False


async def reasons_for(
    registry: Registry,
    events: Iterable[Event],
    patience: float,
    progress: Progress,
    is_stale: IsStale,
) -> dict[VersionKey, Reason]:
    """Return the registry's reasons of the versions of events, as far as these come within `patience` seconds.

    Of many nodes only those with the worst events are asked about.
    """
    names: set[str] = set()
    wanted: dict[tuple[str, str], str] = {}
    for event in filter(is_explained, sorted(events, key=rank)):
        name, key = version_of(event)
        if name in names or len(names) < _MOST_NODES:
            names.add(name)
            wanted[event.node or "", key] = event.after or ""
    return await read_all(registry, wanted, patience, progress, is_stale)


async def read_all(
    registry: Registry,
    wanted: Mapping[tuple[str, str], str],
    patience: float,
    progress: Progress = silent,
    is_stale: IsStale = _is_never,
) -> dict[VersionKey, Reason]:
    """Return the registry's reasons of versions that come within `patience` seconds, and what is in the same answers.

    `wanted` has the statuses of versions, by the id of the node as the registry writes it, and the version's key.
    """
    by_node: dict[str, dict[str, str]] = {}
    for (node, key), status in wanted.items():
        by_node.setdefault(node, {})[key] = status
    reasons: dict[VersionKey, Reason] = {}
    # A page can have megabytes of reasons, and takes memory until all of them are read.
    places = asyncio.Semaphore(registry.limits.concurrency)
    # Whoever waits or stops waits for one of them at most.
    reader = asyncio.Lock()

    async def ask(node: str, statuses: Mapping[str, str]) -> None:
        async with places:
            async for key, reason in read_reasons(registry, node, statuses, is_stale):
                async with reader:
                    reasons[node.lower(), key] = read_reason(reason)
                    await asyncio.sleep(0)

    if not wanted:
        return reasons
    tasks = [
        asyncio.create_task(ask(node, statuses)) for node, statuses in by_node.items()
    ]
    packs = plural(len(by_node), "pack")
    progress("reasons", f"asking the registry for its reasons, of {packs}")
    _, late = await asyncio.wait(tasks, timeout=patience)
    progress("reasons", "")
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return reasons


async def read_reasons(
    registry: Registry,
    node: str,
    wanted: Mapping[str, str],
    is_stale: IsStale = _is_never,
) -> AsyncGenerator[tuple[str, str]]:
    """Yield (version key, reason) of some versions, and of others in the same answers, as soon as each is read.

    `wanted` has their statuses by key.

    A reason can be megabytes long (docs/registry.md, Statuses), so only pages of these statuses are read, a few rows at
    a time, until all are found. A page that fails may hold too long reasons of other versions: then the wanted rows are
    read one by one. A reason that cannot be read is left out: an alert does not wait for it. So is one from an answer
    that is stale: it may be of an earlier flag.
    """

    async def read(query: Query) -> Page | None:
        return await _page(registry, query, is_stale)

    # Only statuses that are known here can be requested.
    for status in sorted(set(wanted.values()) & set(STATUSES)):
        missing = {key for key, of in wanted.items() if of == status}
        first = Query(
            node=node, statuses=(status,), include_status_reason=True, page_size=_ROWS
        )
        number, last = 0, 1
        while missing and number < last:
            number += 1
            query = replace(first, page=number)
            page = await read(query)
            rows = page.rows if page else []
            if page is None and (
                page := await read(replace(query, include_status_reason=False))
            ):
                rows = await _one_by_one(read, query, page, missing)
            if page is None or not page.rows:
                break
            if any(row.node_id.lower() != node.lower() for row in page.rows):
                break  # the registry ignores nodeId: the further pages are those of all packs
            for row in rows:
                key = parse_version(row).key
                if row.node_id.lower() == node.lower():
                    missing.discard(key)
                    yield key, row.status_reason or ""
            pages = _PAGES if page.total is None else -(-page.total // _ROWS)
            last = min(pages, _PAGES)


async def _one_by_one(
    read: Callable[[Query], Awaitable[Page | None]],
    query: Query,
    outline: Page,
    keys: Collection[str],
) -> list[VersionRow]:
    """Return the rows of some versions, each read as a page of its own. `outline` is the page without reasons."""
    before = (query.page - 1) * query.page_size
    rows: list[VersionRow] = []
    for place, row in enumerate(outline.rows, before + 1):
        if parse_version(row).key in keys:
            page = await read(replace(query, page=place, page_size=1))
            rows += page.rows if page else ()
    return rows


async def _page(registry: Registry, query: Query, is_stale: IsStale) -> Page | None:
    """Return a page that is not essential; None if it cannot be read, or is older than what is known."""
    try:
        answer = await registry.ask(query, retries=min(1, registry.limits.retries))
        if is_stale(query.node.lower(), ServerTime.of(answer.server_time)):
            return None
        return parse_page(answer.body) if answer.code == HTTPStatus.OK else None
    except NoAnswerError:
        return None
