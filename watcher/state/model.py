"""All that is kept between polls, as one value; `watcher.state.store` keeps it in the state folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Outbox
from watcher.changes.health import Health
from watcher.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """How the polls went: what changes with every poll and is therefore no part of the snapshot.

    `checked` is when each node was last read completely, `etags` the names of those answers that the snapshot
    shows as they were, both by lower-case node id; `asked` is the question that the names go with, `watched`
    are the ids of the last poll and `polled_at` is when it began; `said` is when each problem that lasts was said last
    (`watcher.polling.reminders`). Losing this costs no alert.
    """

    polled_at: str = ""
    health: Health = field(default_factory=Health)
    checked: Mapping[str, str] = field(default_factory=dict)
    etags: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""
    watched: tuple[str, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a poll begins with, and what it leaves."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    outbox: Outbox = field(default_factory=Outbox)
    checks: Checks = field(default_factory=Checks)
    addresses: Addresses = field(default_factory=Addresses)
