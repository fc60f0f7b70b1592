"""The bookkeeping of what is undelivered: in order, per channel, until acknowledged or expired."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import NOW, channel, event, minute
from watcher import timestamps
from watcher.alerts import outbox
from watcher.alerts.outbox import LONGEST_WAIT, Acknowledgement, Message, Outbox, Queue
from watcher.model.channel import Channel, Grouping
from watcher.model.event import Kind

OPS, MAIL = channel("ops"), channel("mail")
BOTH = (OPS, MAIL)
E1, E2, E3 = event("e1"), event("e2", Kind.NEW), event("e3", Kind.BANNED)
U1, U2, U3 = "1" * 32, "2" * 32, "3" * 32
"""Digests of channels' URLs."""


def owing(*batches: tuple[str, ...], to: tuple[Channel, ...] = BOTH) -> Outbox:
    """Return an outbox after polls with these events, each poll's revision one higher, all of them recorded."""
    waiting = Outbox()
    for revision, names in enumerate(batches, start=1):
        waiting = outbox.enqueue(waiting, to, tuple(event(name) for name in names), revision, NOW)
    return outbox.recorded(waiting)


def twice_failed(waiting: Outbox, at: str = NOW) -> Outbox:
    """Return the outbox after two attempts at `ops` that failed."""
    return outbox.failed(outbox.failed(waiting, "ops", "HTTP 500", at), "ops", "HTTP 500", at)


def acknowledged(waiting: Outbox, name: str, message: str) -> Outbox:
    """Return the outbox after one acknowledgement."""
    return outbox.replay(waiting, [Acknowledgement(channel=name, message=message)])


def alerts(waiting: Outbox, name: str = "ops") -> list[str]:
    """Return the ids of the events that a channel has still to get, in order."""
    queue = waiting.queues.get(name, Queue())
    return [one for message in queue.messages for one in message.events]


def first(waiting: Outbox, name: str = "ops") -> Message:
    """Return the message that the channel gets next."""
    return waiting.queues[name].messages[0]


def test_every_channel_gets_a_queue_of_its_own() -> None:
    """A poll's events go to each channel that wants them, in one message, after what is there already."""
    waiting = owing(("e1", "e2"), ("e3",))
    for name in ("ops", "mail"):
        assert [message.events for message in waiting.queues[name].messages] == [("e1", "e2"), ("e3",)]
        assert [message.revision for message in waiting.queues[name].messages] == [1, 2]
        assert waiting.alerts(name) == 3
    assert waiting.alerts("nobody") == 0


def test_a_channel_that_wants_nothing_gets_no_queue() -> None:
    """Events that no channel wants are kept only until the history has them."""
    waiting = outbox.enqueue(Outbox(), (channel(kinds=frozenset({Kind.NEW})),), (E1,), 1, NOW)
    assert (dict(waiting.queues), list(waiting.events), waiting.unrecorded) == ({}, ["e1"], {"e1": 1})
    assert outbox.recorded(waiting) == Outbox(prepared=1)


def test_messages_are_distinct() -> None:
    """Each message of a poll has its own id, which the same poll repeated after a crash gives again."""
    split = replace(OPS, grouping=Grouping.EVENT)
    once, again = (outbox.enqueue(Outbox(), (split, MAIL), (E1, E2), 1, at) for at in (NOW, minute(5)))
    ids = [message.id for queue in once.queues.values() for message in queue.messages]
    assert len(set(ids)) == 3
    assert ids == [message.id for queue in again.queues.values() for message in queue.messages]


def test_a_finished_queue_is_forgotten_with_its_events() -> None:
    """When every channel has taken a message nothing is left of it."""
    waiting = owing(("e1",))
    for name in ("ops", "mail"):
        waiting = acknowledged(waiting, name, first(waiting, name).id)
    assert waiting == Outbox(prepared=1)


def test_an_acknowledgement_of_something_else_takes_nothing() -> None:
    """Ids that the channel's queue does not hold are ignored; its backoff goes on."""
    waiting = outbox.failed(owing(("e1",)), "ops", "HTTP 500", NOW)
    for name, message in (("ops", "unknown"), ("ops", first(waiting, "mail").id), ("nobody", first(waiting).id)):
        assert acknowledged(waiting, name, message) == waiting


