"""What one channel writes to the journal: which message goes out, that it arrived, or how the attempt failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, pairwise
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
    size: int
    """In bytes, if another one follows."""


@dataclass(slots=True, kw_only=True)
class ChannelJournal:
    """The journal as one round of deliveries to one channel writes it; every method raises StateError if it cannot."""

    folder: StateFolder
    channel: str
    backoffs: Backoffs
    """Cleared whenever an acknowledgement could be written."""
    may_leave: Callable[[Message], Sequence[str]]
    """Returns the ids of the events that a message may leave to a further one."""
    _rooms: dict[str, _Room] = field(default_factory=dict)
    """Of messages that did not go out yet, by their ids."""
    _sent: _Room | None = None
    """Of the message that goes out."""
    _owed: _Room | None = None
    """Of the message that was delivered and whose acknowledgement is not written yet."""
    _left: Sequence[str] = ()
    """The events that it left."""

    async def reserve(
        self, message: Message, others: Iterable[Message], now: str
    ) -> None:
        """Make durable that a message goes out, after the acknowledgement of the one before, with room for its own.

        Both are one write if their rooms follow each other. `others` are those that may come next.
        """
        room = self._rooms.pop(message.id, None)
        if (
            room is not None
            and self._owed is not None
            and self._owed.following == message.id
        ):
            await self.flush(room.line)
        else:
            await self.flush()
            room = (
                await self._announce(room)
                if room is not None
                else await self._make_rooms(message, others, now)
            )
        self._sent = room

    def delivered(self, left: Sequence[str]) -> None:
        """Take down that the message has arrived, and the events that it `left` to a further one.

        Its acknowledgement is written before the next one, or by `flush`.
        """
        self._owed, self._left = self._sent, left

    async def flush(self, following: Unanswered | None = None) -> None:
        """Make the acknowledgement durable that is owed, if one is, and that the `following` message goes out."""
        room, self._owed = self._owed, None
        if room is not None:
            ack = partial(
                self.folder.write_ack,
                following=following,
                left=self._left,
                size=room.size,
            )
            await _in_thread(ack, room.line, room.offset)
            self.backoffs.clear(self.channel)

    async def write_failure(self, attempt: FailedAttempt) -> None:
        """Make a failed attempt durable."""
        await _in_thread(self.folder.write_failure, attempt)

    async def _announce(self, room: _Room) -> _Room:
        await _in_thread(self.folder.write_sending, room.line, room.offset)
        return room

    async def _make_rooms(
        self, message: Message, others: Iterable[Message], now: str
    ) -> _Room:
        """Make room for several messages, the first of which goes out, and return the first room."""
        more = (other for other in others if other.id not in self._rooms)
        messages = [message, *islice(more, _ROOMS - 1)]
        lines, left = (
            [going_out(self.channel, one, now) for one in messages],
            [self.may_leave(one) for one in messages],
        )
        offsets = await _in_thread(self.folder.reserve_acks, lines, left)
        sizes = [end - start for start, end in pairwise(offsets)]
        first, *rooms = map(
            _Room, lines, offsets, [*(one.id for one in messages[1:]), ""], [*sizes, 0]
        )
        self._rooms |= {room.line.message: room for room in rooms}
        return first


async def _in_thread(write: Callable[[*_Args], _Result], *args: *_Args) -> _Result:
    """Write to the journal in a thread, so that a slow disk delays no other channel; cancellation does not end it."""
    return await asyncio.shield(
        asyncio.get_running_loop().run_in_executor(None, write, *args)
    )
