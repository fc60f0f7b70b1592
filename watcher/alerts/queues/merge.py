"""A backlog becomes one message, worst first, before it goes out (docs/behaviour.md, Messages). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import Message, is_due
from watcher.model.channel import Channel, Grouping
from watcher.model.event import event_id, rank


def merged(outbox: Outbox, channels: Iterable[Channel], now: str) -> Outbox:
    """Return the outbox with one message in place of those that wait for a channel whose `grouping` is `poll`.

    Only channels that are due are looked at. A message that may have been taken, in part or as a whole, or that was
    refused for what it is, stays as it is. The same outbox is returned where there is nothing to merge.
    """
    queues = dict(outbox.queues)
    for channel in channels:
        queue = queues.get(channel.name)
        if queue is None or channel.grouping is not Grouping.POLL or not is_due(queue, now):
            continue
        waiting = tuple(message for message in queue.messages if message.may_change)
        if len(waiting) > 1:
            others = tuple(message for message in queue.messages if not message.may_change)
            queues[channel.name] = replace(queue, messages=(*others, _merged(outbox, channel.name, waiting)))
    return outbox if queues == outbox.queues else replace(outbox, queues=queues)


def _merged(outbox: Outbox, channel: str, messages: tuple[Message, ...]) -> Message:
    events = dict.fromkeys(key for message in messages for key in message.events)
    worst_first = tuple(sorted(events, key=lambda key: rank(outbox.events[key])))
    revision = max(message.revision for message in messages)
    return Message(
        id=event_id(channel, revision, *worst_first),
        revision=revision,
        queued_at=min(message.queued_at for message in messages),
        events=worst_first,
    )
