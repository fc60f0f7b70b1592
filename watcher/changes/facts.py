"""What an event says besides the transition, what is kept of it, and which events `statuses` lets pass. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from watcher.model.event import (
    EXPOSURES,
    Event,
    Kind,
    Severity,
    bounded,
    is_explained,
    replaces_archive,
    runs_it,
)
from watcher.model.scan import MOST_KEPT, Scan, shortened
from watcher.model.snapshot import Ban, Node, Snapshot
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


def finished(
    events: Sequence[Event],
    snapshot: Snapshot,
    reasons: Mapping[VersionKey, Reason],
    minimum_age: MinimumAge,
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Return the events of a poll with what is no part of the transition, as they are kept and sent.

    The snapshot is the given one with what the scanner found in versions of events. `reasons` are those that the
    registry gave; what an event says already stays before one. The newest good version is that of `snapshot`.
    An exposure that has one keeps it: the registry's answer about the pack as a whole counts there.
    """
    safe: dict[str, SafeVersion | None] = {}
    done: list[Event] = []
    snapshot, events = with_scans(snapshot, events, reasons)
    for event in events:
        key = (event.node or "").lower()
        if key not in safe:
            node = snapshot.nodes.get(key)
            safe[key] = safe_version(node, minimum_age) if node else None
        said = reasons.get(version_of(event)) if is_explained(event) else None
        reason = filter(None, (event.reason, said.summary if said else ""))
        known = event.safe_version or safe[key]
        done.append(
            bounded(replace(event, reason=": ".join(reason), safe_version=known))
        )
    return snapshot, tuple(done)


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
    return not is_prerelease(version.version), _age(version)


def _meaning(version: Version) -> object:
    return normalised(version.version) or version.version


def _age(version: Version) -> tuple[object, ...]:
    return precedence(version.version), recency(version.created_at), version.id


_OF_VERSIONS = {
    Kind.NEW,
    Kind.PENDING,
    Kind.FLAGGED,
    Kind.BANNED,
    Kind.DELETED,
    Kind.REINSTATED,
    Kind.DEPRECATED,
    Kind.UNDEPRECATED,
    Kind.CHANGED,
    Kind.REMOVED,
}
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
    return tuple(
        event
        for event in events
        if event.kind not in _OF_VERSIONS
        or event.version is None
        or _says_that_what_is_run_is_bad(event)
        or any(
            status in statuses or status not in STATUSES
            for status in _statuses(event, before, after)
        )
    )


def _says_that_what_is_run_is_bad(event: Event) -> bool:
    is_bad = event.kind in EXPOSURES.values() or replaces_archive(event)
    return is_bad and runs_it(event)


def _statuses(
    event: Event, before: Mapping[str, Node], after: Mapping[str, Node]
) -> list[str | None]:
    """Return the statuses of an event's version that count."""
    is_end = event.ends is not None
    if event.kind in _OF_DEPRECATION:
        # The event names none.
        counting = (after, before) if is_end else (after,)
        return [_status_in(nodes, event) for nodes in counting]
    if event.kind is Kind.REMOVED:
        return [event.before]
    return [event.after, event.before] if is_end else [event.after]


def _status_in(nodes: Mapping[str, Node], event: Event) -> str | None:
    node = nodes.get((event.node or "").lower())
    versions = node.versions if node else ()
    return next((one.status for one in versions if one.key == event.key), None)
