"""One round of deliveries, and a state folder that can be slow or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.factories import NOW, event
from tests.support.worker import WORKER
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Change, Outbox, replay
from watcher.model.channel import Channel
from watcher.polling.model import Dispatch
from watcher.polling.sending import DeliveryOptions, dispatch
from watcher.state import documents
from watcher.state.store import StateFolder


async def round_of(
    folder: StateFolder, waiting: Outbox, *channels: Channel, **options: Any
) -> Dispatch:
    """Dispatch once, at `NOW` unless there is a `clock`; an alert expires after an hour."""
    given: dict[str, Any] = {
        "timeout": 60,
        "expiry": 3600,
        "clock": lambda: NOW,
        "stopping": asyncio.Event(),
        "salt": "",
        "worker": WORKER,
        "turns": asyncio.Semaphore(4),
    }
    return await dispatch(folder, waiting, channels, DeliveryOptions(**given | options))


def sent(
    folder: StateFolder, waiting: Outbox, *channels: Channel, **options: Any
) -> Dispatch:
    """Dispatch once as `round_of`, to the end."""
    return asyncio.run(round_of(folder, waiting, *channels, **options))


def owing(*channels: Channel, events: int = 3) -> Outbox:
    """Return an outbox with so many undelivered events for each channel."""
    found = tuple(event(f"e{number}") for number in range(events))
    return outbox.enqueue(Outbox(), channels, found, 1, NOW)


def after(folder: StateFolder, waiting: Outbox) -> Outbox:
    """Return what is owed after what a round has written."""
    return replay(waiting, documents.read((folder.path / "owed.jsonl").read_bytes()))


@dataclass(slots=True, eq=False)
class Hooked(StateFolder):
    """A state folder that first calls `hook` with what it writes of which channel; that may wait, or raise.

    What is "begun" is a message that goes out, what is "kept" what came of it.
    """

    hook: Callable[[str, str, str], object] = lambda what, channel, message: None

    def write_sending(self, sending: Change, arrival: Change) -> slice:
        [(name, messages)] = sending.messages.items()
        self.hook("begun", name, *messages)
        return StateFolder.write_sending(self, sending, arrival)

    def write_change(self, values: Change, room: slice | None = None) -> None:
        [(name, messages)] = values.messages.items()
        self.hook("kept", name, *messages)
        StateFolder.write_change(self, values, room)
