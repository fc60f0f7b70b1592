"""How many events there were since the state began, as part of what the snapshot knows. Pure.

They are counted in the snapshot that commits them, so that each counts once whatever happens in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from watcher.model.event import Event
from watcher.model.snapshot import Snapshot


def with_counts(snapshot: Snapshot, events: Iterable[Event]) -> Snapshot:
    """Return the snapshot of a poll with its events counted by kind; the same object if there are none."""
    more = Counter[str](event.kind for event in events)
    if not more:
        return snapshot
    return replace(
        snapshot, counts=dict(sorted((more + Counter(snapshot.counts)).items()))
    )
