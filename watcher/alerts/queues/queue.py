"""One channel's queue as a value: its messages, whose turn it is, and how long it waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.durations import DAY
from watcher.model.event import Event, rank
from watcher.timestamps import Moment, MomentOrEmpty

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0
"""Seconds of backoff after the first failure. Each further failure in a row doubles it, up to the longest."""

# A message that is aside or deferred is tried once a DAY, which is also the longest wait that a service may ask for.

REFUSALS_TO_PLAIN = 3
"""After so many refusals for what it is, a message goes out in its plainest form. If that is refused, it is aside."""

UNANSWERED_TO_DEFER = 5
"""After so many attempts of which no answer came, a message is deferred."""

FAILURES_TO_EXPIRE = 2
"""Failures in a row before an old alert may expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Events that go out together."""

    id: str
    """Made of the channel's name, the revision and the events."""
    revision: int
    """The snapshot's revision that the events came with, the newest of them. Below it the message is ignored."""
    queued_at: Moment
    """When the poll that saw the events began, the oldest of them."""
    events: tuple[str, ...]
    """Their ids."""
    reached: tuple[str, ...] = ()
    """Digests of the targets of the channel's URL that have accepted the message."""
    unanswered: int = 0
    """How often it went out, or may have, and no answer came: it may have been taken, so that it may not change."""
    refusals: int = 0
    """How often the service has refused it for what it is."""
    retry_at: MomentOrEmpty = ""
    """When it is tried again after such a refusal, or if deferred; the queue's other messages do not wait for that."""
    error: str = ""
    """Why it was refused the last time."""
    singled_out: bool = False
    """The channel has taken another message since it refused this one for what it is."""
    part: int = 0
    """Which further message this is, for events that the one before it only counted; 0 for none."""
    reference: str = ""
    """Of the message that a further one goes on with."""
    goes_on: bool = False
    """Some targets have taken it, and a further message has the events that it only counts."""

    @property
    def is_doubted(self) -> bool:
        """Whether it was refused for what it is, and nothing was taken since: it may be the channel's fault."""
        return self.refusals > 0 and not self.singled_out

    @property
    def is_plain(self) -> bool:
        """Whether it goes out in its plainest form."""
        return self.refusals >= REFUSALS_TO_PLAIN

    @property
    def is_aside(self) -> bool:
        """Whether its plainest form was refused too: it is tried again daily."""
        return self.refusals > REFUSALS_TO_PLAIN

    @property
    def is_deferred(self) -> bool:
        """Whether so many attempts had no answer that it is tried daily, after the others."""
        return self.unanswered >= UNANSWERED_TO_DEFER

    @property
    def may_change(self) -> bool:
        """Whether nobody can have it, nor has refused it for what it is: it may be merged with others.

        A further message may not: merged it would be a first one again, with further ones of its own.
        """
        return not (self.unanswered or self.reached or self.refusals or self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The messages that one channel has not acknowledged, oldest first."""

    messages: tuple[Message, ...] = ()
    """What the channel has not acknowledged."""
    attempts: int = 0
    """Failures in a row."""
    retry_at: MomentOrEmpty = ""
    """When the queue is tried again; empty if it need not wait."""
    error: str = ""
    """Why the last attempt failed."""
    url_digest: str = ""
    """A keyed digest of the channel's URL."""
    named: bool = False
    """The queue's name comes from `[[channels]]`, not from a place in `alert_urls`."""
    counted: int = 0
    """The number of the last failed attempt that is counted here: one in the journal is not counted again."""
    asked_to_wait: bool = False
    """The service has asked for the wait until `retry_at`, which may be longer than any backoff."""
    failing_since: MomentOrEmpty = ""
    """When the first attempt failed since a message was taken."""
    gone: bool = False
    """An attempt since a message was taken said that the address, or the right to use it, is gone (401, 404, 410)."""

    @property
    def alerts(self) -> int:
        """The number of undelivered alerts."""
        return len({event for message in self.messages for event in message.events})

    @property
    def aside(self) -> tuple[Message, ...]:
        """The messages that are aside."""
        return tuple(message for message in self.messages if message.is_aside)

    @property
    def may_have_arrived(self) -> int:
        """The number of alerts in messages that may have been taken."""
        return sum(
            len(message.events) for message in self.messages if message.unanswered
        )

    def failing_for(self, now: str) -> float:
        """Return the seconds since the first failure after the last delivery."""
        return (
            timestamps.seconds_between(self.failing_since, now)
            if self.failing_since
            else 0.0
        )


def backoff_until(failures: int, now: str) -> str:
    """Return when to retry after one more failure than these in a row."""
    return timestamps.later(
        now, min(FIRST_WAIT * 2.0 ** min(failures, 20), LONGEST_WAIT)
    )


def wait_until(seconds: float, now: str) -> str:
    """Return when to retry if the service has asked for so many seconds."""
    return timestamps.later(now, min(max(seconds, 0.0), DAY))


def backoff_left(retry_at: str, now: str, longest: float = LONGEST_WAIT) -> float:
    """Return the seconds until a time, or 0 where it is empty.

    A wait above the longest comes from a clock that was set back: it counts as 0.
    """
    wait = timestamps.seconds_between(now, retry_at) if retry_at else 0.0
    return wait if 0 < wait <= longest else 0.0


def seconds_left(queue: Queue, now: str) -> float | None:
    """Return the seconds until a message of the queue may go out; None if there is none."""
    if not queue.messages:
        return None
    own = backoff_left(
        queue.retry_at, now, DAY if queue.asked_to_wait else LONGEST_WAIT
    )
    return max(
        own, min(backoff_left(message.retry_at, now, DAY) for message in queue.messages)
    )


def is_due(queue: Queue, now: str) -> bool:
    """Return whether a channel has something to send and may be tried now."""
    return seconds_left(queue, now) == 0


def retry_at(queue: Queue) -> str:
    """Return when a message of the queue goes out, if it has to wait; empty for at once."""
    return max(
        queue.retry_at,
        min((message.retry_at for message in queue.messages), default=""),
    )


def reason_to_wait(queue: Queue) -> str:
    """Return why messages wait: the failure before the queue's backoff, or else why they were refused; else empty."""
    if not queue.messages:
        return ""
    refused = [message for message in queue.messages if message.refusals]
    if queue.error and (queue.retry_at or not refused):
        return (
            f"backing off after {error_in_words(queue.error, queue.may_have_arrived)}"
        )
    if refused:
        what = (
            "refused also in the plainest form"
            if queue.aside
            else "refused for what it is"
        )
        return f"{what}: {refused[-1].error}"
    is_deferred = any(message.is_deferred for message in queue.messages)
    return error_in_words(queue.error, queue.may_have_arrived) if is_deferred else ""


def error_in_words(error: str, may_have_arrived: int) -> str:
    """Return why a channel's last attempt failed, and that so many alerts may have arrived all the same, if any."""
    return f"{error or 'no answer'}; may have arrived" if may_have_arrived else error


def in_turn(queue: Queue, events: Mapping[str, Event], now: str) -> list[Message]:
    """Return the messages that may go out, in their order; `events` by id.

    One that may have been taken goes first, so that its repeat comes at once, until it is deferred. One that some of
    the URL's targets have lets the others pass, which these targets take too. So do those that were refused for what
    they are; they take turns. Among equals the worst goes first, then the oldest.
    """
    due = (
        message
        for message in queue.messages
        if not backoff_left(message.retry_at, now, DAY)
    )
    return sorted(
        due,
        key=lambda message: (
            _standing(message),
            min(rank(events[key]) for key in message.events),
        ),
    )


def _standing(message: Message) -> tuple[bool, bool, bool, bool, str]:
    is_last = message.is_aside or message.is_deferred
    return (
        is_last,
        message.refusals > 0,
        not message.unanswered,
        bool(message.reached),
        message.retry_at,
    )


def without_waits(queue: Queue) -> Queue:
    """Return the queue with each of its messages due."""
    return replace(
        queue,
        retry_at="",
        messages=tuple(replace(message, retry_at="") for message in queue.messages),
    )


def due_at_once(queue: Queue) -> Queue:
    """Return the queue with its row of failures ended."""
    return replace(queue, attempts=0, retry_at="", asked_to_wait=False, error="")
