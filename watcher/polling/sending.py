"""Sending: what is due, to four channels at once, each on its own, each outcome durable before the next goes out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from watcher import log, timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Change, Outbox, change
from watcher.alerts.queues.queue import (
    Message,
    Queue,
    Standing,
    delivered,
    error_in_words,
    failed,
    going_out,
    has_failed,
    in_turn,
    is_due,
)
from watcher.delivery.client import Worker
from watcher.delivery.process import Job
from watcher.errors import StateError
from watcher.model.channel import Cause, Channel, Outcome
from watcher.model.event import Event
from watcher.polling.model import Dispatch
from watcher.state.store import StateFolder
from watcher.streams import Progress, silent

_STOP_WITHIN = 2.0
"""Seconds that a message has left once the program is asked to stop. Its whole end takes at most five."""
_LONGEST_PAUSE = 60.0
"""Seconds that a service may ask for within a round. A longer wait is the channel's next try."""
_PAUSES = 5
"""Pauses in a row before the round leaves a service that still asks for one."""
_LONGEST_BUSY = 3600.0
"""Seconds without a delivery before a service has failed that always asks for a pause."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeliveryOptions:
    """How a round of deliveries goes out, to any channel."""

    timeout: float
    """Seconds for one message."""
    expiry: float
    """Seconds after which an undelivered alert expires."""
    clock: Callable[[], str]
    stopping: asyncio.Event
    salt: str
    """The key of the digests of targets."""
    budget: float | None = None
    """Seconds after which a channel leaves its other messages to the next round; None: never."""
    turns: asyncio.Semaphore
    """Each channel has one while it is sent to, in the order in which they ask."""
    worker: Worker
    progress: Progress = silent


async def dispatch(
    folder: StateFolder,
    waiting: Outbox,
    channels: Sequence[Channel],
    options: DeliveryOptions,
) -> Dispatch:
    """Send what is due. A channel whose acknowledgements cannot be written is not sent to.

    A channel that hangs holds up only those that failed the last time too: these are sent to after all others, one at
    a time, the one that was tried longest ago first, until the budget is spent. The next round goes on with the others.
    Old alerts expire only on channels that failed in this round, or that are no longer configured.
    """
    now = options.clock()
    rounds = [
        _ChannelRound(
            options=options,
            folder=folder,
            events=waiting.events,
            channel=channel,
            queue=queue,
            written=queue,
        )
        for channel in channels
        if (queue := waiting.queues.get(channel.name)) and is_due(queue, now)
    ]
    # One that hung last time will mostly hang again, for a whole timeout.
    again = [one for one in rounds if has_failed(one.queue)]
    # So that each has its turn though the budget ends before all were tried.
    again.sort(key=lambda one: one.queue.tried_at)
    stop = asyncio.create_task(_stop_soon(options))
    try:
        await asyncio.gather(
            *(_in_turn([one]) for one in rounds if one not in again), _in_turn(again)
        )
    finally:
        stop.cancel()
        # One stays for the next round, as loading apprise takes long; four would take memory all the time.
        options.worker.keep_one()
    queues = {**waiting.queues, **{one.channel.name: one.queue for one in rounds}}
    waiting = outbox.tidy(replace(waiting, queues=queues))
    failures = {
        one.channel.name: error_in_words(one.failure, one.queue.may_have_arrived)
        for one in rounds
        if one.failure
    }
    # Nobody sends the messages of former channels: only their age ends these.
    former = waiting.queues.keys() - {channel.name for channel in channels}
    expired: dict[str, int] = {}
    for name in sorted(waiting.queues.keys() & failures.keys() | former):
        now, is_former = options.clock(), name in former
        waiting, old = outbox.expired(
            waiting, name, now, options.expiry, configured=not is_former
        )
        if old:
            expired[name] = old
    return Dispatch(
        waiting,
        delivered=sum(one.delivered for one in rounds),
        unconfirmed=sum(one.unconfirmed for one in rounds),
        expired=expired,
        failures=failures,
        unsaved=[one.unsaved for one in rounds if one.unsaved],
    )


async def _in_turn(rounds: Sequence[_ChannelRound]) -> None:
    """Send to channels one after the other until the budget of the first is spent."""
    for one in rounds:
        async with one.options.turns:
            await one.send()
        if not rounds[0].has_time():
            return


async def _stop_soon(options: DeliveryOptions) -> None:
    """Wait for the request to stop, and then limit the time of messages that are being sent."""
    await options.stopping.wait()
    options.worker.stop_within(_STOP_WITHIN)


@dataclass(slots=True, kw_only=True, eq=False)
class _ChannelRound:
    """One round of deliveries to one channel, message after message."""

    options: DeliveryOptions
    folder: StateFolder
    events: Mapping[str, Event]
    channel: Channel
    queue: Queue
    """As it stands."""
    written: Queue
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
                self._tried, self._room = self._tried + 1, None
                first = await self._settle(message, await self._deliver(message))
                if first is None:
                    return
                turn.extendleft(first)
        except StateError as error:
            self.unsaved = error.what
        except Exception as error:  # noqa: BLE001 - the one place around one channel's work
            # Only the type is said: what an exception says may hold parts of the URL.
            self.failure = f"unexpected {type(error).__name__}"
            outcome = Outcome(reason=self.failure, unanswered=self._room is not None)
            failures = self.queue.attempts + 1
            self.queue = self._failed(message, outcome, failures=failures)

    def _is_over(self) -> bool:
        """Return whether the other messages are left to the next round."""
        # One message goes out however small the budget is, else a slow channel would never send any.
        is_late = self._tried > 0 and not self.has_time()
        return self.options.stopping.is_set() or is_late

    def has_time(self, seconds: float = 0.0) -> bool:
        """Return whether the round has so much time left."""
        budget = self.options.budget
        spent = time.monotonic() - self._began
        return budget is None or spent + seconds <= budget

    async def _deliver(self, message: Message) -> Outcome:
        name, began = self.channel.name, time.monotonic()
        job = Job(
            url=self.channel.url,
            events=tuple(self.events[event] for event in message.events),
            timeout=self.options.timeout,
            key=self.queue.url_digest,
            salt=self.options.salt,
            reached=frozenset(message.reached),
            plain=message.is_plain,
            named=self.channel.named,
            part=message.part,
        )
        heard = partial(self.options.progress, f"answer of {name}", "")
        with self._progress(f"sending to {name}"):
            outcome = await self.options.worker.deliver(
                job, partial(self._note, message), heard
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

    async def _note(self, message: Message) -> None:
        """Make durable that a message goes out, right before its first request: a kill leaves it in doubt from now on.

        There is room then for its acknowledgement, whatever that leaves to a further message.
        """
        # As after an attempt without an answer: if the process is killed now, nobody knows more.
        out = going_out(self.queue, message, self.options.clock())
        left = message.events[1:]
        fullest = delivered(self.channel.name, self.queue, message, left)
        sending = self._change_to(out)
        # Even if this is cut short, it may be written.
        self.written = out
        # In a thread, as all writes here, so that a slow disk delays no other channel; cancellation does not end it.
        self._room = await asyncio.shield(
            asyncio.to_thread(
                self.folder.write_sending, sending, self._change_to(fullest)
            )
        )

    def _change_to(self, queue: Queue) -> Change:
        """Return what has to be written for the queue to be so."""
        name = self.channel.name
        return change(Outbox(queues={name: self.written}), Outbox(queues={name: queue}))

    async def _keep(self, queue: Queue, room: slice | None = None) -> None:
        """Make durable how the queue is now, of a message that arrived in the room for that."""
        self.queue = queue
        await asyncio.shield(
            asyncio.to_thread(self.folder.write_change, self._change_to(queue), room)
        )
        self.written = queue

    async def _settle(self, message: Message, outcome: Outcome) -> list[str] | None:
        """Write down what came of a message and return the ids of those that go out before the others.

        None if the round ends here.
        """
        if outcome.taken:
            return await self._acknowledge(message, outcome)
        # A service that limits its rate mostly asks for seconds: to leave the channel for that would fill its queue.
        if self._may_pause(outcome):
            await self._pause(message, outcome)
            return [message.id]
        is_refused = outcome.cause is Cause.CONTENT
        if is_refused and not message.is_plain:
            # Its plainest form goes out at once.
            await self._keep(self._failed(message, outcome))
            return [message.id]
        is_busy = self._is_busy(outcome) and not is_refused
        if outcome.reason and not is_busy:
            self.failure = outcome.reason
        # A message that is refused in both forms, or deferred and again without an answer, says nothing of the channel:
        # the next one has its turn, unless the service asks for a wait.
        is_deferred = message.standing is Standing.DEFERRED and outcome.unanswered
        if not outcome.retry_after if is_refused else is_deferred:
            # But a service that refuses a plainest form mostly refuses everything.
            is_first = not (message.times_aside or self.delivered or self.unconfirmed)
            fails = is_refused and is_first
            await self._keep(self._failed(message, outcome, fails=fails))
            return []
        failures = self.queue.attempts + (not is_busy)
        await self._keep(self._failed(message, outcome, failures=failures))
        return None

    def _failed(
        self,
        message: Message,
        outcome: Outcome,
        *,
        failures: int | None = None,
        fails: bool = False,
    ) -> Queue:
        """Return the queue after a failed attempt, as `failed` does."""
        name, now = self.channel.name, self.options.clock()
        return failed(
            name, self.queue, message, outcome, now, failures=failures, fails=fails
        )

    async def _acknowledge(self, message: Message, outcome: Outcome) -> list[str]:
        """Write down that a message has arrived, and return the further one that it has left events to, if any."""
        known = {one.id for one in self.queue.messages}
        alerts = len(message.events) - len(outcome.left)
        # Events that go into a further message are counted with that.
        if outcome.confirmed:
            self.delivered += alerts
        else:
            self.unconfirmed += alerts
        # What it has taken shows that it works, however often it asked for patience.
        self._pauses = 0
        after = delivered(self.channel.name, self.queue, message, outcome.left)
        await self._keep(after, self._room)
        return [one.id for one in after.messages if one.id not in known]

    def _may_pause(self, outcome: Outcome) -> bool:
        """Return whether the round has time for the pause that a service asks for."""
        seconds = outcome.retry_after
        if not outcome.reason or seconds is None or self._pauses == _PAUSES:
            return False
        return seconds <= _LONGEST_PAUSE and self.has_time(seconds)

    async def _pause(self, message: Message, outcome: Outcome) -> None:
        """Wait as long as the service has asked for. That is no failure.

        Another channel has this one's turn meanwhile.
        """
        seconds, name = outcome.retry_after or 0.0, self.channel.name
        self._pauses += 1
        no_failure = replace(outcome, reason="", cause=Cause.OTHER)
        await self._keep(self._failed(message, no_failure))
        # A pause may take a minute, in which another channel can have this one's process.
        self.options.turns.release()
        with (
            self._progress(f"waiting for {name}, which asked for {seconds:.0f} s"),
            contextlib.suppress(TimeoutError),
        ):
            await asyncio.wait_for(self.options.stopping.wait(), seconds)
        await self.options.turns.acquire()

    def _is_busy(self, outcome: Outcome) -> bool:
        """Return whether the service only asks for a pause, for which the round has no time: that is no failure."""
        seconds = outcome.retry_after
        if seconds is None or seconds > _LONGEST_PAUSE:
            return False
        # But one that has asked for nothing else for an hour does not work.
        since, now = self.queue.failing_since, self.options.clock()
        return not since or timestamps.seconds_between(since, now) < _LONGEST_BUSY
