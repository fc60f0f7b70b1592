"""What came of the attempts at a channel's messages, as the journal keeps it, and what follows for its queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.alerts.queues.outbox import Outbox, tidy
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
from watcher.timestamps import Moment, MomentOrEmpty


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A message that a channel has accepted, from the journal."""

    channel: str
    message: str
    left: tuple[str, ...] = ()
    """Ids of its events that go into a further message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A message that went out, or may have, when the program was killed, from the journal."""

    channel: str
    message: str
    unanswered: int = 1
    """How often no answer came, this time included."""
    message_retry_at: MomentOrEmpty = ""
    """When the message is tried again, if it is deferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """A failed attempt at a message, from the journal: what is known of the queue and of the message after it."""

    channel: str
    message: str
    attempts: int
    """The queue's failures in a row."""
    error: str
    """Empty if a stop cut it short: then it does not count, but `reached` and `unanswered` do."""
    at: Moment
    url_digest: str = ""
    """Digest of the URL that failed. The failure is ignored if the channel has another URL by now."""
    reached: tuple[str, ...] = ()
    number: int = 0
    """Which failed attempt of the queue it is, so that none is counted twice."""
    retry_at: MomentOrEmpty = ""
    """When the queue is tried again; empty if it need not wait."""
    fails: bool = False
    """The channel has failed, not only this message."""
    gone: bool = False
    unanswered: int = 0
    """How often no answer came to the message, this time included; 0 if one came this time."""
    refusals: int = 0
    """How often the message was refused for what it is, this time included; 0 if this was no such refusal."""
    message_retry_at: MomentOrEmpty = ""
    """When the message is tried again, if it waits by itself."""
    left: tuple[str, ...] = ()
    """Ids of its events that go into a further message, which targets that have taken this one need not wait for."""


JournalEntry = Acknowledgement | Unanswered | FailedAttempt
"""What the journal keeps of one attempt at a message."""


def replay(outbox: Outbox, outcomes: Iterable[JournalEntry]) -> Outbox:
    """Apply the outcomes of deliveries in their order; applying them once more changes nothing.

    Unknown messages are ignored. So is a failure that is counted already, or is that of another URL.
    """
    queues = dict(outbox.queues)
    waiting = {
        name: {message.id: message for message in queue.messages}
        for name, queue in queues.items()
    }
    for outcome in outcomes:
        name = outcome.channel
        if (message := waiting.get(name, {}).get(outcome.message)) is None:
            continue
        match outcome:
            case Acknowledgement():
                del waiting[name][message.id]
                if since := queues[name].failing_since:
                    waiting[name] = {
                        other.id: _freed(other, since)
                        for other in waiting[name].values()
                    }
                queues[name] = after_delivery(queues[name])
            case Unanswered():
                waiting[name][message.id] = _with_unanswered(message, outcome)
                continue
            case FailedAttempt():
                # What the old URL answered says nothing of the new one.
                if outcome.url_digest != queues[name].url_digest:
                    continue
                if outcome.error:
                    # The outbox may have counted it before a crash that left the journal.
                    if outcome.number <= queues[name].counted:
                        continue
                    queues[name] = after_failure(queues[name], outcome)
                waiting[name][message.id] = after_attempt(message, outcome)
        if (next_part := further(name, message, outcome.left)) is not None:
            # It goes on with a message that went out before these.
            waiting[name] = {next_part.id: next_part, **waiting[name]}
    left = {
        name: replace(queue, messages=tuple(waiting[name].values()))
        for name, queue in queues.items()
    }
    return tidy(replace(outbox, queues=left))


def going_out(channel: str, message: Message, now: str) -> Unanswered:
    """Return what is known of a message that goes out, if nothing more is heard of it."""
    unanswered = message.unanswered + 1
    return Unanswered(
        channel=channel,
        message=message.id,
        unanswered=unanswered,
        message_retry_at=_message_retry_at(0, unanswered, now),
    )


