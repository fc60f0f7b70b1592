"""Delivery of what is due: each channel on its own, in order, with every acknowledgement durable before the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher import log
from watcher.alerts import outbox
from watcher.alerts.outbox import Acknowledgement, FailedAttempt, Message, Outbox, Queue
from watcher.errors import StateError
from watcher.model.channel import Channel
from watcher.model.event import Event
from watcher.progress import Progress, silent
from watcher.state.store import StateFolder
from watcher.text.sanitize import OwnText

if TYPE_CHECKING:
    from watcher.delivery.sender import Undelivered


@dataclass(slots=True)
class Backoffs:
    """How channels rest whose failures the folder could not be told of, for as long as this process lives."""

    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, str] = field(default_factory=dict)

    def add(self, channel: str, now: str) -> None:
        """Note one more failure in a row."""
        failures = self._failures.get(channel, 0)
        self._until[channel] = outbox.backoff_until(failures, now)
        self._failures[channel] = failures + 1

    def end(self, channel: str) -> None:
        """Note that the folder keeps again what becomes of the channel's messages."""
        self._failures.pop(channel, None)
        self._until.pop(channel, None)

    def left(self, channel: str, now: str) -> float:
        """Give the seconds for which a channel still rests."""
        return outbox.backoff_left(self._until.get(channel, ""), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How to deliver: seconds for one message, seconds after which an alert is given up, and the clock.

    `budget` is after how many seconds a channel leaves its other messages to the next round (None: never), so that a
    slow one with many holds up nobody else's next alert. `keys` are the digests of the channels' URLs by name, and
    `salt` is what they were made with; names of targets are made with both. `backoffs` outlive the round.
    `progress` hears which channels are being sent to.
    """

    timeout: float
    expiry: float
    clock: Callable[[], str]
    stopping: asyncio.Event
    keys: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    budget: float | None = None
    backoffs: Backoffs = field(default_factory=Backoffs)
    progress: Progress = silent


@dataclass(slots=True)
class Dispatch:
    """What came of it: the outbox now, how many alerts went out, and by channel name how many were given up and why
    it failed. `refused` are the channels that were tried and did not take a message, `unsaved` is what could not be
    written afterwards.
    """

    waiting: Outbox
    delivered: int = 0
    expired: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    unsaved: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Round:
    """One channel's queue, and what came of its messages, in order; the channel's own thread fills that in."""

    channel: Channel
    queue: Queue
    outcomes: list[Acknowledgement | FailedAttempt] = field(default_factory=list)
    delivered: int = 0
    failure: str = ""
    refused: bool = False


async def dispatch(
    folder: StateFolder, waiting: Outbox, channels: Sequence[Channel], terms: DeliveryOptions
) -> Dispatch:
    """Send what is due on every channel at once. A channel whose acknowledgements can't be kept is not sent to.

    What is too old is given up where this round was one more failure; what nobody tried just now is left alone.
    """
    now = terms.clock()
    rounds = [
        _Round(channel=channel, queue=waiting.queues[channel.name])
        for channel in channels
        if channel.name in waiting.queues
        and outbox.is_due(waiting.queues[channel.name], now)
        and not terms.backoffs.left(channel.name, now)
    ]
    await asyncio.gather(*(_send_queue(folder, one, waiting.events, terms) for one in rounds))
    done = Dispatch(
        outbox.replay(waiting, (outcome for one in rounds for outcome in one.outcomes)) if rounds else waiting,
        delivered=sum(one.delivered for one in rounds),
        failures={one.channel.name: one.failure for one in rounds if one.failure},
        refused={one.channel.name for one in rounds if one.refused},
    )
    former = done.waiting.queues.keys() - {channel.name for channel in channels}
    for name in sorted(done.refused | former):
        done.waiting, old = outbox.expired(
            done.waiting, name, terms.clock(), terms.expiry, configured=name not in former
        )
        if old:
            done.expired[name] = sum(len(message.events) for message in old)
    return done


async def _send_queue(folder: StateFolder, one: _Round, events: Mapping[str, Event], terms: DeliveryOptions) -> None:
    """Send one channel's messages in a thread. Whatever goes wrong costs this channel only, and it rests."""
    name = one.channel.name
    try:
        from watcher.delivery.sender import Undelivered  # here, before there are threads, of which each would load it

        # One of its own: what waits in a shared one for a thread that can't be started would be sent by another's.
        with ThreadPoolExecutor(1, thread_name_prefix=f"channel {name}") as thread:
            try:
                sending = asyncio.get_running_loop().run_in_executor(thread, _send_messages, folder, one, events, terms)
            except RuntimeError:
                reached = frozenset(one.queue.messages[0].reached)
                unsent = Undelivered(reason="no thread could be started", reached=reached)
                _refuse(folder, one, one.queue.messages[0], unsent, terms)
            else:
                await sending
    except StateError as error:
        one.failure = OwnText(f"its acknowledgement could not be kept: {error.what}")
        terms.backoffs.add(name, terms.clock())
    except Exception as error:  # noqa: BLE001 - the one place around one channel's work
        one.failure = f"unexpected {type(error).__name__}"
        terms.backoffs.add(name, terms.clock())


def _send_messages(folder: StateFolder, one: _Round, events: Mapping[str, Event], terms: DeliveryOptions) -> None:
    """Send one message after the other: room for its acknowledgement, the message, the acknowledgement, the next."""
    from watcher.delivery.sender import Reached, Undelivered, deliver

    name, begun = one.channel.name, time.monotonic()
    for message in one.queue.messages:
        if terms.stopping.is_set() or (
            terms.budget is not None and one.outcomes and time.monotonic() - begun > terms.budget
        ):
            return
        place = folder.reserve_ack(name, message.id)
        reached = Reached(key=terms.keys.get(name, ""), salt=terms.salt, targets=frozenset(message.reached))
        terms.progress(f"channel {name}", f"sending to {name}")
        tried_at = time.monotonic()
        outcome = deliver(one.channel, tuple(events[key] for key in message.events), terms.timeout, reached)
        terms.progress(f"channel {name}", "")
        result = outcome.reason if isinstance(outcome, Undelivered) else "delivered"
        log.debug("sent", channel=name, result=result, seconds=round(time.monotonic() - tried_at, 3))
        if isinstance(outcome, Undelivered):
            _refuse(folder, one, message, outcome, terms)
            return
        one.outcomes.append(Acknowledgement(channel=name, message=message.id))
        one.delivered += len(message.events)
        folder.write_ack(name, message.id, place)
        terms.backoffs.end(name)


def _refuse(folder: StateFolder, one: _Round, message: Message, outcome: Undelivered, terms: DeliveryOptions) -> None:
    """Note a failed attempt, and make that durable."""
    refusal = FailedAttempt(
        channel=one.channel.name,
        message=message.id,
        attempts=1 if one.outcomes else one.queue.attempts + 1,
        error=outcome.reason,
        at=terms.clock(),
        address=one.queue.address,
        reached=tuple(sorted(outcome.reached)),
    )
    one.outcomes.append(refusal)
    one.failure, one.refused = refusal.error, True
    try:
        folder.write_failure(refusal)
    except StateError:  # it is in the outbox too, once all channels are done, if that can be written
        terms.backoffs.add(refusal.channel, refusal.at)
