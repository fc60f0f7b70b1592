"""What an event says besides the transition, what is kept of it, and which events `statuses` lets pass. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from watcher.model.event import EXPOSURES, Event, Kind, Severity, bounded
from watcher.model.scan import MOST_KEPT, Scan, shortened
from watcher.model.snapshot import Ban, KnownVersion, Node, Snapshot
from watcher.model.version import (
    ACTIVE,
    BANNED,
    FLAGGED,
    PENDING,
    STATUSES,
    MinimumAge,
    SafeVersion,
    Version,
    is_prerelease,
    normalised,
    precedence,
    recency,
)
from watcher.text.status_reason import Reason
from watcher.timestamps import Moment, MomentOrEmpty, normal

MOST_SCANS = 20
"""Versions whose scans a node keeps."""

VersionKey = tuple[str, str]
"""The lower-case id of a node, and the key of a version of it."""


def version_of(event: Event) -> VersionKey:
    """Return what identifies the version that an event is about."""
    return event.node_key, event.key


def with_scans(
    nodes: Mapping[str, Node],
    events: Iterable[Event],
    reasons: Mapping[VersionKey, Reason],
) -> dict[str, Node]:
    """Return nodes, by lower-case id, with all that was found in flagged and banned versions.

    `reasons` are those that were read: of what became bad, and what else was in the same answers.
    """
    flags = _flagged(events)
    names = nodes.keys() & _nodes_of(flags, reasons)
    return {name: _with_scans(name, nodes[name], flags, reasons) for name in names}


def _with_scans(
    name: str,
    node: Node,
    flags: Collection[VersionKey],
    reasons: Mapping[VersionKey, Reason],
) -> Node:
    """Return a node with what was found in its versions, each compared with the earlier ones."""
    found: dict[str, Scan | None] = {}
    earlier: set[tuple[str, str]] = set()
    by_age = sorted(node.versions, key=lambda one: precedence(one.row.version))
    # Of several that are equal by semantic versioning none is earlier.
    for _, equals in groupby(by_age, key=lambda one: precedence(one.row.version)[:-1]):
        places: set[tuple[str, str]] = set()
        for one in equals:
            read = reasons.get((name, one.key))
            # What was found before a version was flagged again may be something else.
            known = None if (name, one.key) in flags else one.scan
            scan = read.scan if read else known
            # A person has rejected what is banned, so that it excuses nothing.
            if scan and one.row.status != BANNED:
                places |= scan.places
            if scan and read:
                scan = replace(scan, is_known=scan.places <= earlier)
                scan = shortened(scan, MOST_KEPT)
            found[one.key] = scan
        earlier |= places
    versions = tuple(replace(one, scan=found[one.key]) for one in node.versions)
    return replace(node, versions=versions)


def _flagged(events: Iterable[Event]) -> set[VersionKey]:
    """Return the versions that became flagged."""
    return {version_of(one) for one in events if one.kind is Kind.FLAGGED}


def _nodes_of(*versions: Iterable[VersionKey]) -> set[str]:
    """Return the lower-case ids of the nodes of versions."""
    return {name for each in versions for name, _ in each}


def _keeping(name: str, node: Node, flags: Collection[VersionKey]) -> Node:
    """Return the node with as many scans as it keeps, those of the newest versions, and how bad its new flags were."""
    of_age = [
        one.key
        for one in sorted(node.versions, key=lambda one: precedence(one.row.version))
        if one.scan and one.row.status != BANNED
    ]
    kept = set(of_age[-MOST_SCANS:])

    def after(one: KnownVersion) -> KnownVersion:
        ends = one.ends
        # A flag is a warning, and so is what its end has to say, but for these.
        if (name, one.key) in flags and one.scan and one.scan.is_harmless:
            ends = ends or Severity.INFO
        return replace(one, scan=one.scan if one.key in kept else None, ends=ends)

    return replace(node, versions=tuple(map(after, node.versions)))


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
        status = BANNED if node.banned else ACTIVE
        ban = _ban_after(node.ban, status, reasons.get((name, "")), now)
        bans = [
            _ban_after(one.ban, one.row.status, reasons.get((name, one.key)), now)
            for one in node.versions
        ]
        if ban != node.ban or bans != [one.ban for one in node.versions]:
            changed[name] = replace(
                node, ban=ban, versions=tuple(map(_with_ban, node.versions, bans))
            )
    return snapshot.with_nodes(changed)


def _with_ban(known: KnownVersion, ban: Ban | None) -> KnownVersion:
    return known if known.ban == ban else replace(known, ban=ban)


def _ban_after(
    ban: Ban | None, status: str, reason: str | None, now: Moment
) -> Ban | None:
    """Return a ban as it is after a version or node was seen with a status; None if there was none yet."""
    after = ban
    if status == BANNED:
        begun = ban or Ban(since=now, changed=now)
        after = replace(begun, until="", reason=reason or begun.reason)
    elif ban and not ban.until and status in _OVER:
        after = replace(ban, until=now)
    return after if after is None or after == ban else replace(after, changed=now)


def finished(
    events: Sequence[Event],
    snapshot: Snapshot,
    reasons: Mapping[VersionKey, Reason],
    minimum_age: MinimumAge,
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Return the events of a poll with what is no part of the transition, as they are kept and sent.

    The given snapshot has all that the scanner found (`with_scans`), the returned one as much as is kept. `reasons` are
    those that the registry gave; what an event says already stays before one. The newest good version is that of
    `snapshot`. An exposure that has one keeps it: the registry's answer about the pack as a whole counts there.
    """
    safe: dict[str, SafeVersion | None] = {}
    done: list[Event] = []
    for event in events:
        key = event.node_key
        node = snapshot.nodes.get(key)
        if key not in safe:
            safe[key] = safe_version(node, minimum_age) if node else None
        reason, scan = event.reason, event.scan
        if event.is_explained:
            said = reasons.get(version_of(event))
            reason = ": ".join(filter(None, (reason, said.summary if said else "")))
            version = node.by_key.get(event.key) if node else None
            has_findings = version is not None and event.after in {FLAGGED, BANNED}
            scan = version.scan if version and has_findings else None
        advised = event.safe_version or safe[key]
        done.append(
            bounded(replace(event, reason=reason, scan=scan, safe_version=advised))
        )
    flags = _flagged(done)
    names = snapshot.nodes.keys() & _nodes_of(flags, reasons)
    kept = {name: _keeping(name, snapshot.nodes[name], flags) for name in names}
    return snapshot.with_nodes(kept), tuple(done)


