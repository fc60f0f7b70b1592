"""Delivery of what is due: each channel on its own, in order, with every acknowledgement durable before the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher import outbox
from watcher.channels import Channel
from watcher.failures import StateError
from watcher.outbox import Message, Outbox, Refusal
from watcher.store import StateFolder

if TYPE_CHECKING:
    from watcher.delivery import Outcome


@dataclass(slots=True)
class Rests:
    """How channels rest whose failures the folder could not be told of, for as long as this process lives."""

    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, str] = field(default_factory=dict)

    def add(self, channel: str, now: str) -> None:
        """Note one more failure in a row."""
        failures = self._failures.get(channel, 0)
        self._until[channel] = outbox.rest_until(failures, now)
        self._failures[channel] = failures + 1

    def end(self, channel: str) -> None:
        """Note that the folder keeps again what becomes of the channel's messages."""
        self._failures.pop(channel, None)
        self._until.pop(channel, None)

    def left(self, channel: str, now: str) -> float:
        """Give the seconds for which a channel still rests."""
        return outbox.rest_left(self._until.get(channel, ""), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to deliver: seconds for one message, seconds after which an alert is given up, and the clock.

    `budget` is after how many seconds a channel leaves its other messages to the next round (None: never), so that a
    slow one with many holds up nobody else's next alert. `keys` are the digests of the channels' URLs by name, and
    `salt` is what they were made with; names of targets are made with both. `rests` outlive the round.
    """

    timeout: float
    expiry: float
    clock: Callable[[], str]
    stopping: asyncio.Event
    keys: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    budget: float | None = None
    rests: Rests = field(default_factory=Rests)


@dataclass(slots=True)
class Dispatch:
    """What came of it: the outbox now, how many alerts went out, and by channel name how many were given up and why
    it failed. `refused` are the channels that were tried and did not take a message, `unsaved` is what could not be
    written afterwards.
    """

    waiting: Outbox
    delivered: int = 0
    given_up: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    unsaved: tuple[str, ...] = ()


async def dispatch(folder: StateFolder, waiting: Outbox, channels: Sequence[Channel], terms: Terms) -> Dispatch:
    """Send what is due on every channel at once. A channel whose acknowledgements can't be kept is not sent to.

    What is too old is given up where this round was one more failure; what nobody tried just now is left alone.
    """
    now = terms.clock()
    due = [
        channel
        for channel in channels
        if channel.name in waiting.queues
        and outbox.is_due(waiting.queues[channel.name], now)
        and not terms.rests.left(channel.name, now)
    ]
    done = Dispatch(waiting)
    await asyncio.gather(*(_send_queue(folder, channel, done, terms) for channel in due))
    former = done.waiting.queues.keys() - {channel.name for channel in channels}
    for name in sorted(done.refused | former):
        done.waiting, old = outbox.expired(
            done.waiting, name, terms.clock(), terms.expiry, configured=name not in former
        )
        if old:
            done.given_up[name] = sum(len(message.events) for message in old)
    return done


async def _send_queue(folder: StateFolder, channel: Channel, done: Dispatch, terms: Terms) -> None:
    """Send one channel's messages. Whatever goes wrong costs this channel only, and it rests."""
    try:
        # One of its own: what waits in a shared one for a thread that can't be started would be sent by another's.
        with ThreadPoolExecutor(1, thread_name_prefix=f"channel {channel.name}") as thread:
            await _send_messages(folder, channel, done, terms, thread)
    except StateError as error:
        done.failures[channel.name] = f"its acknowledgement could not be kept: {error.what}"
        terms.rests.add(channel.name, terms.clock())
    except Exception as error:  # noqa: BLE001 - the one place around one channel's work
        done.failures[channel.name] = f"unexpected {type(error).__name__}"
        terms.rests.add(channel.name, terms.clock())


async def _send_messages(folder: StateFolder, channel: Channel, done: Dispatch, terms: Terms, thread: Executor) -> None:
    from watcher.delivery import Undelivered

    loop = asyncio.get_running_loop()
    begun = loop.time()
    while (queue := done.waiting.queues.get(channel.name)) and queue.messages and not terms.stopping.is_set():
        message = queue.messages[0]
        place = folder.sending(channel.name, message.id)
        outcome = await _attempt(channel, message, done, terms, thread)
        if isinstance(outcome, Undelivered):
            refusal = Refusal(
                channel=channel.name,
                message=message.id,
                attempts=queue.attempts + 1,
                error=outcome.reason,
                at=terms.clock(),
                address=queue.address,
                reached=tuple(sorted(outcome.reached)),
            )
            done.failures[channel.name] = outcome.reason
            done.refused.add(channel.name)
            done.waiting = outbox.refused_once(done.waiting, refusal)
            try:
                folder.refused(refusal)
            except StateError:  # it is in the outbox too, once all channels are done, if that can be written
                terms.rests.add(channel.name, refusal.at)
            return
        done.waiting = outbox.acknowledged(done.waiting, channel.name, message.id)
        done.delivered += len(message.events)
        folder.arrived(channel.name, message.id, place)
        terms.rests.end(channel.name)
        if terms.budget is not None and loop.time() - begun > terms.budget:
            return


async def _attempt(channel: Channel, message: Message, done: Dispatch, terms: Terms, thread: Executor) -> Outcome:
    """Send one message. That no thread can be started for it is a failure like another."""
    from watcher.delivery import Reached, Undelivered, deliver

    events = tuple(done.waiting.events[key] for key in message.events)
    key = terms.keys.get(channel.name, "")
    reached = Reached(key=key, salt=terms.salt, targets=frozenset(message.reached))
    try:
        sent = asyncio.get_running_loop().run_in_executor(thread, deliver, channel, events, terms.timeout, reached)
    except RuntimeError:
        return Undelivered(reason="no thread could be started", reached=reached.targets)
    return await sent
