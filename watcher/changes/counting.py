"""How many events there were since the state began, as part of what the snapshot knows. Pure.

They are counted in the snapshot that commits them, so that each counts once whatever happens in between.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher.model.event import Event
from watcher.model.snapshot import Snapshot


def with_counts(snapshot: Snapshot, events: Iterable[Event]) -> Snapshot:
    """Return the snapshot of a poll with its events counted; the same object if there are none.

    An event about a pack that the snapshot does not have is one about installs, since only these name such packs.
    Events about channels are not counted.
    """
    of_nodes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    of_installs: Counter[str] = Counter()
    of_all: Counter[str] = Counter()
    for event in events:
        if event.channel is not None:
            continue
        key = (event.node or "").lower()
        if key in snapshot.nodes:
            of_nodes[key][event.kind] += 1
        elif event.node is None and event.install is None:
            of_all[event.kind] += 1
        else:
            of_installs[event.kind] += 1
    if not (of_nodes or of_installs or of_all):
        return snapshot
    installed = snapshot.installed
    nodes = {
        key: replace(snapshot.nodes[key], counts=_sum(snapshot.nodes[key].counts, more))
        for key, more in of_nodes.items()
    }
    return replace(
        snapshot.with_nodes(nodes),
        installed=replace(installed, counts=_sum(installed.counts, of_installs)),
        counts=_sum(snapshot.counts, of_all),
    )


def _sum(before: Mapping[str, int], more: Counter[str]) -> Mapping[str, int]:
    return dict(sorted((Counter(before) + more).items()))
