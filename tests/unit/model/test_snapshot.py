"""Counting the events of a poll in the snapshot that commits them."""

from __future__ import annotations

from tests.support.factories import event
from watcher.model.event import Kind
from watcher.model.snapshot import Snapshot


def test_counts_add_up_over_polls() -> None:
    """Each event counts by its kind, whatever it is about, and what an earlier poll counted stays."""
    first = Snapshot().with_counts([event(), event(node=None, kind=Kind.FAILING)])
    assert first.counts == {"failing": 1, "flagged": 1}
    of_install = event(node=None, kind=Kind.FAILING, install="home")
    after = first.with_counts([event(), of_install])
    assert after.counts == {"failing": 2, "flagged": 2}


def test_without_an_event_the_snapshot_is_the_same_object() -> None:
    """So a quiet poll writes no snapshot."""
    snapshot = Snapshot()
    assert snapshot.with_counts([]) is snapshot
