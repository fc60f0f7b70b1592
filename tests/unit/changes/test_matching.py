"""What is known of a node through its versions' lives: which version a row is, and an end to what is kept."""

from __future__ import annotations

from dataclasses import replace

from tests.support.factories import (
    CHECKED,
    beside,
    compare,
    known,
    reported,
    version,
)
from watcher.changes.diff import KEPT
from watcher.model.event import Kind
from watcher.model.snapshot import Mark
from watcher.model.version import in_order

BARE = version("1.0", id="")
OTHER = version("2.0")


def test_a_live_row_is_matched_before_a_removed_one() -> None:
    """A text that was removed and published again, then shown without its id, is the version that is there."""
    node = known(version("1.0", id="zz"), OTHER)
    for rows in ((), (), (version("1.0", id="aa"),)):
        node = compare(node, OTHER, *rows).node
    assert beside(node, "mark") == {"zz": Mark.REMOVED}
    bare = compare(node, OTHER, BARE)
    assert (bare.events, bare.node) == ((), node)


def test_a_removed_text_does_not_hide_the_version_that_has_an_id_now() -> None:
    """A version without an id that was removed is not taken for one with an id whose answer lacks it."""
    rows = (version("1.0"), OTHER, BARE)
    node = known(*rows, marks={BARE.key: Mark.REMOVED})
    for _ in range(3):
        difference = compare(node, OTHER, BARE)
        node = difference.node
        assert difference.events == ()
    named = compare(node, OTHER, version("1.0"))
    assert (named.events, named.node.rows) == (
        (),
        in_order([version("1.0"), OTHER]),
    )
    assert beside(named.node, "mark") == {}


def test_an_id_of_old_goes_to_the_version_that_is_there() -> None:
    """A row that shows an id which was removed, and the text of a version that is there, is that version."""
    node = known(
        version("1.0"),
        BARE,
        OTHER,
        marks={"id-1.0": Mark.REMOVED},
    )
    first = compare(node, OTHER, replace(version("1.0"), status="flagged"))
    assert reported(first) == [("flagged", "1.0", "active", "flagged")]
    assert [one.key for one in first.node.rows] == ["id-1.0", "id-2.0"]


def test_a_row_without_an_id_may_be_each_version_of_its_text() -> None:
    """While either of two versions of one text may be shown, none of them is removed."""
    node = known(version("1.0", "deleted", id="a"), version("1.0", id="b"), OTHER)
    for _ in range(3):
        difference = compare(node, OTHER, replace(BARE, status="deleted"))
        node = difference.node
        assert Kind.REMOVED not in {event.kind for event in difference.events}
        assert not beside(node, "mark")
    gone = compare(compare(node, OTHER).node, OTHER)
    assert [event.kind for event in gone.events] == [Kind.REMOVED, Kind.REMOVED]


def test_a_row_without_an_id_is_the_version_that_was_shown_last() -> None:
    """Of two versions of one text, of which the last listing did not show the newer one, it is the other."""
    there, newer = version("1.0", id="a"), version("1.0", "banned", id="b")
    node = known(
        there, replace(newer, created_at=CHECKED), OTHER, marks={"b": Mark.ABSENT}
    )
    assert compare(node, OTHER, BARE).events == ()


def test_a_node_whose_listings_are_never_complete_is_kept_up_to_a_bound() -> None:
    """The newest of what it does not show are kept, and none of them is news again."""
    node = known(OTHER)
    for number in range(KEPT // 1000 + 2):
        day = f"2027-01-{number + 1:02}T00:00:00Z"
        rows = [version(f"1.{number}.{part}", created_at=day) for part in range(1000)]
        node = compare(node, *rows, incomplete="it was cut short").node
    assert len(node.rows) == KEPT + 1000
    assert compare(node, *node.rows[:1000], incomplete="it was cut short").events == ()