def safe_version(node: Node, minimum_age: MinimumAge) -> SafeVersion | None:
    """Return the version to advise: active, not deprecated and old enough, else a younger one if only that is good.

    It is the newest, a pre-release only if there is nothing else. Of a banned node there is none. None if it is not
    known: before the first complete listing, and if no good version has a number, since any other text could be words
    that somebody follows.
    """
    if node.banned:
        return SafeVersion(None)
    if not node.baseline_at:
        return None
    every = _good_versions(node)
    numbered = (one for one in every if normalised(one.version))
    good = sorted(numbered, key=_preference, reverse=True)
    if not good:
        return None if every else SafeVersion(None)
    for one in good:
        if minimum_age.is_reached(_created(one)):
            return SafeVersion(one.version)
    return SafeVersion(good[0].version, _created(good[0]))


def newest_of(versions: Iterable[Version]) -> Version | None:
    """Return the newest of some versions, a pre-release only if there is nothing else; None if there is none."""
    return max(versions, key=_preference, default=None)


def _good_versions(node: Node) -> list[Version]:
    """Return the versions that are active and not deprecated, in whatever way the registry's rows write them."""
    listed = node.listed
    bad = {_meaning(one) for one in listed if one.status != ACTIVE or one.deprecated}
    return [one for one in listed if one.version and _meaning(one) not in bad]


def _created(version: Version) -> MomentOrEmpty:
    """Return when a version was created; "" if its date cannot be read."""
    return normal(version.created_at) or ""


def _preference(version: Version) -> tuple[object, ...]:
    """Return a key that sorts good versions, the one to advise last."""
    text, created = version.version, recency(version.created_at)
    return not is_prerelease(text), precedence(text), created, version.id


def _meaning(version: Version) -> object:
    return normalised(version.version) or version.version


_OF_COPIES = {Kind.EXPOSED, Kind.CLEARED, Kind.APPEARED}
_OF_DEPRECATION = {Kind.DEPRECATED, Kind.UNDEPRECATED}


def passing(
    events: Iterable[Event],
    statuses: Collection[str],
    before: Mapping[str, Node],
    after: Mapping[str, Node],
) -> tuple[Event, ...]:
    """Return the events that pass where these `statuses` are set.

    Of a version its status after the event has to be one of them, or, where something ends, that before it; of what was
    removed the last known one. A status that this program does not know passes, and so does each event that is not
    about a version, or that says that something which is run is bad.

    `before` and `after` are the nodes before and after the poll, by lower-case id.
    """
    hidden = {*STATUSES}.difference(statuses)
    return tuple(
        event
        for event in events
        if not hidden.issuperset(_statuses(event, before, after))
    )


def _statuses(
    event: Event, before: Mapping[str, Node], after: Mapping[str, Node]
) -> list[str | None]:
    """Return the statuses of an event's version that count; None stands for what no status hides."""
    is_bad = event.kind in EXPOSURES.values() or event.replaces_archive
    if event.version is None or event.kind in _OF_COPIES or (is_bad and event.runs_it):
        return [None]
    is_end = event.ends is not None
    if event.kind in _OF_DEPRECATION:
        # The event names none.
        nodes = [one.get(event.node_key) for one in (after, before)]
        known = [node.by_key.get(event.key) if node else None for node in nodes]
        found = [one.row.status if one else None for one in known]
    elif event.kind is Kind.REMOVED:
        return [event.before]
    else:
        found = [event.after, event.before]
    return found if is_end else found[:1]
