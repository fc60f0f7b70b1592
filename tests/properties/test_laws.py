"""What holds for every life of a node and of an alert, whatever the registry says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, PACK, compare, failed, known
from tests.support.parameters import examples
from tests.support.strategies import (
    channels,
    events,
    pictures,
)
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.outcomes import Acknowledgement, replay
from watcher.alerts.queues.ownership import reroute
from watcher.alerts.queues.queue import FAILURES_TO_EXPIRE, Queue
from watcher.changes.diff import Difference, compare_ban
from watcher.changes.health import assess
from watcher.model.channel import Channel, wants
from watcher.model.event import (
    Event,
    Kind,
    Severity,
    rank,
    replaces_archive,
    runs_it,
    runs_its_pack,
    severity_of,
)
from watcher.model.failure import ReadFailure
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.model.version import Version
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
@given(lives())
def test_a_life_seen_again_later_has_the_same_ids(life: list[_Step]) -> None:
    """Ids are made of what was observed alone: polls repeated at another time give the same ones."""
    once: Node | None = None
    again: Node | None = None
    for step in life:
        first, second = (
            live(once, step, NOW),
            live(again, step, "2031-01-01T00:00:00.000Z"),
        )
        once, again = first.node, second.node
        assert [event.id for event in first.events] == [
            event.id for event in second.events
        ]


@FAST
@given(st.lists(events(), max_size=8))
def test_the_worst_comes_first(given: list[Event]) -> None:
    """Sorted by rank, severities have their order, within one what is run comes first, and then kinds have theirs."""
    ordered = sorted(given, key=rank)
    severities = [list(Severity).index(severity_of(one)) for one in ordered]
    assert severities == sorted(severities)
    usual = [
        one
        for one in ordered
        if not replaces_archive(one) and one.kind is not Kind.EXPOSED
    ]
    assert usual == sorted(
        usual,
        key=lambda one: (
            list(Severity).index(severity_of(one)),
            not runs_it(one),
            not runs_its_pack(one),
            list(Kind).index(one.kind),
        ),
    )


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
    assert set(step.node.marks.items()) <= set(before.marks.items())
    assert {one.key for one in before.versions} <= {
        one.key for one in step.node.versions
    }


@FAST
@given(PICTURES, PICTURES)
def test_the_events_lead_from_the_old_picture_to_the_new(
    old: Picture, new: Picture
) -> None:
    """Applied to the old picture, the events give every version's new status and deprecation.

    Only what is recorded without an event at first sight, a deleted version, is not among them.
    """
    difference = compare(known(*old), *new)
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
                assert event.after == status
            case _:
                facts[key] = (event.after or "", deprecated)
    unseen_before = {one.key for one in new} - {one.key for one in old}
    expected = {one.key: (one.status, one.deprecated) for one in new}
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
    """Complete or not, with a baseline or without: of a version seen twice each change is reported."""
    step = live(
        after([*life, (one, first_complete)]),
        (other, then_complete),
    )
    before = {version.key: version for version in one}
    heard = {
        event.version_id or f"={event.version}"
        for event in step.events
        if event.version is not None
    }
    assert {
        version.key for version in other if before.get(version.key, version) != version
    } <= heard


@FAST
@given(lives(), PICTURES)
def test_after_a_complete_listing_the_picture_is_the_registrys(
    life: list[_Step], picture: Picture
) -> None:
    """Once all was listed completely, what is present in the picture is exactly what the registry has."""
    node = live(after([*life, (picture, True)]), (picture, True)).node
    present = tuple(one for one in node.versions if one.key not in node.marks)
    assert present == picture
    assert set(node.marks.values()) <= {Mark.ABSENT, Mark.REMOVED}


@st.composite
def _batches(draw: st.DrawFn) -> list[tuple[Event, ...]]:
    """Make up the events of some polls, each with its id."""
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    return [
        tuple(
            replace(
                draw(events(f"e{poll}.{number}")),
                node=draw(st.sampled_from([PACK, "other", None])),
                at=NOW,
            )
            for number in range(size)
        )
        for poll, size in enumerate(sizes)
    ]


def _alerts(waiting: Outbox, channel: Channel) -> list[str]:
    queue = waiting.queues.get(channel.name)
    return (
        [event for message in queue.messages for event in message.events]
        if queue
        else []
    )


@FAST
@given(channels(), _batches(), st.data())
def test_only_an_acknowledgement_or_expiry_takes_an_alert_away(
    configured: tuple[Channel, ...],
    batches: list[tuple[Event, ...]],
    data: st.DataObject,
) -> None:
    """Through polls, failures, commits, histories, renames and acknowledgements each channel owes exactly what it
    wants and was not sent, a poll's alerts never behind a later one's.
    """
    waiting = Outbox()
    owed: dict[str, list[list[str]]] = {channel.name: [] for channel in configured}
    digests = {
        channel.name: f"{number:032x}" for number, channel in enumerate(configured)
    }
    for revision, batch in enumerate(batches, start=1):
        waiting = outbox.enqueue(waiting, configured, batch, revision, NOW)
        waiting = outbox.drop_uncommitted(waiting, revision)
        waiting = reroute(outbox.recorded(waiting), configured, digests)
        for channel in configured:
            owed[channel.name].append(
                [event.id for event in batch if wants(channel, event)]
            )
            if not (queue := waiting.queues.get(channel.name)) or not queue.messages:
                continue
            match data.draw(st.sampled_from(["rest", "fail", "send", "expire"])):
                case "fail":
                    waiting = failed(waiting, channel.name, "refused", NOW)
                case "send":
                    sent = queue.messages[0]
                    waiting = replay(
                        waiting,
                        [Acknowledgement(channel=channel.name, message=sent.id)],
                    )
                    owed[channel.name] = [
                        [one for one in poll if one not in sent.events]
                        for poll in owed[channel.name]
                    ]
                case "expire":
                    waiting, old = outbox.expired(
                        waiting, channel.name, "2040-01-01T00:00:00Z", 60
                    )
                    given_up = [one for message in old for one in message.events]
                    assert given_up == (
                        _alerts_of(queue)
                        if queue.attempts >= FAILURES_TO_EXPIRE
                        else []
                    )
                    owed[channel.name] = [
                        [] if given_up else poll for poll in owed[channel.name]
                    ]
                case _:
                    pass
        for channel in configured:
            left = _alerts(waiting, channel)
            assert sorted(left) == sorted(
                one for poll in owed[channel.name] for one in poll
            )
            assert [int(one[1]) for one in left] == sorted(int(one[1]) for one in left)
            assert set(left) <= waiting.events.keys()


def _alerts_of(queue: Queue) -> list[str]:
    return [event for message in queue.messages for event in message.events]
