"""The setting `statuses`: leaving what is watched is recorded, coming back is a change, widening invents nothing."""

from __future__ import annotations

import pytest

from tests.support.factories import (
    BEFORE,
    CHECKED,
    compare,
    known,
    minute,
    reported,
    version,
)
from watcher.model.snapshot import Mark, Node
from watcher.model.version import STATUSES

ACTIVE_ONLY = ("active",)
GONE = frozenset({"id-1.0"})


def left(status: str = "active") -> Node:
    """Return a node whose version 1.0 left the one status that is watched."""
    node = known(version("1.0", status), version("2.0", status), statuses=(status,))
    return compare(
        node, version("2.0", status), statuses=(status,), elsewhere=GONE
    ).node


def test_leaving_the_watched_statuses_is_recorded_and_not_reported() -> None:
    """A version that is not listed among the watched statuses any more is marked, and never removed."""
    node = left()
    assert node.marks == {"id-1.0": Mark.LEFT}
    again = compare(node, version("2.0"), statuses=ACTIVE_ONLY)
    assert (again.events, again.node) == ((), node)


def test_a_node_that_left_as_a_whole_is_not_removed() -> None:
    """An empty listing of some statuses is no emptied node, however often it comes."""
    node = known(version("1.0"), statuses=ACTIVE_ONLY)
    for _ in range(3):
        difference = compare(node, statuses=ACTIVE_ONLY)
        node = difference.node
        assert difference.events == ()


def test_one_odd_listing_is_no_leaving() -> None:
    """A version that one listing of some statuses misses, without it being elsewhere, comes back without an event."""
    node = known(version("1.0"), version("2.0"), statuses=ACTIVE_ONLY)
    odd = compare(node, statuses=ACTIVE_ONLY)
    assert odd.node.marks == {"id-1.0": Mark.ABSENT, "id-2.0": Mark.ABSENT}
    again = compare(odd.node, version("1.0"), version("2.0"), statuses=ACTIVE_ONLY)
    assert (odd.events, again.events, again.node) == ((), (), node)


def test_missing_twice_is_leaving() -> None:
    """A version that two listings of some statuses miss has left, wherever it went."""
    node = known(version("1.0"), version("2.0"), statuses=ACTIVE_ONLY)
    for _ in range(2):
        node = compare(node, version("2.0"), statuses=ACTIVE_ONLY).node
    assert node.marks == {"id-1.0": Mark.LEFT}


def test_coming_back_is_a_change() -> None:
    """A version that left and is active again must have been something else meanwhile."""
    assert reported(
        compare(left(), version("1.0"), version("2.0"), statuses=ACTIVE_ONLY)
    ) == [("reinstated", "1.0", None, "active")]


@pytest.mark.parametrize("status", ["flagged", "banned", "deleted", "pending"])
def test_what_left_is_reported_once_it_is_watched_where_it_went(status: str) -> None:
    """When all statuses are watched again, where the version went is reported."""
    assert reported(compare(left(), version("1.0", status), version("2.0"))) == [
        (status, "1.0", None, status)
    ]


def test_an_approval_seen_late_is_new() -> None:
    """A version that was pending while only that was watched, and is active now, is `new` and not reinstated."""
    difference = compare(left("pending"), version("1.0"), version("2.0", "pending"))
    assert reported(difference) == [("new", "1.0", None, "active")]


def test_what_left_and_waits_again_was_decided_meanwhile() -> None:
    """A version that left the pending ones and is pending again is reinstated once it is active, and not new."""
    other = version("2.0", "pending")
    rows = (version("1.0", "pending"), other)
    node = compare(left("pending"), *rows, statuses=("pending",)).node
    assert reported(compare(node, version("1.0"), other)) == [
        ("reinstated", "1.0", "pending", "active")
    ]


def test_a_way_round_the_watched_statuses_is_a_reinstatement() -> None:
    """A version that was neither pending nor active while both were watched was something worse before it is active."""
    statuses = ("active", "pending")
    before = known(version("1.0", "pending"), statuses=statuses)
    node = compare(before, statuses=statuses, elsewhere=GONE).node
    assert reported(compare(node, version("1.0"), statuses=statuses)) == [
        ("reinstated", "1.0", None, "active")
    ]


def test_widening_takes_in_silently_what_was_there() -> None:
    """Versions of newly watched statuses that were created before the last check are no events."""
    node = known(version("1.0"), statuses=ACTIVE_ONLY)
    difference = compare(
        node,
        version("1.0"),
        version("2.0", "flagged", created_at=BEFORE, deprecated=True),
    )
    assert difference.events == ()
    assert (len(difference.node.versions), difference.node.statuses) == (2, STATUSES)


def test_widening_reports_what_was_created_since_the_last_check() -> None:
    """A version created after the last check is a new fact, whatever was watched then."""
    node = known(version("1.0"), statuses=ACTIVE_ONLY)
    difference = compare(
        node,
        version("1.0"),
        version("2.0", "flagged", created_at=minute(-1)),
        checked_at=CHECKED,
    )
    assert reported(difference) == [("flagged", "2.0", None, "flagged")]


def test_an_old_version_that_enters_the_watched_statuses_is_reported() -> None:
    """A version that was never listed and is now among the statuses watched all along has come there."""
    node = known(version("1.0"), statuses=ACTIVE_ONLY)
    difference = compare(
        node, version("1.0"), version("2.0", created_at=BEFORE), statuses=ACTIVE_ONLY
    )
    assert reported(difference) == [("new", "2.0", None, "active")]


def test_an_incomplete_listing_does_not_widen() -> None:
    """Until a complete listing came, the node counts as covered in the old statuses only."""
    node = known(version("1.0"), statuses=ACTIVE_ONLY)
    first = compare(
        node, version("1.0"), version("2.0", "flagged"), incomplete="it was cut short"
    )
    second = compare(
        first.node, version("1.0"), version("2.0", "flagged"), version("3.0", "banned")
    )
    assert (first.events, first.node.statuses) == ((), ACTIVE_ONLY)
    assert (second.events, second.node.statuses) == ((), STATUSES)


def test_what_left_and_is_really_gone_is_removed_after_two_full_listings() -> None:
    """Once all statuses are watched again, a version that is nowhere is removed like any other."""
    first = compare(left(), version("2.0"))
    second = compare(first.node, version("2.0"))
    assert first.events == ()
    assert reported(second) == [("removed", "1.0", "active", "removed")]
