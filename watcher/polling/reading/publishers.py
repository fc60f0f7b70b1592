"""The list of all packs, `GET /nodes`: when it is due, and what it means for the state.

It says which packs publishers have, and which packs that only globs choose are banned. It is read at the first poll and
then once a day; a reading that failed is tried again by the next poll.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher import timestamps
from watcher.changes.publishers import take_packs
from watcher.durations import DAY
from watcher.model.failure import ReadFailure
from watcher.model.pack import PackRecords
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.polling.model import PollConfig
from watcher.state.model import State


def is_due(config: PollConfig, state: State, now: str) -> bool:
    """Return whether the list is to be read."""
    checks, snapshot = state.checks, state.snapshot
    globs, at = Selection(globs=config.globs), checks.listed_at
    if not (config.publishers or globs.chooses):
        return False
    # The baseline of all, which may come with any poll, has the bans of whole packs.
    has_baseline = globs.globs == snapshot.sweep_baseline.globs or not globs.chooses
    is_recent = at and 0 <= timestamps.seconds_between(at, now) < DAY
    return not (
        is_recent
        and has_baseline
        and checks.registry_url == config.registry_url
        and len(with_list(config.publishers, snapshot)) == len(config.publishers)
    )


def with_list(publishers: Iterable[str], snapshot: Snapshot) -> list[str]:
    """Return the publishers of which a first complete list is known."""
    known = snapshot.publishers
    return [
        one
        for one in publishers
        if one.lower() in known and known[one.lower()].baseline_at
    ]


def take_list(
    config: PollConfig, state: State, listed: PackRecords, now: str
) -> tuple[State, PackRecords]:
    """Return the state with the packs of publishers, and the list as far as it can be believed."""
    records = listed.records.values()
    if config.publishers and records and not any(one.publisher for one in records):
        error = "GET /nodes does not say whose the packs are"
        listed = replace(listed, failure=listed.failure or ReadFailure(error=error))
    snapshot = take_packs(
        state.snapshot,
        config.publishers,
        records,
        Selection(globs=config.globs),
        whole_at=None if listed.failure else now,
    )
    return replace(state, snapshot=snapshot), listed


def without_packs(
    publishers: Iterable[str], before: Snapshot, after: Snapshot
) -> tuple[str, ...]:
    """Return the publishers whose first complete list has come, and in which they have no pack."""
    publishers = tuple(publishers)
    known = with_list(publishers, before)
    return tuple(
        one
        for one in with_list(publishers, after)
        if one not in known and not after.publishers[one.lower()].packs
    )
