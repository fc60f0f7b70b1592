"""Digests of alert URLs: which URLs apprise has accepted, and which queue belongs to which URL. Pure.

Only keyed digests are kept: no URL, nor a part of one, is in the state (docs/dev/behaviour.md, Secrets).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import count

from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import Queue, after_delivery
from watcher.model.channel import Channel
from watcher.values import frozen


@frozen
class Addresses:
    """The alert URLs that apprise has accepted."""

    salt: str = ""
    """The key of the digests, in hexadecimal."""
    apprise: str = ""
    """The version of apprise that accepted them."""
    url_digests: Mapping[str, str] = field(default_factory=dict)
    """By channel name."""


def judge(
    channels: Iterable[Channel],
    known: Addresses,
    *,
    apprise: str,
    refusal: Callable[[str], str | None],
) -> tuple[Addresses, dict[str, str]]:
    """Ask `refusal` about the URLs that this `apprise` version has not accepted yet.

    Return the addresses of all channels and, by channel name, why apprise refuses a URL.
    """
    # Another version of apprise may refuse what this one accepted.
    accepted = set(known.url_digests.values()) if known.apprise == apprise else set()
    found = url_digests(channels, known.salt)
    refused = {
        channel.name: why
        for channel in channels
        if found[channel.name] not in accepted
        and (why := refusal(channel.url)) is not None
    }
    return replace(known, apprise=apprise, url_digests=found), refused


def url_digests(channels: Iterable[Channel], salt: str) -> dict[str, str]:
    """Return the digests of the channels' URLs by channel name."""
    return {
        channel.name: digest(channel.url, salt)
        for channel in sorted(channels, key=lambda channel: channel.name)
    }


def digest(text: str, salt: str) -> str:
    """Return a digest that is slow to guess the text from (about a millisecond each)."""
    return hashlib.scrypt(
        text.encode("utf-8", "surrogatepass"),
        salt=bytes.fromhex(salt),
        n=512,
        r=8,
        p=1,
        dklen=16,
    ).hex()


def at_their_channels(
    outbox: Outbox, channels: Sequence[Channel], known: Addresses, accepted: Addresses
) -> tuple[Outbox, Addresses]:
    """Return the outbox with each queue under the channel that it belongs to now, and the channels' URLs.

    `known` are those of the state, and `accepted` those as the settings were read; another run may have written a salt
    since.
    """
    # The salt of the state wins: by another one no URL would be known, and who has a message would get it again.
    if known.salt not in {"", accepted.salt}:
        digests = url_digests(channels, known.salt)
        accepted = replace(accepted, salt=known.salt, url_digests=digests)
    now = accepted.url_digests
    return reroute(outbox, channels, now, known.url_digests), accepted


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


def reroute(
    outbox: Outbox,
    channels: Iterable[Channel],
    url_digests: Mapping[str, str],
    known: Mapping[str, str],
) -> Outbox:
    """Put each queue under the channel that it belongs to now; all others are set aside under a free name.

    That is the channel of its URL. If there is none, or that has a queue of its own, it is the channel of its name, if
    the URL of that is new.

    `url_digests` are the channels' by name, and `known` those that the channels had before. Where the salt of these was
    lost no digest is like another one, and names decide.
    """
    names = [channel.name for channel in channels]
    # Of channels with one URL the last one is its owner: one that had it before.
    had_it = sorted(names, key=lambda name: known.get(name) == url_digests[name])
    owners = {url_digests[name]: name for name in had_it}
    owed = {queue.url_digest for queue in outbox.queues.values()}

    def owner_of(name: str, queue: Queue) -> str | None:
        mine = url_digests.get(name)
        if mine == queue.url_digest or not queue.url_digest:
            return name if mine else None
        # A URL that another channel or queue had was moved here, and is owed nothing of this queue. One that the
        # addresses have for this name is put back, after an edit that a kill cut short.
        others = {known[other] for other in known.keys() - {name}} | owed
        is_new = mine is not None and mine not in others
        owner = owners.get(queue.url_digest)
        # Of two channels with one URL the other one has a queue of its own.
        has_its_own = owner is not None and known.get(owner) == queue.url_digest
        return name if is_new and (has_its_own or not owner) else owner

    queues: dict[str, Queue] = {}
    for name, queue in outbox.queues.items():
        owner = owner_of(name, queue)
        if not owner:
            taken = {*outbox.queues, *names}
            queues[_former(name, taken) if name in names else name] = queue
            continue
        is_moved = queue.url_digest not in {"", url_digests[owner]}
        moved = _at_new_url(queue) if is_moved else queue
        moved = replace(moved, url_digest=url_digests[owner])
        queues[owner] = _joined(queues[owner], moved) if owner in queues else moved
    return replace(outbox, queues=queues)


def _at_new_url(queue: Queue) -> Queue:
    """Return a queue whose channel has another URL: what the old one refused, the new one may take.

    It has none of the further messages that the old one took.
    """
    further = {key for one in queue.messages if one.part for key in one.events}
    return replace(
        after_delivery(queue),
        # The wait is over, but the channel has taken nothing since then all the same.
        failing_since=queue.failing_since,
        messages=tuple(
            replace(
                message,
                # `reached` stays: its digests are made of the URL too, so that at another one they name nobody.
                refusals=0,
                tried_next="",
                goes_on=tuple(key for key in message.goes_on if key in further),
            )
            for message in queue.messages
        ),
    )


def _former(name: str, taken: Container[str]) -> str:
    """Return a free name for a queue that is set aside."""
    names = (
        f"{name} (former{f' {number}' if number > 1 else ''})" for number in count(1)
    )
    return next(one for one in names if one not in taken)


def _joined(one: Queue, other: Queue) -> Queue:
    """Join two queues for the same URL, with the longer streak of failures and no event twice."""
    # It has failed for as long as the worse of both says.
    failing = max(
        one, other, key=lambda queue: (queue.attempts, bool(queue.failing_since))
    )
    known = {event for message in one.messages for event in message.events}
    lacking = (
        replace(message, events=left)
        for message in other.messages
        if (left := tuple(key for key in message.events if key not in known))
    )
    messages = sorted((*one.messages, *lacking), key=lambda message: message.revision)
    return replace(failing, messages=tuple(messages))
