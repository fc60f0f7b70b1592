"""Queues follow their channels through an edit of the settings, durably, before anything is saved or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watcher.alerts.queues import outbox, ownership
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import Addresses, reroute
from watcher.alerts.queues.queue import Queue, error_in_words, has_failed, is_due
from watcher.changes.health import ChannelState
from watcher.delivery.client import AT_ONCE, Worker
from watcher.model.channel import Channel
from watcher.state.model import State
from watcher.state.store import StateFolder
from watcher.streams import Progress, silent

if TYPE_CHECKING:
    from watcher.polling.sending.channel_round import ChannelRound


def followed(
    folder: StateFolder,
    state: State,
    channels: Sequence[Channel],
    accepted: Addresses,
    on_set_aside: Callable[[Mapping[str, int]], None],
) -> State:
    """Put each queue under the channel that it belongs to now, durably; StateError as the folder raises it.

    What a killed poll left there is cut off: alerts of a change that was never committed, and half of a line.

    `accepted` are the channels' URLs as the settings were read; another run may have written a salt since. Queues are
    written before the addresses: while these are lost, queues go by name. `on_set_aside` is called before the
    addresses are written, so a poll that is killed before it could report leaves the report to the next one.
    """
    # An earlier run may have died between giving a file its name and making that durable.
    folder.fsync_folder()
    known = state.addresses
    moved, addresses = at_their_channels(state, channels, accepted)
    folder.compact(moved)
    if addresses != known:
        on_set_aside(set_aside(known, moved, channels))
        folder.save_addresses(addresses)
    return replace(state, outbox=moved, addresses=addresses)


def at_their_channels(
    state: State, channels: Sequence[Channel], accepted: Addresses
) -> tuple[Outbox, Addresses]:
    """Return the outbox with each queue under the channel that it belongs to now, and the channels' URLs. Pure."""
    known, addresses = state.addresses, accepted
    if known.salt not in {"", accepted.salt}:
        digests = ownership.url_digests(channels, known.salt)
        addresses = replace(accepted, salt=known.salt, url_digests=digests)
    now = addresses.url_digests
    moved = reroute(state.outbox, channels, now, known.url_digests)
    return moved, addresses


def channel_states(
    state: State, channels: Sequence[Channel], accepted: Addresses
) -> list[ChannelState]:
    """Return how deliveries to each configured channel went until now. Pure."""
    waiting, addresses = at_their_channels(state, channels, accepted)
    return [
        ChannelState(
            name=channel.name,
            key=addresses.url_digests[channel.name] if channel.placed else channel.name,
            failing_since=queue.failing_since,
            gone=queue.gone,
            error=queue.error,
            alerts=queue.alerts,
            may_have_arrived=queue.may_have_arrived,
        )
        for channel in channels
        for queue in (waiting.queues.get(channel.name, Queue()),)
    ]


def set_aside(
    known: Addresses, waiting: Outbox, channels: Iterable[Channel]
) -> Mapping[str, int]:
    """Return how many alerts are in queues that belonged to a channel when the addresses `known` were written, and now
    to none, by that channel's name.
    """
    configured = {channel.name for channel in channels}
    names = {url_digest: name for name, url_digest in known.url_digests.items()}
    return {
        names[queue.url_digest]: queue.alerts
        for name, queue in waiting.queues.items()
        if name not in configured and queue.messages and queue.url_digest in names
    }


_STOP_WITHIN = 2.0
"""Seconds that a message has left once the program is asked to stop. Its whole end takes at most five."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeliveryOptions:
    """How a round of deliveries goes out, to any channel."""

    timeout: float
    """Seconds for one message."""
    expiry: float
    """Seconds after which an undelivered alert expires."""
    clock: Callable[[], str]
    stopping: asyncio.Event
    addresses: Addresses = field(default_factory=Addresses)
    budget: float | None = None
    """Seconds after which a channel leaves its other messages to the next round; None: never."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Each channel has one while it is sent to, in the order in which they ask."""
    worker: Worker = field(default_factory=Worker)
    progress: Progress = silent


@dataclass(slots=True, eq=False, repr=False)
class Dispatch:
    """What one round of deliveries did. Mappings are by channel name; alerts are counted."""

    waiting: Outbox
    """The outbox after the round."""
    delivered: int = 0
    unconfirmed: int = 0
    """Sent by channels that cannot say whether it arrived."""
    expired: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Why a channel failed."""
    unsaved: list[str] = field(default_factory=list)
    """What could not be written."""


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
    if not waiting.queues:
        return Dispatch(waiting)
    from watcher.polling.sending.channel_round import ChannelRound

    now = options.clock()
    rounds = [
        ChannelRound(
            options=options,
            folder=folder,
            events=waiting.events,
            channel=channel,
            queue=queue,
        )
        for channel in channels
        if (queue := waiting.queues.get(channel.name)) and is_due(queue, now)
    ]
    failed = [one for one in rounds if has_failed(one.queue)]
    failed.sort(key=lambda one: one.queue.tried_at)
    stop = asyncio.create_task(_stop_soon(options))
    try:
        await asyncio.gather(
            *(_in_turn([one]) for one in rounds if not has_failed(one.queue)),
            _in_turn(failed),
        )
    finally:
        stop.cancel()
        options.worker.keep_one()
    queues = {**waiting.queues, **{one.channel.name: one.queue for one in rounds}}
    done = Dispatch(
        outbox.tidy(replace(waiting, queues=queues)),
        delivered=sum(one.delivered for one in rounds),
        unconfirmed=sum(one.unconfirmed for one in rounds),
        failures={
            one.channel.name: error_in_words(one.failure, one.queue.may_have_arrived)
            for one in rounds
            if one.failure
        },
        unsaved=[one.unsaved for one in rounds if one.unsaved],
    )
    # Nobody sends the messages of former channels: only their age ends these.
    former = done.waiting.queues.keys() - {channel.name for channel in channels}
    for name in sorted(done.waiting.queues.keys() & done.failures.keys() | former):
        done.waiting, old = outbox.expired(
            done.waiting,
            name,
            options.clock(),
            options.expiry,
            configured=name not in former,
        )
        if old:
            done.expired[name] = sum(len(message.events) for message in old)
    return done


async def _in_turn(rounds: Sequence[ChannelRound]) -> None:
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
