"""One queue: whose turn it is, what a failure leaves, and how long the channel and each message wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, event, minute
from watcher import timestamps
from watcher.alerts.queues.outcomes import (
    FailedAttempt,
    Failure,
    after_failure,
    ended,
    failed_attempt,
    with_failure,
)
from watcher.alerts.queues.queue import (
    Message,
    Queue,
    in_turn,
    is_due,
    reason_to_wait,
    retry_at,
    seconds_left,
)
from watcher.durations import DAY
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
    last: bool = True,
    **fields: Any,
) -> Queue:
    """Return the queue after a failed attempt at its first message."""
    first, *others = before.messages
    failure = failed_attempt(
        "ops", before, first, Failure(error=error, **fields), at, last=last
    )
    return replace(
        with_failure(before, failure), messages=(after_failure(first, failure), *others)
    )


def refused(before: Queue, times: int, at: str = NOW, *, last: bool = False) -> Queue:
    """Return the queue after its first message was refused for what it is."""
    for _ in range(times):
        before = attempt(before, "HTTP 400", at, last=last, for_content=True)
    return before


def turn(before: Queue, *events: Event, at: str = NOW) -> list[str]:
    """Return the messages that may go out, in their order; the events that are not given are alike."""
    alike = {key: event(key) for message in before.messages for key in message.events}
    return [
        one.id for one in in_turn(before, alike | {one.id: one for one in events}, at)
    ]


def test_three_refusals_make_a_message_plain_and_a_fourth_sets_it_aside() -> None:
    """It waits longer after each refusal; the plainest form goes out at once, and is tried again after a day."""
    found = []
    for times in range(6):
        (one,) = refused(queue(), times).messages
        wait = timestamps.seconds_between(NOW, one.retry_at) if one.retry_at else 0
        found.append((one.is_plain, one.is_aside, wait))
    assert found == [
        (False, False, 0),
        (False, False, 30),
        (False, False, 60),
        (True, False, 0),
        (True, True, DAY),
        (True, True, DAY),
    ]


@pytest.mark.parametrize(
    "fields", [{}, {"gone": True}, {"retry_after": 5.0}, {"unanswered": True}]
)
def test_any_other_failure_leaves_the_message_as_it_is(fields: dict[str, Any]) -> None:
    """Only a refusal for what it is counts towards the plainest form."""
    (one,) = attempt(refused(queue(), 1), **fields).messages
    assert (one.refusals, one.error) == (1, "HTTP 400")


def test_a_refused_message_lets_the_others_pass() -> None:
    """The next message is due at once; alone, the refused one waits for its own time."""
    after = refused(queue(message("m1"), message("m2")), 1)
    assert is_due(after, NOW)
    assert turn(after) == ["m2"]
    assert turn(after, at=minute(0.5)) == ["m2", "m1"]
    alone = refused(queue(), 1)
    assert (is_due(alone, NOW), seconds_left(alone, NOW), retry_at(alone)) == (
        False,
        30,
        minute(0.5),
    )


@pytest.mark.parametrize(("times", "attempts"), [(1, 1), (2, 2), (9, 2)])
def test_the_last_refusal_of_a_round_makes_the_channel_wait(
    times: int, attempts: int
) -> None:
    """It is as short each time, because it says nothing of the other messages; but old alerts may expire in the end."""
    after = refused(queue(message("m1"), message("m2")), times, last=True)
    assert (is_due(after, NOW), after.attempts, after.retry_at) == (
        False,
        attempts,
        minute(0.5),
    )
    down = refused(attempt(attempt(attempt(queue()))), 1, last=True)
    assert (down.attempts, down.retry_at) == (3, minute(0.5))


def test_the_worst_goes_first() -> None:
    """Among messages of equal standing, and the oldest of equally bad ones; what may have been taken stays first."""
    messages = [
        message("refused", refusals=1, events=("ban",)),
        message("new", events=("new",)),
        message("also new", events=("new",)),
        message("ban", events=("new", "ban")),
        message("unanswered", events=("new",), unanswered=1),
    ]
    expected = ["unanswered", "ban", "new", "also new", "refused"]
    assert (
        turn(queue(*messages), event("new", Kind.NEW), event("ban", Kind.BANNED))
        == expected
    )


def test_what_may_have_been_taken_goes_first() -> None:
    """Then come those that nobody has, those that some targets have, those that were refused, and the daily ones."""
    messages = [
        message("aside", refusals=4),
        message("deferred", unanswered=5),
        message("refused", refusals=1),
        message("half", reached=("here",)),
        message("first"),
        message("second"),
        message("refused and unanswered", refusals=1, unanswered=1),
        message("unanswered", unanswered=4),
    ]
    expected = [
        "unanswered",
        "first",
        "second",
        "half",
        "refused and unanswered",
        "refused",
        "deferred",
        "aside",
    ]
    assert turn(queue(*messages)) == expected


def test_five_attempts_without_an_answer_defer_a_message() -> None:
    """From then on it waits for a day after each, is not in its plainest form, and counts as refused by nobody."""
    before, found = queue(), []
    for _ in range(6):
        before = attempt(before, "timed out", unanswered=True)
        (one,) = before.messages
        assert (one.refusals, one.is_plain, one.may_change) == (0, False, False)
        found.append(
            (
                one.unanswered,
                timestamps.seconds_between(NOW, one.retry_at) if one.retry_at else 0,
            )
        )
    assert found == [(1, 0), (2, 0), (3, 0), (4, 0), (5, DAY), (6, DAY)]
    assert seconds_left(before, NOW) == DAY


def test_a_deferred_message_holds_up_no_other() -> None:
    """The others wait for the backoff of the channel only, and what has become of it says nothing of the channel."""
    before = ended(queue(message(unanswered=4), message("m2")))
    after = attempt(before, "timed out", unanswered=True)
    assert (turn(after), seconds_left(after, NOW), after.failing_since) == (
        ["m2"],
        30,
        NOW,
    )
    assert turn(after, at=minute(24 * HOUR)) == ["m2", "m1"]
    again = attempt(ended(after), "timed out", unanswered=True)
    assert (again.failing_since, again.attempts, again.retry_at) == ("", 1, minute(0.5))


def test_an_answer_to_a_deferred_message_is_a_failure_like_any_other() -> None:
    """It was not taken then, so that it need not wait for a day; a refusal for what it is counts as one."""
    deferred = queue(message(unanswered=5))
    (one,) = attempt(deferred, "HTTP 500").messages
    assert (one.unanswered, one.retry_at) == (5, "")
    (one,) = refused(deferred, 2).messages
    assert (one.unanswered, one.refusals, one.retry_at) == (5, 2, minute(1))


@pytest.mark.parametrize(
    ("asked", "wait"), [(5, 5), (7200, 7200), (DAY, DAY), (1e9, DAY), (-3, 0)]
)
def test_a_channel_waits_as_long_as_its_service_asks(asked: float, wait: float) -> None:
    """A `Retry-After` of up to a day is kept to the second; it takes the place of the backoff."""
    after = attempt(attempt(queue()), retry_after=asked)
    assert seconds_left(after, NOW) == wait
    assert after.attempts == 2


def test_a_clock_set_back_does_not_silence_a_channel() -> None:
    """A wait that is longer than it can be comes from another clock: after a day at most the channel is tried."""
    after = attempt(queue(), at=minute(25 * HOUR), retry_after=3600)
    assert is_due(after, NOW)
    assert not is_due(attempt(queue(), at=minute(2 * HOUR), retry_after=3600), NOW)
    assert is_due(attempt(queue(), at=minute(2 * HOUR)), NOW)
    assert is_due(refused(queue(), 1, at=minute(25 * HOUR)), NOW)


def test_a_busy_service_has_not_failed() -> None:
    """A pause for which the round had no time is kept, and counts as no failure."""
    busy = failed_attempt(
        "ops",
        queue(),
        message(),
        Failure(error="HTTP 429", retry_after=2),
        NOW,
        last=True,
        counts=False,
    )
    after = with_failure(queue(), busy)
    assert (after.attempts, seconds_left(after, NOW)) == (0, 2)


def test_since_when_a_channel_has_been_failing() -> None:
    """It is the first failure since the last acknowledgement, whatever the failures; an alert aside is none of its.

    That the address is gone is not forgotten at the next failure of another kind, before a poll could report it.
    """
    after = attempt(attempt(queue()), at=minute(5), gone=True)
    assert (after.failing_since, after.gone) == (NOW, True)
    after = attempt(after, at=minute(6))
    assert after.gone
    taken = ended(after)
    assert (
        taken.failing_since,
        taken.gone,
        taken.error,
        taken.attempts,
        taken.retry_at,
    ) == ("", False, "", 0, "")
    aside = ended(refused(queue(), 4))
    assert refused(aside, 1).failing_since == ""
    assert refused(ended(queue()), 1).failing_since == NOW


def test_a_line_says_all_that_follows() -> None:
    """What the journal keeps of an attempt is enough to bring a queue to where it was after it."""
    line = failed_attempt(
        "ops",
        queue(url_digest="0" * 32, counted=6),
        message(refusals=1),
        Failure(error="HTTP 413", reached={"b", "a"}, for_content=True),
        NOW,
        last=False,
    )
    assert line == FailedAttempt(
        channel="ops",
        message="m1",
        attempts=0,
        error="HTTP 413",
        at=NOW,
        url_digest="0" * 32,
        reached=("a", "b"),
        number=7,
        refusals=2,
        message_retry_at=minute(1),
    )


def test_why_a_queue_waits() -> None:
    """A channel that backs off says so; one that takes what else it gets says that a message was refused."""
    assert reason_to_wait(Queue()) == ""
    assert reason_to_wait(queue()) == ""
    assert reason_to_wait(attempt(queue())) == "backing off after HTTP 500"
    assert reason_to_wait(refused(queue(), 1)) == "refused for what it is: HTTP 400"
    assert (
        reason_to_wait(refused(queue(), 4))
        == "refused also in the plainest form: HTTP 400"
    )
    assert (
        reason_to_wait(refused(queue(), 4, last=True)) == "backing off after HTTP 400"
    )
    unsure = attempt(queue(), "timed out", unanswered=True)
    assert reason_to_wait(unsure) == "backing off after timed out; may have arrived"
    assert reason_to_wait(ended(unsure)) == ""
    assert reason_to_wait(queue(message(unanswered=5))) == "no answer; may have arrived"