def test_the_waits_double_up_to_the_longest() -> None:
    """The backoff is 30 seconds after a failure, doubles with each further one, and is an hour at most, for ever."""
    waiting, waits = owing(("e1",)), []
    for _ in range(12):
        waiting = outbox.failed(waiting, "ops", "HTTP 500", NOW)
        waits.append(timestamps.seconds_between(NOW, waiting.queues["ops"].retry_at))
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == LONGEST_WAIT
    assert waits == sorted(waits)
    assert outbox.backoff_until(10_000, NOW) == minute(60)


def test_a_failure_loses_nothing_and_concerns_one_channel() -> None:
    """After a failure the queue is as it was, with why and since when; the other channel knows nothing of it."""
    waiting = outbox.failed(owing(("e1",), ("e2",)), "ops", "HTTP 500", NOW)
    assert (alerts(waiting), waiting.queues["ops"].error) == (["e1", "e2"], "HTTP 500")
    assert not outbox.is_due(waiting.queues["ops"], minute(0.4))
    assert outbox.is_due(waiting.queues["ops"], minute(0.5))
    assert outbox.is_due(waiting.queues["mail"], NOW)
    assert waiting.queues["mail"] == owing(("e1",), ("e2",)).queues["mail"]


def test_a_failure_keeps_which_targets_were_reached() -> None:
    """The first message remembers those targets that took it, so that only the others get it again."""
    waiting = outbox.failed(owing(("e1",), ("e2",)), "ops", "refused", NOW, reached={"b", "a"})
    assert [message.reached for message in waiting.queues["ops"].messages] == [("a", "b"), ()]


def test_a_success_ends_the_backoff() -> None:
    """A channel that took a message is due again at once."""
    waiting = outbox.failed(owing(("e1",), ("e2",)), "ops", "HTTP 500", NOW)
    done = acknowledged(waiting, "ops", first(waiting).id)
    queue = done.queues["ops"]
    assert (queue.attempts, queue.retry_at, queue.error) == (0, "", "")
    assert outbox.is_due(queue, NOW)


def test_new_alerts_do_not_end_a_backoff() -> None:
    """More to send does not end a backoff; it is sent in order."""
    waiting = outbox.failed(owing(("e1",)), "ops", "HTTP 500", NOW)
    waiting = outbox.enqueue(waiting, BOTH, (E2,), 2, NOW)
    assert alerts(waiting) == ["e1", "e2"]
    assert not outbox.is_due(waiting.queues["ops"], NOW)


def test_a_clock_set_back_does_not_silence_a_channel() -> None:
    """A wait that is longer than any can be comes from another clock and is not kept."""
    waiting = outbox.failed(owing(("e1",)), "ops", "HTTP 500", NOW)
    assert outbox.is_due(waiting.queues["ops"], "2020-01-01T00:00:00.000Z")
    assert not outbox.is_due(waiting.queues["ops"], minute(-59))


def test_an_alert_too_old_expires_and_is_named() -> None:
    """What a failing channel did not take within the expiry is dropped and returned; younger ones stay."""
    waiting = outbox.enqueue(owing(("e1", "e2")), BOTH, (E3,), 2, minute(30))
    waiting = twice_failed(waiting, minute(59))
    left, old = outbox.expired(waiting, "ops", minute(61), 3600)
    assert [message.events for message in old] == [("e1", "e2")]
    assert (alerts(left), alerts(left, "mail")) == (["e3"], ["e1", "e2", "e3"])
    assert left.queues["ops"].attempts == 2


def test_nothing_expires_at_a_first_failure() -> None:
    """A clock that jumps forward, before the first attempt or during it, costs no alert: it takes two failures."""
    waiting = owing(("e1",))
    for _ in range(2):
        assert outbox.expired(waiting, "ops", "2040-01-01T00:00:00.000Z", 3600) == (waiting, ())
        waiting = outbox.failed(waiting, "ops", "HTTP 500", NOW)
    assert outbox.expired(waiting, "ops", "2040-01-01T00:00:00.000Z", 3600)[1]


def test_a_clock_set_back_expires_nothing() -> None:
    """A message from the future is not old; nor is one exactly as old as the expiry."""
    waiting = twice_failed(owing(("e1",)))
    for now in ("2020-01-01T00:00:00.000Z", minute(60)):
        assert outbox.expired(waiting, "ops", now, 3600) == (waiting, ())


