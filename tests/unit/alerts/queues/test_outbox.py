"""The bookkeeping of what is undelivered: in order, per channel, until acknowledged or expired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, alerts, channel, event, failed, minute, owed_to
from watcher import timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import (
    LONGEST_WAIT,
    backoff,
)
from watcher.model.channel import Cause, Channel, Grouping
from watcher.model.event import Kind

OPS, MAIL = channel("ops"), channel("mail")
BOTH = (OPS, MAIL)
LATE = "2040-01-01T00:00:00.000Z"
E1, E2, E3 = event("e1"), event("e2", Kind.NEW), event("e3", Kind.BANNED)


def owing(*batches: tuple[str, ...], to: tuple[Channel, ...] = BOTH) -> Outbox:
    """Return an outbox after polls with these events, each poll's revision one higher, all of them recorded."""
    waiting = Outbox()
    for revision, names in enumerate(batches, start=1):
        waiting = outbox.enqueue(
            waiting, to, tuple(event(name) for name in names), revision, NOW
        )
    return outbox.recorded(waiting)


def twice_failed(waiting: Outbox, at: str = NOW) -> Outbox:
    """Return the outbox after two attempts at `ops` that failed."""
    return failed(failed(waiting, "ops", "HTTP 500", at), "ops", "HTTP 500", at)


def test_a_channel_that_wants_nothing_gets_no_queue() -> None:
    """Events that no channel wants are kept only until the history has them."""
    waiting = outbox.enqueue(
        Outbox(), (channel(kinds=frozenset({Kind.NEW})),), (E1,), 1, NOW
    )
    assert (dict(waiting.queues), list(waiting.events), waiting.unrecorded) == (
        {},
        ["e1"],
        ("e1",),
    )
    assert outbox.recorded(waiting) == Outbox()


def test_messages_are_distinct() -> None:
    """Each message of a poll has its own id, which the same poll repeated after a crash gives again."""
    split = replace(OPS, grouping=Grouping.EVENT)
    once, again = (
        outbox.enqueue(Outbox(), (split, MAIL), (E1, E2), 1, at)
        for at in (NOW, minute(5))
    )
    ids = [message.id for queue in once.queues.values() for message in queue.messages]
    assert len(set(ids)) == 3
    assert ids == [
        message.id for queue in again.queues.values() for message in queue.messages
    ]


def test_the_waits_double_up_to_the_longest() -> None:
    """The backoff is 30 seconds after a failure, doubles with each further one, and is an hour at most, for ever."""
    waiting, waits = owing(("e1",)), []
    for _ in range(12):
        waiting = failed(waiting, "ops", "HTTP 500", NOW)
        waits.append(timestamps.seconds_between(NOW, waiting.queues["ops"].retry_at))
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == LONGEST_WAIT
    assert waits == sorted(waits)
    assert backoff(10_000) == LONGEST_WAIT


def test_an_alert_too_old_expires_and_is_counted() -> None:
    """What a failing channel did not take within the expiry is dropped and counted; younger ones stay."""
    waiting = outbox.enqueue(
        owing(("e1", "e2")), BOTH, (replace(E3, at=minute(30)),), 2, minute(30)
    )
    waiting = twice_failed(waiting, minute(59))
    left, old = outbox.expired(waiting, "ops", minute(61), 3600)
    assert old == 2
    assert (alerts(left), alerts(left, "mail")) == (["e3"], ["e1", "e2", "e3"])


@pytest.mark.parametrize(
    "failure",
    [{}, {"cause": Cause.CONTENT, "ends": False}, {"unanswered": True, "ends": False}],
    ids=["failed", "refused", "unanswered"],
)
def test_an_alert_expires_only_after_two_failures(failure: dict[str, Any]) -> None:
    """A clock that jumps forward, or is set back, costs no alert; the failures may be the channel's or its own.

    Refusals of both forms, one right after the other, are one.
    """
    waiting = owing(("e1",), to=(OPS,))
    for _ in range(4 if "cause" in failure else 2):
        assert outbox.expired(waiting, "ops", LATE, 3600) == (waiting, 0)
        waiting = failed(waiting, "ops", "HTTP 400", NOW, **failure)
    for now in ("2020-01-01T00:00:00.000Z", minute(60)):
        assert outbox.expired(waiting, "ops", now, 3600) == (waiting, 0)
    left, old = outbox.expired(waiting, "ops", minute(61), 3600)
    assert (old, owed_to("ops", left)) == (1, 0)


def test_a_further_message_that_expires_is_counted() -> None:
    """Also while the message that has left its alerts to it still waits; what both lose is counted once."""
    whole = ("e1", "e2", "e3")
    waiting = failed(
        owing(whole, to=(OPS,)),
        "ops",
        "HTTP 500",
        NOW,
        ends=False,
        reached=frozenset({"a"}),
        left=whole[1:],
    )
    assert alerts(waiting) == [*whole, *whole[1:]]
    for _ in range(4):
        waiting = failed(
            waiting, "ops", "HTTP 400", NOW, number=1, ends=False, cause=Cause.CONTENT
        )
    left, old = outbox.expired(waiting, "ops", minute(61), 3600)
    assert (alerts(left), old) == ([*whole], 2)
    # A channel that has lost all to expiry still fails.
    left, old = outbox.expired(twice_failed(waiting), "ops", minute(61), 3600)
    assert (old, left.queues["ops"].attempts) == (3, 2)


def test_a_former_channel_expires_in_time_and_is_forgotten() -> None:
    """A channel that is configured no more can't fail: its alerts expire untried, and nothing is left of it then."""
    waiting = failed(owing(("e1",)), "ops", "HTTP 500", NOW)
    for name in ("ops", "mail"):
        assert outbox.expired(waiting, name, minute(60), 3600, configured=False)[1] == 0
    for name in ("ops", "mail"):
        waiting, old = outbox.expired(waiting, name, minute(61), 3600, configured=False)
        assert old == 1
    assert waiting == Outbox()
