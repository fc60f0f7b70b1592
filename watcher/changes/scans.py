"""What the scanner found in versions, compared with what it found in earlier ones of the same pack. Pure.

Rules: docs/behaviour.md, Events (Severity).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from watcher.model.event import Event, Kind, Severity, is_explained
from watcher.model.precedence import precedence
from watcher.model.scan import MOST_KEPT, Scan, shortened
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import BANNED, FLAGGED, Version
from watcher.text.status_reason import Reason

MOST_SCANS = 20
"""Versions whose scans a node keeps."""

VersionKey = tuple[str, str]
"""The lower-case id of a node, and the key of a version of it."""


def version_of(event: Event) -> VersionKey:
    """Return what identifies the version that an event is about."""
    return (event.node or "").lower(), event.key


def by_node(reasons: Mapping[VersionKey, Reason]) -> dict[str, dict[str, Reason]]:
    """Return reasons by the lower-case id of the node, then by version key."""
    found: dict[str, dict[str, Reason]] = {}
    for (node, key), reason in reasons.items():
        found.setdefault(node, {})[key] = reason
    return found


def read_scans(node: Node, reasons: Mapping[str, Reason]) -> dict[str, Scan]:
    """Return what was found in the versions whose reasons were read, each compared with the earlier ones of the node.

    `reasons` and the result are by version key. What the node keeps of other versions counts too.
    """
    kept = {key: scan for key, scan in node.scans.items() if key not in reasons}
    read = {key: one.scan for key, one in reasons.items()}
    found: dict[str, Scan] = {}
    earlier: set[tuple[str, str]] = set()
    for equals in _oldest_first(node):
        scans = {one.key: read.get(one.key) or kept.get(one.key) for one in equals}
        for key, scan in scans.items():
            if scan and key in read:
                is_known = scan.places <= earlier
                found[key] = shortened(replace(scan, is_known=is_known), MOST_KEPT)
        for one in equals:
            # A person has rejected what is banned, so that it excuses nothing.
            if (scan := scans[one.key]) and one.status != BANNED:
                earlier |= scan.places
    return found


def _oldest_first(node: Node) -> Iterator[list[Version]]:
    """Yield the versions by semantic versioning; several that are equal by that, none of which is earlier, at once."""
    by_age = sorted(node.versions, key=lambda one: precedence(one.version))
    for _, equals in groupby(by_age, key=lambda one: precedence(one.version)[:-1]):
        yield list(equals)


def with_scans(
    snapshot: Snapshot,
    events: Collection[Event],
    reasons: Mapping[VersionKey, Reason],
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Return the snapshot and the events of a poll with what was found in flagged and banned versions.

    `reasons` are those that were read: of the versions of events, and what else was in the same answers.
    """
    read_of = by_node(reasons)
    flags: dict[str, set[str]] = {}
    for name, key in (version_of(one) for one in events if one.kind is Kind.FLAGGED):
        flags.setdefault(name, set()).add(key)
    found: dict[VersionKey, Scan] = {}
    changed: dict[str, Node] = {}
    for name in read_of.keys() | flags.keys():
        if node := snapshot.nodes.get(name):
            read, flagged = read_of.get(name, {}), flags.get(name, set())
            # What was found before a version was flagged again may be something else.
            replaced = read.keys() | flagged
            kept = {k: scan for k, scan in node.scans.items() if k not in replaced}
            scans = read_scans(replace(node, scans=kept), read)
            found |= {(name, key): scan for key, scan in scans.items()}
            # A flag is a warning, and so is what its end has to say, but for these.
            calm = {key for key in flagged & scans.keys() if scans[key].is_harmless}
            ends = {**dict.fromkeys(sorted(calm), Severity.INFO), **node.ends}
            changed[name] = replace(_keeping(node, kept | scans), ends=ends)
    after = snapshot.with_nodes(changed)
    done = tuple(
        replace(event, scan=found.get(version_of(event)) or _kept(after, event))
        if is_explained(event) and event.after in {FLAGGED, BANNED}
        else event
        for event in events
    )
    return after, done


def _kept(snapshot: Snapshot, event: Event) -> Scan | None:
    """Return what is known to have been found in the version that an event is about."""
    name, key = version_of(event)
    node = snapshot.nodes.get(name)
    return node.scans.get(key) if node else None


def _keeping(node: Node, scans: Mapping[str, Scan]) -> Node:
    """Return the node with as many of the scans as it keeps: those of the newest versions."""
    of_age = [
        one.key
        for equals in _oldest_first(node)
        for one in equals
        if one.key in scans and one.status != BANNED
    ]
    return replace(node, scans={key: scans[key] for key in of_age[-MOST_SCANS:]})
