"""Channels: where alerts go, and which channel wants which event."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from watcher.model.event import DEFAULT_KINDS, Event, Kind


class Grouping(StrEnum):
    """How many events one message carries."""

    POLL = "poll"
    NODE = "node"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One place alerts go to, spoken of by `name` only. `url` is an apprise URL and a secret: no repr shows it.

    `nodes` are globs over lower-case node ids; empty means every node. Where the name was made from a place in
    `alert_urls` it is `placed`: the same name may be another channel's by the next poll.
    """

    name: str
    url: str = field(repr=False)
    kinds: frozenset[Kind] = DEFAULT_KINDS
    nodes: tuple[str, ...] = ()
    grouping: Grouping = Grouping.POLL
    placed: bool = False


def wants(channel: Channel, event: Event) -> bool:
    """Tell whether the channel asked for the event; one about the registry as a whole passes every node glob."""
    if event.kind not in channel.kinds:
        return False
    if not channel.nodes or event.node is None:
        return True
    node = event.node.lower()
    return any(fnmatchcase(node, glob.lower()) for glob in channel.nodes)


def grouped(channel: Channel, events: tuple[Event, ...]) -> list[tuple[Event, ...]]:
    """Split the events of one poll that the channel wants into the events of each message, in order."""
    wanted = [event for event in events if wants(channel, event)]
    match channel.grouping:
        case Grouping.POLL:
            return [tuple(wanted)] if wanted else []
        case Grouping.EVENT:
            return [(event,) for event in wanted]
        case Grouping.NODE:
            by_node: dict[str, list[Event]] = {}
            for event in wanted:
                by_node.setdefault((event.node or "").lower(), []).append(event)
            return [tuple(group) for group in by_node.values()]
