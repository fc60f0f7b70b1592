"""What an event says besides the transition, what is kept of it, and which events `statuses` lets pass. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby

from watcher.model.event import EXPOSURES, Event, Grade, Kind, bounded
from watcher.model.scan import MOST_KEPT, Scan, shortened
from watcher.model.snapshot import Ban, KnownVersion, Node, Snapshot
from watcher.model.version import (
    ACTIVE,
    BANNED,
    FLAGGED,
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
from watcher.timestamps import MomentOrEmpty, normal

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
    bad = _became_bad(events)
    names = nodes.keys() & {name for name, _ in (*bad, *reasons)}
    return {name: _with_scans(name, nodes[name], bad, reasons) for name in names}


def _with_scans(
    name: str,
    node: Node,
    bad: Mapping[VersionKey, Event],
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
            read, event = reasons.get((name, one.key)), bad.get((name, one.key))
            scan = read.scan if read else one.scan
            # What was found before a version was flagged again may be something else.
            if not read and event and event.kind is Kind.FLAGGED:
                scan = None
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


def _became_bad(events: Iterable[Event]) -> dict[VersionKey, Event]:
    """Return the events of what became flagged or banned."""
    kinds = {Kind.FLAGGED, Kind.BANNED}
    return {version_of(one): one for one in events if one.kind in kinds}


def _keeping(name: str, node: Node, bad: Mapping[VersionKey, Event]) -> Node:
    """Return the node with as many scans as it keeps, those of the newest versions, and with what is known of its new
    flags and bans by their events.
    """
    # Of newest versions alone, since a pack may publish without end; what is banned excuses no later flag.
    of_age = [
        one.key
        for one in sorted(node.versions, key=lambda one: precedence(one.row.version))
        if one.scan and one.row.status != BANNED
    ]
    kept = set(of_age[-MOST_SCANS:])

    def after(one: KnownVersion) -> KnownVersion:
        event, past = bad.get((name, one.key)), one.past
        # A flag is a warning, and so is what its end has to say, but for these.
        if event and event.is_harmless:
            past = past or Grade.FLAGGED_INFO
        scan = one.scan if one.key in kept else None
        return replace(one, scan=scan, past=past, ban=_explained(one.ban, event))

    ban = _explained(node.ban, bad.get((name, "")))
    return replace(node, versions=tuple(map(after, node.versions)), ban=ban)


def _explained(ban: Ban | None, event: Event | None) -> Ban | None:
    """Return a ban with the reason of the event about it."""
    reason = event.reason if event and event.kind is Kind.BANNED else ""
    if not (ban and event and reason) or ban.reason == reason:
        return ban
    # Its published document says when it was last modified.
    return replace(ban, reason=reason, changed=event.at)


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
    nodes = snapshot.nodes

    # A pack may have many events, and each look sorts all of its versions.
    @cache
    def advised(key: str) -> SafeVersion | None:
        return safe_version(nodes[key], minimum_age) if key in nodes else None

    done: list[Event] = []
    for event in events:
        reason, scan = event.reason, event.scan
        if event.is_explained:
            said = reasons.get(version_of(event))
            reason = ": ".join(filter(None, (reason, said.summary if said else "")))
            node = nodes.get(event.node_key)
            version = node.by_key.get(event.key) if node else None
            # A deletion has a reason too, but the scanner did not cause it.
            has_findings = version is not None and event.after in {FLAGGED, BANNED}
            scan = version.scan if version and has_findings else None
        safe = event.safe_version or advised(event.node_key)
        done.append(
            bounded(replace(event, reason=reason, scan=scan, safe_version=safe))
        )
    bad = _became_bad(done)
    names = nodes.keys() & {name for name, _ in (*bad, *reasons)}
    # After the events, which say all that was found, also of a version that is too old for its scan to be kept.
    kept = {name: _keeping(name, nodes[name], bad) for name in names}
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
    # A version can be any text, also a command to paste: only a number is ever advised.
    numbered = (one for one in every if normalised(one.version))
    good = sorted(numbered, key=_preference, reverse=True)
    if not good:
        return None if every else SafeVersion(None)
    # What was uploaded today may be malware that nobody has seen yet.
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
    # Two rows that write one version in two ways may be one archive: it is as bad as the worse row.
    bad = {_meaning(one) for one in listed if one.status != ACTIVE or one.deprecated}
    return [one for one in listed if one.version and _meaning(one) not in bad]


def _created(version: Version) -> MomentOrEmpty:
    """Return when a version was created; "" if its date cannot be read."""
    return normal(version.created_at) or ""


def _preference(version: Version) -> tuple[object, ...]:
    """Return a key that sorts good versions, the one to advise last."""
    text, created = version.version, recency(version.created_at)
    # The date breaks ties alone: a fix of an old release is not the newest version.
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
    # Not what is wanted: a status that this program does not know has to pass.
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
    # Who sets `statuses` leaves out what others publish, not a warning about what they run.
    is_bad = event.kind in EXPOSURES.values() or event.replaces_archive
    if event.version is None or event.kind in _OF_COPIES or (is_bad and event.runs_it):
        return [None]
    found = [event.after, event.before]
    if event.kind in _OF_DEPRECATION:
        # The event names none.
        nodes = [one.get(event.node_key) for one in (after, before)]
        known = [node.by_key.get(event.key) if node else None for node in nodes]
        found = [one.row.status if one else None for one in known]
    elif event.kind is Kind.REMOVED:
        found = [event.before]
    return found[:1] if event.ends is None else found
