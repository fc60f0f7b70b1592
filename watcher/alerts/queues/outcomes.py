"""What follows from an attempt at a message for its channel's queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher import timestamps
from watcher.alerts.queues.queue import (
    UNANSWERED_TO_DEFER,
    Message,
    Queue,
    Standing,
    after_delivery,
    backoff,
)
from watcher.durations import DAY
from watcher.model.event import event_id
from watcher.model.outcome import Cause, Undelivered


def going_out(queue: Queue, message: Message, now: str) -> Queue:
    """Return the queue once a message goes out, as it is if nothing more is heard of it."""
    return replace(_with(queue, message.id, _unanswered(message, now)), tried_at=now)


def delivered(
    channel: str, queue: Queue, message: Message, left: Iterable[str] = ()
) -> Queue:
    """Return the queue after a delivery; `left` are the message's events that go into a further one."""
    freed = queue
    if since := queue.failing_since:
        freed = replace(
            queue, messages=tuple(_freed(one, since) for one in queue.messages)
        )
    return after_delivery(_with(freed, message.id, _further(channel, message, left)))


def failed(
    channel: str,
    queue: Queue,
    message: Message,
    outcome: Undelivered,
    now: str,
    *,
    failures: int | None = None,
    fails: bool = False,
) -> Queue:
    """Return the queue after a failed attempt at a message.

    `failures` are the channel's failures in a row, if the attempt makes it wait. After another one the round goes on;
    it may be a sign all the same that the channel `fails`. An attempt that a stop cut short is no failure.
    """
    # Who took it now gets what it only counts at once, before the other targets take it. Who took it earlier has that.
    served = message.reached if message.goes_on else ()
    took_it_now = outcome.reached.difference(served)
    left = outcome.left if took_it_now else ()
    after = _after_attempt(message, outcome, now)
    if further := _further(channel, message, left):
        after = replace(after, goes_on=(*after.goes_on, *further.events))
    queue = _with(queue, message.id, after, further)
    if not outcome.reason:
        was_heard = outcome.retry_after is not None
        return queue if was_heard else replace(queue, tried_at=now)
    attempts, retry_at, since = queue.attempts, "", now if fails else ""
    if failures is not None:
        asked = min(outcome.retry_after or 0.0, DAY)
        retry_at = timestamps.later(now, max(backoff(failures), asked))
        attempts, since = failures, now
    return replace(
        queue,
        attempts=attempts,
        retry_at=retry_at,
        error=outcome.reason,
        tried_at=now,
        gone=queue.gone or outcome.cause is Cause.GONE,
        failing_since=queue.failing_since or since,
    )


def _with(queue: Queue, key: str, *now: Message | None) -> Queue:
    """Return the queue with these in place of a message."""
    messages = (
        one
        for message in queue.messages
        for one in (now if message.id == key else [message])
    )
    return replace(queue, messages=tuple(one for one in messages if one))


def _further(channel: str, message: Message, left: Iterable[str]) -> Message | None:
    """Return the message that goes on with the events that one has left to no further one yet; None without any.

    The plainest form leaves more than the usual one, which other targets may have taken before.
    """
    ids = set(left) - set(message.goes_on)
    events = tuple(key for key in message.events if key in ids)
    if not events:
        return None
    return Message(
        id=event_id(channel, message.revision, *events),
        revision=message.revision,
        queued_at=message.queued_at,
        events=events,
        part=message.part + 1,
    )


def _is_deferred(unanswered: int) -> bool:
    return unanswered >= UNANSWERED_TO_DEFER


def _unanswered(message: Message, now: str) -> Message:
    """Return a message after an attempt to which no answer came. Once it is deferred each try may be a repeat."""
    after = replace(message, unanswered=message.unanswered + 1)
    if not _is_deferred(after.unanswered):
        return after
    return replace(after, retry_at=timestamps.later(now, DAY))


def _after_attempt(message: Message, outcome: Undelivered, now: str) -> Message:
    """Return a message after a failed attempt at it."""
    reached = tuple(sorted({*message.reached, *outcome.reached}))
    after = replace(message, reached=reached)
    if outcome.unanswered:
        after = _unanswered(after, now)
    if outcome.cause is not Cause.CONTENT:
        return after
    after = replace(after, refusals=message.refusals + 1, error=outcome.reason)
    if outcome.unanswered and _is_deferred(after.unanswered):
        return after
    # The plainest form goes out at once.
    waits = after.standing is Standing.ASIDE
    pause = backoff(after.times_aside, DAY)
    return replace(after, retry_at=timestamps.later(now, pause) if waits else "")


def _freed(message: Message, since: str) -> Message:
    """Return a message after a delivery of another one, where the channel has taken nothing since some time.

    What it has refused in that time may have been fine, and need not wait.
    """
    if message.standing is not Standing.ASIDE or _is_deferred(message.unanswered):
        return message
    waited = backoff(message.times_aside, DAY)
    was_refused_before = message.retry_at < timestamps.later(since, waited)
    return message if was_refused_before else replace(message, retry_at="")
