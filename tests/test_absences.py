"""What is not listed any more: removed after two complete listings in a row, and nothing before."""

from __future__ import annotations

from tests.making import PACK, compare, known, told, version
from watcher.snapshot import Mark, Node

ONE, TWO, THREE = version("1.0"), version("2.0", "flagged"), version("3.0")
"""Three versions of a node."""


def absent(*gone: str) -> Node:
    """Give the node after one complete listing without the `gone` versions."""
    node = known(ONE, TWO, THREE)
    return compare(node, *(one for one in node.versions if one.version not in gone)).node


def test_the_first_absence_is_noted_and_not_told() -> None:
    """A version that is missing once stays in the picture, marked."""
    node = absent("2.0")
    assert node.marks == {"id-2.0": Mark.ABSENT}
    assert TWO in node.versions


def test_the_second_absence_in_a_row_is_removed() -> None:
    """Missing from two complete listings in a row is `removed`, with the last status known."""
    difference = compare(absent("2.0"), ONE, THREE)
    assert told(difference) == [("removed", "2.0", "flagged", "removed")]
    assert difference.node.marks == {"id-2.0": Mark.REMOVED}


def test_what_was_removed_is_told_once() -> None:
    """Further listings without the version tell nothing."""
    node = compare(absent("2.0"), ONE, THREE).node
    difference = compare(node, ONE, THREE)
    assert (difference.events, difference.node) == ((), node)


def test_a_version_that_comes_back_after_one_absence_was_never_gone() -> None:
    """One absence alone is forgotten, and two that are not in a row do not add up."""
    back = compare(absent("2.0"), ONE, TWO, THREE)
    assert (back.events, back.node.marks) == ((), {})
    assert compare(back.node, ONE, THREE).events == ()


def test_a_change_seen_on_return_is_told() -> None:
    """A version that comes back after one absence with another status is a change like any other."""
    assert told(compare(absent("2.0"), ONE, THREE, version("2.0"))) == [("reinstated", "2.0", "flagged", "active")]


def test_an_incomplete_listing_removes_nothing() -> None:
    """What an incomplete listing does not show means nothing, at first and after one absence."""
    node = absent("2.0")
    first = compare(known(ONE, TWO, THREE), incomplete="it was cut short")
    second = compare(node, ONE, incomplete="it was cut short")
    assert (first.events, first.node.marks) == ((), {})
    assert (second.events, second.node) == ((), node)


def test_an_incomplete_listing_that_shows_it_ends_an_absence() -> None:
    """What an incomplete listing shows is there."""
    assert compare(absent("2.0"), TWO, incomplete="it was cut short").node.marks == {}


def test_a_removed_version_that_returns_is_told() -> None:
    """The return of a removed version is a transition of its own, with an id that its first sight did not have."""
    born = compare(known(ONE), ONE, THREE)
    node = compare(compare(born.node, ONE).node, ONE).node
    back = compare(node, ONE, THREE)
    assert told(back) == [("new", "3.0", "removed", "active")]
    assert back.node.marks == {}
    assert born.events[0].id != back.events[0].id


def test_each_removal_of_one_version_has_its_own_id() -> None:
    """A version that is removed, returns and is removed again is removed twice."""
    node, ids = known(ONE, THREE), []
    for rows in [(ONE,), (ONE,), (ONE, THREE), (ONE,), (ONE,)]:
        difference = compare(node, *rows)
        node = difference.node
        ids += [event.id for event in difference.events]
    assert len(set(ids)) == len(ids) == 3


def test_a_node_that_turned_empty_is_one_event() -> None:
    """When all is gone twice, one node-level event tells it, not one per version."""
    once = compare(known(ONE, TWO, THREE))
    twice = compare(once.node)
    assert once.events == ()
    assert told(twice) == [("removed", None, "active", "removed")]
    assert set(twice.node.marks.values()) == {Mark.REMOVED}
    assert compare(twice.node).events == ()


def test_a_node_that_turned_empty_step_by_step_is_still_one_event() -> None:
    """A version that went a listing earlier than the rest is told with them."""
    first = compare(absent("2.0"))
    second = compare(first.node)
    assert first.events == ()
    assert told(second) == [("removed", None, "active", "removed")]


def test_a_node_that_lost_the_last_of_its_versions_is_empty() -> None:
    """What was reported removed before is not told again when the rest goes."""
    node = compare(compare(absent("2.0"), ONE, THREE).node).node
    difference = compare(node)
    assert told(difference) == [("removed", None, "active", "removed")]


def test_an_emptied_node_that_fills_again_tells_what_came() -> None:
    """Versions that return to an emptied node are events, and emptying it again is one with another id."""
    emptied = compare(compare(known(ONE)).node)
    back = compare(emptied.node, ONE)
    again = compare(compare(back.node).node)
    assert told(back) == [("new", "1.0", "removed", "active")]
    assert told(again) == [("removed", None, "active", "removed")]
    assert emptied.events[0].id != again.events[0].id


def test_a_node_without_any_version_stays_quiet() -> None:
    """A node whose baseline is empty has nothing that could be removed."""
    node = known()
    assert compare(node).node == node
    assert node.node == PACK
