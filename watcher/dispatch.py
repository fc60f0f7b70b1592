"""Delivery of what is due: each channel on its own, in order, with every acknowledgement durable before the next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from watcher import outbox
from watcher.channels import Channel
from watcher.failures import StateError
from watcher.outbox import Outbox, Refusal
from watcher.store import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to deliver: seconds for one message, seconds after which an alert is given up, and the clock.

    `budget` is after how many seconds a channel leaves its other messages to the next round (None: never), so that a
    slow one with many holds up nobody else's next alert. `keys` are secrets by channel name that digests are made with.
    """

    timeout: float
    expiry: float
    clock: Callable[[], str]
    stopping: asyncio.Event
    keys: Mapping[str, str] = field(default_factory=dict)
    budget: float | None = None


@dataclass(slots=True)
class Dispatch:
    """What came of it: the outbox now, how many alerts went out, and by channel name how many were given up and why
    it failed.
    """

    waiting: Outbox
    delivered: int = 0
    given_up: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


async def dispatch(folder: StateFolder, waiting: Outbox, channels: Sequence[Channel], terms: Terms) -> Dispatch:
    """Send what is due on every channel at once. A channel whose acknowledgements can't be kept is not sent to."""
    now = terms.clock()
    due = [c for c in channels if c.name in waiting.queues and outbox.is_due(waiting.queues[c.name], now)]
    done = Dispatch(waiting)
    if due:
        with ThreadPoolExecutor(len(due), thread_name_prefix="channel") as threads:
            work = [_send_queue(folder, channel, done, terms, threads) for channel in due]
            await asyncio.gather(*work)
    configured = {channel.name for channel in channels}
    for name in list(done.waiting.queues):
        done.waiting, old = outbox.expired(
            done.waiting, name, terms.clock(), terms.expiry, configured=name in configured
        )
        if old:
            done.given_up[name] = sum(len(message.events) for message in old)
    return done


async def _send_queue(
    folder: StateFolder, channel: Channel, done: Dispatch, terms: Terms, threads: ThreadPoolExecutor
) -> None:
    from watcher.delivery import Reached, Undelivered, deliver

    loop = asyncio.get_running_loop()
    begun = loop.time()
    while (queue := done.waiting.queues.get(channel.name)) and queue.messages and not terms.stopping.is_set():
        message = queue.messages[0]
        events = tuple(done.waiting.events[key] for key in message.events)
        reached = Reached(key=terms.keys.get(channel.name, ""), targets=frozenset(message.reached))
        try:
            place = folder.sending(channel.name, message.id)
            outcome = await loop.run_in_executor(threads, deliver, channel, events, terms.timeout, reached)
            if isinstance(outcome, Undelivered):
                done.failures[channel.name] = outcome.reason
                refusal = Refusal(
                    channel=channel.name,
                    message=message.id,
                    attempts=queue.attempts + 1,
                    error=outcome.reason,
                    at=terms.clock(),
                    address=queue.address,
                    reached=tuple(sorted(outcome.reached)),
                )
                done.waiting = outbox.refused_once(done.waiting, refusal)
                with contextlib.suppress(StateError):  # it is in the outbox too, once all channels are done
                    folder.refused(refusal)
                return
            done.waiting = outbox.acknowledged(done.waiting, channel.name, message.id)
            done.delivered += len(message.events)
            folder.arrived(channel.name, message.id, place)
        except StateError as error:
            done.failures[channel.name] = f"its acknowledgement could not be kept: {error.what}"
            return
        if terms.budget is not None and loop.time() - begun > terms.budget:
            return
