"""Newer versions of what is run: `update`, once for each (docs/behaviour.md, Events (What you run)). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher.changes.exposure import Poll
from watcher.changes.facts import good_versions, safe_version
from watcher.changes.transitions import REMOVED, node_url
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Installed, exposure_key
from watcher.model.finding import Finding
from watcher.model.precedence import is_newer, is_prerelease, precedence
from watcher.model.snapshot import Node
from watcher.model.version import Version


def offer(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what was offered after a poll, and the events: at most one for each pack.

    What was offered is the newest good version so far of each pack. A version is offered once: by its `new` event, or
    when it becomes the newest good one that there was so far.
    """
    best: dict[str, str] = {}
    events: list[Event] = []
    for key, versions in sorted(_enabled(poll.findings).items()):
        node, old = poll.after.get(key), reported.offered.get(key)
        safe = safe_version(node, poll.statuses) if node else None
        if node is None or safe is None or safe.version is None:
            if old is not None:
                best[key] = (
                    old  # not known just now: forgetting it would offer it again
                )
            continue
        newest = safe.version
        is_better = old is not None and is_newer(newest, old)
        # It never falls: what was offered once is not offered again after a better one is gone.
        best[key] = newest if old is None or is_better else old
        was_read = key in poll.before and bool(poll.before[key].baseline_at)
        if not versions or not was_read:
            continue  # a first reading is no news
        running = min(versions, key=precedence)
        fresh = {event.version for event in poll.events if _is_release(event, key)}
        if is_better:
            fresh.add(newest)
        good = [
            one
            for one in good_versions(node)
            if one.version in fresh and is_newer(one.version, running)
        ]
        if not is_prerelease(running):
            # The newest good version is a pre-release only where there is nothing else.
            good = [
                one
                for one in good
                if one.version == newest or not is_prerelease(one.version)
            ]
        if good:
            update = max(good, key=lambda one: precedence(one.version))
            seen = reported.seen + len(events)
            events.append(_update(node, update, running, poll.now, seen))
    seen = reported.seen + len(events)
    return replace(reported, offered=best, seen=seen), tuple(events)


def _enabled(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """Return the versions of enabled copies, by the lower-case id of their packs."""
    found: dict[str, list[str]] = {}
    for one in findings:
        versions = found.setdefault((one.node or "").lower(), [])
        if one.pack.enabled and one.pack.version:
            versions.append(one.pack.version)
    return found


def _is_release(event: Event, key: str) -> bool:
    """Return whether a version of the pack is active for the first time."""
    about = event.node is not None and event.node.lower() == key
    return about and event.kind is Kind.NEW and event.before != REMOVED


def _update(node: Node, version: Version, running: str, now: str, seen: int) -> Event:
    key = exposure_key(node.node, version.version)
    return Event(
        id=event_id("installed", key, seen, Kind.UPDATE, running, version.version),
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
