"""What is not listed any more: removed after two complete listings in a row, and nothing before."""

from __future__ import annotations

from tests.support.factories import (
    NOW,
    beside,
    compare,
    known,
    reported,
    version,
)
from watcher.changes.diff import compare_ban
from watcher.changes.transitions import DiffOptions
from watcher.model.snapshot import Mark, Node
from watcher.model.version import Version

ONE, TWO, THREE = version("1.0"), version("2.0", "flagged"), version("3.0")
"""Three versions of a node."""


def absent(*gone: str) -> Node:
    """Return the node after one complete listing without the `gone` versions."""
    node = known(ONE, TWO, THREE)
    return compare(node, *(one for one in node.rows if one.version not in gone)).node


def test_the_second_absence_in_a_row_is_removed() -> None:
    """A version that is missing once stays in the picture, marked; twice it is `removed`, with its last status."""
    once = absent("2.0")
    assert beside(once, "mark") == {"id-2.0": Mark.ABSENT}
    assert TWO in once.rows
    difference = compare(once, ONE, THREE)
    assert reported(difference) == [("removed", "2.0", "flagged", "removed")]
    assert beside(difference.node, "mark") == {"id-2.0": Mark.REMOVED}


def test_a_version_that_comes_back_after_one_absence_was_never_gone() -> None:
    """One absence alone is forgotten, two that are not in a row do not add up, and a change is one like any other."""
    back = compare(absent("2.0"), ONE, TWO, THREE)
    assert (back.events, beside(back.node, "mark")) == ((), {})
    assert compare(back.node, ONE, THREE).events == ()
    part = compare(absent("2.0"), TWO, incomplete="it was cut short")
    assert beside(part.node, "mark") == {}
    assert reported(compare(absent("2.0"), ONE, THREE, version("2.0"))) == [
        ("reinstated", "2.0", "flagged", "active")
    ]


def test_a_removed_version_that_returns_is_reported() -> None:
    """The return of a removed version is a transition of its own."""
    back = compare(compare(absent("3.0"), ONE, TWO).node, ONE, TWO, THREE)
    assert reported(back) == [("new", "3.0", "removed", "active")]
    assert beside(back.node, "mark") == {}


def emptied(*rows: Version) -> Node:
    """Return the node after two complete listings without any of its versions."""
    return compare(compare(known(*rows)).node).node


def test_a_node_that_turned_empty_is_one_event() -> None:
    """When all is gone twice, one node-level event reports it, not one per version."""
    once = compare(known(ONE, TWO, THREE))
    twice = compare(once.node)
    assert once.events == ()
    assert reported(twice) == [("removed", None, "active", "removed")]
    assert twice.node.emptied
    assert (compare(twice.node).events, compare(twice.node).node) == ((), twice.node)


def test_a_version_that_goes_before_the_rest_is_removed_on_time() -> None:
    """A version that was missing twice is removed even if the second listing is empty; the rest is one event later.

    Only what went with the node comes back with it.
    """
    first = compare(absent("2.0"))
    second = compare(first.node)
    assert reported(first) == [("removed", "2.0", "flagged", "removed")]
    assert reported(second) == [("removed", None, "active", "removed")]
    assert reported(compare(second.node, ONE, TWO)) == [
        ("reinstated", None, "removed", "active"),
        ("flagged", "2.0", "removed", "flagged"),
    ]


def test_a_node_that_is_back_reports_what_differs() -> None:
    """Beside the event of the node, what is not as it was known is reported; what does not come back is missing."""
    back = compare(emptied(TWO, THREE), ONE, version("2.0"))
    assert reported(back) == [
        ("reinstated", None, "removed", "active"),
        ("new", "1.0", None, "active"),
        ("reinstated", "2.0", "flagged", "active"),
    ]
    assert beside(back.node, "mark") == {"id-3.0": Mark.ABSENT}
    assert not back.node.emptied
    assert reported(compare(back.node, ONE, version("2.0"))) == [
        ("removed", "3.0", "active", "removed")
    ]


def test_a_node_that_was_emptied_and_banned_comes_back_once() -> None:
    """One event reports that the node is back, whatever kept it away; the end of a ban alone is no return."""
    banned = compare_ban(emptied(ONE), "", DiffOptions(now=NOW)).node
    assert reported(compare(banned, ONE)) == [("reinstated", None, "banned", "active")]
    pardoned = compare(banned)
    assert reported(pardoned) == [("reinstated", None, "banned", "active")]
    assert reported(compare(pardoned.node, ONE)) == [
        ("reinstated", None, "removed", "active")
    ]
