"""All that is kept between polls, as one value; `watcher.state.store` keeps it in the state folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Outbox
from watcher.changes.health import Health
from watcher.model.event import Event
from watcher.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """How the polls went: what changes with every poll and is therefore no part of the snapshot.

    Losing this costs no alert.
    """

    polled_at: str = ""
    """When the last poll began."""
    health: Health = field(default_factory=Health)
    checked: Mapping[str, str] = field(default_factory=dict)
    """When each node was last read completely, by lower-case node id."""
    etags: Mapping[str, str] = field(default_factory=dict)
    """Versions of those answers that the snapshot shows as they were, by lower-case node id."""
    etag_scope: str = ""
    """What the etags go with beside the node: the registry's address and the watched statuses."""
    watched: tuple[str, ...] = ()
    """The node ids of the last poll."""
    reported: Mapping[str, str] = field(default_factory=dict)
    """When each problem that lasts was last reported, by what it is about (`watcher.polling.reminders`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The recorded events. Nothing depends on them: damage holds back no alert and no later event."""

    events: tuple[Event, ...] = ()
    """Oldest first."""
    unreadable: int = 0
    """Whole lines that are no event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a poll begins with, and what it leaves."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    outbox: Outbox = field(default_factory=Outbox)
    checks: Checks = field(default_factory=Checks)
    addresses: Addresses = field(default_factory=Addresses)
