"""What holds for every life of a node and of an alert, whatever the registry says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.factories import NOW, PACK, beside, compare, known
from tests.support.parameters import examples
from tests.support.strategies import (
    pictures,
)
from watcher.changes.diff import Difference, compare_ban
from watcher.changes.health import assess
from watcher.model.event import (
    Kind,
)
from watcher.model.reading import ReadFailure
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.model.version import PENDING, STATUSES, Version
from watcher.state.model import Checks

FAST = examples(60)
PICTURES = pictures()
Picture = tuple[Version, ...]

_BAN = "ban"
_FAILURE = "failure"
_Step = tuple[Picture, bool] | str


def lives() -> st.SearchStrategy[list[_Step]]:
    """Make up a life: listings (what there is, whether it is complete), bans and failures."""
    look = st.tuples(PICTURES, st.booleans())
    return st.lists(look | st.sampled_from([_BAN, _FAILURE]), max_size=10)


def live(node: Node | None, step: _Step, at: str = NOW) -> Difference:
    """Let one poll happen to a node."""
    if step == _BAN:
        return compare_ban(node or Node(node=PACK), "banned", at)
    if isinstance(step, str):
        snapshot = Snapshot(nodes={} if node is None else {PACK.lower(): node})
        failed = {PACK.lower(): ReadFailure(node=PACK, error="unreadable")}
        after = assess(Checks().health, snapshot, failed, {}, 1, at)
        return Difference(node=after.snapshot.nodes[PACK.lower()], events=after.events)
    picture, complete = step
    listed = compare(
        node,
        *picture,
        incomplete="" if complete else "it was cut short",
        now=at,
    )
    snapshot = Snapshot(nodes={PACK.lower(): listed.node})
    after = assess(Checks().health, snapshot, {}, {PACK.lower(): True}, 1, at)
    return Difference(
        node=after.snapshot.nodes[PACK.lower()], events=listed.events + after.events
    )


def _told(one: Version, before: Version | None) -> Version:
    """Return a version as events tell of it: that one which was known waits for its scan again is no news."""
    waits = before is not None and one.status == PENDING and before.status in STATUSES
    return replace(one, status=before.status) if before and waits else one


def after(life: Sequence[_Step]) -> Node | None:
    """Return what is known of the node after a life; None before the first poll."""
    node: Node | None = None
    for step in life:
        node = live(node, step).node
    return node


@FAST
@given(PICTURES)
def test_a_picture_does_not_differ_from_itself(picture: Picture) -> None:
    """The difference of any picture and itself is empty."""
    node = known(*picture)
    difference = compare(node, *picture)
    assert (difference.node, difference.events) == (node, ())


@FAST
@given(lives(), PICTURES)
def test_a_listing_twice_reports_only_absences(
    life: list[_Step], picture: Picture
) -> None:
    """Whatever happened before, the same listing again reports at most that what is absent was removed."""
    step = (picture, True)
    node = after([*life, step])
    second = live(node, step)
    third = live(second.node, step)
    fourth = live(third.node, step)
    assert {event.kind for event in second.events + third.events} <= {Kind.REMOVED}
    assert fourth.events == ()
    assert fourth.node == third.node


@FAST
@given(lives())
def test_no_two_events_of_a_life_share_an_id(life: list[_Step]) -> None:
    """Every transition of a node's life has an event id of its own."""
    node: Node | None = None
    ids: list[str] = []
    for step in life:
        difference = live(node, step)
        node = difference.node
        ids += [event.id for event in difference.events]
    assert len(ids) == len(set(ids))


@FAST
@given(lives(), PICTURES)
def test_an_incomplete_listing_takes_nothing_away(
    life: list[_Step], picture: Picture
) -> None:
    """An incomplete listing removes nothing, marks nothing absent, sets no baseline, pardons nobody, and loses no
    version; that a node is back after it had turned empty can be seen in it.
    """
    before = after(life) or Node(node=PACK)
    step = live(before, (picture, False))
    of_the_node = {one.kind for one in step.events if one.version is None}
    assert of_the_node - {Kind.RECOVERED} <= (
        {Kind.REINSTATED} if before.emptied and not before.banned else set()
    )
    assert Kind.REMOVED not in {event.kind for event in step.events}
    assert (step.node.baseline_at, step.node.empty_since) == (
        before.baseline_at,
        before.empty_since,
    )
    assert step.node.banned == before.banned
    assert set(beside(step.node, "mark").items()) <= set(beside(before, "mark").items())
    assert {one.key for one in before.rows} <= {one.key for one in step.node.rows}


@FAST
@given(PICTURES, PICTURES)
def test_the_events_lead_from_the_old_picture_to_the_new(
    old: Picture, new: Picture
) -> None:
    """Applied to the old picture, the events give every version's new status and deprecation.

    Only what is recorded without an event at first sight, a deleted version, is not among them.
    """
    difference = compare(known(*old), *new)
    before = {one.key: one for one in old}
    now = {one.key: one for one in new}
    facts = {one.key: (one.status, one.deprecated) for one in old}
    for event in difference.events:
        key = event.version_id or f"={event.version}"
        status, deprecated = facts.get(key, ("", False))
        match event.kind:
            case Kind.DEPRECATED | Kind.UNDEPRECATED:
                facts[key] = (status, event.kind is Kind.DEPRECATED)
            case Kind.CHANGED if not any(
                change.field == "status" for change in event.changes
            ):
                assert event.after == now[key].status
            case _:
                facts[key] = (event.after or "", deprecated)
    unseen_before = now.keys() - before.keys()
    told = {key: _told(one, before.get(key)) for key, one in now.items()}
    expected = {key: (one.status, one.deprecated) for key, one in told.items()}
    silent = {key for key in unseen_before if expected[key][0] == "deleted"}
    for key in expected.keys() - silent:
        assert facts[key] == expected[key]
    assert silent.isdisjoint(facts)


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
    node = after([*life, (one, first_complete)])
    step = live(node, (other, then_complete))
    assume(node is not None and not node.banned)
    before = {version.key: version for version in one}
    heard = {
        event.version_id or f"={event.version}"
        for event in step.events
        if event.version is not None
    }
    assert {
        version.key
        for version in other
        if (old := before.get(version.key)) and _told(version, old) != old
    } <= heard


@FAST
@given(lives(), PICTURES)
def test_after_a_complete_listing_the_picture_is_the_registrys(
    life: list[_Step], picture: Picture
) -> None:
    """Once all was listed completely, what is present in the picture is exactly what the registry has."""
    node = live(after([*life, (picture, True)]), (picture, True)).node
    present = tuple(one for one in node.rows if one.key not in beside(node, "mark"))
    assert present == picture
    assert set(beside(node, "mark").values()) <= {Mark.ABSENT, Mark.REMOVED}
