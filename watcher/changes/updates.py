"""Newer versions of what is run: `update`, once for each (docs/behaviour.md, Events (What you run)). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher.changes.exposure import Poll, Run, numbered
from watcher.changes.facts import good_versions, safe_version
from watcher.changes.transitions import REMOVED, node_url
from watcher.changes.verdict import is_newer
from watcher.model.event import Event, Kind
from watcher.model.exposure import Installed, exposure_key
from watcher.model.precedence import is_prerelease, precedence
from watcher.model.snapshot import Node
from watcher.model.version import Version


def offer(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what was offered after a poll, and the events: at most one for each pack."""
    offered, found = _updates(reported.offered, poll)
    events = numbered(found, reported.seen)
    return replace(reported, offered=offered, seen=reported.seen + len(events)), events


def _updates(
    offered: Mapping[str, str], poll: Poll
) -> tuple[dict[str, str], list[Event]]:
    """Return the newest good version so far of each installed pack, and the events of those that were not before.

    A version is offered once: by its `new` event, or when it becomes the newest good one that there was so far.
    """
    best: dict[str, str] = {}
    events: list[Event] = []
    for key, runs in sorted(_by_node(poll.runs).items()):
        node, old = poll.after.get(key), offered.get(key)
        newest = safe_version(node, poll.statuses) if node else None
        if node is None or not newest:
            if old is not None:
                best[key] = old
            continue
        best[key] = newest if old is None or is_newer(newest, old) else old
        was_read = key in poll.before and bool(poll.before[key].baseline_at)
        versions = [
            one.copy.version for one in runs if one.copy.enabled and one.copy.version
        ]
        if not versions or not was_read:
            continue
        running = min(versions, key=precedence)
        fresh = {event.version for event in poll.events if _is_release(event, key)}
        if old is not None and is_newer(newest, old):
            fresh.add(newest)
        good = {one.version: one for one in good_versions(node)}
        wanted = [
            text
            for text in good.keys() & fresh
            if is_newer(text, running)
            and (text == newest or is_prerelease(running) or not is_prerelease(text))
        ]
        if wanted:
            events.append(
                _update(node, good[max(wanted, key=precedence)], running, poll.now)
            )
    return best, events


def _by_node(runs: Iterable[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for one in runs:
        found.setdefault(one.node.lower(), []).append(one)
    return found


def _is_release(event: Event, key: str) -> bool:
    """Return whether a version of the pack is active for the first time."""
    about = event.node is not None and event.node.lower() == key
    return about and event.kind is Kind.NEW and event.before != REMOVED


def _update(node: Node, version: Version, running: str, now: str) -> Event:
    return Event(
        id=exposure_key(node.node, version.version),
        kind=Kind.UPDATE,
        node=node.node,
        version=version.version,
        version_id=version.id or None,
        before=running,
        after=version.version,
        at=now,
        url=node_url(node.node),
        published=version.created_at,
    )
