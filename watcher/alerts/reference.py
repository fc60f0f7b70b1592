"""A message's reference: made of its events' ids, in any order, so that it is found again in the history. Pure.

The history keeps events, not messages. A message is what one poll had for a channel, or that about one pack
(`grouping`), or what several polls in a row had, merged; or it is one event. So these are tried; since a reference is a
sum, all runs of polls in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from watcher.model.channel import Channel, Grouping, grouped
from watcher.model.event import (
    DEFAULT_KINDS,
    REFERENCES,
    Event,
    Kind,
    digest,
    reference_to,
)

_Events = tuple[Event, ...]
"""Of one message."""


def reference_of(events: Iterable[Event]) -> str:
    """Return the reference of a message with these events: eight hexadecimal digits."""
    return reference_to(event.id for event in events)


def key_of(events: Iterable[Event]) -> str:
    """Return what tells a message from every other one: 64 bits more than its reference, with which it begins.

    Equal for equal events in any order. A service that takes two messages with one key for one would hide the second.
    """
    message = tuple(events)
    ids = "\n".join(sorted(event.id for event in message))
    return f"{reference_of(message)}-{digest(ids, 16)}"


def events_of(
    reference: str, recorded: Sequence[Event], channels: Sequence[Channel]
) -> tuple[Event, ...]:
    """Return the events of the message with this reference; () if there is none.

    `recorded` are past events, oldest first. `channels` are those of today; one that takes everything and one with the
    default kinds are tried too. A message is not found if its channel has other `kinds`, `nodes`, `scope`,
    `min_severity` or `grouping` by now, or if one of its events is no longer recorded.
    """
    wanted = int(reference, 16)
    polls = [tuple(of_poll) for _, of_poll in groupby(recorded, key=attrgetter("at"))]
    tried = [
        *channels,
        *(
            Channel(name="", url="", kinds=kinds, grouping=how)
            for kinds in (frozenset(Kind), DEFAULT_KINDS)
            for how in Grouping
        ),
    ]
    found: list[list[_Events]] = []
    for channel in tried:
        sent = [message for poll in polls for message in grouped(channel, poll)]
        for messages in _mergeable(channel, sent):
            sums = [int(reference_of(message), 16) for message in messages]
            found += [messages[run] for run in _runs(wanted, sums)]
    # Of several the shortest run: the more messages, the more sums there are that may be the same by chance.
    newest_first = sorted(found, key=lambda run: run[-1][-1].at, reverse=True)
    return tuple(
        event for message in min(newest_first, default=[], key=len) for event in message
    )


def _mergeable(
    channel: Channel, messages: Iterable[_Events]
) -> Iterator[list[_Events]]:
    """Yield the channel's messages in lists of those that may be merged: all, those on one pack, or each alone."""
    match channel.grouping:
        case Grouping.POLL:
            yield list(messages)
        case Grouping.EVENT:
            yield from ([message] for message in messages)
        case Grouping.NODE:
            by_node: dict[str, list[_Events]] = {}
            for message in messages:
                by_node.setdefault((message[0].node or "").lower(), []).append(message)
            yield from by_node.values()


def _runs(wanted: int, sums: Sequence[int]) -> Iterator[slice]:
    """Yield the messages in a row whose sums add up."""
    ends_at = {0: 0}
    total = 0
    for end, own in enumerate(sums, 1):
        total = (total + own) % REFERENCES
        if (first := ends_at.get((total - wanted) % REFERENCES)) is not None:
            yield slice(first, end)
        ends_at[total] = end