def test_a_channel_that_lost_all_to_expiry_still_backs_off() -> None:
    """Expiry does not make a dead channel look well: its failures stay counted until it takes something."""
    waiting = twice_failed(owing(("e1",)))
    left, _ = outbox.expired(waiting, "ops", minute(61), 3600)
    assert (left.queues["ops"].attempts, left.alerts("ops")) == (2, 0)
    assert "e1" in left.events


def test_a_former_channel_expires_in_time_and_is_forgotten() -> None:
    """A channel that is configured no more can't fail: its alerts expire untried, and nothing is left of it then."""
    waiting = outbox.failed(owing(("e1",)), "ops", "HTTP 500", NOW)
    for name in ("ops", "mail"):
        assert outbox.expired(waiting, name, minute(60), 3600, configured=False)[1] == ()
    for name in ("ops", "mail"):
        waiting, old = outbox.expired(waiting, name, minute(61), 3600, configured=False)
        assert [message.events for message in old] == [("e1",)]
    assert waiting == Outbox(prepared=1)


def test_what_was_never_committed_is_dropped() -> None:
    """Alerts prepared for a snapshot that did not become durable are dropped, and only those."""
    waiting = outbox.enqueue(owing(("e1",)), BOTH, (E2,), 2, NOW)
    dropped = outbox.drop_uncommitted(waiting, 1)
    assert (alerts(dropped), alerts(dropped, "mail")) == (["e1"], ["e1"])
    assert (dropped.unrecorded, set(dropped.events), dropped.prepared) == ({}, {"e1"}, 1)


@pytest.mark.parametrize("revision", [2, 3])
def test_what_was_committed_stays(revision: int) -> None:
    """Alerts whose snapshot became durable are owed, and their events go to the history."""
    waiting = outbox.enqueue(owing(("e1",)), BOTH, (E2,), 2, NOW)
    assert outbox.drop_uncommitted(waiting, revision) == waiting
    assert waiting.unrecorded == {"e2": 2}


def at(url_digests: dict[str, str], *, placed: bool = False) -> Outbox:
    """Return an outbox that owes one alert to each channel, by name and its URL's digest: `a1` to `a`, and so on."""
    waiting = Outbox()
    for revision, name in enumerate(url_digests, start=1):
        waiting = outbox.enqueue(waiting, (channel(name),), (event(f"{name}1"),), revision, NOW)
    return rerouted(waiting, url_digests, placed=placed)


def rerouted(waiting: Outbox, url_digests: dict[str, str], *, placed: bool = False, by_name: bool = False) -> Outbox:
    """Return the outbox after an edit of the settings, which changes nothing the second time."""
    channels = [channel(name, placed=placed) for name in url_digests]
    moved = outbox.reroute(waiting, channels, url_digests, by_name=by_name)
    assert outbox.reroute(moved, channels, url_digests) == moved
    return moved


Names = dict[str, str]
Alerts = dict[str, list[str]]
EVERYWHERE = {
    "same": ({"a": U1, "b": U2}, {"a": U1, "b": U2}, {"a": ["a1"], "b": ["b1"]}),
    "renamed": ({"a": U1, "b": U2}, {"c": U1, "b": U2}, {"c": ["a1"], "b": ["b1"]}),
    "swapped": ({"a": U1, "b": U2}, {"b": U1, "a": U2}, {"b": ["a1"], "a": ["b1"]}),
    "shifted": ({"a": U1, "b": U2}, {"b": U1, "c": U2}, {"b": ["a1"], "c": ["b1"]}),
    "removed": ({"a": U1, "b": U2}, {"b": U2}, {"a": ["a1"], "b": ["b1"]}),
    "all removed": ({"a": U1, "b": U2}, {}, {"a": ["a1"], "b": ["b1"]}),
    "twins": ({"a": U1, "b": U1}, {"a": U1, "b": U1}, {"a": ["a1"], "b": ["b1"]}),
    "merged": ({"a": U1, "b": U1}, {"c": U1}, {"c": ["a1", "b1"]}),
}
NAMED = {
    "new URL": ({"a": U1}, {"a": U2}, {"a": ["a1"]}),
    "name and URL": ({"a": U1}, {"b": U2}, {"a": ["a1"]}),
    "URL goes elsewhere": ({"a": U1}, {"a": U2, "b": U1}, {"b": ["a1"]}),
    "another's URL": ({"a": U1, "b": U2}, {"a": U2}, {"a": ["a1", "b1"]}),
}
PLACED = {
    "new URL": ({"a": U1}, {"a": U2}, {"a (former)": ["a1"]}),
    "next in the list": ({"a": U1, "b": U2}, {"a": U2}, {"a (former)": ["a1"], "a": ["b1"]}),
    "free name taken": (
        {"a": U1, "a (former)": U2},
        {"a": U3},
        {"a (former 2)": ["a1"], "a (former)": ["a (former)1"]},
    ),
}


