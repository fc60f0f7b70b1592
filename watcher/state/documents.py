"""The files of the state, as values: which form each has, and what makes it unusable. No files here."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal

from watcher.alerts.queues.outbox import Change, Outbox, replay
from watcher.alerts.queues.ownership import Addresses
from watcher.model.event import Event
from watcher.model.pack import Pack
from watcher.model.snapshot import Snapshot
from watcher.state.codec import (
    FORMAT,
    Document,
    UnreadableFormError,
    decode,
    plain,
    refuse_other_format,
)
from watcher.state.model import Checks, History
from watcher.values import frozen


@frozen
class LastScans:
    """What the last good scan of each install found."""

    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """By what the state knows an install by."""


SNAPSHOT = Document(Snapshot)
CHECKS = Document(Checks)
ADDRESSES = Document(Addresses)
INSTALLS = Document(LastScans)


def read_snapshot(text: bytes) -> Snapshot:
    """Decode `snapshot.json`; raises UnreadableFormError."""
    snapshot = SNAPSHOT.read(text)
    # A file that a person has edited: what is looked up by another name than it has would be compared with another.
    names = {key: one.node for key, one in snapshot.nodes.items()}
    others = {key: one.publisher for key, one in snapshot.publishers.items()}
    for key, name in (*names.items(), *others.items()):
        if key != name.lower():
            raise UnreadableFormError(f"the entry {key!r} holds another one")
    return snapshot


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`, sorted, so that a diff shows what has changed."""
    nodes = dict(sorted(snapshot.nodes.items()))
    publishers = dict(sorted(snapshot.publishers.items()))
    return SNAPSHOT.write(replace(snapshot, nodes=nodes, publishers=publishers))


def read_addresses(text: bytes) -> Addresses:
    """Decode `addresses.json`; raises UnreadableFormError."""
    addresses = ADDRESSES.read(text)
    # Here it is known of which file; a digest that fails in the middle of a round would not say.
    if not re.fullmatch("(?:[0-9a-f]{2})*", addresses.salt):
        raise UnreadableFormError("the salt is not hexadecimal")
    return addresses


def read_history(text: bytes) -> History:
    """Decode `history.jsonl`; a damaged line is counted, and a last line without its end is ignored."""
    # A process that appends now may have written half of its line.
    whole, _, _ = text.rpartition(b"\n")
    lines = whole.splitlines()
    events: list[Event] = []
    for line in lines:
        # No alert depends on it, so that damage costs the line alone.
        with contextlib.suppress(UnreadableFormError):
            events.append(decode(Event, line))
    return History(events=tuple(events), unreadable=len(lines) - len(events))


@frozen
class Line(Change):
    """A change, and when it counts."""

    format: Literal[FORMAT]  # type: ignore[valid-type]  # it is a number
    revision: int
    """The revision of the snapshot that it goes with. Before the snapshot has that, it does not count."""
    prepared: bool = False
    """It was written before that snapshot was."""

    @property
    def needs(self) -> int:
        """The revision that the snapshot has at least."""
        return self.revision - self.prepared


def write(change: Change, revision: int, *, prepared: bool = False) -> bytes:
    """Encode a line."""
    head = {"format": FORMAT, "revision": revision, "prepared": prepared}
    # No space in it: one that stands in a line is room that no acknowledgement has filled (`_is_room`).
    text = json.dumps(head | plain(change), separators=(",", ":"))
    return text.replace(" ", "\\u0020").encode() + b"\n"


def room(change: Change, revision: int) -> bytes:
    """Return a line of spaces that a change fits into."""
    # The last space stays.
    return b" " * len(write(change, revision)) + b"\n"


def read(text: bytes) -> tuple[Line, ...]:
    """Decode the lines of `owed.jsonl`; raises UnreadableFormError for what no crash leaves."""
    *whole, _ = text.split(b"\n")
    lines = [(n, line) for n, line in enumerate(whole, 1) if not _is_room(line)]
    # After a loss of power zeros may stand where the end of the file was to be, a line and its room.
    while lines and b"\0" in lines[-1][1]:
        del lines[-1]
    found: list[Line] = []
    for number, line in lines:
        try:
            found.append(decode(Line, line))
        except UnreadableFormError as error:
            refuse_other_format(line)
            raise UnreadableFormError(f"{error} (line {number})") from None
    return tuple(found)


def _is_room(line: bytes) -> bool:
    """Return whether a line has room that no acknowledgement has filled, or only half of one."""
    content = line.rstrip(b" ")
    if content == line:
        return False
    try:
        decode(Line, content)
    except UnreadableFormError:
        return True
    return b" " in content


def owed(lines: tuple[Line, ...], revision: int) -> Outbox:
    """Return what the lines that count with a snapshot's revision say; raises UnreadableFormError."""
    # Those of a change that was never committed do not count: the next poll finds it again.
    outbox = replay(Outbox(), (line for line in lines if line.revision <= revision))
    # An alert without its event could not be sent: that is found before anything is, and nothing is written over it.
    if missing := outbox.needed - outbox.events.keys():
        raise UnreadableFormError(f"the event {min(missing)} is missing")
    return outbox
