"""What a poll is given and what it returns, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import Addresses
from watcher.model.channel import Channel
from watcher.model.event import Event
from watcher.model.finding import Acceptance
from watcher.model.pack import Source
from watcher.model.reading import ALL, Fault, ReadFailure
from watcher.registry.client import Registry, RequestLimits
from watcher.settings.model import Settings
from watcher.state.model import State
from watcher.state.store import StateFolder
from watcher.streams import Progress, silent
from watcher.values import frozen


def registry_of(settings: Settings, progress: Progress = silent) -> Registry:
    """Return the registry that the settings name, to be opened; ConfigError then if no proxy can be used."""
    # One for each poll or look: whether the registry asked to wait is known of that alone, and the next may ask again.
    return Registry(settings.registry_url, request_limits(settings), progress=progress)


def request_limits(settings: Settings) -> RequestLimits:
    """Return the bounds that the settings put on requests to the registry."""
    return RequestLimits(
        timeout=settings.timeout,
        retries=settings.retries,
        concurrency=settings.concurrency,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PollConfig:
    """What to poll, how, and where its alerts go."""

    nodes: tuple[str, ...]
    """Ids."""
    globs: tuple[str, ...]
    """Globs over the ids of the whole registry (`watcher.model.selection.Selection`)."""
    statuses: tuple[str, ...]
    """Those whose changes are reported, by short name."""
    registry_url: str
    limits: RequestLimits
    baseline: str
    failure_threshold: int
    channels: tuple[Channel, ...]
    alert_expiry: float
    """Seconds."""
    addresses: Addresses
    """The channels' URLs, as the state keeps them (`watcher.alerts.queues.ownership`)."""
    installs: tuple[Source, ...] = ()
    """ComfyUIs whose packs are watched too."""
    publishers: tuple[str, ...] = ()
    """Ids of publishers, all of whose packs are watched."""
    accept: tuple[Acceptance, ...] = ()
    """Findings about what is installed that are known."""
    minimum_age: float
    """How old a version has to be to be advised, in seconds."""
    publish: Callable[[State, StateFolder], object] | None = None
    """Writes the files of what is saved to `publish_dir`, and raises WatchError; None without that setting."""


@dataclass(slots=True, eq=False, repr=False)
class Dispatch:
    """What one round of deliveries did. Mappings are by channel name; alerts are counted."""

    waiting: Outbox
    """The outbox after the round."""
    delivered: int = 0
    unconfirmed: int = 0
    """Sent by channels that cannot say whether it arrived."""
    expired: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Why a channel failed."""
    unsaved: list[str] = field(default_factory=list)
    """What could not be written."""


@frozen
class Report:
    """What one poll did. Mappings are by channel name; alerts are counted."""

    started: str
    finished: str
    watched: int
    checked: int
    events: tuple[Event, ...]
    unread: tuple[ReadFailure, ...]
    """What could not be read: nodes, or without a node the pages of all."""
    empty: tuple[str, ...]
    """Nodes that never had a version."""
    delivered: int
    unconfirmed: int
    """Sent by channels that cannot say whether it arrived."""
    undelivered: int
    expired_by_channel: Mapping[str, int]
    channel_errors: Mapping[str, str]
    """Why a channel that still has undelivered alerts failed."""
    next_try: str = ""
    """When the first of the undelivered alerts is tried again; "" with the next poll."""
    taking: frozenset[str] = frozenset()
    """Names of the channels that have not failed since they took an alert, or never."""
    unsaved: tuple[str, ...] = ()
    """What could not be written after the change itself was saved."""
    nodes: tuple[str, ...] = ()
    """The ids that were watched, those of installed packs and of packs that globs choose too."""
    requests: int = 0
    """How many requests the registry was sent."""
    unscanned: tuple[ReadFailure, ...] = ()
    """Why installs could not be scanned, or only in part."""
    unknown: tuple[str, ...] = ()
    """Ids that only installs name and the registry does not know, as far as that was not said before."""
    no_packs_of: tuple[str, ...] = ()
    """Publishers that have no pack, if that was not said before."""
    unpublished: str = ""
    """Why the files of `publish_dir` could not be written, or not all of them."""
    no_packs: str = ""
    """Why the registry says nothing of packs as a whole, if that was not said before."""

    @property
    def errors(self) -> tuple[tuple[str, str], ...]:
        """Why each node could not be read, by its id."""
        return tuple((one.node or ALL, one.error) for one in self.unread)

    @property
    def failure_of_registry(self) -> ReadFailure | None:
        """Why no node could be read, if each failure is the registry's or the network's; the first of them.

        Of a single node only the lack of any answer is: what the registry answers may be about that node.
        """
        nodes = [one for one in self.unread if one.node is not None]
        # What was not tried follows from the others, and says nothing of its own.
        tried = [one for one in nodes if one.fault is not Fault.UNTRIED]
        are_all = len(nodes) == self.watched and not self.checked
        if not (are_all and tried and all(one.registry_wide for one in tried)):
            return None
        # A 5xx about the only pack may be about that pack: then it is named.
        is_reached = tried[0].fault is not Fault.UNREACHED
        return None if self.watched == 1 and is_reached else tried[0]

    @property
    def failures(self) -> tuple[ReadFailure, ...]:
        """What could not be read, with one failure of the registry in place of those of all its nodes."""
        # A hundred packs that all time out are one line in a mail, and not a hundred.
        if not (of_all := self.failure_of_registry):
            return self.unread
        parts = (one for one in self.unread if one.node is None)
        return replace(of_all, node=None), *parts

    @property
    def seconds(self) -> float:
        """How long the poll took, by the clock."""
        # The clock may have been set back meanwhile.
        return max(timestamps.seconds_between(self.started, self.finished), 0.0)

    @property
    def expired(self) -> int:
        """Alerts that expired, over all channels."""
        return sum(self.expired_by_channel.values())
