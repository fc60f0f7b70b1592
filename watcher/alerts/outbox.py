"""The undelivered alerts, a queue for each channel, until acknowledged or expired (docs/behaviour.md, Alerts). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from watcher import timestamps
from watcher.model.channel import Channel, grouped
from watcher.model.event import Event, event_id

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0
"""Seconds of backoff after the first failure. Each further failure in a row doubles it, up to the longest."""

FAILURES_TO_EXPIRE = 2
"""Failures in a row before an old alert may expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Events that go out together."""

    id: str
    revision: int
    """The snapshot's revision that the events came with. Below that revision the message is ignored."""
    queued_at: str
    events: tuple[str, ...]
    reached: tuple[str, ...] = ()
    """Digests of the targets of the channel's URL that have accepted the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The messages that one channel has not acknowledged, oldest first."""

    messages: tuple[Message, ...] = ()
    attempts: int = 0
    """Failures in a row."""
    retry_at: str = ""
    error: str = ""
    """Why the last attempt failed."""
    url_digest: str = ""
    named: bool = False
    """The queue's name comes from `[[channels]]`, not from a place in `alert_urls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A message that a channel has accepted, from the journal."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """A failed attempt at the first message of a channel's queue, from the journal."""

    channel: str
    message: str
    attempts: int
    """Its number in the current streak of failures."""
    error: str
    """Empty if a stop cut it short: then it does not count, but its `reached` targets do."""
    at: str
    url_digest: str = ""
    """Digest of the URL that failed. The failure is ignored if the channel has another URL by now."""
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """All queues, by channel name, and the events that they refer to, by id."""

    prepared: int = 0
    """The snapshot's revision that the newest messages came with."""
    queues: Mapping[str, Queue] = field(default_factory=dict)
    unrecorded: Mapping[str, int] = field(default_factory=dict)
    """Ids of events that the history may lack yet, with the snapshot's revision that they came with."""
    events: Mapping[str, Event] = field(default_factory=dict)

    def alerts(self, channel: str) -> int:
        """Return the number of undelivered alerts of a channel."""
        return sum(len(message.events) for message in self.queues.get(channel, Queue()).messages)


def enqueue(outbox: Outbox, channels: Iterable[Channel], events: tuple[Event, ...], revision: int, now: str) -> Outbox:
    """Add one poll's events to the queue of each channel that wants them."""
    queues = dict(outbox.queues)
    for channel in channels:
        added = tuple(
            Message(
                id=event_id(channel.name, revision, *(event.id for event in group)),
                revision=revision,
                queued_at=now,
                events=tuple(event.id for event in group),
            )
            for group in grouped(channel, events)
        )
        if added:
            queue = queues.get(channel.name, Queue())
            queues[channel.name] = replace(queue, messages=queue.messages + added)
    known = {**outbox.events, **{event.id: event for event in events}}
    unrecorded = {**outbox.unrecorded, **{event.id: revision for event in events}}
    return _tidy(replace(outbox, queues=queues, events=known, unrecorded=unrecorded, prepared=revision))


def recorded(outbox: Outbox) -> Outbox:
    """Note that the history has every event."""
    return _tidy(replace(outbox, unrecorded={}))


def drop_uncommitted(outbox: Outbox, revision: int) -> Outbox:
    """Drop what was prepared for a snapshot that was never committed.

    None of it was sent, and the next poll finds the same changes again.
    """
    queues = {
        name: replace(queue, messages=tuple(m for m in queue.messages if m.revision <= revision))
        for name, queue in outbox.queues.items()
    }
    unrecorded = {event: of for event, of in outbox.unrecorded.items() if of <= revision}
    return _tidy(replace(outbox, queues=queues, unrecorded=unrecorded, prepared=min(outbox.prepared, revision)))


def replay(outbox: Outbox, outcomes: Iterable[Acknowledgement | FailedAttempt]) -> Outbox:
    """Apply the outcomes of deliveries in their order.

    Unknown ids are ignored. So is a failure unless it is the queue's next one, with the same first message and URL.
    """
    queues = dict(outbox.queues)
    waiting = {name: {message.id: message for message in queue.messages} for name, queue in queues.items()}
    for outcome in outcomes:
        messages = waiting.get(outcome.channel, {})
        if outcome.message not in messages:
            continue
        queue = queues[outcome.channel]
        if isinstance(outcome, Acknowledgement):
            del messages[outcome.message]
            queues[outcome.channel] = _due(queue)
            continue
        if outcome.url_digest != queue.url_digest:
            continue
        message = messages[outcome.message]
        if not outcome.error:
            messages[message.id] = _reached(message, {*message.reached, *outcome.reached})
        elif (next(iter(messages)), queue.attempts + 1) == (message.id, outcome.attempts):
            messages[message.id] = _reached(message, outcome.reached)
            queues[outcome.channel] = _backing_off(queue, outcome.error, outcome.at)
    left = {name: replace(queue, messages=tuple(waiting[name].values())) for name, queue in queues.items()}
    return _tidy(replace(outbox, queues=left))


def failed(outbox: Outbox, channel: str, error: str, now: str, reached: Iterable[str] = ()) -> Outbox:
    """Note a failed attempt at a queue's first message: its backoff begins, and the targets `reached` are kept."""
    queue = _backing_off(outbox.queues[channel], error, now)
    first, *others = queue.messages
    queue = replace(queue, messages=(_reached(first, reached), *others))
    return replace(outbox, queues={**outbox.queues, channel: queue})


