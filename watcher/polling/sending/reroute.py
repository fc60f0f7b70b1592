"""Queues follow their channels through an edit of the settings, durably, before anything is saved or sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from watcher.alerts.queues import channel_identity
from watcher.alerts.queues.channel_identity import Addresses
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import reroute
from watcher.alerts.queues.queue import Queue
from watcher.changes.health import ChannelState
from watcher.model.channel import Channel
from watcher.state.model import State
from watcher.state.store import StateFolder


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
        digests = channel_identity.url_digests(channels, known.salt)
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
