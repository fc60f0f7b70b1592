"""A backlog is merged, as the channel groups its events, before it goes out (docs/behaviour.md, Alerts). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import Message, is_due
from watcher.model.channel import Channel, Grouping
from watcher.model.event import event_id


def merged(outbox: Outbox, channels: Iterable[Channel], now: str) -> Outbox:
    """Return the outbox with one message in place of those that wait for a channel: of all, or of those on one pack.

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
        waiting: dict[frozenset[str], list[Message]] = {}
        for message in queue.messages:
            if message.may_change:
                waiting.setdefault(_merged_by(outbox, channel, message), []).append(
                    message
                )
        if any(len(alike) > 1 for alike in waiting.values()):
            others = (message for message in queue.messages if not message.may_change)
            after = (_merged(channel.name, alike) for alike in waiting.values())
            queues[channel.name] = replace(queue, messages=(*others, *after))
    return outbox if queues == outbox.queues else replace(outbox, queues=queues)


def _merged_by(outbox: Outbox, channel: Channel, message: Message) -> frozenset[str]:
    """Return what messages must have in common to be merged: the packs that they are about, or nothing."""
    if channel.grouping is Grouping.POLL:
        return frozenset()
    return frozenset((outbox.events[key].node or "").lower() for key in message.events)


def _merged(channel: str, messages: Sequence[Message]) -> Message:
    if len(messages) == 1:
        return messages[0]
    events = dict.fromkeys(key for message in messages for key in message.events)
    revision = max(message.revision for message in messages)
    return Message(
        id=event_id(channel, revision, *events),
        revision=revision,
        queued_at=min(message.queued_at for message in messages),
        events=tuple(events),
    )
