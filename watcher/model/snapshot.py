"""The picture of what is known of every node, as values; `watcher.state.store` keeps it in `snapshot.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from enum import StrEnum

from watcher.model.event import Event, Severity
from watcher.model.finding import Installed
from watcher.model.scan import Scan
from watcher.model.version import Version
from watcher.timestamps import Moment, MomentOrEmpty
from watcher.values import frozen


class Mark(StrEnum):
    """What is known of a version besides its fields."""

    ABSENT = "absent"
    """Missing from the last complete listing. It is removed if it is missing from the next one too."""
    REMOVED = "removed"
    """Reported as removed. It is kept so that its return is an event of its own."""


@frozen
class Ban:
    """A ban that was seen, of a version or of a node as a whole. It is kept when it ends."""

    version: str | None = None
    """The version's text; None for the node as a whole."""
    since: Moment
    """When the poll began that saw it first."""
    until: MomentOrEmpty = ""
    """When the poll began that saw that it had ended; "" while it lasts."""
    changed: Moment
    """When the poll began that last saw a difference in it."""
    reason: str = ""
    """A summary of the registry's reason, without e-mail addresses; "" if it was not read. Untrusted text."""


@frozen
class Node:
    """What is known of one node."""

    node: str
    """The id as it is watched."""
    baseline_at: MomentOrEmpty = ""
    """When the first complete listing came; "" before that."""
    empty_since: MomentOrEmpty = ""
    """When a first listing was empty, which makes it provisional (docs/behaviour.md, Listings)."""
    banned: bool = False
    """The registry says that the node as a whole is banned."""
    ban_recorded: bool = False
    """`GET /nodes` says that it is banned: a listing that can be read does not end the ban."""
    emptied: bool = False
    """It was reported that no version is listed any more."""
    failing: bool = False
    """A `failing` was reported, and no `recovered` since."""
    seen: Mapping[str, int] = field(default_factory=dict)
    """How many changes each version had, by key ("" for the node itself), so that each event has an id of its own."""
    seen_floor: int = 0
    """The same for versions that are not in `seen`."""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """By version key."""
    partial: tuple[str, ...] = ()
    """Keys of versions with a field that was never read: its first value will not be a change."""
    ends: Mapping[str, Severity | None] = field(default_factory=dict)
    """How bad the worst was that was reported of a version since it was active, by key, where that does not follow from
    its status; None if nothing was of one that was active.
    """
    versions: tuple[Version, ...] = ()
    """Oldest first."""
    scans: Mapping[str, Scan] = field(default_factory=dict)
    """What the scanner found in versions, of those whose findings were read: by version key, the newest 20."""
    bans: Mapping[str, Ban] = field(default_factory=dict)
    """The bans that were seen, also those that ended: by version key, "" for the node itself."""

    @property
    def is_there(self) -> bool:
        """Whether the registry was seen to have it: a version of it, or its ban."""
        return bool(self.versions or self.banned)

    @property
    def listed(self) -> tuple[Version, ...]:
        """The versions that are listed, as far as is known."""
        if self.emptied:
            return ()
        return tuple(
            one for one in self.versions if self.marks.get(one.key) is not Mark.REMOVED
        )


@frozen
class SweepBaseline:
    """The baseline of all nodes that globs choose."""

    globs: tuple[str, ...] = ()
    """The globs that it was set for."""
    baseline_at: MomentOrEmpty = ""
    """When the first complete sweep came; "" before that."""
    failing: bool = False
    """Incomplete sweeps were reported as failing, and have not recovered."""


@frozen
class Publisher:
    """A publisher whose packs are watched."""

    publisher: str
    """The id as it is in the settings."""
    baseline_at: MomentOrEmpty = ""
    """When the first complete list of all packs came; "" before that. A pack that comes later is news."""
    packs: tuple[str, ...] = ()
    """Ids of the packs that were seen in a list, as the registry writes them, sorted. None is ever taken away."""


@frozen
class Snapshot:
    """What is known of all nodes."""

    revision: int = 0
    """Grows by one with each durable change."""
    registry_failing: bool = False
    """A registry-wide `failing` was reported, and no `recovered` since."""
    registry_seen: int = 0
    """How many events the registry itself had."""
    channels_failing: tuple[str, ...] = ()
    """The channels that were reported failing, and did not recover since: by name, sorted, or by the digest of the URL
    where the name is only a place in `alert_urls`.
    """
    channels_seen: int = 0
    """How many events channels had."""
    installed: Installed = field(default_factory=Installed)
    """What was reported of the ComfyUIs whose packs are watched, and of these packs."""
    sweep_baseline: SweepBaseline = field(default_factory=SweepBaseline)
    """The baseline of all nodes that globs choose."""
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    """The publishers whose packs are, or were, watched, by lower-case id."""
    unlisted: bool = False
    """That publishers' packs cannot be listed was reported as failing, and has not recovered."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many events there were since this state began, by kind."""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """By lower-case id."""

    def with_nodes(self, changed: Mapping[str, Node]) -> Snapshot:
        """Return the snapshot with some nodes changed."""
        return replace(self, nodes={**self.nodes, **changed}) if changed else self

    def with_counts(self, events: Iterable[Event]) -> Snapshot:
        """Return the snapshot with the events of its poll counted; the same object if there are none.

        They are counted in the snapshot that commits them, so that each counts once whatever happens in between.
        """
        more = Counter[str](event.kind for event in events)
        counts = dict(sorted((more + Counter(self.counts)).items()))
        return replace(self, counts=counts) if more else self

    def packs_of(self, publishers: Iterable[str]) -> Iterator[str]:
        """Yield the ids of the packs of some publishers, each given by its id in any case."""
        for publisher in publishers:
            known = self.publishers.get(publisher.lower())
            yield from known.packs if known else ()
