"""What came of the attempts at a channel's messages, as the journal keeps it, and what follows for its queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.alerts.queues.outbox import Outbox, tidy
from watcher.alerts.queues.queue import (
    FAILURES_TO_EXPIRE,
    REFUSALS_TO_PLAIN,
    UNANSWERED_TO_DEFER,
    Message,
    Queue,
    backoff_until,
    due_at_once,
    wait_until,
)
from watcher.durations import DAY
from watcher.model.event import event_id, reference_to
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
    asked_to_wait: bool = False
    gone: bool = False
    unanswered: int = 0
    """How often no answer came to the message, this time included; 0 if one came this time."""
    refusals: int = 0
    """How often the message was refused for what it is, this time included; 0 if this was no such refusal."""
    message_retry_at: MomentOrEmpty = ""
    """When the message is tried again, if it was refused for what it is or is deferred."""
    all_refused: bool = False
    """It was, and so was another one, and none was taken since: that is the channel's fault, not theirs."""
    left: tuple[str, ...] = ()
    """Ids of its events that go into a further message, which targets that have taken this one need not wait for."""


Outcome = Acknowledgement | Unanswered | FailedAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed, as the attempt says it."""

    error: str
    """Empty if a stop cut it short."""
    reached: Iterable[str] = ()
    retry_after: float | None = None
    """Seconds that the service has asked for."""
    for_content: bool = False
    """The service has refused the message for what it is."""
    gone: bool = False
    unanswered: bool = False
    left: tuple[str, ...] = ()
    """Ids of the events that the message did not name."""


def replay(outbox: Outbox, outcomes: Iterable[Outcome]) -> Outbox:
    """Apply the outcomes of deliveries in their order; applying them once more changes nothing.

    Unknown messages are ignored. So is a failure that is counted already, or is that of another URL.
    """
    queues = dict(outbox.queues)
    waiting = {
        name: {message.id: message for message in queue.messages}
        for name, queue in queues.items()
    }
    doubted = {
        name: {one.id for one in queue.messages if one.is_doubted}
        for name, queue in queues.items()
    }
    for outcome in outcomes:
        messages = waiting.get(outcome.channel, {})
        if (message := messages.get(outcome.message)) is None:
            continue
        queue, suspects = queues[outcome.channel], doubted[outcome.channel]
        match outcome:
            case Acknowledgement():
                del messages[message.id]
                messages |= {
                    key: beside_a_delivery(messages[key])
                    for key in suspects - {message.id}
                }
                suspects.clear()
                waiting[outcome.channel] = _with_further(
                    messages, outcome.channel, message, outcome.left
                )
                queues[outcome.channel] = ended(queue)
            case Unanswered():
                messages[message.id] = with_unanswered(message, outcome)
            case FailedAttempt():
                attempt = as_counted(outcome, queue)
                if attempt.url_digest != queue.url_digest:
                    continue
                if not attempt.error:
                    messages[message.id] = with_reached(message, attempt)
                    waiting[outcome.channel] = _with_further(
                        messages, outcome.channel, message, attempt.left
                    )
                elif attempt.number > queue.counted:
                    others = suspects if attempt.all_refused else ()
                    messages |= {key: brought_back(messages[key]) for key in others}
                    messages[message.id] = after_failure(message, attempt)
                    suspects |= (
                        {message.id} if messages[message.id].is_doubted else set()
                    )
                    waiting[outcome.channel] = _with_further(
                        messages, outcome.channel, message, attempt.left
                    )
                    queues[outcome.channel] = with_failure(queue, attempt)
    left = {
        name: replace(queue, messages=tuple(waiting[name].values()))
        for name, queue in queues.items()
    }
    return tidy(replace(outbox, queues=left))


def going_out(channel: str, message: Message, now: str) -> Unanswered:
    """Return what is known of a message that goes out, if nothing more is heard of it."""
    unanswered = message.unanswered + 1
    retry_at = _deferred_until(unanswered, now)
    return Unanswered(
        channel=channel,
        message=message.id,
        unanswered=unanswered,
        message_retry_at=retry_at,
    )


def _with_further(
    messages: dict[str, Message], channel: str, message: Message, left: Iterable[str]
) -> dict[str, Message]:
    """Return a queue's messages with the one that goes on with what a message has left, if it has left something."""
    next_part = further(channel, message, left)
    return messages if next_part is None else {next_part.id: next_part, **messages}


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
        reference=message.reference or reference_to(message.events),
    )


