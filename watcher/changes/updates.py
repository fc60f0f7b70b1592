"""Newer versions of what is run: `update`, once for each (docs/behaviour.md, Events (What you run)). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watcher.changes.exposure import Poll
from watcher.changes.facts import good_versions, old_enough, safe_version
from watcher.changes.transitions import VersionEvents
from watcher.model.event import Event, Kind
from watcher.model.exposure import Installed
from watcher.model.finding import Finding
from watcher.model.precedence import is_newer, is_prerelease, precedence
from watcher.model.snapshot import Node
from watcher.model.version import Version


def offer(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return which versions are awaited after a poll, and the events: at most one for each pack.

    A version is awaited until it is good and old enough. It is offered in the poll in which it has become that, or
    never: what somebody installs afterwards makes none of the others news.
    """
    awaited: dict[str, tuple[str, ...]] = {}
    events: list[Event] = []
    for key, versions in sorted(_enabled(poll.findings).items()):
        node, old = poll.after.get(key), reported.awaited.get(key)
        good = _to_offer(node, poll) if node else None
        if node is None or (good is None and old is None):
            continue  # a first reading has to be complete
        before = None if old is None else poll.before.get(key)
        known = {one.version for one in before.versions} if before else set()
        candidates = {one.version for one in node.versions} - (known - {*(old or ())})
        arrived = [one for one in good or () if one.version in candidates]
        left = candidates - {one.version for one in arrived}
        awaited[key] = tuple(sorted(left))
        if before is None or not versions:
            continue  # a first reading is no news
        running = min(versions, key=precedence)
        update = _best(arrived, good or (), running)
        if update is not None:
            about = VersionEvents(
                node=node.node, now=poll.now, version=update, count=reported.seen
            )
            events.append(about.event(Kind.UPDATE, running, update.version))
    seen = reported.seen + len(events)
    return replace(reported, awaited=awaited, seen=seen), tuple(events)


def _to_offer(node: Node, poll: Poll) -> list[Version] | None:
    """Return the versions that are good and old enough; None if that is not known."""
    if safe_version(node, poll.statuses, poll.minimum_age) is None:
        return None
    good = [] if node.banned else good_versions(node)
    return old_enough(node, good, poll.minimum_age)


def _best(
    arrived: Sequence[Version], good: Sequence[Version], running: str
) -> Version | None:
    """Return the newest of the versions that have `arrived` that is newer than the running one; None without one.

    Of pre-releases there is one only for who runs one, or if no release is good.
    """
    takes_any = is_prerelease(running) or all(
        is_prerelease(one.version) for one in good
    )
    newer = [
        one
        for one in arrived
        if is_newer(one.version, running)
        and (takes_any or not is_prerelease(one.version))
    ]
    return max(newer, key=lambda one: precedence(one.version), default=None)


def _enabled(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """Return the versions of enabled copies, by the lower-case id of their packs."""
    found: dict[str, list[str]] = {}
    for one in findings:
        versions = found.setdefault((one.node or "").lower(), [])
        if one.pack.enabled and one.pack.version:
            versions.append(one.pack.version)
    return found
