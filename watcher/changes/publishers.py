"""Which packs a publisher has, after a list of them: a pack that comes later is news from its first version. Pure.

Rules: docs/behaviour.md, Publishers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher.model.pack import PackList, PackRecord
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Publisher, Snapshot


def take_list(snapshot: Snapshot, found: PackList, globs: Selection) -> Snapshot:
    """Return the snapshot with what a list shows; the same object if it shows nothing new.

    Packs of the first list get their baseline as packs in `nodes` do. A later one gets a node here, before its versions
    are read: so they are news though reading them may fail, or this process may end. `globs` leave packs out.
    """
    before = _known(snapshot, found.publisher)
    after = _with_packs(before, found.packs)
    if not found.incomplete and not after.baseline_at:
        if after.packs:
            after = replace(after, baseline_at=found.at)
        else:
            after = replace(after, empty_since=after.empty_since or found.at)
    known = {*map(str.lower, before.packs), *snapshot.nodes}
    newcomers: dict[str, Node] = {}
    for pack in after.packs:
        is_new = pack.lower() not in known and not globs.leaves_out(pack)
        if is_new and (node := _newcomer(pack, before)):
            newcomers[pack.lower()] = node
    return _with(snapshot, after).with_nodes(newcomers)


def take_records(
    snapshot: Snapshot, publishers: Iterable[str], records: Iterable[PackRecord]
) -> Snapshot:
    """Return the snapshot with the packs that one of these publishers has, as their records say.

    They are watched already: so a pack that a sweep has shown is theirs before the next list.
    """
    packs: dict[str, list[str]] = {}
    for record in records:
        packs.setdefault(record.publisher.lower(), []).append(record.id)
    for name in publishers:
        found = packs.get(name.lower(), ())
        snapshot = _with(snapshot, _with_packs(_known(snapshot, name), found))
    return snapshot


def _known(snapshot: Snapshot, publisher: str) -> Publisher:
    return snapshot.publishers.get(publisher.lower()) or Publisher(publisher=publisher)


def _with_packs(publisher: Publisher, packs: Iterable[str]) -> Publisher:
    """Return the publisher with these packs too, each once, whatever its case."""
    known = {pack.lower(): pack for pack in publisher.packs}
    known = {pack.lower(): pack for pack in packs} | known
    return replace(publisher, packs=tuple(known[key] for key in sorted(known)))


def _newcomer(pack: str, publisher: Publisher) -> Node | None:
    """Return a pack that an earlier list did not have, so that its versions are news; None if there was no list.

    An earlier list without any pack is believed as an empty listing is: by the dates of the versions.
    """
    if publisher.baseline_at:
        return Node(node=pack, baseline_at=publisher.baseline_at)
    if publisher.empty_since:
        return Node(node=pack, empty_since=publisher.empty_since)
    return None


def _with(snapshot: Snapshot, publisher: Publisher) -> Snapshot:
    """Return the snapshot with a publisher; the same object if it has nothing new."""
    if publisher == _known(snapshot, publisher.publisher):
        return snapshot
    key = publisher.publisher.lower()
    return replace(snapshot, publishers={**snapshot.publishers, key: publisher})
