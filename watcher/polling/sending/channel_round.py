"""One round of deliveries to one channel: message after message, each outcome durable before the next goes out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, TypeVarTuple

from watcher import log
from watcher.alerts.queues.outbox import Change, Outbox, change
from watcher.alerts.queues.queue import (
    Message,
    Queue,
    Standing,
    delivered,
    failed,
    going_out,
    in_turn,
)
from watcher.delivery.process import Job
from watcher.errors import StateError
from watcher.model.channel import Cause, Channel, Outcome
from watcher.model.event import Event
from watcher.polling.sending.dispatch import DeliveryOptions
from watcher.state.store import StateFolder

_Args = TypeVarTuple("_Args")
_Result = TypeVar("_Result")

_LONGEST_PAUSE = 60.0
"""Seconds that a service may ask for within a round. A longer wait is the channel's next try."""
_PAUSES = 5
"""Pauses in a row before the round leaves a service that still asks for one."""
_LONGEST_BUSY = 3600.0
"""Seconds without a delivery before a service has failed that always asks for a pause."""


@dataclass(slots=True, kw_only=True)
class ChannelRound:
    """One round of deliveries to one channel."""

    options: DeliveryOptions
    folder: StateFolder
    events: Mapping[str, Event]
    channel: Channel
    queue: Queue
    """As it stands."""
    written: Queue = field(init=False)
    """As the state has it."""
    delivered: int = 0
    unconfirmed: int = 0
    """Alerts that a channel got which cannot say whether they arrived."""
    failure: str = ""
    """Why an attempt failed, the last one."""
    unsaved: str = ""
    """What could not be written to the state."""
    _tried: int = 0
    """Attempts."""
    _room: slice | None = None
    """Where the acknowledgement of the message that goes out is to be written; None before its first request."""
    _began: float = 0.0
    """By the monotonic clock."""
    _pauses: int = 0
    """In a row."""

    def __post_init__(self) -> None:
        self.written = self.queue

    async def send(self) -> None:
        """Send the queue's messages one by one until the channel fails or its time is up.

        An error of any kind is kept here as a failure, so that the other channels get their messages all the same.
        """
        message = self.queue.messages[0]
        self._began = time.monotonic()
        try:
            # It is empty if the clock was set back since the channel was found to be due.
            due = in_turn(self.queue, self.events, self.options.clock())
            turn = deque(one.id for one in due)
            while turn and not self._is_over():
                key = turn.popleft()
                [message] = (one for one in self.queue.messages if one.id == key)
                again = await self._send(message)
                if again is None:
                    return
                turn.extendleft(again)
        except StateError as error:
            self.unsaved = error.what
        except Exception as error:  # noqa: BLE001 - the one place around one channel's work
            self.failure = f"unexpected {type(error).__name__}"
            is_out = self._room is not None
            outcome = Outcome(reason=self.failure, unanswered=is_out)
            self.queue = failed(
                self.channel.name,
                self.queue,
                message,
                outcome,
                self.options.clock(),
                failures=self.queue.attempts + 1,
            )

    async def _send(self, message: Message) -> list[str] | None:
        """Send one message and return the ids of those that go out before the others; None if the round ends here."""
        self._tried, self._room = self._tried + 1, None
        outcome = await self._deliver(message)
        if outcome.taken:
            return await self._acknowledge(message, outcome)
        if self._may_pause(outcome):
            return await self._pause(message, outcome)
        return await self._fail(message, outcome)

    async def _note(self, message: Message) -> None:
        """Make durable that a message goes out, right before its first request: a kill leaves it in doubt from now on.

        There is room then for its acknowledgement, whatever that leaves to a further message.
        """
        out = going_out(self.queue, message, self.options.clock())
        left = message.events[1:]
        fullest = delivered(self.channel.name, self.queue, message, left)
        sending = self._change_to(out)
        # Even if this is cut short, it may be written.
        self.written = out
        self._room = await _in_thread(
            self.folder.write_sending, sending, self._change_to(fullest)
        )

    def _change_to(self, queue: Queue) -> Change:
        """Return what has to be written for the queue to be so."""
        name = self.channel.name
        return change(Outbox(queues={name: self.written}), Outbox(queues={name: queue}))

    def _note_progress(self) -> None:
        self.options.progress(f"answer of {self.channel.name}", "")

    def _is_over(self) -> bool:
        """Return whether the other messages are left to the next round."""
        is_late = self._tried > 0 and not self.has_time()
        return self.options.stopping.is_set() or is_late

    def has_time(self, seconds: float = 0.0) -> bool:
        """Return whether the round has so much time left."""
        budget = self.options.budget
        spent = time.monotonic() - self._began
        return budget is None or spent + seconds <= budget

    def _job(self, message: Message) -> Job:
        known = self.options.addresses
        key, salt = known.url_digests.get(self.channel.name, ""), known.salt
        return Job(
            url=self.channel.url,
            events=tuple(self.events[event] for event in message.events),
            timeout=self.options.timeout,
            key=key,
            salt=salt,
            reached=frozenset(message.reached),
            plain=message.is_plain,
            named=self.channel.named,
            part=message.part,
        )

    async def _deliver(self, message: Message) -> Outcome:
        name, began = self.channel.name, time.monotonic()
        with self._progress(f"sending to {name}"):
            outcome = await self.options.worker.deliver(
                self._job(message), partial(self._note, message), self._note_progress
            )
        result = outcome.reason or "stopped"
        if outcome.taken:
            result = "delivered" if outcome.confirmed else "unconfirmed"
        seconds = round(time.monotonic() - began, 3)
        log.debug("sent", channel=name, result=result, seconds=seconds)
        return outcome

    @contextlib.contextmanager
    def _progress(self, doing: str) -> Iterator[None]:
        self.options.progress(f"channel {self.channel.name}", doing)
        try:
            yield
        finally:
            self.options.progress(f"channel {self.channel.name}", "")

    async def _acknowledge(self, message: Message, outcome: Outcome) -> list[str]:
        """Write down that a message has arrived, and return the further one that it has left events to, if any."""
        left = outcome.left
        known = {one.id for one in self.queue.messages}
        self.queue = delivered(self.channel.name, self.queue, message, left)
        alerts = len(message.events) - len(left)
        if outcome.confirmed:
            self.delivered += alerts
        else:
            self.unconfirmed += alerts
        self._pauses = 0
        await self._write(self._room)
        return [one.id for one in self.queue.messages if one.id not in known]

    def _may_pause(self, outcome: Outcome) -> bool:
        """Return whether the round has time for the pause that a service asks for."""
        seconds = outcome.retry_after
        if not outcome.reason or seconds is None or self._pauses == _PAUSES:
            return False
        return seconds <= _LONGEST_PAUSE and self.has_time(seconds)

    async def _pause(self, message: Message, outcome: Outcome) -> list[str]:
        """Wait as long as the service has asked for, and return the message to go out again. That is no failure.

        Another channel has this one's turn meanwhile.
        """
        seconds, name = outcome.retry_after or 0.0, self.channel.name
        self._pauses += 1
        no_failure = replace(outcome, reason="", cause=Cause.OTHER)
        await self._record(message, no_failure)
        self.options.turns.release()
        with (
            self._progress(f"waiting for {name}, which asked for {seconds:.0f} s"),
            contextlib.suppress(TimeoutError),
        ):
            await asyncio.wait_for(self.options.stopping.wait(), seconds)
        await self.options.turns.acquire()
        return [message.id]

    async def _fail(self, message: Message, outcome: Outcome) -> list[str] | None:
        """Write down a failed attempt. Return None if the round ends here.

        A deferred message that has no answer again says nothing of the channel: the next one has its turn.
        """
        if outcome.cause is Cause.CONTENT:
            return await self._refuse(message, outcome)
        is_busy = self._is_busy(outcome)
        if outcome.reason and not is_busy:
            self.failure = outcome.reason
        if message.standing is Standing.DEFERRED and outcome.unanswered:
            await self._record(message, outcome)
            return []
        failures = self.queue.attempts + (not is_busy)
        await self._record(message, outcome, failures)
        return None

    async def _refuse(self, message: Message, outcome: Outcome) -> list[str] | None:
        """Write down that a message was refused for what it is, and return it if its plainest form is to go out.

        If that is refused too, the message is aside, and the others have their turn, unless the service asks for a
        wait: then the round ends, and None is returned.
        """
        if not message.is_plain:
            await self._record(message, outcome)
            return [message.id]
        self.failure = outcome.reason
        if outcome.retry_after:
            await self._record(message, outcome, self.queue.attempts + 1)
            return None
        # A service that refuses a plainest form mostly refuses everything.
        has_delivered = self.delivered + self.unconfirmed > 0
        is_first = not (message.times_aside or has_delivered)
        await self._record(message, outcome, fails=is_first)
        return []

    def _is_busy(self, outcome: Outcome) -> bool:
        """Return whether the service only asks for a pause, for which the round has no time: that is no failure."""
        seconds = outcome.retry_after
        if seconds is None or seconds > _LONGEST_PAUSE:
            return False
        return self.queue.failing_for(self.options.clock()) < _LONGEST_BUSY

    async def _record(
        self,
        message: Message,
        outcome: Outcome,
        failures: int | None = None,
        *,
        fails: bool = False,
    ) -> None:
        """Write down a failed attempt; `failures` and `fails` are as for `failed`."""
        name, now = self.channel.name, self.options.clock()
        self.queue = failed(
            name, self.queue, message, outcome, now, failures=failures, fails=fails
        )
        await self._write()

    async def _write(self, room: slice | None = None) -> None:
        """Make durable how the queue is now, of a message that arrived in the room for that."""
        change_to_it = self._change_to(self.queue)
        await _in_thread(self.folder.write_change, change_to_it, room)
        self.written = self.queue


async def _in_thread(write: Callable[[*_Args], _Result], *args: *_Args) -> _Result:
    """Write to the state in a thread, so that a slow disk delays no other channel; cancellation does not end it."""
    return await asyncio.shield(
        asyncio.get_running_loop().run_in_executor(None, write, *args)
    )
