"""What an event says besides the transition: why, and which version is good. Pure.

None of it is part of an event's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from watcher.changes.scans import VersionKey, version_of, with_scans
from watcher.model.bounds import bounded
from watcher.model.event import Event, is_explained
from watcher.model.event_form import public_time
from watcher.model.precedence import is_prerelease, normalised, precedence
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import (
    ACTIVE,
    MinimumAge,
    SafeVersion,
    Version,
    recency,
)
from watcher.text.status_reason import Reason
from watcher.timestamps import MomentOrEmpty


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
    return public_time(version.created_at) or ""


def _preference(version: Version) -> tuple[object, ...]:
    """Return a key that sorts good versions, the one to advise last."""
    return not is_prerelease(version.version), _age(version)


def _meaning(version: Version) -> object:
    return normalised(version.version) or version.version


def _age(version: Version) -> tuple[object, ...]:
    return precedence(version.version), recency(version.created_at), version.id
