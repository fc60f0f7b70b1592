"""What the pages of a sweep mean: of one node's rows, and of the baseline of all. Pure.

Rules: docs/dev/behaviour.md, Sweeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from watcher.changes.diff import baseline, complete
from watcher.changes.transitions import DiffOptions, make_event
from watcher.model.event import Event, Tally
from watcher.model.reading import ALL, Listing, NodeBanned
from watcher.model.snapshot import Mark, Node, Snapshot, SweepBaseline
from watcher.model.version import (
    Version,
    by_key,
    find_row,
    in_order,
)


def shows_all(node: Node | None, rows: Mapping[str, Version]) -> bool:
    """Return whether readable rows, by key, are all that is known of a node, so that nothing is left to ask."""
    if node is None or not node.baseline_at:
        return False
    listed = {one.key: one for one in node.listed}
    # Of a version that was missed once, or never read whole, its return and the rest of it are awaited.
    is_awaited = any(
        one.partial or one.mark is Mark.ABSENT
        for one in node.versions
        if one.key in listed
    )
    if is_awaited or len(rows) != len(listed):
        return False
    # Mostly so, for thousands of packs in each poll.
    if rows == listed:
        return True
    found = by_key(node.listed)

    def whole(row: Version) -> Version:
        # A page may leave out what its version is known by.
        known = find_row(row, found)
        return complete(row, known, ()) if known else row

    return {one.key: one for one in map(whole, rows.values())} == listed


def lacks_rows(node: Node | None, rows: Iterable[Version]) -> bool:
    """Return whether a known version is not shown, or it is not known which there are."""
    if node is None or not node.baseline_at:
        return True
    shown = {version.key for version in rows}
    return any(one.key not in shown for one in node.listed)


def with_rows(answer: Listing, rows: Listing | NodeBanned | None) -> Listing:
    """Return an incomplete answer with the rows of the versions that it does not show; the others are older."""
    if not isinstance(rows, Listing):
        return answer
    shown = by_key(answer.versions)
    # A page of all may come from a cache, and was read before the answer of the pack.
    left = [one for one in rows.versions if find_row(one, shown) is None]
    unreported = {
        one.key: rows.unreported[one.key] for one in left if one.key in rows.unreported
    }
    return replace(
        answer,
        versions=in_order([*answer.versions, *left]),
        unreported={**answer.unreported, **unreported},
    )


def set_baseline(
    snapshot: Snapshot,
    sweep_baseline: SweepBaseline,
    joined: Collection[Node],
    options: DiffOptions,
    *,
    has_chosen: bool,
) -> tuple[Snapshot, Event | None]:
    """Return the snapshot with the baseline of all, and its event; None with `baseline = "silent"`, or if it takes in
    none of the nodes that the globs choose.

    `joined` are the nodes that the baseline takes in. `has_chosen`: the globs choose some.
    """
    after = replace(snapshot, sweep_baseline=sweep_baseline)
    # Globs that choose nothing may be misspelt, which the event asks.
    if options.baseline == "silent" or (has_chosen and not joined):
        return after, None
    is_whole = sweep_baseline.globs == ("*",)
    found = Tally(
        packs=len(joined),
        banned_packs=sum(node.banned for node in joined),
        patterns="" if is_whole else " ".join(sweep_baseline.globs),
        has_others=bool(snapshot.sweep_baseline.baseline_at) and bool(joined),
    )
    # The worst is part of the id, as of a pack's own baseline; no pack has this name.
    make = partial(make_event, (ALL, "", snapshot.revision), now=options.now)
    listed = [(node.node, version) for node in joined for version in node.listed]
    return after, baseline(make, listed, found)
