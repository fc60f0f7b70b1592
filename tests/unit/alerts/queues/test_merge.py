"""A backlog is one message, or one for each pack; what may have been taken stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, channel, event, failed, minute
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, merged
from watcher.model.channel import Grouping
from watcher.model.event import Kind

OPS = channel("ops")
NEW = event("new", Kind.NEW)
BANNED = event("banned", Kind.BANNED, at=minute(60))
FLAGGED = event("flagged", Kind.FLAGGED, at=minute(120))


def backlog(**first: Any) -> Outbox:
    """Return an outbox that owes three messages of three polls; the `first` has these fields."""
    waiting = Outbox()
    for revision, one in enumerate((NEW, BANNED, FLAGGED), start=1):
        waiting = outbox.enqueue(waiting, (OPS,), (one,), revision, one.at)
    queue = waiting.queues["ops"]
    changed = (replace(queue.messages[0], **first), *queue.messages[1:])
    return outbox.recorded(
        replace(waiting, queues={"ops": replace(queue, messages=changed)})
    )


def messages(waiting: Outbox) -> list[tuple[str, ...]]:
    """Return the events of each message, in order."""
    return [message.events for message in waiting.queues["ops"].messages]


def test_a_backlog_becomes_one_message() -> None:
    """It has every event once, the newest revision, and the age of the oldest; the same messages make the same one."""
    after = merged(backlog(), [OPS], NOW)
    (one,) = after.queues["ops"].messages
    assert one.events == ("new", "banned", "flagged")
    assert (one.revision, one.queued_at) == (3, NOW)
    assert merged(backlog(), [OPS], NOW) == after


@pytest.mark.parametrize(
    "fields", [{"unanswered": 1}, {"reached": ("0" * 32,)}, {"refusals": 1}]
)
def test_what_may_have_been_taken_or_was_refused_is_not_merged(
    fields: dict[str, Any],
) -> None:
    """Its repeat would not be recognised, a target would get it twice, or it would take others down with it."""
    assert messages(merged(backlog(**fields), [OPS], NOW)) == [
        ("new",),
        ("banned", "flagged"),
    ]


def test_events_and_channels_that_wait_are_not_merged() -> None:
    """A channel that wants a message for each event gets it; one that is not due need not be written."""
    waiting = backlog()
    assert merged(waiting, [replace(OPS, grouping=Grouping.EVENT)], NOW) is waiting
    waiting = failed(backlog(), "ops", "HTTP 500", NOW)
    assert merged(waiting, [OPS], NOW) is waiting
    assert len(messages(merged(waiting, [OPS], minute(1)))) == 1


def test_alerts_of_a_merged_message_expire_one_by_one() -> None:
    """Each is as old as its event; a message that may have been taken goes as a whole, with its youngest alert."""
    waiting = merged(backlog(), [OPS], NOW)
    for number in range(2):
        waiting = failed(waiting, "ops", "HTTP 500", minute(number * 10))
    left, old = outbox.expired(waiting, "ops", minute(90), 3600)
    assert (old, messages(left)) == (1, [("banned", "flagged")])
    unsure = failed(waiting, "ops", "timed out", minute(20), unanswered=True)
    assert outbox.expired(unsure, "ops", minute(90), 3600) == (unsure, 0)
    assert outbox.expired(unsure, "ops", minute(181), 3600)[1] == 3
