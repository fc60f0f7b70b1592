"""One channel's queue as a value: how each message stands, which goes next, how long the channel waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import IntEnum, auto

from watcher import durations, timestamps
from watcher.durations import DAY
from watcher.model.channel import Cause, Outcome
from watcher.model.event import Event, event_id, rank
from watcher.timestamps import Moment, MomentOrEmpty
from watcher.values import frozen

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0
"""Seconds of backoff after the first failure. Each further failure in a row doubles it, up to the longest."""

UNANSWERED_TO_DEFER = 5
"""After so many attempts of which no answer came, a message is deferred."""

FAILURES_TO_EXPIRE = 2
"""Failures in a row before an old alert may expire."""


class Standing(IntEnum):
    """How a message stands with its channel. Messages go out in this order; the last two are tried rarely."""

    IN_DOUBT = auto()
    """It may have been taken. It is repeated unchanged, so that the repeat can be recognised."""
    FRESH = auto()
    """Nobody has it."""
    PARTLY_TAKEN = auto()
    """Some targets of the URL have it. They take the fresh ones first, too."""
    REFUSED = auto()
    """The service has just refused its usual form. It goes out in its plainest one."""
    DEFERRED = auto()
    """It has been in doubt for so many attempts that it holds up no other."""
    ASIDE = auto()
    """The service has refused both forms. Its next try begins with the usual one."""


@frozen
class Message:
    """Events that go out together."""

    id: str
    """Made of the channel's name, the revision and the events."""
    revision: int
    """The newest revision of the snapshot that its events came with."""
    queued_at: Moment
    """When the oldest poll that saw one of its events began."""
    events: tuple[str, ...]
    """The ids of its events."""
    reached: tuple[str, ...] = ()
    """Digests of the recipients of the channel's URL that have taken the message."""
    unanswered: int = 0
    """How often it went out, or may have gone out, without an answer."""
    refusals: int = 0
    """How often the service has refused it for what it is: first its usual form, then its plainest, and so on."""
    tried_next: MomentOrEmpty = ""
    """When it is tried again, if it waits alone; the queue's other messages do not wait for it."""
    error: str = ""
    """Why it was refused the last time."""
    part: int = 0
    """The number of a further message, which has events that an earlier one only counted; 0 for any other message."""
    goes_on: tuple[str, ...] = ()
    """Some recipients have taken it, and further messages have these of its events, which it only counts."""

    @property
    def standing(self) -> Standing:
        """How it stands with its channel. What was refused is known not to have been taken, whatever came before."""
        if self.refusals:
            return Standing.REFUSED if self.is_plain else Standing.ASIDE
        if self.unanswered:
            return Standing.DEFERRED if self.is_deferred else Standing.IN_DOUBT
        return Standing.PARTLY_TAKEN if self.reached else Standing.FRESH

    @property
    def is_deferred(self) -> bool:
        """Whether it has been in doubt for so many attempts that each further one may be a repeat."""
        return self.unanswered >= UNANSWERED_TO_DEFER

    @property
    def is_plain(self) -> bool:
        """Whether it goes out in its plainest form: the last refusal was of its usual one."""
        return self.refusals % 2 == 1

    @property
    def times_aside(self) -> int:
        """How often the service has refused both forms."""
        return self.refusals // 2

    @property
    def may_change(self) -> bool:
        """Whether it may be merged with others.

        A further message may not: merged it would be a first one again, with further ones of its own.
        """
        return self.standing is Standing.FRESH and not self.part


def message_of(
    channel: str, events: Iterable[str], revision: int, queued_at: str, part: int = 0
) -> Message:
    """Return a message to a channel that nobody has yet; `events` are their ids."""
    ids = tuple(events)
    return Message(
        # With the channel: a queue that another one is joined to has no two messages with one id.
        id=event_id(channel, revision, *ids),
        revision=revision,
        queued_at=queued_at,
        events=ids,
        part=part,
    )


