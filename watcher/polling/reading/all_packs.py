"""The list of all packs, `GET /nodes`: when it is due, and what it means for the state.

It says which packs publishers have, which packs that only globs choose are banned, and which packs installed clones
are that name none. It is read at the first poll that needs it and then once a day; a reading that failed is tried again
by the next poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher import timestamps
from watcher.changes.publishers import take_packs
from watcher.changes.repositories import (
    ids_under,
    known_ids,
    with_packs,
    without_id,
)
from watcher.durations import DAY
from watcher.model.failure import ReadFailure
from watcher.model.pack import PackRecords, Scanned
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.polling.model import PollConfig
from watcher.state.model import State


def is_due(
    config: PollConfig, state: State, scans: Mapping[str, Scanned], now: str
) -> bool:
    """Return whether the list is to be read."""
    checks, snapshot = state.checks, state.snapshot
    globs, at = Selection(globs=config.globs), checks.listed_at
    repositories = _without_id(scans)
    if not (config.publishers or globs.chooses or repositories):
        return False
    # The baseline of all, which may come with any poll, has the bans of whole packs.
    has_baseline = globs.globs == snapshot.sweep_baseline.globs or not globs.chooses
    is_recent = at and 0 <= timestamps.seconds_between(at, now) < DAY
    return not (
        is_recent
        and has_baseline
        and checks.registry_url == config.registry_url
        and len(with_list(config.publishers, snapshot)) == len(config.publishers)
        and repositories <= checks.repositories.keys()
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


def take_repositories(
    config: PollConfig,
    state: State,
    scans: Mapping[str, Scanned],
    listed: PackRecords | None,
) -> tuple[State, dict[str, Scanned]]:
    """Return the state with the packs under the repositories of copies without an id, and the scans with these."""
    checks, known = state.checks, {}
    # Where the checks were lost, what the last scans were found to be still holds.
    if checks.registry_url in {"", config.registry_url}:
        last = (pack for packs in state.installs.values() for pack in packs)
        known = {**known_ids(last), **checks.repositories}
    bad = state.snapshot.installed.exposures
    found = ids_under(_without_id(scans), known, listed, bad)
    after = {
        install: replace(
            scan,
            packs=scan.packs and tuple(with_packs(one, found) for one in scan.packs),
        )
        for install, scan in scans.items()
    }
    return replace(state, checks=replace(checks, repositories=found)), after


def _without_id(scans: Mapping[str, Scanned]) -> frozenset[str]:
    return without_id(pack for scan in scans.values() for pack in scan.packs or ())


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