def _backing_off(queue: Queue, error: str, now: str) -> Queue:
    return replace(queue, attempts=queue.attempts + 1, retry_at=backoff_until(queue.attempts, now), error=error)


def _reached(message: Message, targets: Iterable[str]) -> Message:
    return replace(message, reached=tuple(sorted(targets)))


def expired(
    outbox: Outbox, channel: str, now: str, expiry: float, *, configured: bool = True
) -> tuple[Outbox, tuple[Message, ...]]:
    """Drop the messages that a channel did not accept within `expiry` seconds; return the outbox and these messages.

    Messages expire only after two failures in a row, since the clock may jump during the first. If the channel is not
    `configured`, age alone counts, and its queue is dropped with its last message.
    """
    queue = outbox.queues[channel]
    if configured and queue.attempts < FAILURES_TO_EXPIRE:
        return outbox, ()
    old = tuple(m for m in queue.messages if timestamps.seconds_between(m.queued_at, now) > expiry)
    if configured and not old:
        return outbox, ()
    gone = {message.id for message in old}
    left = tuple(message for message in queue.messages if message.id not in gone)
    kept = replace(queue, messages=left, attempts=queue.attempts if configured else 0)
    return _tidy(replace(outbox, queues={**outbox.queues, channel: kept})), old


def backoff_until(failures: int, now: str) -> str:
    """Return when to retry after one more failure than these in a row."""
    return timestamps.later(now, min(FIRST_WAIT * 2.0 ** min(failures, 20), LONGEST_WAIT))


def backoff_left(retry_at: str, now: str) -> float:
    """Return the seconds until a time, or 0 where it is empty.

    A wait above the longest comes from a clock that was set back: it counts as 0.
    """
    wait = timestamps.seconds_between(now, retry_at) if retry_at else 0.0
    return wait if 0 < wait <= LONGEST_WAIT else 0.0


def is_due(queue: Queue, now: str) -> bool:
    """Return whether a channel has something to send and may be tried now."""
    return bool(queue.messages) and not backoff_left(queue.retry_at, now)


def backoffs_of(outbox: Outbox, channel: str, url_digest: str) -> dict[str, str]:
    """Return the `retry_at` of each queue that belongs to the channel and backs off, by queue name."""
    return {
        name: queue.retry_at
        for name, queue in outbox.queues.items()
        if queue.messages
        and queue.retry_at
        and (queue.url_digest == url_digest if queue.url_digest else name == channel)
    }


def end_backoffs(outbox: Outbox, retry_at: Mapping[str, str]) -> Outbox:
    """End the backoff of each queue whose `retry_at` is still the given one, by name."""
    queues = {
        name: replace(queue, retry_at="") if queue.retry_at == retry_at.get(name) else queue
        for name, queue in outbox.queues.items()
    }
    return replace(outbox, queues=queues)


def reroute(
    outbox: Outbox, channels: Sequence[Channel], url_digests: Mapping[str, str], *, by_name: bool = False
) -> Outbox:
    """Assign each queue to a channel: first by URL digest, then by the name of a `[[channels]]` table. Others are set
    aside under a free name.

    `url_digests` are the channels' by name. `by_name` is for digests whose salt was lost: then only names count.
    """
    named = {channel.name: not channel.placed for channel in channels}
    owners = {} if by_name else {url_digests[name]: name for name in reversed(named)}
    queues: dict[str, Queue] = {}
    for name, queue in outbox.queues.items():
        if name in named and (by_name or queue.url_digest in {"", url_digests[name]}):
            owner = name
        else:
            owner = owners.get(queue.url_digest) or (name if queue.named and named.get(name) else "")
        if owner:
            is_moved = queue.url_digest not in {"", url_digests[owner]}
            moved = replace(_due(queue) if is_moved else queue, url_digest=url_digests[owner], named=named[owner])
            queues[owner] = _merged(queues[owner], moved) if owner in queues else moved
        else:
            queues[name if name not in named else _former(name, {*outbox.queues, *named, *queues})] = queue
    return replace(outbox, queues=queues)


def _former(name: str, taken: Container[str]) -> str:
    """Return a free name for a queue that is set aside."""
    names = (f"{name} (former{f' {number}' if number > 1 else ''})" for number in count(1))
    return next(one for one in names if one not in taken)


def _merged(one: Queue, other: Queue) -> Queue:
    """Merge two queues for the same URL, with the longer streak of failures and no event twice."""
    failing = max(one, other, key=lambda queue: queue.attempts)
    known = {event for message in one.messages for event in message.events}
    lacking = (replace(m, events=tuple(event for event in m.events if event not in known)) for m in other.messages)
    messages = (*one.messages, *(message for message in lacking if message.events))
    return replace(failing, messages=tuple(sorted(messages, key=lambda message: message.revision)))


def _due(queue: Queue) -> Queue:
    return replace(queue, attempts=0, retry_at="", error="")


def _tidy(outbox: Outbox) -> Outbox:
    """Forget empty queues without a failure, and events that nothing refers to."""
    queues = {name: queue for name, queue in outbox.queues.items() if queue.messages or queue.attempts}
    needed = {event for queue in queues.values() for message in queue.messages for event in message.events}
    needed.update(outbox.unrecorded)
    events = {key: event for key, event in outbox.events.items() if key in needed}
    return replace(outbox, queues=queues, events=events)