@frozen
class Queue:
    """The messages that one channel has not acknowledged."""

    messages: tuple[Message, ...] = ()
    """What the channel has not acknowledged."""
    attempts: int = 0
    """Rounds in a row in which the channel has failed."""
    retry_at: MomentOrEmpty = ""
    """When the queue is tried again; empty if it need not wait."""
    error: str = ""
    """Why the last attempt failed."""
    url_digest: str = ""
    """A keyed digest of the channel's URL."""
    tried_at: MomentOrEmpty = ""
    """When the last attempt began that failed, or of which no answer was heard."""
    failing_since: MomentOrEmpty = ""
    """When the channel first failed since a message was taken."""
    gone: bool = False
    """An attempt since a message was taken said that the address, or the right to use it, is gone (401, 404, 410)."""

    @property
    def by_id(self) -> dict[str, Message | None]:
        """The messages by id."""
        return {message.id: message for message in self.messages}

    @property
    def alerts(self) -> int:
        """The number of undelivered alerts."""
        return len({event for message in self.messages for event in message.events})

    @property
    def aside(self) -> tuple[Message, ...]:
        """The messages that are aside."""
        return tuple(
            message for message in self.messages if message.standing is Standing.ASIDE
        )

    @property
    def may_have_arrived(self) -> int:
        """The number of alerts in messages that may have been taken."""
        return sum(
            len(message.events) for message in self.messages if message.unanswered
        )


def backoff(failures: int, longest: float = LONGEST_WAIT) -> float:
    """Return the seconds to wait after so many failures in a row; as after one where there is none."""
    # The longest wait is reached long before; without a bound a streak of months would overflow.
    doublings = min(max(failures - 1, 0), 20)
    return min(FIRST_WAIT * 2.0**doublings, longest)


def _wait_left(tried_next: str, now: str) -> float:
    """Return the seconds until a time, or 0 where it is empty.

    No wait is longer than a day: one that is comes from a clock that was set back, and counts as 0.
    """
    wait = timestamps.seconds_between(now, tried_next) if tried_next else 0.0
    return wait if 0 < wait <= DAY else 0.0


def seconds_left(queue: Queue, now: str) -> float | None:
    """Return the seconds until a message of the queue may go out; None if there is none."""
    if not queue.messages:
        return None
    # One message that waits alone holds up no other.
    first = min(_wait_left(message.tried_next, now) for message in queue.messages)
    # Both waits have to be over: that of the channel, and that of some message.
    return max(_wait_left(queue.retry_at, now), first)


def is_due(queue: Queue, now: str) -> bool:
    """Return whether a channel has something to send and may be tried now."""
    return seconds_left(queue, now) == 0


def has_failed(queue: Queue) -> bool:
    """Return whether the last attempt failed, or no answer to it was heard."""
    # A kill while a message was out has written no error.
    return bool(queue.error) or any(
        message.standing is Standing.IN_DOUBT for message in queue.messages
    )


def next_try(*queues: Queue) -> MomentOrEmpty:
    """Return when the first message of some queues goes out, or "" if it need not wait."""
    # Moments compare as text, and an empty one is before all others.
    return min(
        (
            max(queue.retry_at, message.tried_next)
            for queue in queues
            for message in queue.messages
        ),
        default="",
    )


def try_in_words(moment: MomentOrEmpty, now: str) -> str:
    """Return when messages are tried next."""
    left = _wait_left(moment, now)
    return (
        f"in {durations.in_words(left, nearest=True)}" if left else "at the next poll"
    )


def reason_to_wait(queue: Queue) -> str:
    """Return why messages wait: the failure before the queue's backoff, or how the last of them stands; else empty."""
    if not queue.messages:
        return ""
    reason = error_in_words(queue.error, queue.may_have_arrived)
    if queue.retry_at:
        return reason
    last = max(queue.messages, key=lambda message: message.standing)
    match last.standing:
        case Standing.ASIDE:
            return f"refused also in the plainest form: {last.error}"
        case Standing.DEFERRED:
            return reason
        case _:
            return ""


