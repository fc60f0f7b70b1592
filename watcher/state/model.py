"""What the state knows an install by: where it is, whatever its name and its place in the settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import Addresses, digest
from watcher.changes.health import Streaks
from watcher.model.event import Event
from watcher.model.finding import JudgedCopy
from watcher.model.pack import NodeRecord, Pack, Source, SourceKind
from watcher.model.snapshot import Snapshot
from watcher.timestamps import Moment, MomentOrEmpty
from watcher.values import frozen


def keyed(sources: Iterable[Source], salt: str) -> dict[str, Source]:
    """Return installs by their paths, their globs, or slow digests of their addresses, which are secret.

    `salt` is `Installed.salt`.
    """
    return {
        digest(one.identity, salt) if one.kind is SourceKind.URL else one.identity: one
        for one in sources
    }


def names(sources: Iterable[Source], salt: str) -> dict[str, str]:
    """Return the names of installs by what the state knows them by."""
    return {key: one.name for key, one in keyed(sources, salt).items()}


@frozen
class Checks:
    """How the polls went. It changes with every poll, so it is not part of the snapshot. Losing it costs no alert."""

    revision: int = 0
    """The snapshot's revision that it goes with."""
    polled_at: MomentOrEmpty = ""
    """When the last poll that ran to its end began."""
    polled_before: MomentOrEmpty = ""
    """When the one before that began; "" if there was none."""
    streaks: Streaks = field(default_factory=dict)
    """What the last polls could not read."""
    checked: Mapping[str, Moment] = field(default_factory=dict)
    """When each node was last read completely, by lower-case node id."""
    server_times: Mapping[str, Moment] = field(default_factory=dict)
    """When the registry made the newest answer that is known of each node, by its own clock; by lower-case node id."""
    stale_since: Mapping[str, Moment] = field(default_factory=dict)
    """Since when only older answers came for a node, by our clock; by lower-case node id."""
    registry_url: str = ""
    """The registry whose answers these two are of."""
    watched: tuple[str, ...] = ()
    """The node ids of the last poll."""
    scanned: Mapping[str, Moment] = field(default_factory=dict)
    """When each install was last scanned without a failure, by what the state knows it by."""
    run: Mapping[str, tuple[JudgedCopy, ...]] = field(default_factory=dict)
    """How each enabled copy was judged by the last poll that could, by lower-case id of each node that it may be."""
    unknown: tuple[str, ...] = ()
    """Lower-case ids that only installs name and the registry does not know, if that was reported."""
    listed_at: MomentOrEmpty = ""
    """When the last poll began that read the whole list of all packs; "" if none did."""
    packs: Mapping[str, NodeRecord] = field(default_factory=dict)
    """What `GET /nodes` said of each watched pack, by lower-case id."""
    repositories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The ids of the packs that the list of all has under the repositories of installed copies without an id, by
    `repository_key`; none where a whole list has none.
    """
    packs_error: str = ""
    """Why it gave no usable answer when it was last asked; "" if it did."""
    requests: int = 0
    """How many requests the last poll took."""
    seconds: float = 0.0
    """How long the last poll took to read and compare."""


@frozen
class History:
    """The recorded events. Nothing depends on them: damage delays no alert and no later event."""

    events: tuple[Event, ...] = ()
    """Oldest first."""
    unreadable: int = 0
    """Number of whole lines that are not an event."""


@frozen
class State:
    """The whole state, before or after a poll."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    outbox: Outbox = field(default_factory=Outbox)
    checks: Checks = field(default_factory=Checks)
    addresses: Addresses = field(default_factory=Addresses)
    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """What the last good scan of each install found, by what the state knows it by (`watcher.state.model`)."""
