"""Queues follow their channels through an edit of the settings, durably, before anything is saved or sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher.alerts import channel_identity, outbox
from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Outbox
from watcher.model.channel import Channel
from watcher.state.model import State
from watcher.state.store import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The channels as they are configured now: `digests` of their URLs by name, made with the salt in `told`.

    `told` is what to keep of the addresses, as it was when the settings were read (`watcher.alerts.channel_identity`).
    """

    channels: Sequence[Channel]
    digests: Mapping[str, str]
    told: Addresses


def followed(folder: StateFolder, state: State, edited: Edited) -> State:
    """Let each queue follow its channel, and make that durable; StateError as the folder raises it.

    Before anything is written or sent on the strength of it, what a run before this one left is made certain: it may
    have died, or failed, between giving a file its name and making that durable.

    What became of each channel is written down first: whenever the program dies, the next run comes to the same, or
    back if the edit is taken back. Only where nothing is known of earlier addresses do the queues come first, since
    they go by their names then, and do so until the list is there.
    """
    folder.fsync_folder()
    known, addresses = state.addresses, _addresses(state.addresses, edited)
    is_lost = not (known.accepted or known.earlier or known.former)
    moved = outbox.renamed(state.outbox, addresses.accepted, None if is_lost else addresses.earlier)
    if is_lost and addresses.salt != known.salt:
        folder.save_addresses(Addresses(salt=addresses.salt))  # before any address is made with it
    if addresses != known and not is_lost:
        folder.save_addresses(addresses)
    if moved != state.outbox:
        folder.prepare(moved, state.snapshot.revision)
    if addresses != known and is_lost:
        folder.save_addresses(addresses)
    return replace(state, outbox=moved, addresses=addresses)


def _addresses(known: Addresses, edited: Edited) -> Addresses:
    """Give the channels' addresses and what to keep of earlier ones, in the words of the folder as it is.

    The settings were held against an earlier one: since then another run may have had the lock, and brought a salt.
    """
    salt = known.salt or edited.told.salt
    digests = edited.digests if salt == edited.told.salt else channel_identity.digests(edited.channels, salt)
    placed = {channel.name for channel in edited.channels if channel.placed}
    return channel_identity.follow(replace(known, salt=salt, apprise=edited.told.apprise), digests, placed)


def set_aside(before: Addresses, waiting: Outbox, channels: Iterable[Channel]) -> Mapping[str, int]:
    """Count the alerts of channels that were there in the poll `before`, and are gone with their addresses."""
    configured, there = {channel.name for channel in channels}, set(before.accepted.values())
    return {
        name: waiting.alerts(name)
        for name, queue in waiting.queues.items()
        if name not in configured and queue.messages and queue.address in there
    }