def failed_attempt(
    channel: str,
    queue: Queue,
    message: Message,
    failure: Failure,
    now: str,
    *,
    last: bool,
    counts: bool = True,
    all_refused: bool = False,
) -> FailedAttempt:
    """Return what a failed attempt at a message leaves.

    The `last` one of a round makes the queue wait. After another one the next message goes out: this one was refused
    for what it is, which says nothing of the others. Therefore such a refusal makes no wait longer; it counts only as
    far as old alerts need it to expire. So does one more attempt at a deferred message to which no answer comes. One
    that only met a busy service does not count as failure.

    Where `all_refused`, the channel refuses whatever it gets, which is a failure like any other. The `last` one is then
    the first of a round, which goes on. No message is set aside: after its plainest form it begins anew.
    """
    is_again_unanswered = failure.unanswered and message.is_deferred
    of_message = (failure.for_content and not all_refused) or is_again_unanswered
    error = f"every message refused: {failure.error}" if all_refused else failure.error
    attempts, retry_at, asked = queue.attempts, queue.retry_at, queue.asked_to_wait
    if last and failure.error:
        asked = failure.retry_after is not None
        row = 0 if of_message else attempts
        retry_at = (
            backoff_until(row, now)
            if failure.retry_after is None
            else wait_until(failure.retry_after, now)
        )
        if counts and not (of_message and attempts >= FAILURES_TO_EXPIRE):
            attempts += 1
    refusals = message.refusals + 1 if failure.for_content else 0
    if all_refused and refusals > REFUSALS_TO_PLAIN:
        refusals = 1
    unanswered = message.unanswered + 1 if failure.unanswered else 0
    return FailedAttempt(
        channel=channel,
        message=message.id,
        attempts=attempts,
        error=error,
        at=now,
        url_digest=queue.url_digest,
        reached=tuple(sorted(failure.reached)),
        number=queue.counted + 1,
        retry_at=retry_at,
        asked_to_wait=asked,
        gone=failure.gone,
        unanswered=unanswered,
        refusals=refusals,
        message_retry_at=max(
            _message_retry_at(refusals, now), _deferred_until(unanswered, now)
        ),
        all_refused=all_refused,
        left=failure.left if failure.reached else (),
    )


def _message_retry_at(refusals: int, now: str) -> str:
    """Return when a message is tried again after so many refusals: its plainest form, the first time, at once."""
    if refusals > REFUSALS_TO_PLAIN:
        return timestamps.later(now, DAY)
    return backoff_until(refusals - 1, now) if 0 < refusals < REFUSALS_TO_PLAIN else ""


def _deferred_until(unanswered: int, now: str) -> str:
    """Return when a message is tried again to which so often no answer came; empty if it is not deferred."""
    return timestamps.later(now, DAY) if unanswered >= UNANSWERED_TO_DEFER else ""


def as_counted(attempt: FailedAttempt, queue: Queue) -> FailedAttempt:
    """Return a line of an earlier version, which had no number, with what that version took from its queue."""
    if attempt.number or attempt.attempts != queue.attempts + 1:
        return attempt
    return replace(
        attempt,
        number=queue.counted + 1,
        retry_at=backoff_until(queue.attempts, attempt.at),
    )


def with_failure(queue: Queue, attempt: FailedAttempt) -> Queue:
    """Return the queue after a failed attempt that is not counted yet; its messages stay as they are."""
    # A message that is aside or deferred, and fails as before, says nothing of the channel.
    is_known = (
        attempt.refusals > REFUSALS_TO_PLAIN + 1
        or attempt.unanswered > UNANSWERED_TO_DEFER
    )
    since = "" if is_known else attempt.at
    return replace(
        queue,
        counted=attempt.number,
        attempts=attempt.attempts,
        retry_at=attempt.retry_at,
        asked_to_wait=attempt.asked_to_wait,
        error=attempt.error,
        gone=queue.gone or attempt.gone,
        failing_since=queue.failing_since or since,
    )


def ended(queue: Queue) -> Queue:
    """Return the queue of a channel that has just taken a message."""
    return replace(due_at_once(queue), failing_since="", gone=False)


def after_failure(message: Message, attempt: FailedAttempt) -> Message:
    """Return a message after a failed attempt at it."""
    message = with_reached(message, attempt)
    if not attempt.refusals:
        return message
    return replace(
        message,
        refusals=attempt.refusals,
        retry_at=attempt.message_retry_at,
        error=attempt.error,
    )


def beside_a_delivery(message: Message) -> Message:
    """Return a message that was refused for what it is, after its channel has taken another one."""
    return replace(message, singled_out=True)


def brought_back(message: Message) -> Message:
    """Return a message that may be aside, once its channel refuses whatever it gets."""
    return replace(message, refusals=1, retry_at="") if message.is_aside else message


def with_reached(message: Message, attempt: FailedAttempt) -> Message:
    """Return a message with the targets that an attempt reached, and with whether it was answered."""
    reached = tuple(sorted({*message.reached, *attempt.reached}))
    message = replace(
        message, reached=reached, goes_on=message.goes_on or bool(attempt.left)
    )
    return with_unanswered(message, attempt)


def with_unanswered(message: Message, attempt: Unanswered | FailedAttempt) -> Message:
    """Return a message after an attempt to which no answer came; one that had an answer, or is counted already, changes
    nothing.
    """
    if attempt.unanswered <= message.unanswered:
        return message
    return replace(
        message,
        unanswered=attempt.unanswered,
        retry_at=attempt.message_retry_at or message.retry_at,
    )
