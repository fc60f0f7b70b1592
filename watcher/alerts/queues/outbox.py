"""The undelivered alerts, a queue for each channel, until acknowledged or expired.

docs/dev/behaviour.md, Alerts. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType

from watcher import timestamps
from watcher.alerts.queues.queue import (
    FAILURES_TO_EXPIRE,
    Message,
    Queue,
    is_due,
    message_of,
)
from watcher.model.channel import Channel, Grouping, grouped
from watcher.model.event import Event
from watcher.values import frozen


@frozen
class Outbox:
    """All queues, by channel name, and the events that they refer to, by id."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    """By channel name."""
    unrecorded: tuple[str, ...] = ()
    """Ids of events that the history may still lack."""
    events: Mapping[str, Event] = field(default_factory=dict)
    """All events that are referred to, by id."""

    @property
    def needed(self) -> set[str]:
        """The ids of the events that are referred to."""
        owed = {
            event
            for queue in self.queues.values()
            for message in queue.messages
            for event in message.events
        }
        return owed.union(self.unrecorded)


def enqueue(
    outbox: Outbox,
    channels: Iterable[Channel],
    events: tuple[Event, ...],
    revision: int,
    now: str,
    url_digests: Mapping[str, str] = MappingProxyType({}),
) -> Outbox:
    """Add one poll's events to the queue of each channel that wants them; `url_digests` are the channels' by name."""
    queues = dict(outbox.queues)
    for channel in channels:
        added = tuple(
            message_of(channel.name, (event.id for event in group), revision, now)
            for group in grouped(channel, events)
        )
        if added:
            new = Queue(url_digest=url_digests.get(channel.name, ""))
            queue = queues.get(channel.name, new)
            queues[channel.name] = replace(queue, messages=queue.messages + added)
    # Messages have ids alone, so that an event is written once for all channels.
    known = {**outbox.events, **{event.id: event for event in events}}
    # The history is written after the commit: until then it is owed them, as the channels are.
    unrecorded = dict.fromkeys((*outbox.unrecorded, *(event.id for event in events)))
    return tidy(Outbox(queues=queues, events=known, unrecorded=tuple(unrecorded)))


def merged(outbox: Outbox, channels: Iterable[Channel], now: str) -> Outbox:
    """Return the outbox with one message in place of those that wait for a channel.

    Only channels that are due are looked at. A message that may have been taken, in part or as a whole, or that was
    refused for what it is, stays as it is. The same outbox is returned where there is nothing to merge.
    """
    queues = dict(outbox.queues)
    for channel in channels:
        queue = queues.get(channel.name)
        if (
            queue is None
            or channel.grouping is Grouping.EVENT
            or not is_due(queue, now)
        ):
            continue
        # What may have been taken is repeated unchanged, so that its repeat can be recognised.
        waiting = [message for message in queue.messages if message.may_change]
        if len(waiting) > 1:
            others = (message for message in queue.messages if not message.may_change)
            after = _merged(channel.name, waiting)
            queues[channel.name] = replace(queue, messages=(*others, after))
    return outbox if queues == outbox.queues else replace(outbox, queues=queues)


def _merged(channel: str, messages: Sequence[Message]) -> Message:
    events = dict.fromkeys(key for message in messages for key in message.events)
    revision = max(message.revision for message in messages)
    queued_at = min(message.queued_at for message in messages)
    return message_of(channel, events, revision, queued_at)


def recorded(outbox: Outbox) -> Outbox:
    """Note that the history has every event."""
    return tidy(replace(outbox, unrecorded=()))


def expired(
    outbox: Outbox, channel: str, now: str, expiry: float, *, configured: bool = True
) -> tuple[Outbox, int]:
    """Drop the alerts that a channel did not accept within `expiry` seconds of their event, and count them.

    Alerts expire only after two failures in a row, or if their message was aside twice, or had no answer twice, since
    the clock may jump during the first. If the channel is not `configured`, age alone counts, and its queue is dropped
    with its last message. A message that may not change any more expires as a whole, with its youngest alert.
    """
    # A dead channel would be owed more and more, and its news of last month, once it works, would be none.
    queue = outbox.queues[channel]
    messages: list[Message] = []
    # Of an alert that several messages have one loss is reported.
    dropped: set[str] = set()
    for message in queue.messages:
        failures = max(queue.attempts, message.times_aside, message.unanswered)
        left = tuple(
            key
            for key in message.events
            if timestamps.seconds_between(outbox.events[key].at, now) <= expiry
        )
        # Without one of its alerts it would be another message.
        is_whole = bool(left) and not message.may_change
        if is_whole or (configured and failures < FAILURES_TO_EXPIRE):
            left = message.events
        # Another message may still have it: whom this one was for never gets it.
        dropped.update(set(message.events).difference(left))
        messages.append(replace(message, events=left))
    kept = replace(queue, messages=tuple(one for one in messages if one.events))
    # Nobody owns it any more: a streak of failures would make `tidy` keep it for ever.
    if not configured:
        kept = replace(kept, attempts=0, failing_since="")
    left_of_all = tidy(replace(outbox, queues={**outbox.queues, channel: kept}))
    return left_of_all, len(dropped)


def tidy(outbox: Outbox) -> Outbox:
    """Forget the empty queues of channels that do not fail, and events that nothing refers to."""
    # A channel whose alerts have all expired still fails: it has recovered when it takes one.
    queues = {
        name: queue
        for name, queue in outbox.queues.items()
        if queue.messages or queue.failing_since or queue.attempts
    }
    left = replace(outbox, queues=queues)
    needed = left.needed
    events = {key: event for key, event in outbox.events.items() if key in needed}
    return replace(left, events=events)


@frozen
class Change:
    """Values as they are from now on. What is not here stays as it was."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    """By channel name, each without its messages."""
    messages: Mapping[str, Mapping[str, Message | None]] = field(default_factory=dict)
    """By channel name and id; null: it is gone."""
    events: Mapping[str, Event] = field(default_factory=dict)
    """By id. One that nothing refers to any more is forgotten."""
    unrecorded: tuple[str, ...] | None = None
    """The ids of all events that the history may still lack."""


def change(before: Outbox, after: Outbox) -> Change:
    """Return what has to be set so that `before` becomes `after`."""
    # Values, not differences: a line that a crash has a process read twice says the same twice.
    queues: dict[str, Queue] = {}
    messages: dict[str, Mapping[str, Message | None]] = {}
    # One that is gone is written as an empty one, which `tidy` forgets.
    for name in {**before.queues, **after.queues}:
        old, new = (one.queues.get(name, Queue()) for one in (before, after))
        # A queue may have thousands of messages, so each of these is a value of its own in the journal.
        if (head := replace(new, messages=())) != replace(old, messages=()):
            queues[name] = head
        was, now = old.by_id, new.by_id
        if changed := {
            key: now.get(key) for key in was | now if was.get(key) != now.get(key)
        }:
            messages[name] = changed
    return Change(
        queues=queues,
        messages=messages,
        events={
            key: one for key, one in after.events.items() if key not in before.events
        },
        unrecorded=None if before.unrecorded == after.unrecorded else after.unrecorded,
    )


def replay(outbox: Outbox, changes: Iterable[Change]) -> Outbox:
    """Return the outbox after some changes; after doing them all once more it is the same."""
    queues, events = dict(outbox.queues), dict(outbox.events)
    unrecorded = outbox.unrecorded
    messages = {name: queue.by_id for name, queue in queues.items()}
    for one in changes:
        queues.update(one.queues)
        for name, changed in one.messages.items():
            messages.setdefault(name, {}).update(changed)
        events.update(one.events)
        unrecorded = unrecorded if one.unrecorded is None else one.unrecorded
    for name, of_it in messages.items():
        left = tuple(message for message in of_it.values() if message)
        queues[name] = replace(queues.get(name, Queue()), messages=left)
    return tidy(Outbox(queues=queues, events=events, unrecorded=unrecorded))
