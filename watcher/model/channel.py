"""Channels: where alerts go, which channel wants which event, and what came of one attempt at a message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from watcher.model.event import (
    DEFAULT_KINDS,
    SWEPT_KINDS,
    Event,
    Kind,
    Severity,
    worst_of,
)
from watcher.values import frozen


class Grouping(StrEnum):
    """How many events one message carries."""

    POLL = "poll"
    EVENT = "event"


class Scope(StrEnum):
    """Which packs a channel is for."""

    ALL = "all"
    INSTALLED = "installed"


@frozen
class Channel:
    """One place that alerts go to. Messages and logs use its `name` only."""

    name: str
    url: str = field(repr=False)
    """An apprise URL. It is a secret, so no repr shows it."""
    kinds: frozenset[Kind] = DEFAULT_KINDS
    nodes: tuple[str, ...] = ()
    """Globs over lower-case node ids; empty means every node."""
    scope: Scope = Scope.ALL
    grouping: Grouping = Grouping.POLL
    min_severity: Severity = Severity.INFO
    """How bad an event has to be."""
    kinds_given: bool = False
    """The settings name its kinds, so it gets these of every node."""
    named: frozenset[str] | None = None
    """Lower-case ids of the nodes of which it gets all its kinds although they are not given; of others only
    `SWEPT_KINDS`, unless somebody runs them. None: of every node.
    """
    placed: bool = False
    """The name was made from a position in `alert_urls`, so another channel may have it in the next poll."""


def wants(channel: Channel, event: Event) -> bool:
    """Return whether the channel wants the event.

    An event without a node (about the registry, all nodes, an install, a pack without an id or another channel) passes
    every node glob and scope. None is about itself.
    """
    # Who asked for exposures alone has to hear of the ban that stands for one.
    kinds = {event.kind, Kind.EXPOSED} if event.exposes else {event.kind}
    if not kinds & channel.kinds or event.channel == channel.name:
        return False
    least = channel.min_severity
    if _is_only_swept(channel, event):
        if event.kind not in SWEPT_KINDS:
            return False
        # Most harmless packs have an informational flag.
        least = worst_of(least, Severity.WARNING)
    # What ends something counts as bad as that; a baseline says what is there.
    is_bad = (event.ends or event.severity).reaches(least)
    if not is_bad and event.kind is not Kind.BASELINE:
        return False
    if channel.scope is Scope.INSTALLED and not _is_about_installed(event):
        return False
    if not channel.nodes or event.node is None:
        return True
    return any(fnmatchcase(event.node_key, glob.lower()) for glob in channel.nodes)


def knowing(channels: Iterable[Channel], named: Iterable[str]) -> tuple[Channel, ...]:
    """Return the channels with the ids of the nodes that are watched by name, or because they are installed."""
    ids = frozenset(node.lower() for node in named)
    return tuple(replace(channel, named=ids) for channel in channels)


def _is_only_swept(channel: Channel, event: Event) -> bool:
    """Return whether only a glob chooses the event's node, which nobody runs, and the channel's kinds are not given."""
    if (
        channel.kinds_given
        or channel.named is None
        or event.node is None
        or _is_about_installed(event)
    ):
        return False
    return event.node_key not in channel.named


def _is_about_installed(event: Event) -> bool:
    """Return whether an event touches what somebody runs, or ran until this poll, or may do so: it names no node.

    What appeared in an install is about that, even if nobody runs it.
    """
    is_of_install = event.kind in {Kind.CLEARED, Kind.APPEARED}
    return event.node is None or is_of_install or event.runs_its_pack


def grouped(channel: Channel, events: tuple[Event, ...]) -> list[tuple[Event, ...]]:
    """Return the events of one poll that the channel wants, split by message, in order."""
    wanted = [event for event in events if wants(channel, event)]
    if channel.grouping is Grouping.EVENT:
        return [(event,) for event in wanted]
    return [tuple(wanted)] if wanted else []


class Cause(StrEnum):
    """What has to change before a message that was not taken can be delivered."""

    CONTENT = "content"
    """The message: the service refused it for what it is, and would again."""
    GONE = "gone"
    """The channel's URL: what it names is no more."""
    OTHER = "other"
    """Anything else; time may help."""


@frozen
class Outcome:
    """What came of one attempt at a message, or what is known of it so far."""

    taken: bool = False
    """The service, with every target in its URL, has taken the message."""
    confirmed: bool = True
    """The service has said so; False if its protocol has no answer (`watcher.delivery.confirming`)."""
    reason: str = ""
    """Why it was not taken: short, and holds nothing of the URL. Empty if a stop cut it short, which is no failure."""
    cause: Cause = Cause.OTHER
    retry_after: float | None = None
    """Seconds that the service asked to wait; None if it did not say."""
    reached: frozenset[str] = frozenset()
    """Digests of the URL's targets that did take a message which was not taken by all."""
    unanswered: bool = False
    """It went out and no answer came, so the service may have it."""
    left: tuple[str, ...] = ()
    """Ids of the events that the message did not name and that go into a further one, for those who have taken it."""
