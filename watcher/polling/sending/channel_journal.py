"""What one channel writes to the journal: which message goes out, that it arrived, or how the attempt failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar, TypeVarTuple

from watcher.alerts.queues.outcomes import FailedAttempt, Unanswered, going_out
from watcher.alerts.queues.queue import Message
from watcher.polling.sending.backoffs import Backoffs
from watcher.state.store import StateFolder

_Args = TypeVarTuple("_Args")
_Result = TypeVar("_Result")

_ROOMS = 32
"""Messages for which room is made at once: the disk takes as long for one as for many."""


@dataclass(frozen=True, slots=True)
class _Room:
    """Room in the journal for a message's acknowledgement."""

    line: Unanswered
    """What is known of the message if nothing more is heard of it."""
    offset: int
    following: str
    """The message whose room comes next; empty if there is none."""


@dataclass(slots=True, kw_only=True)
class ChannelJournal:
    """The journal as one round of deliveries to one channel writes it; every method raises StateError if it cannot."""

    folder: StateFolder
    channel: str
    backoffs: Backoffs
    """Cleared whenever an acknowledgement could be written."""
    _rooms: dict[str, _Room] = field(default_factory=dict)
    """Of messages that did not go out yet, by their ids."""
    _sent: _Room | None = None
    """Of the message that goes out."""
    _owed: _Room | None = None
    """Of the message that was delivered and whose acknowledgement is not written yet."""

    async def reserve(self, message: Message, others: Iterable[Message], now: str) -> None:
        """Make durable that a message goes out, after the acknowledgement of the one before, with room for its own.

        Both are one write if their rooms follow each other. `others` are those that may come next.
        """
        room = self._rooms.pop(message.id, None)
        if room is not None and self._owed is not None and self._owed.following == message.id:
            await self.flush(room.line)
        else:
            await self.flush()
            room = await self._announce(room) if room is not None else await self._make_rooms(message, others, now)
        self._sent = room

    def delivered(self) -> None:
        """Take down that the message has arrived; its acknowledgement is written before the next one, or by `flush`."""
        self._owed = self._sent

    async def flush(self, following: Unanswered | None = None) -> None:
        """Make the acknowledgement durable that is owed, if one is, and that the `following` message goes out."""
        room, self._owed = self._owed, None
        if room is not None:
            await _in_thread(self.folder.write_ack, room.line, room.offset, following)
            self.backoffs.clear(self.channel)

    async def write_failure(self, attempt: FailedAttempt) -> None:
        """Make a failed attempt durable."""
        await _in_thread(self.folder.write_failure, attempt)

    async def _announce(self, room: _Room) -> _Room:
        await _in_thread(self.folder.write_sending, room.line, room.offset)
        return room

    async def _make_rooms(self, message: Message, others: Iterable[Message], now: str) -> _Room:
        """Make room for several messages, the first of which goes out, and return the first room."""
        more = (other for other in others if other.id not in self._rooms)
        messages = [going_out(self.channel, one, now) for one in (message, *islice(more, _ROOMS - 1))]
        offsets = await _in_thread(self.folder.reserve_acks, messages)
        first, *rooms = map(_Room, messages, offsets, [*(one.message for one in messages[1:]), ""])
        self._rooms |= {room.line.message: room for room in rooms}
        return first


async def _in_thread(write: Callable[[*_Args], _Result], *args: *_Args) -> _Result:
    """Write to the journal in a thread, so that a slow disk delays no other channel; cancellation does not end it."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, write, *args))
