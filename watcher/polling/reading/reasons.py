"""Ask the registry why it has flagged, banned or deleted versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from watcher.model.event import Event, Kind, rank
from watcher.model.version import BANNED, DELETED, FLAGGED
from watcher.progress import Progress, silent
from watcher.registry.client import Registry
from watcher.registry.reader import read_reasons
from watcher.text.status_reason import summarize

_EXPLAINED = {FLAGGED, BANNED, DELETED}
"""The registry's reason explains these statuses of a version."""
_MOST_NODES = 200
"""How many nodes are asked about in one poll, at most: each takes a request or more."""
_KINDS = {Kind.FLAGGED, Kind.BANNED, Kind.DELETED, Kind.EXPOSED}


async def explained(
    registry: Registry, events: tuple[Event, ...], patience: float, progress: Progress = silent
) -> tuple[Event, ...]:
    """Return the events with the registry's reasons, as far as these come within `patience` seconds.

    Of many nodes only those with the worst events are asked about.
    """
    wanted: dict[str, dict[str, Event]] = {}
    for event in sorted(events, key=rank):
        is_one = event.kind in _KINDS and event.after in _EXPLAINED and not event.reason
        if not is_one or event.version is None or event.node is None:
            continue
        if event.node in wanted or len(wanted) < _MOST_NODES:
            wanted.setdefault(event.node, {})[event.key] = event
    if not wanted:
        return events
    statuses = {node: {key: event.after or "" for key, event in by_key.items()} for node, by_key in wanted.items()}
    reasons = await read_summaries(registry, statuses, patience, progress)
    said = {wanted[node][key].id: reason for (node, key), reason in reasons.items()}
    return tuple(replace(event, reason=said.get(event.id, event.reason)) for event in events)


async def read_summaries(
    registry: Registry, wanted: Mapping[str, Mapping[str, str]], patience: float, progress: Progress = silent
) -> dict[tuple[str, str], str]:
    """Return summaries of the registry's reasons by node and version key, of those that come within `patience`.

    It is in seconds. `wanted` has the statuses of versions by key, by node.
    """
    reasons: dict[tuple[str, str], str] = {}

    async def ask(node: str, statuses: Mapping[str, str]) -> None:
        async for key, reason in read_reasons(registry, node, statuses):
            reasons[node, key] = summarize(reason)

    if not wanted:
        return reasons
    tasks = [asyncio.create_task(ask(node, statuses)) for node, statuses in wanted.items()]
    progress("reasons", f"asking for the registry's reasons, {len(wanted)} nodes")
    _, late = await asyncio.wait(tasks, timeout=patience)
    progress("reasons", "")
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return reasons
