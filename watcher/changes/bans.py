"""The record of bans that were seen, of versions and of nodes as a whole, as a poll leaves it. Pure.

A ban is over when something good is seen again. What is deleted, missing or of an unknown status was banned for a
reason that nobody took back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from watcher.changes.scans import VersionKey, version_of
from watcher.model.event import Event, Kind
from watcher.model.snapshot import Ban, Node, Snapshot
from watcher.model.version import ACTIVE, BANNED, FLAGGED, PENDING
from watcher.timestamps import Moment

_OVER = {ACTIVE, PENDING, FLAGGED}
"""Statuses that say that a version is not banned any more."""


def with_bans(snapshot: Snapshot, events: Iterable[Event], now: Moment) -> Snapshot:
    """Return the snapshot of a poll with the bans as it saw them; the same object if there is nothing new.

    `events` are those of the poll, with the registry's reasons.
    """
    reasons = {
        version_of(event): event.reason
        for event in events
        if event.kind is Kind.BANNED and event.reason
    }
    changed: dict[str, Node] = {}
    for name, node in snapshot.nodes.items():
        if found := dict(_news(name, node, reasons, now)):
            changed[name] = replace(node, bans={**node.bans, **found})
    return snapshot.with_nodes(changed)


def _news(
    name: str, node: Node, reasons: dict[VersionKey, str], now: Moment
) -> Iterator[tuple[str, Ban]]:
    """Yield what differs in the bans of one node, by version key."""
    rows = [(one.key, one.version, one.status) for one in node.versions]
    for key, version, status in (
        *rows,
        ("", None, BANNED if node.banned else ACTIVE),
    ):
        known = node.bans.get(key)
        if status == BANNED:
            begun = known or Ban(version=version, since=now, changed=now)
            reason = reasons.get((name, key)) or begun.reason
            after = replace(begun, until="", reason=reason)
        elif known and not known.until and status in _OVER:
            after = replace(known, until=now)
        else:
            continue
        if after != known:
            yield key, replace(after, changed=now)
