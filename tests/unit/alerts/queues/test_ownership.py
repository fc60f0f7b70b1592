"""Which channel a queue belongs to, through every edit of the settings: its URL's, else that of its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tests.support.factories import NOW, alerts, channel, event, failed, taken
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import reroute
from watcher.alerts.queues.queue import is_due
from watcher.model.channel import Cause

OPS, MAIL = channel("ops"), channel("mail")
E1, E2, E3 = event("e1"), event("e2"), event("e3")
U1, U2, U3 = "1" * 32, "2" * 32, "3" * 32
"""Digests of channels' URLs."""


def at(url_digests: dict[str, str]) -> Outbox:
    """Return an outbox that owes one alert to each channel, by name and its URL's digest: `a1` to `a`, and so on."""
    waiting = Outbox()
    for revision, name in enumerate(url_digests, start=1):
        waiting = outbox.enqueue(
            waiting, (channel(name),), (event(f"{name}1"),), revision, NOW
        )
    return rerouted(waiting, url_digests)


def rerouted(
    waiting: Outbox,
    url_digests: dict[str, str],
    known: Mapping[str, str] = MappingProxyType({}),
) -> Outbox:
    """Return the outbox after an edit of the settings, which changes nothing the second time."""
    channels = [channel(name) for name in url_digests]
    moved = reroute(waiting, channels, url_digests, known)
    assert reroute(moved, channels, url_digests, url_digests) == moved
    return moved


Names = dict[str, str]
Alerts = dict[str, list[str]]
OF_BOTH = {"a": ["a1"], "b": ["b1"]}
EDITS: dict[str, tuple[Names, Names, Names, Alerts]] = {
    # Before, which of these URLs the state knew too, now, and who is owed what then.
    "renamed": ({"a": U1, "b": U2}, {}, {"c": U1, "b": U2}, {"c": ["a1"], "b": ["b1"]}),
    "swapped": ({"a": U1, "b": U2}, {}, {"b": U1, "a": U2}, {"b": ["a1"], "a": ["b1"]}),
    "removed": ({"a": U1, "b": U2}, {}, {"b": U2}, OF_BOTH),
    "twins": ({"a": U1, "b": U1}, {}, {"a": U1, "b": U1}, OF_BOTH),
    "merged": ({"a": U1, "b": U1}, {}, {"c": U1}, {"c": ["a1", "b1"]}),
    "corrected": ({"a": U1, "b": U2}, {}, {"a": U3, "b": U2}, OF_BOTH),
    "corrected to one that another had": (
        {"a": U1},
        {"a": U1, "b": U2},
        {"a": U2},
        {"a (former)": ["a1"]},
    ),
    "one of twins corrected": (
        {"a": U1, "b": U1},
        {"a": U1, "b": U1},
        {"c": U1, "a": U3, "b": U1},
        OF_BOTH,
    ),
    "name and URL": ({"a": U1}, {}, {"b": U2}, {"a": ["a1"]}),
    "moved away": ({"a": U1}, {}, {"a": U2, "b": U1}, {"b": ["a1"]}),
    "taken out": (
        {"a": U1, "b": U2},
        {},
        {"a": U2},
        {"a (former)": ["a1"], "a": ["b1"]},
    ),
    "free name taken": (
        {"a": U1, "a (former)": U2},
        {},
        {"a": U2},
        {"a (former 2)": ["a1"], "a": ["a (former)1"]},
    ),
    "free name of a channel": (
        {"a": U1, "b": U2},
        {},
        {"a": U2, "a (former)": U3},
        {"a (former 2)": ["a1"], "a": ["b1"]},
    ),
}


@pytest.mark.parametrize(("before", "known", "now", "owed"), EDITS.values(), ids=EDITS)
def test_a_queue_belongs_to_its_url_else_to_the_new_url_of_its_name(
    before: Names, known: Names, now: Names, owed: Alerts
) -> None:
    """Any other queue is set aside under a name that no channel has."""
    moved = rerouted(at(before), now, known)
    assert {name: alerts(moved, name) for name in moved.queues} == owed


