"""Deliver what is due: each channel on its own, in order, each acknowledgement durable before the next message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

from watcher import log
from watcher.alerts import outbox
from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Acknowledgement, FailedAttempt, Message, Outbox, Queue
from watcher.delivery.client import Worker
from watcher.delivery.job import Job, Reached
from watcher.delivery.outcome import Outcome, Undelivered
from watcher.errors import StateError
from watcher.model.channel import Channel
from watcher.model.event import Event
from watcher.progress import Progress, silent
from watcher.state.store import StateFolder
from watcher.text.sanitize import Trusted

_Args = TypeVarTuple("_Args")
_Result = TypeVar("_Result")

_STOP_WITHIN = 3.0
"""Seconds that a message has left once the program is asked to stop."""


class Backoffs:
    """Backoffs of channels whose failures could not be written to the state folder; kept while the process runs."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, str]] = {}
        """Failures in a row, and when to try again, by channel."""

    def failed(self, channel: str, now: str) -> None:
        """Count one more failure in a row."""
        failures, _ = self._failures.get(channel, (0, ""))
        self._failures[channel] = failures + 1, outbox.backoff_until(failures, now)

    def clear(self, channel: str) -> None:
        """Forget the channel's failures: the folder can be written again."""
        self._failures.pop(channel, None)

    def seconds_left(self, channel: str, now: str) -> float:
        """Return the seconds until the channel may be tried again."""
        _, retry_at = self._failures.get(channel, (0, ""))
        return outbox.backoff_left(retry_at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How to deliver."""

    timeout: float
    """Seconds for one message."""
    expiry: float
    """Seconds after which an undelivered alert expires."""
    clock: Callable[[], str]
    stopping: asyncio.Event
    addresses: Addresses = field(default_factory=Addresses)
    budget: float | None = None
    """Seconds after which a channel leaves its other messages to the next round; None: never."""
    backoffs: Backoffs = field(default_factory=Backoffs)
    """They outlive the round."""
    worker: Worker = field(default_factory=Worker)
    progress: Progress = silent


@dataclass(slots=True)
class Dispatch:
    """What one round of deliveries did. Mappings are by channel name; alerts are counted."""

    waiting: Outbox
    """The outbox after the round."""
    delivered: int = 0
    expired: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Why a channel failed."""
    refused: set[str] = field(default_factory=set)
    """Channels that were tried and did not take a message."""
    unsaved: list[str] = field(default_factory=list)
    """What could not be written afterwards."""


async def dispatch(
    folder: StateFolder, waiting: Outbox, channels: Sequence[Channel], options: DeliveryOptions
) -> Dispatch:
    """Send what is due, all channels at once. A channel whose acknowledgements cannot be written is not sent to.

    Old alerts expire only on channels that failed in this round, or that are no longer configured.
    """
    now = options.clock()
    rounds = [
        _Round(folder=folder, options=options, events=waiting.events, channel=channel, queue=queue)
        for channel in channels
        if (queue := waiting.queues.get(channel.name))
        and outbox.is_due(queue, now)
        and not options.backoffs.seconds_left(channel.name, now)
    ]
    stop = asyncio.create_task(_stop_soon(options))
    try:
        await asyncio.gather(*(one.send() for one in rounds))
    finally:
        stop.cancel()
    done = Dispatch(
        outbox.replay(waiting, (outcome for one in rounds for outcome in one.outcomes)) if rounds else waiting,
        delivered=sum(one.delivered for one in rounds),
        failures={one.channel.name: one.failure for one in rounds if one.failure},
        refused={one.channel.name for one in rounds if one.refused},
    )
    former = done.waiting.queues.keys() - {channel.name for channel in channels}
    for name in sorted(done.refused | former):
        done.waiting, old = outbox.expired(
            done.waiting, name, options.clock(), options.expiry, configured=name not in former
        )
        if old:
            done.expired[name] = sum(len(message.events) for message in old)
    return done


async def _stop_soon(options: DeliveryOptions) -> None:
    """Wait for the request to stop, and then limit the time of messages that are being sent."""
    await options.stopping.wait()
    options.worker.stop_within(_STOP_WITHIN)


@dataclass(slots=True, kw_only=True)
class _Round:
    """One round of deliveries to one channel."""

    folder: StateFolder
    options: DeliveryOptions
    events: Mapping[str, Event]
    channel: Channel
    queue: Queue
    outcomes: list[Acknowledgement | FailedAttempt] = field(default_factory=list)
    """Of the queue's messages, in order."""
    delivered: int = 0
    failure: str = ""
    refused: bool = False

    async def send(self) -> None:
        """Send the queue's messages. Whatever goes wrong costs this channel only, and it backs off."""
        try:
            await self._send_messages()
        except StateError as error:
            self._back_off(Trusted(f"its acknowledgement could not be saved: {error.what}"))
        except Exception as error:  # noqa: BLE001 - the one place around one channel's work
            self._back_off(f"unexpected {type(error).__name__}")

    def _back_off(self, failure: str) -> None:
        self.failure = failure
        self.options.backoffs.failed(self.channel.name, self.options.clock())

    async def _send_messages(self) -> None:
        """Send one message after the other: reserve room for the acknowledgement, send, write it."""
        options, name, began = self.options, self.channel.name, time.monotonic()
        for message in self.queue.messages:
            spent = time.monotonic() - began
            if options.stopping.is_set() or (options.budget is not None and self.outcomes and spent > options.budget):
                return
            place = await _in_thread(self.folder.reserve_ack, name, message.id)
            if options.stopping.is_set():
                return
            outcome = await self._deliver(message)
            if isinstance(outcome, Undelivered):
                await self._record_failure(message, outcome)
                return
            self.outcomes.append(Acknowledgement(channel=name, message=message.id))
            self.delivered += len(message.events)
            await _in_thread(self.folder.write_ack, name, message.id, place)
            options.backoffs.clear(name)

    async def _deliver(self, message: Message) -> Outcome:
        options, name, began = self.options, self.channel.name, time.monotonic()
        digest, salt = options.addresses.url_digests.get(name, ""), options.addresses.salt
        job = Job(
            url=self.channel.url,
            events=tuple(self.events[key] for key in message.events),
            timeout=options.timeout,
            reached=Reached(key=digest, salt=salt, targets=frozenset(message.reached)),
        )
        options.progress(f"channel {name}", f"sending to {name}")
        outcome = await options.worker.deliver(job)
        options.progress(f"channel {name}", "")
        result = outcome.reason or "stopped" if isinstance(outcome, Undelivered) else "delivered"
        log.debug("sent", channel=name, result=result, seconds=round(time.monotonic() - began, 3))
        return outcome

    async def _record_failure(self, message: Message, outcome: Undelivered) -> None:
        attempt = FailedAttempt(
            channel=self.channel.name,
            message=message.id,
            attempts=1 if self.outcomes else self.queue.attempts + 1,
            error=outcome.reason,
            at=self.options.clock(),
            url_digest=self.queue.url_digest,
            reached=tuple(sorted(outcome.reached)),
        )
        self.outcomes.append(attempt)
        self.failure, self.refused = attempt.error, bool(attempt.error)
        try:
            await _in_thread(self.folder.write_failure, attempt)
        except StateError:  # the outbox gets it too, after all channels, if it can be written
            self.options.backoffs.failed(attempt.channel, attempt.at)


async def _in_thread(write: Callable[[*_Args], _Result], *args: *_Args) -> _Result:
    """Write to the journal in a thread, so that a slow disk delays no other channel; cancellation does not end it."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, write, *args))
