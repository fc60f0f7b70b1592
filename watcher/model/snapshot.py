"""The picture of what is known of every node, as values; `watcher.state.store` keeps it in `snapshot.json`."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import cast

from watcher.model.version import STATUSES, Version


class Mark(StrEnum):
    """What is known of a version beyond its last facts."""

    ABSENT = "absent"
    """Missing from one complete listing: once more and it is removed."""
    REMOVED = "removed"
    """Was reported removed; kept so that its return is a transition of its own."""
    LEFT = "left"
    """Left the watched statuses while they were narrowed: recorded, not reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What is known of one node.

    `statuses` are those the last complete listing covered. `baseline_at` is empty until a first complete listing
    came; `empty_since` is when a first listing was empty, which makes it provisional. `seen` counts the events so
    far by version key ("" for the node itself), so that the next one's id differs. `marks` are by version key.
    `partial` are the keys of versions of which status and age are all that was ever told, wherever they are by now:
    what else such a one is will be no change when it comes.
    """

    node: str
    baseline_at: str = ""
    empty_since: str = ""
    statuses: tuple[str, ...] = ()
    banned: bool = False
    emptied: bool = False
    failing: bool = False
    seen: Mapping[str, int] = field(default_factory=dict)
    seen_floor: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    partial: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()

    @property
    def turned_empty(self) -> bool:
        """Whether it was reported that no version is listed any more."""
        return self.emptied or self.all_removed

    @property
    def all_removed(self) -> bool:
        """Whether every version is marked removed. Before there was `emptied`, a node that turned empty was marked so,
        which does not happen otherwise.
        """
        return bool(self.versions) and all(self.marks.get(version.key) is Mark.REMOVED for version in self.versions)

    @property
    def listed(self) -> tuple[Version, ...]:
        """The versions that are listed under the watched statuses, as far as is known."""
        if self.turned_empty:
            return ()
        hidden = {Mark.REMOVED, Mark.LEFT}
        watched = set(self.statuses or STATUSES)
        return tuple(
            version
            for version in self.versions
            if self.marks.get(version.key) not in hidden and (version.status in watched or watched >= set(STATUSES))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The current picture. `revision` grows by one with each durable change; `nodes` is keyed by lower-case id.

    `registry_failing` says that a registry-wide `failing` was reported and not yet `recovered`; `registry_seen`
    counts the registry's own events.
    """

    revision: int = 0
    registry_failing: bool = False
    registry_seen: int = 0
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def with_nodes(self, changed: Mapping[str, Node]) -> Snapshot:
        """Give the snapshot with some nodes changed, over the others as they are: those are not even looked at."""
        if not changed:
            return self
        layers = self.nodes.maps if isinstance(self.nodes, ChainMap) else [self.nodes]
        nodes = ChainMap(dict(changed), *(cast("dict[str, Node]", layer) for layer in layers))
        return replace(self, nodes=nodes)