def test_a_url_that_is_put_back_gets_what_a_half_taken_edit_moved() -> None:
    """A kill may leave the queue at the URL of an edit, and the addresses as they were before that."""
    edited = rerouted(at({"a": U1}), {"a": U2}, {"a": U1})
    back = rerouted(edited, {"a": U1}, {"a": U1})
    assert {name: alerts(back, name) for name in back.queues} == {"a": ["a1"]}


def test_a_queue_that_is_set_aside_comes_back_with_its_url() -> None:
    """However many were set aside, each gets its own alerts when its URL is configured again."""
    waiting = at({"a": U1})
    for digest in (U2, U3):
        waiting = outbox.enqueue(
            rerouted(waiting, {"a": digest}, {"b": digest}),
            (channel("a"),),
            (E1,),
            2,
            NOW,
        )
    back = rerouted(waiting, {"b": U1, "a": U3}, {"a": U3})
    assert (alerts(back, "b"), sorted(back.queues)) == (["a1"], ["a", "b"])


@pytest.mark.parametrize(
    ("now", "due"),
    [({"duty": U1}, False), ({"ops": U2}, True)],
    ids=["renamed", "new URL"],
)
def test_a_new_url_ends_the_backoff_and_a_new_name_does_not(
    now: Names, *, due: bool
) -> None:
    """Failures are those of a URL."""
    waiting = failed(at({"ops": U1}), "ops", "HTTP 500", NOW)
    (queue,) = rerouted(waiting, now).queues.values()
    assert (is_due(queue, NOW), queue.attempts, queue.error) == (
        due,
        not due,
        "" if due else "HTTP 500",
    )


def test_queues_that_become_one_keep_the_order_of_polls() -> None:
    """Alerts of two channels that become one are merged by poll, none lost or twice, and it fails if one has."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (E1,), 1, NOW)
    waiting = outbox.enqueue(waiting, (MAIL,), (E1, E2), 2, NOW)
    waiting = outbox.enqueue(waiting, (OPS,), (E3,), 3, NOW)
    waiting = failed(
        rerouted(waiting, {"ops": U1, "mail": U1}), "mail", "HTTP 500", NOW
    )
    for name in ("ops", "mail"):
        moved = rerouted(waiting, {name: U1})
        assert {one: alerts(moved, one) for one in moved.queues} == {
            name: ["e1", "e2", "e3"]
        }
        queue = moved.queues[name]
        assert (queue.attempts, queue.failing_since) == (1, NOW)


def test_another_url_lacks_the_further_messages_that_the_old_one_took() -> None:
    """What a message only counts there goes into a further one again, unless that still waits."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (E1, E2, E3), 1, NOW)
    waiting = rerouted(waiting, {"ops": U1})
    waiting = failed(
        waiting, "ops", "HTTP 500", NOW, reached=frozenset("x"), left=("e3",)
    )
    for before, lacks in ((waiting, ()), (taken(waiting, number=1), ("e3",))):
        moved = taken(rerouted(before, {"ops": U2}), left=("e3",))
        [further] = moved.queues["ops"].messages
        assert further.events == ("e3",)
        kept = {one.id for one in before.queues["ops"].messages}
        assert (further.id in kept) == (not lacks)


def test_another_url_may_take_what_the_old_one_refused() -> None:
    """A message that was refused for what it is, and is aside, goes out to the new URL at once and as it is."""
    waiting = at({"ops": U1})
    for _ in range(2):
        waiting = failed(
            waiting, "ops", "HTTP 400", NOW, cause=Cause.CONTENT, ends=True
        )
    assert waiting.queues["ops"].aside
    (queue,) = rerouted(waiting, {"ops": U2}).queues.values()
    (message,) = queue.messages
    assert (message.refusals, message.is_plain, is_due(queue, NOW)) == (0, False, True)
    assert queue.failing_since == NOW  # nothing was taken yet
