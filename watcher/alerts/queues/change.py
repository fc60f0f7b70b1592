"""A change of what is owed, as the values that it sets: the last one counts (docs/behaviour.md, State). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from watcher.alerts.queues.outbox import Outbox, tidy
from watcher.alerts.queues.queue import Message, Queue
from watcher.model.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
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
    queues: dict[str, Queue] = {}
    messages: dict[str, Mapping[str, Message | None]] = {}
    for name in {**before.queues, **after.queues}:
        old, new = (one.queues.get(name, Queue()) for one in (before, after))
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
