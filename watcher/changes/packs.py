"""What the list of all packs says: which a publisher has, and which a copy without an id may be. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from watcher.model.pack import Claim, Identity, NodeRecord, NodeRecords, Pack
from watcher.model.selection import NODE_ID, Selection
from watcher.model.snapshot import Node, Publisher, Snapshot
from watcher.model.version import BANNED
from watcher.text.repository import repository_key
from watcher.timestamps import Moment


def take_packs(
    snapshot: Snapshot,
    publishers: Iterable[str],
    records: Collection[NodeRecord],
    globs: Selection,
    *,
    whole_at: Moment | None = None,
) -> Snapshot:
    """Return the snapshot with the packs that these publishers have; the same object if that is nothing new.

    Packs of the first complete list, which is one that was `whole_at` a time, get their baseline as packs in `nodes`
    do. A later one gets a node here, before its versions are read: so they are news though reading them may fail, or
    this process may end. `globs` leave packs out.
    """
    for name in publishers:
        key = name.lower()
        before = snapshot.publishers.get(key) or Publisher(publisher=name)
        known = {pack.lower(): pack for pack in before.packs}
        all_packs = known | {
            one.id.lower(): one.id
            for one in records
            if one.publisher.lower() == key
            and one.id.lower() not in known
            and NODE_ID.fullmatch(one.id)
        }
        after = replace(
            before,
            packs=tuple(all_packs[pack] for pack in sorted(all_packs)),
            baseline_at=before.baseline_at or whole_at or "",
        )
        # Before the first whole list nobody knows which packs are new.
        newcomers = {
            pack: Node(node=all_packs[pack], baseline_at=before.baseline_at)
            for pack in all_packs.keys() - known.keys() - snapshot.nodes.keys()
            if before.baseline_at and not globs.leaves_out(pack)
        }
        if after != before:
            of_all = {**snapshot.publishers, key: after}
            snapshot = replace(snapshot, publishers=of_all).with_nodes(newcomers)
    return snapshot


_MOST = 10
"""Packs of one repository. The registry means to have one, but its rows are untrusted."""


def without_id(packs: Iterable[Pack]) -> frozenset[str]:
    """Return the repositories of the packs that have no id, by `repository_key`."""
    return frozenset(filter(None, map(_key, packs)))


def known_ids(packs: Iterable[Pack]) -> dict[str, tuple[str, ...]]:
    """Return the ids under the repositories of packs that were looked up before and found, by `repository_key`."""
    return {
        _key(pack): ids
        for pack in packs
        if (ids := tuple(one.id for one in pack.others if one.by is Claim.REPOSITORY))
    }


def ids_under(
    repositories: Iterable[str],
    known: Mapping[str, tuple[str, ...]],
    all_nodes: NodeRecords | None,
    bad: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """Return the ids of the packs under each repository; one that is not in it was not looked up.

    `known` is what an earlier list said. It holds for a pack of which this list does not say where its source is, and
    for one that is `bad`, by its lower-case id: that its publisher moves its source makes no copy better.
    """
    # The list is read once a day, and the last one holds in between.
    if all_nodes is None:
        return {key: known[key] for key in repositories if key in known}
    now: defaultdict[str, set[str]] = defaultdict(set)
    for one in all_nodes.records.values():
        if (key := repository_key(one.repository)) and NODE_ID.fullmatch(one.id):
            now[key].add(one.id)
    placed = {pack.lower() for packs in now.values() for pack in packs}

    def place(name: str) -> tuple[bool, str]:
        # A banned one first, so that no number of others hides it.
        record = all_nodes.records.get(name.lower())
        return record is None or record.status != BANNED, name

    found: dict[str, tuple[str, ...]] = {}
    for key in sorted(repositories):
        still = {
            one
            for one in known.get(key, ())
            if one.lower() in bad or one.lower() not in placed
        }
        # Only a whole list can show that there is none.
        if key in known or key in now or not all_nodes.failure:
            found[key] = tuple(sorted(still | now[key], key=place)[:_MOST])
    return found


def with_packs(pack: Pack, ids: Mapping[str, tuple[str, ...]]) -> Pack:
    """Return a pack with the ids under its repository in the place of those that an earlier list had."""
    others = tuple(one for one in pack.others if one.by is not Claim.REPOSITORY)
    # Its own marks say more than the registry does of its repository.
    named = {one.id.lower() for one in others}
    more = tuple(
        Identity(id=one, by=Claim.REPOSITORY)
        for one in ids.get(_key(pack), ())
        if one.lower() not in named
    )
    return replace(pack, others=(*others, *more))


def _key(pack: Pack) -> str:
    return repository_key(pack.repository or "") if pack.id is None else ""
