"""The first complete listing of a node: what it sets and which events it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import (
    NOW,
    PACK,
    compare,
    known,
    minute,
    reported,
    version,
)
from tests.support.work import calls_of
from watcher.changes.diff import compare_listing
from watcher.changes.sweeps import set_baseline
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Tally
from watcher.model.reading import Listing
from watcher.model.snapshot import Node, Snapshot, SweepBaseline

EMPTY_AT = "2026-02-01T00:00:00.000Z"
PROVISIONAL = Node(node=PACK, empty_since=EMPTY_AT)
OLD = version("1.0", created_at="2026-01-31T23:59:59.9Z")
LATER = version("2.0", created_at="2026-02-01T00:00:00.1Z")


def test_the_summary_has_values() -> None:
    """How many versions are bad in which way, and which: the banned ones first, the latest first, at most ten."""
    rows = [
        version(f"1.{at}", "flagged", created_at=f"2026-01-{at + 1:02}T00:00:00Z")
        for at in range(12)
    ]
    rows += [version("0.1", "banned"), version("0.2", deprecated=True)]
    (event,) = compare(None, *rows).events
    assert event.after == "banned"
    assert event.tally == Tally(versions=14, banned=1, flagged=12, deprecated=1)
    named = [one.version for one in event.bad_versions]
    assert named == ["0.1", *(f"1.{at}" for at in range(11, 2, -1))]
    assert (
        event.reason
        == f"1 node pack with 14 versions; banned: 1; flagged: 12; deprecated: 1; the worst: {', '.join(named)}"
    )


@pytest.mark.parametrize(
    ("baseline", "more"),
    [("silent", []), ("summary", [("baseline", None, None, "flagged")])],
)
def test_a_flag_before_the_baseline_is_reported(
    baseline: str, more: list[tuple[str, str | None, str | None, str | None]]
) -> None:
    """A change of what incomplete listings showed is reported once, also where it comes with the first complete one."""
    node = compare(None, version("1.0"), incomplete="1 row is unreadable").node
    flagged = [("flagged", "1.0", "active", "flagged")]
    row = version("1.0", "flagged")
    part = compare(node, row, baseline=baseline, incomplete="1 row is unreadable")
    assert reported(part) == flagged
    assert reported(compare(part.node, row, baseline=baseline)) == more
    whole = compare(node, row, baseline=baseline)
    assert reported(whole) == [*flagged, *more]
    assert whole.node.baseline_at == NOW


def test_an_empty_first_listing_is_provisional() -> None:
    """An empty first listing says since when the node was empty; it sets no baseline and is no event."""
    first = compare(None, at=EMPTY_AT)
    again = compare(first.node, at=minute(5))
    assert (first.events, first.node) == ((), PROVISIONAL)
    assert (again.events, again.node) == ((), PROVISIONAL)


def test_after_an_empty_listing_what_is_older_is_the_baseline() -> None:
    """Of the next complete listing, versions created before the empty one are the baseline, later ones events."""
    difference = compare(PROVISIONAL, OLD, LATER)
    assert reported(difference) == [
        ("new", "2.0", None, "active"),
        ("baseline", None, None, None),
    ]
    assert difference.events[1].reason == "1 node pack with 1 version"
    assert (difference.node.baseline_at, difference.node.empty_since) == (NOW, "")
    assert [one.version for one in difference.node.rows] == ["1.0", "2.0"]


@pytest.mark.parametrize("node", [None, PROVISIONAL])
def test_the_work_of_a_first_listing_grows_with_its_versions(node: Node | None) -> None:
    """Four times the versions take about four times the calls: one node's long listing holds up no other node."""

    def calls(count: int) -> int:
        rows = [
            version(f"1.{number}.0", created_at=f"2026-02-02T00:00:{number % 60:02}Z")
            for number in range(count)
        ]
        return calls_of(lambda: compare(node, *rows))

    assert calls(400) < 6 * calls(100)


def test_what_only_an_incomplete_listing_showed_before_an_empty_one_is_news() -> None:
    """It was no event then, and is no part of the baseline: who waits for either must not miss it."""
    bare = replace(LATER, status="banned", id="")
    node = compare(None, bare, incomplete="page 2: it timed out").node
    node = compare(node, at=EMPTY_AT).node
    complete = compare(node, replace(bare, id="id-2.0"))
    assert reported(complete) == [("banned", "2.0", None, "banned")]


def test_an_incomplete_listing_leaves_the_provisional_state() -> None:
    """After an empty listing, an incomplete one shows what is late, and sets no baseline of what is not.

    What was an event then is no part of the baseline: an alert of the same flag once more would be one too many.
    """
    late = replace(LATER, status="flagged")
    difference = compare(PROVISIONAL, OLD, late, incomplete="page 2: it timed out")
    assert reported(difference) == [("flagged", "2.0", None, "flagged")]
    assert difference.node == replace(PROVISIONAL, versions=known(OLD, late).versions)
    complete = compare(difference.node, OLD, late)
    assert reported(complete) == [("baseline", None, None, None)]


def test_no_pack_takes_the_id_of_the_baseline_of_all() -> None:
    """Whatever a pack is called, its baseline and that of all are two events."""
    options = DiffOptions(now=NOW)
    listing = Listing(node="registry", versions=(version(),), at=NOW)
    _, (own,) = compare_listing(None, listing, options)
    sweep = SweepBaseline(globs=("*",), baseline_at=NOW)
    joined = [Node(node="other", baseline_at=NOW)]
    _, of_all = set_baseline(Snapshot(), sweep, joined, options, has_chosen=True)
    assert of_all is not None
    assert own.id != of_all.id
