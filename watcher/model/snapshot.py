"""The picture of what is known of every node, as values; `watcher.state.store` keeps it in `snapshot.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from watcher.model.event import FAILING, About, Event, Grade
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

    since: Moment
    """When the poll began that saw it first."""
    until: MomentOrEmpty = ""
    """When the poll began that saw that it had ended; "" while it lasts."""
    changed: Moment
    """When the poll began that last saw a difference in it."""
    reason: str = ""
    """A summary of the registry's reason, without e-mail addresses; "" if it was not read. Untrusted text."""


@frozen
class KnownVersion:
    """What is known of one version: its last row, and what no row says."""

    row: Version
    """As it was last shown, with the known values of fields that were not."""
    mark: Mark | None = None
    """Whether it is missing; None if it was there when it was last looked for."""
    partial: bool = False
    """A watched field of it was never read: its first value will not be a change."""
    past: Grade | None = None
    """The worst that was reported of it since it was active, `ok` if that is nothing; None where its status says that,
    or if it never had another one than it has.
    """
    scan: Scan | None = None
    """What the scanner found in it, if that was read: of the newest 20 versions."""
    ban: Ban | None = None
    """The last ban of it, also one that ended."""

    @property
    def key(self) -> str:
        """What identifies the version in its node, as `Version.key`."""
        return self.row.key


@dataclass(
    frozen=True, kw_only=True
)  # without slots: it keeps what is made of its versions
class Node:
    """What is known of one node."""

    node: str
    """The id as it is watched."""
    baseline_at: MomentOrEmpty = ""
    """When the first complete listing came; "" before that."""
    empty_since: MomentOrEmpty = ""
    """When a first listing was empty, which makes it provisional (docs/dev/behaviour.md, Listings)."""
    banned: bool = False
    """The registry says that the node as a whole is banned."""
    ban_recorded: bool = False
    """`GET /nodes` says that it is banned: a listing that can be read does not end the ban."""
    ban: Ban | None = None
    """The last ban of it as a whole, also one that ended."""
    emptied: bool = False
    """It was reported that no version is listed any more."""
    versions: tuple[KnownVersion, ...] = ()
    """Oldest first."""

    @property
    def is_there(self) -> bool:
        """Whether the registry was seen to have it: a version of it, or its ban."""
        return bool(self.versions or self.banned)

    # Each listing is compared with them.
    @cached_property
    def rows(self) -> tuple[Version, ...]:
        """The rows of all versions, oldest first."""
        return tuple(one.row for one in self.versions)

    @cached_property
    def listed(self) -> tuple[Version, ...]:
        """The rows of the versions that are listed, as far as is known."""
        if self.emptied:
            return ()
        return tuple(one.row for one in self.versions if one.mark is not Mark.REMOVED)

    @cached_property
    def by_key(self) -> Mapping[str, KnownVersion]:
        """Its versions by their keys."""
        return {one.key: one for one in self.versions}


@frozen
class SweepBaseline:
    """The baseline of all nodes that globs choose."""

    globs: tuple[str, ...] = ()
    """The globs that it was set for."""
    baseline_at: MomentOrEmpty = ""
    """When the first complete sweep came; "" before that."""


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
    failing: Mapping[About, Mapping[str, str]] = field(default_factory=dict)
    """What was reported failing and did not recover since, with what its event calls that: nodes by lower-case id, the
    registry and its parts by that word, installs by what the state knows them by, and channels by name, or by the
    digest of the URL where the name is only a place in `alert_urls`.
    """
    installed: Installed = field(default_factory=Installed)
    """What was reported of the ComfyUIs whose packs are watched, and of these packs."""
    sweep_baseline: SweepBaseline = field(default_factory=SweepBaseline)
    """How the baseline of all nodes that globs choose stands."""
    publishers: Mapping[str, Publisher] = field(default_factory=dict)
    """The publishers whose packs are, or were, watched, by lower-case id."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many events there were since this state began, by kind."""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """By lower-case id."""

    def is_failing(self, about: About, key: str) -> bool:
        """Return whether something is reported failing."""
        return key in self.failing.get(about, {})

    @property
    def is_down(self) -> bool:
        """Whether the registry as a whole is reported failing."""
        return self.is_failing(About.REGISTRY, FAILING)

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
