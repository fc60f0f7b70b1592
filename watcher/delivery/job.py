"""What the worker is asked to send."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.model.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The targets of a URL that earlier attempts at a message reached."""

    key: str = ""
    """The digest of the channel's URL."""
    salt: str = ""
    """Salt for the digests of targets (`watcher.alerts.queues.channel_identity`)."""
    targets: frozenset[str] = frozenset()


NOBODY_YET = Reached()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One message to one channel."""

    url: str
    events: tuple[Event, ...]
    timeout: float
    """Seconds for each request."""
    reached: Reached = NOBODY_YET
    plain: bool = False
    """Send the plainest form: ASCII, counts, the worst event."""
    named: frozenset[str] | None = None
    """Lower-case ids of the nodes that are named: what is critical about these is never only counted. None: all."""
    part: int = 0
    """Which further message this is; 0 for none."""