def error_in_words(error: str, may_have_arrived: int) -> str:
    """Return why a channel's last attempt failed, and that so many alerts may have arrived all the same, if any."""
    return f"{error or 'no answer'}; may have arrived" if may_have_arrived else error


def in_turn(queue: Queue, events: Mapping[str, Event], now: str) -> list[Message]:
    """Return the messages that may go out, in the order of their standings; `events` by id.

    Among equals the worst goes first, then the oldest.
    """
    due = [one for one in queue.messages if not _wait_left(one.tried_next, now)]
    worst = {one.id: min(rank(events[key]) for key in one.events) for one in due}
    return sorted(due, key=lambda one: (one.standing, worst[one.id], one.revision))


def after_delivery(queue: Queue) -> Queue:
    """Return the queue of a channel that has just taken a message; its messages stay as they are."""
    return Queue(messages=queue.messages, url_digest=queue.url_digest)


def going_out(queue: Queue, message: Message, now: str) -> Queue:
    """Return the queue once a message goes out, as it is if nothing more is heard of it."""
    return failed("", queue, message, Outcome(unanswered=True), now)


def delivered(
    channel: str, queue: Queue, message: Message, left: Iterable[str] = ()
) -> Queue:
    """Return the queue after a delivery; `left` are the message's events that go into a further one."""
    # A service that takes a message works: a failure before it says nothing any more, and no backoff is left.
    after = after_delivery(_with(queue, message.id, _further(channel, message, left)))
    # A service that takes a message again may take what it refused while it took none.
    messages = (_freed(one, queue.failing_since) for one in after.messages)
    return replace(after, messages=tuple(messages))


def failed(
    channel: str,
    queue: Queue,
    message: Message,
    outcome: Outcome,
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
        # A pause that the service asks for is an answer. A stop is none, but the attempt has begun.
        was_heard = outcome.retry_after is not None
        return queue if was_heard else replace(queue, tried_at=now)
    queue = replace(
        queue,
        retry_at="",
        error=outcome.reason,
        tried_at=now,
        # Until something is taken, another failure does not make an address good again.
        gone=queue.gone or outcome.cause is Cause.GONE,
    )
    if fails or failures is not None:
        queue = replace(queue, failing_since=queue.failing_since or now)
    if failures is None:
        return queue
    # A service may ask for more than is sensible, and for less than a service that fails should get.
    wait = max(backoff(failures), min(outcome.retry_after or 0.0, DAY))
    retry_at = timestamps.later(now, wait)
    return replace(queue, attempts=failures, retry_at=retry_at)


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
    part = message.part + 1
    return message_of(channel, events, message.revision, message.queued_at, part)


def _after_attempt(message: Message, outcome: Outcome, now: str) -> Message:
    """Return a message after a failed attempt at it."""
    # Of all causes only this one is about the message, so that another form of it, or a pause of its own, may help.
    is_refused = outcome.cause is Cause.CONTENT
    after = replace(
        message,
        # Sorted, so that the same state gives the same line.
        reached=tuple(sorted({*message.reached, *outcome.reached})),
        unanswered=message.unanswered + outcome.unanswered,
        refusals=message.refusals + is_refused,
        error=outcome.reason if is_refused else message.error,
    )
    # Once a day is often enough for what may be a repeat each time.
    if outcome.unanswered and after.is_deferred:
        return replace(after, tried_next=timestamps.later(now, DAY))
    if not is_refused:
        return after
    # The plainest form goes out at once.
    pause = backoff(after.times_aside, DAY)
    tried_next = "" if after.is_plain else timestamps.later(now, pause)
    return replace(after, tried_next=tried_next)


def _freed(message: Message, since: str) -> Message:
    """Return a message after a delivery of another one, where the channel has taken nothing since some time.

    What it has refused in that time may have been fine, and need not wait.
    """
    if message.standing is not Standing.ASIDE or message.is_deferred or not since:
        return message
    waited = backoff(message.times_aside, DAY)
    was_refused_before = message.tried_next < timestamps.later(since, waited)
    return message if was_refused_before else replace(message, tried_next="")
