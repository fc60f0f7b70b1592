"""The files of the state, as values: which form each has, and what makes it unusable. No files here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from watcher.alerts.queues.channel_identity import Addresses
from watcher.model.event import Event
from watcher.model.pack import Pack
from watcher.model.snapshot import Snapshot
from watcher.state.codec import Document, UnreadableFormError, decode, each, line_of
from watcher.state.model import Checks, History


@dataclass(frozen=True, slots=True, kw_only=True)
class LastScans:
    """What the last good scan of each install found."""

    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """By what the state knows an install by."""


SNAPSHOT = Document(Snapshot)
CHECKS = Document(Checks, "revision")
ADDRESSES = Document(Addresses)
INSTALLS = Document(LastScans)


def read_snapshot(text: bytes) -> Snapshot:
    """Decode `snapshot.json`; raises UnreadableFormError."""
    _, snapshot = SNAPSHOT.read(text)
    for key, node in snapshot.nodes.items():
        if key != node.node.lower():
            raise UnreadableFormError(f"the entry {key!r} holds another node")
    for key, publisher in snapshot.publishers.items():
        if key != publisher.publisher.lower():
            raise UnreadableFormError(f"the entry {key!r} holds another publisher")
    return snapshot


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`, sorted, so that a diff shows what has changed."""
    nodes = dict(sorted(snapshot.nodes.items()))
    publishers = dict(sorted(snapshot.publishers.items()))
    return SNAPSHOT.write(replace(snapshot, nodes=nodes, publishers=publishers))


def read_addresses(text: bytes) -> Addresses:
    """Decode `addresses.json`; raises UnreadableFormError."""
    _, addresses = ADDRESSES.read(text)
    if not re.fullmatch("(?:[0-9a-f]{2})*", addresses.salt):
        raise UnreadableFormError("the salt is not hexadecimal")
    return addresses


def read_installs(text: bytes) -> Mapping[str, tuple[Pack, ...]]:
    """Decode `installs.json`: the packs of each install; raises UnreadableFormError."""
    return INSTALLS.read(text)[1].installs


def write_event(event: Event) -> bytes:
    """Encode an event as one line of `history.jsonl`."""
    return line_of(event)


def read_event(line: bytes) -> Event:
    """Decode one line of `history.jsonl`; raises UnreadableFormError."""
    return decode(Event, line)


def read_history(text: bytes) -> History:
    """Decode `history.jsonl`; a damaged line is counted, and a last line without its end is ignored."""
    whole, _, _ = text.rpartition(b"\n")
    lines = whole.splitlines()
    events = tuple(each(lines, read_event))
    return History(events=events, unreadable=len(lines) - len(events))