@pytest.mark.parametrize(
    ("before", "now", "owed", "placed"),
    [
        *(pytest.param(*case, False, id=name) for name, case in EVERYWHERE.items()),
        *(pytest.param(*case, True, id=f"{name}, placed") for name, case in EVERYWHERE.items()),
        *(pytest.param(*case, False, id=f"[[channels]], {name}") for name, case in NAMED.items()),
        *(pytest.param(*case, True, id=f"alert_urls, {name}") for name, case in PLACED.items()),
    ],
)
def test_a_queue_belongs_to_its_url_else_to_the_channels_own_name(
    before: Names, now: Names, owed: Alerts, *, placed: bool
) -> None:
    """Any other queue is set aside under a name that no channel has."""
    moved = rerouted(at(before, placed=placed), now, placed=placed)
    assert {name: alerts(moved, name) for name in moved.queues} == owed


def test_a_table_does_not_get_the_queue_of_an_entry_by_its_name() -> None:
    """A name that was made from a place in `alert_urls` is not a channel's own."""
    moved = rerouted(at({"json": U1}, placed=True), {"json": U2})
    assert {name: alerts(moved, name) for name in moved.queues} == {"json (former)": ["json1"]}


def test_a_queue_that_is_set_aside_comes_back_with_its_url() -> None:
    """However many were set aside, each gets its own alerts when its URL is configured again."""
    waiting = at({"a": U1}, placed=True)
    for digest in (U2, U3):
        waiting = outbox.enqueue(rerouted(waiting, {"a": digest}, placed=True), (channel("a"),), (E1,), 2, NOW)
    back = rerouted(waiting, {"b": U1, "a": U3}, placed=True)
    assert (alerts(back, "b"), sorted(back.queues)) == (["a1"], ["a", "b"])


@pytest.mark.parametrize(("now", "is_due"), [({"duty": U1}, False), ({"ops": U2}, True)], ids=["renamed", "new URL"])
def test_a_new_url_ends_the_backoff_and_a_new_name_does_not(now: Names, *, is_due: bool) -> None:
    """Failures are those of a URL."""
    waiting = outbox.failed(at({"ops": U1}), "ops", "HTTP 500", NOW)
    (queue,) = rerouted(waiting, now).queues.values()
    assert (outbox.is_due(queue, NOW), queue.attempts, queue.error) == (
        is_due,
        not is_due,
        "" if is_due else "HTTP 500",
    )


@pytest.mark.parametrize("placed", [False, True])
def test_without_a_salt_the_name_decides(*, placed: bool) -> None:
    """Where the old digests say nothing a queue stays with its name, and gets the new digest."""
    moved = rerouted(at({"a": U1, "b": U2}, placed=placed), {"a": U3, "c": U1}, placed=placed, by_name=True)
    assert {name: (alerts(moved, name), queue.url_digest) for name, queue in moved.queues.items()} == {
        "a": (["a1"], U3),
        "b": (["b1"], U2),
    }


def test_queues_that_become_one_keep_the_order_of_polls() -> None:
    """Alerts of two channels that become one are merged by poll, none lost or twice, with the longer backoff."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (E1,), 1, NOW)
    waiting = outbox.enqueue(waiting, (MAIL,), (E1, E2), 2, NOW)
    waiting = outbox.enqueue(waiting, (OPS,), (E3,), 3, NOW)
    waiting = outbox.failed(rerouted(waiting, {"ops": U1, "mail": U1}), "mail", "HTTP 500", NOW)
    for name in ("ops", "mail"):
        moved = rerouted(waiting, {name: U1})
        assert {one: alerts(moved, one) for one in moved.queues} == {name: ["e1", "e2", "e3"]}
        assert moved.queues[name].attempts == 1