def further(channel: str, message: Message, left: Iterable[str]) -> Message | None:
    """Return the message that goes on with the events that one has left; None if it has left none, or has gone on."""
    ids = set() if message.goes_on else set(left)
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


def failed_attempt(
    channel: str,
    queue: Queue,
    message: Message,
    outcome: Undelivered,
    now: str,
    *,
    failures: int | None = None,
    fails: bool = False,
) -> FailedAttempt:
    """Return what a failed attempt at a message leaves.

    `failures` are the channel's failures in a row, if the attempt makes it wait. After another one the round goes on;
    it may be a sign all the same that the channel `fails`.
    """
    attempts, retry_at = queue.attempts, ""
    if failures is not None:
        attempts = failures
        asked = min(outcome.retry_after or 0.0, DAY)
        retry_at = timestamps.later(now, max(backoff(failures), asked))
    is_refused = outcome.cause is Cause.CONTENT
    refusals = message.refusals + 1 if is_refused else 0
    unanswered = message.unanswered + 1 if outcome.unanswered else 0
    return FailedAttempt(
        channel=channel,
        message=message.id,
        attempts=attempts,
        error=outcome.reason,
        at=now,
        url_digest=queue.url_digest,
        reached=tuple(sorted(outcome.reached)),
        number=queue.counted + 1,
        retry_at=retry_at,
        fails=fails or failures is not None,
        gone=outcome.cause is Cause.GONE,
        unanswered=unanswered,
        refusals=refusals,
        message_retry_at=_message_retry_at(refusals, unanswered, now),
        left=outcome.left if outcome.reached else (),
    )


def _is_deferred(unanswered: int) -> bool:
    return unanswered >= UNANSWERED_TO_DEFER


def _message_retry_at(refusals: int, unanswered: int, now: str) -> str:
    """Return when a message is tried again that was refused, or had no answer, so often; empty if it need not wait."""
    # It may have arrived, so that each try may be a repeat.
    if _is_deferred(unanswered):
        return timestamps.later(now, DAY)
    times_aside, is_plain = divmod(refusals, 2)
    # The plainest form goes out at once.
    if is_plain or not times_aside:
        return ""
    return timestamps.later(now, backoff(times_aside, DAY))


def _freed(message: Message, since: str) -> Message:
    """Return a message after a delivery of another one, where the channel has taken nothing since some time.

    What it has refused in that time may have been fine, and need not wait.
    """
    if message.standing is not Standing.ASIDE or _is_deferred(message.unanswered):
        return message
    waited = backoff(message.times_aside, DAY)
    was_refused_before = message.retry_at < timestamps.later(since, waited)
    return message if was_refused_before else replace(message, retry_at="")


def after_failure(queue: Queue, attempt: FailedAttempt) -> Queue:
    """Return the queue after a failed attempt that is not counted yet; its messages stay as they are."""
    since = attempt.at if attempt.fails else ""
    return replace(
        queue,
        counted=attempt.number,
        attempts=attempt.attempts,
        retry_at=attempt.retry_at,
        error=attempt.error,
        tried_at=attempt.at,
        gone=queue.gone or attempt.gone,
        failing_since=queue.failing_since or since,
    )


def after_attempt(message: Message, attempt: FailedAttempt) -> Message:
    """Return a message after a failed attempt at it."""
    message = _with_unanswered(message, attempt)
    message = replace(
        message,
        reached=tuple(sorted({*message.reached, *attempt.reached})),
        goes_on=message.goes_on or bool(attempt.left),
    )
    if not attempt.refusals:
        return message
    return replace(
        message,
        refusals=attempt.refusals,
        retry_at=attempt.message_retry_at,
        error=attempt.error,
    )


def _with_unanswered(message: Message, attempt: Unanswered | FailedAttempt) -> Message:
    """Return a message after an attempt to which no answer came; one that is counted already changes nothing."""
    if attempt.unanswered <= message.unanswered:
        return message
    return replace(
        message,
        unanswered=attempt.unanswered,
        retry_at=attempt.message_retry_at or message.retry_at,
    )
