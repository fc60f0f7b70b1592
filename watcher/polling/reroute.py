"""Queues follow their channels through an edit of the settings, durably, before anything is saved or sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from watcher.alerts import channel_identity, outbox
from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Outbox
from watcher.model.channel import Channel
from watcher.state.model import State
from watcher.state.store import StateFolder


def followed(folder: StateFolder, state: State, channels: Sequence[Channel], accepted: Addresses) -> State:
    """Put each queue under the channel that it belongs to now, durably; StateError as the folder raises it.

    `accepted` are the channels' URLs as the settings were read; another run may have brought a salt since. The outbox
    is written before the addresses: while these are lost, queues go by name.
    """
    # An earlier run may have died between giving a file its name and making that durable.
    folder.fsync_folder()
    known = state.addresses
    addresses = accepted
    if known.salt not in {"", accepted.salt}:
        digests = channel_identity.url_digests(channels, known.salt)
        addresses = replace(accepted, salt=known.salt, url_digests=digests)
    moved = outbox.reroute(state.outbox, channels, addresses.url_digests, by_name=not known.salt)
    if moved != state.outbox:
        folder.prepare(moved, state.snapshot.revision)
    if addresses != known:
        folder.save_addresses(addresses)
    return replace(state, outbox=moved, addresses=addresses)


def set_aside(before: Addresses, waiting: Outbox, channels: Iterable[Channel]) -> Mapping[str, int]:
    """Return the number of alerts by name of those queues that were a channel's in the poll `before`, and no more."""
    configured, had_channel = {channel.name for channel in channels}, set(before.url_digests.values())
    return {
        name: waiting.alerts(name)
        for name, queue in waiting.queues.items()
        if name not in configured and queue.messages and queue.url_digest in had_channel
    }
