"""One queue: how each message stands, what a failure leaves, and how long the channel and each message wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, event, minute
from watcher import timestamps
from watcher.alerts.queues.queue import (
    Message,
    Queue,
    Standing,
    after_delivery,
    delivered,
    failed,
    going_out,
    has_failed,
    in_turn,
    is_due,
    next_try,
    reason_to_wait,
    seconds_left,
    try_in_words,
)
from watcher.durations import DAY
from watcher.model.channel import Cause, Outcome
from watcher.model.event import Event, Kind

HOUR = 60
"""In minutes."""


def message(name: str = "m1", **fields: Any) -> Message:
    """Make a message with one event."""
    given: dict[str, Any] = {
        "id": name,
        "revision": 1,
        "queued_at": NOW,
        "events": ("e1",),
    }
    return Message(**given | fields)


def queue(*messages: Message, **fields: Any) -> Queue:
    """Make a queue of these messages."""
    return Queue(messages=messages or (message(),), **fields)


def attempt(
    before: Queue,
    error: str = "HTTP 500",
    at: str = NOW,
    *,
    ends: bool = True,
    **fields: Any,
) -> Queue:
    """Return the queue after a failed attempt at its first message, which makes the channel wait if it `ends` it."""
    failures = before.attempts + 1 if ends else None
    outcome = Outcome(reason=error, **fields)
    return failed("ops", before, before.messages[0], outcome, at, failures=failures)


def refused(before: Queue, times: int, at: str = NOW) -> Queue:
    """Return the queue after its first message was refused for what it is, while the channel takes others."""
    for _ in range(times):
        before = attempt(before, "HTTP 400", at, ends=False, cause=Cause.CONTENT)
    return before


def turn(before: Queue, *events: Event, at: str = NOW) -> list[str]:
    """Return the messages that may go out, in their order; the events that are not given are alike."""
    alike = {key: event(key) for message in before.messages for key in message.events}
    known = alike | {one.id: one for one in events}
    return [one.id for one in in_turn(before, known, at)]


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, Standing.FRESH),
        ({"reached": ("here",)}, Standing.PARTLY_TAKEN),
        ({"unanswered": 1}, Standing.IN_DOUBT),
        ({"unanswered": 4, "reached": ("here",)}, Standing.IN_DOUBT),
        ({"unanswered": 5}, Standing.DEFERRED),
        ({"refusals": 1}, Standing.REFUSED),
        ({"refusals": 1, "unanswered": 5}, Standing.REFUSED),
        ({"refusals": 2}, Standing.ASIDE),
        ({"refusals": 3}, Standing.REFUSED),
        ({"refusals": 8, "unanswered": 1, "reached": ("here",)}, Standing.ASIDE),
    ],
)
def test_how_a_message_stands(fields: dict[str, Any], standing: Standing) -> None:
    """A refusal counts more than an attempt without an answer, and that more than targets that were reached."""
    one = message(**fields)
    assert (one.standing, one.may_change) == (standing, standing is Standing.FRESH)
    assert one.is_plain is (standing is Standing.REFUSED)
    assert message(part=1).may_change is False


def test_messages_go_out_in_the_order_of_their_standings() -> None:
    """What may have been taken is first, what was never answered and what is aside last."""
    messages = [
        message("aside", refusals=2),
        message("deferred", unanswered=5),
        message("refused", refusals=1, events=("ban",)),
        message("half", reached=("here",), events=("ban",)),
        message("second", events=("new",), revision=2),
        message("first", events=("new",)),
        message("ban", events=("new", "ban")),
        message("unanswered", unanswered=4, events=("new",)),
    ]
    events = event("new", Kind.NEW), event("ban", Kind.BANNED)
    assert turn(queue(*messages), *events) == [
        "unanswered",
        "ban",
        "first",
        "second",
        "half",
        "refused",
        "deferred",
        "aside",
    ]


def test_a_refusal_makes_a_message_plain_and_a_second_one_sets_it_aside() -> None:
    """The plainest form waits for nothing. Aside it waits half a minute, then twice as long each time, a day at most.

    Each try begins with the usual form again. Another failure changes nothing. A refusal ends the channel's backoff.
    """
    found = []
    for times in (0, 1, 2, 3, 4, 100):
        (one,) = refused(queue(), times).messages
        wait = timestamps.seconds_between(NOW, one.tried_next) if one.tried_next else 0
        found.append((one.is_plain, one.standing, wait))
    assert found == [
        (False, Standing.FRESH, 0),
        (True, Standing.REFUSED, 0),
        (False, Standing.ASIDE, 30),
        (True, Standing.REFUSED, 0),
        (False, Standing.ASIDE, 60),
        (False, Standing.ASIDE, DAY),
    ]
    for fields in {"cause": Cause.GONE}, {"unanswered": True}:
        (one,) = attempt(refused(queue(), 1), **fields).messages
        assert (one.refusals, one.error) == (1, "HTTP 400")
    assert refused(attempt(queue()), 1).retry_at == ""


def test_a_message_aside_lets_the_others_pass() -> None:
    """The next message is due at once; alone, the one aside waits for its own time."""
    after = refused(queue(message("m1"), message("m2")), 2)
    assert (is_due(after, NOW), turn(after)) == (True, ["m2"])
    assert turn(after, at=minute(0.5)) == ["m2", "m1"]
    alone = refused(queue(), 2)
    assert (seconds_left(alone, NOW), next_try(alone)) == (30, minute(0.5))


def test_when_alerts_are_tried_next() -> None:
    """The message says when that waits for the shortest time, and a clock set back is no wait."""
    late = [message("m2", tried_next=minute(60 * 23))]
    waiting, backed_off = queue(*late, message("m1")), queue(message("m4"))
    backed_off = replace(backed_off, retry_at=minute(10))
    assert next_try(waiting, backed_off) == ""
    assert next_try(queue(*late), backed_off) == minute(10)
    assert try_in_words(minute(119), NOW) == "in 2 hours"
    for moment in "", minute(60 * 24 * 9):
        assert try_in_words(moment, NOW) == "at the next poll"


def test_what_goes_out_was_tried() -> None:
    """If nothing more is heard of it, its channel has failed, and waits for those that were tried longer ago."""
    out = going_out(queue(), message(), minute(5))
    assert (has_failed(out), out.tried_at) == (True, minute(5))


def test_five_attempts_without_an_answer_defer_a_message() -> None:
    """From then on it waits for a day after each, also if another target refuses it, and holds up no other."""
    before, found = queue(message(), message("m2")), []
    for _ in range(6):
        before = attempt(before, "timed out", ends=False, unanswered=True)
        one, _ = before.messages
        wait = timestamps.seconds_between(NOW, one.tried_next) if one.tried_next else 0
        found.append((one.unanswered, wait))
    assert found == [(1, 0), (2, 0), (3, 0), (4, 0), (5, DAY), (6, DAY)]
    assert turn(before) == ["m2"]
    assert turn(before, at=minute(24 * HOUR)) == ["m2", "m1"]
    odd = queue(message(refusals=1, unanswered=4))
    (one,) = attempt(odd, cause=Cause.CONTENT, unanswered=True).messages
    assert (one.refusals, one.tried_next) == (2, minute(24 * HOUR))


@pytest.mark.parametrize(
    ("asked", "wait"), [(0, 60), (5, 60), (7200, 7200), (DAY, DAY), (1e9, DAY)]
)
def test_a_channel_waits_as_long_as_its_service_asks(asked: float, wait: float) -> None:
    """A `Retry-After` of up to a day is kept to the second, unless the backoff is longer."""
    after = attempt(attempt(queue()), retry_after=asked)
    assert (seconds_left(after, NOW), after.attempts) == (wait, 2)


def test_a_clock_set_back_does_not_silence_a_channel() -> None:
    """A wait that is longer than any can be comes from another clock, and is not kept."""
    assert is_due(attempt(queue(), at=minute(25 * HOUR)), NOW)
    assert is_due(refused(queue(), 2, at=minute(25 * HOUR)), NOW)
    assert not is_due(attempt(queue(), at=minute(2 * HOUR)), NOW)


def test_since_when_a_channel_has_been_failing() -> None:
    """It is the first failure since the last delivery; one that makes nothing wait is the message's and none of its.

    That the address is gone is not forgotten at the next failure of another kind, before a poll could report it.
    """
    after = attempt(attempt(queue()), at=minute(5), cause=Cause.GONE)
    assert (after.failing_since, after.gone) == (NOW, True)
    after = attempt(after, at=minute(6))
    assert after.gone
    assert after_delivery(after) == queue(*after.messages)
    assert refused(queue(), 1).failing_since == ""


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"refusals": 2, "tried_next": minute(1)}, False),
        # It was refused before the channel failed, and waits for itself.
        ({"refusals": 2, "tried_next": minute(0.4)}, True),
        # It may have arrived.
        ({"unanswered": 5, "tried_next": minute(1440)}, True),
        ({"refusals": 2, "unanswered": 5, "tried_next": minute(1440)}, True),
    ],
)
def test_a_channel_that_recovers_gets_what_it_refused_meanwhile(
    fields: dict[str, Any], *, waits: bool
) -> None:
    """What it refused while it took nothing may be taken now; where it took others a delivery ends no wait."""
    for since, is_kept in ((NOW, waits), ("", True)):
        before = queue(message(**fields), message("m2"), failing_since=since)
        [left] = delivered("ops", before, before.messages[1]).messages
        assert left.tried_next == (fields["tried_next"] if is_kept else "")


def test_what_only_the_plainest_form_leaves_is_not_lost() -> None:
    """A target has the usual form, and one further message; another one, that takes the plainest, gets the rest too.

    Nor is what was left when a kill let only the target be heard of.
    """
    waiting = queue(message(events=("e1", "e2", "e3", "e4")))
    killed = attempt(waiting, reached=frozenset("a"))
    heard = attempt(killed, reached=frozenset("a"), left=("e4",))
    assert [one.events for one in heard.messages[1:]] == [("e4",)]
    some = attempt(waiting, reached=frozenset("a"), left=("e4",))
    plain = attempt(some, cause=Cause.CONTENT, reached=frozenset("a"), left=("e4",))
    unheard = attempt(plain, reached=frozenset("a"), left=("e2", "e3", "e4"))
    assert [one.events for one in unheard.messages[1:]] == [("e4",)]
    first, *_ = unheard.messages
    done = delivered("ops", unheard, first, ("e2", "e3", "e4"))
    assert [one.events for one in done.messages] == [("e2", "e3"), ("e4",)]
    rest, _ = delivered("ops", done, done.messages[0], ("e3",)).messages
    assert (rest.events, rest.part) == (("e3",), 2)
    two = attempt(plain, reached=frozenset("ab"), left=("e2", "e3", "e4"))
    assert [one.events for one in two.messages[1:]] == [("e2", "e3"), ("e4",)]
    three = attempt(two, reached=frozenset("abc"), left=("e2", "e3", "e4"))
    assert three.messages[1:] == two.messages[1:]


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        (Queue(), ""),
        (queue(), ""),
        (attempt(queue()), "HTTP 500"),
        (refused(queue(), 1), ""),
        (refused(queue(), 2), "refused also in the plainest form: HTTP 400"),
        (
            attempt(queue(), "timed out", unanswered=True),
            "timed out; may have arrived",
        ),
        (queue(message(unanswered=1)), ""),
        (queue(message(unanswered=5)), "no answer; may have arrived"),
    ],
)
def test_why_a_queue_waits(waiting: Queue, reason: str) -> None:
    """A channel that backs off says after what; one that takes what else it gets says what holds up a message."""
    assert reason_to_wait(waiting) == reason
