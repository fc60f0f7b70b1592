"""What holds for every life of a node and of an alert, whatever the registry says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.factories import (
    NOW,
    PACK,
    beside,
    committed,
    listing,
)
from tests.support.parameters import examples
from tests.support.strategies import (
    pictures,
)
from watcher.changes.diff import Difference, compare_ban, compare_listing
from watcher.changes.health import Turn
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Event, Kind
from watcher.model.reading import ReadFailure
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.model.version import PENDING, STATUSES, Version

FAST = examples(60)
KEY = PACK.lower()
PICTURES = pictures()
Picture = tuple[Version, ...]

_BAN = "ban"
_FAILURE = "failure"
_Step = tuple[Picture, bool] | str


def lives() -> st.SearchStrategy[list[_Step]]:
    """Make up a life: listings (what there is, whether it is complete), bans and failures."""
    look = st.tuples(PICTURES, st.booleans())
    return st.lists(look | st.sampled_from([_BAN, _FAILURE]), max_size=10)


def live(
    before: Snapshot, step: _Step, at: str = NOW
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Let one poll happen to a node."""
    node = before.nodes.get(KEY)
    failed: dict[str, ReadFailure] = {}
    options = DiffOptions(now=at, revision=before.revision)
    if step == _BAN:
        found = compare_ban(node or Node(node=PACK), "banned", options)
    elif isinstance(step, str):
        found = Difference(node=node or Node(node=PACK), events=())
        failed = {KEY: ReadFailure(node=PACK, error="unreadable")}
    else:
        picture, complete = step
        incomplete = "" if complete else "it was cut short"
        shown = listing(*picture, incomplete=incomplete)
        found = compare_listing(node, shown, options)
    read = () if failed or step == _BAN else (KEY,)
    snapshot = before.with_nodes({KEY: found.node})
    turn = Turn({}, snapshot, 1, at)
    turn.take_nodes(failed, read, (), {KEY: PACK})
    events = (*found.events, *turn.events)
    after = turn.snapshot
    return after if after == before else committed(after), events


def _told(one: Version, before: Version | None) -> Version:
    """Return a version as events tell of it: that one which was known waits for its scan again is no news."""
    waits = before is not None and one.status == PENDING and before.status in STATUSES
    return replace(one, status=before.status) if before and waits else one


def after(life: Sequence[_Step]) -> Snapshot:
    """Return what is known of the node after a life."""
    known_as = Snapshot()
    for step in life:
        known_as, _ = live(known_as, step)
    return known_as


@FAST
@given(lives(), PICTURES)
def test_a_listing_twice_reports_only_absences(
    life: list[_Step], picture: Picture
) -> None:
    """Whatever happened before, the same listing again reports at most that what is absent was removed.

    What is present in the picture is exactly what the registry has.
    """
    step = (picture, True)
    second, events = live(after([*life, step]), step)
    third, more = live(second, step)
    assert {event.kind for event in events + more} <= {Kind.REMOVED}
    assert live(third, step) == (third, ())
    marks = beside(second.nodes[KEY], "mark")
    rows = second.nodes[KEY].rows
    assert tuple(one for one in rows if one.key not in marks) == picture
    assert set(marks.values()) <= {Mark.ABSENT, Mark.REMOVED}


@FAST
@given(lives(), PICTURES)
def test_an_incomplete_listing_takes_nothing_away(
    life: list[_Step], picture: Picture
) -> None:
    """An incomplete listing removes nothing, marks nothing absent, sets no baseline, pardons nobody, and loses no
    version; that a node is back after it had turned empty can be seen in it.
    """
    known_as = after(life)
    before = known_as.nodes.get(KEY, Node(node=PACK))
    snapshot, events = live(known_as, (picture, False))
    step = snapshot.nodes[KEY]
    of_the_node = {one.kind for one in events if one.version is None}
    assert of_the_node - {Kind.RECOVERED} <= (
        {Kind.REINSTATED} if before.emptied and not before.banned else set()
    )
    assert Kind.REMOVED not in {event.kind for event in events}
    assert (step.baseline_at, step.empty_since) == (
        before.baseline_at,
        before.empty_since,
    )
    assert step.banned == before.banned
    assert set(beside(step, "mark").items()) <= set(beside(before, "mark").items())
    assert {one.key for one in before.rows} <= {one.key for one in step.rows}


@FAST
@given(lives(), PICTURES, PICTURES, st.booleans(), st.booleans())
def test_what_two_listings_in_a_row_show_differently_is_reported(
    life: list[_Step],
    one: Picture,
    other: Picture,
    first_complete: bool,
    then_complete: bool,
) -> None:
    """Complete or not, with a baseline or without: of a version seen twice each change is reported.

    What is shown while the ban of the pack lasts makes no event.
    """
    known_as = after([*life, (one, first_complete)])
    _, events = live(known_as, (other, then_complete))
    assume(not known_as.nodes[KEY].banned)
    before = {version.key: version for version in one}
    heard = {
        event.version_id or f"={event.version}"
        for event in events
        if event.version is not None
    }
    assert {
        version.key
        for version in other
        if (old := before.get(version.key)) and _told(version, old) != old
    } <= heard
