"""Which packs a publisher has: a pack that comes after the first complete list is news from its first version. Pure.

Rules: docs/behaviour.md, Publishers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher.model.pack import PackRecord
from watcher.model.selection import NODE_ID, Selection
from watcher.model.snapshot import Node, Publisher, Snapshot
from watcher.timestamps import Moment


def take_packs(
    snapshot: Snapshot,
    publishers: Iterable[str],
    records: Iterable[PackRecord],
    globs: Selection,
    *,
    whole_at: Moment | None = None,
) -> Snapshot:
    """Return the snapshot with the packs that these publishers have; the same object if that is nothing new.

    Packs of the first complete list, which is one that was `whole_at` a time, get their baseline as packs in `nodes`
    do. A later one gets a node here, before its versions are read: so they are news though reading them may fail, or
    this process may end. `globs` leave packs out.
    """
    packs: dict[str, dict[str, str]] = {}
    for record in records:
        if NODE_ID.fullmatch(record.id):
            of = packs.setdefault(record.publisher.lower(), {})
            of[record.id.lower()] = record.id
    for name in publishers:
        key = name.lower()
        before = snapshot.publishers.get(key) or Publisher(publisher=name)
        known = {pack.lower(): pack for pack in before.packs}
        all_packs = packs.get(key, {}) | known
        after = replace(
            before,
            packs=tuple(all_packs[pack] for pack in sorted(all_packs)),
            baseline_at=before.baseline_at or whole_at or "",
        )
        newcomers = {
            pack: Node(node=all_packs[pack], baseline_at=before.baseline_at)
            for pack in all_packs.keys() - known.keys() - snapshot.nodes.keys()
            if before.baseline_at and not globs.leaves_out(pack)
        }
        if after != snapshot.publishers.get(key, Publisher(publisher=name)):
            of_all = {**snapshot.publishers, key: after}
            snapshot = replace(snapshot, publishers=of_all).with_nodes(newcomers)
    return snapshot
