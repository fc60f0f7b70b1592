"""The lists of publishers' packs: which are due, what they mean for the state, and what a person should know of them.

Each is read at the first poll and then once a day; a reading that failed is tried again by the next poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from watcher import timestamps
from watcher.changes.publishers import take_list
from watcher.durations import DAY
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import ALL
from watcher.model.pack import PackList
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.polling.model import PollConfig
from watcher.registry.publishers import ListReading
from watcher.state.model import Checks, ListCheck, State


def due(config: PollConfig, checks: Checks, now: str) -> list[str]:
    """Return the publishers whose list is to be read."""
    known = _checks(config, checks)
    return [
        publisher
        for publisher in config.publishers
        if not (at := known.get(publisher.lower(), ListCheck()).at)
        or not 0 <= timestamps.seconds_between(at, now) < DAY
    ]


def _checks(config: PollConfig, checks: Checks) -> Mapping[str, ListCheck]:
    """Return how lists were read where they are read now: those of another registry say nothing of this one."""
    return checks.publishers if checks.registry_url == config.registry_url else {}


def with_lists(
    config: PollConfig, state: State, readings: Mapping[str, ListReading], now: str
) -> State:
    """Return the state with what came of the lists that were due; what is known of the others stays."""
    snapshot, globs = state.snapshot, Selection(globs=config.globs)
    known = _checks(config, state.checks)
    keys = [one.lower() for one in config.publishers]
    checks = {key: known[key] for key in keys if key in known}
    for publisher, reading in readings.items():
        if isinstance(reading, PackList):
            snapshot = take_list(snapshot, reading, globs)
        key, error = publisher.lower(), _error(reading)
        at = known.get(key, ListCheck()).at if error else now
        if not (error or snapshot.publishers[key].packs):
            error = "it has no node packs yet; its id may be wrong"
        checks[key] = ListCheck(at=at, error=error)
    return replace(
        state,
        snapshot=snapshot,
        checks=replace(state.checks, publishers=dict(sorted(checks.items()))),
    )


def _error(reading: ListReading) -> str:
    """Return why a reading did not get all of a list; "" if it did."""
    match reading:
        case PackList(incomplete=""):
            return ""
        case PackList():
            return f"the list of its packs is incomplete: {reading.incomplete}"
        case ReadFailure():
            return f"its packs cannot be listed: {reading.error}"
        case _:
            assert_never(reading)


def unlisted(
    snapshot: Snapshot, readings: Mapping[str, ListReading]
) -> ReadFailure | None:
    """Return why a publisher never had a list yet, as a failure of the registry; None if each had one."""
    for publisher, reading in readings.items():
        error, known = _error(reading), snapshot.publishers.get(publisher.lower())
        had_list = known is not None and (known.baseline_at or known.empty_since)
        if error and not had_list:
            fault = reading.fault if isinstance(reading, ReadFailure) else Fault.OWN
            return ReadFailure(
                node=ALL,
                error=f"publisher {publisher}: {error}",
                fault=fault if fault is Fault.UNREACHED else Fault.REGISTRY,
                cause="no list of packs",
            )
    return None


def newly_unlisted(
    publishers: Iterable[str], before: Checks, after: Checks
) -> tuple[tuple[str, str], ...]:
    """Return the publishers whose packs are not known, or not all of them, and were before, each with the reason."""
    found: list[tuple[str, str]] = []
    for one in publishers:
        was, now = (
            checks.publishers.get(one.lower(), ListCheck())
            for checks in (before, after)
        )
        if now.error and not was.error:
            found.append((one, now.error))
    return tuple(found)
