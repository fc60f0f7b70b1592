"""The lines of `owed.jsonl`: what is owed, as changes of which the last one counts. No files here.

A line is whole or absent: what a crash left of the last one is no line. An acknowledgement is written into a line of
spaces that was there before its message went out. No value has a space in it, so that one shows where half of it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from watcher.alerts.queues.change import Change, replay
from watcher.alerts.queues.outbox import Outbox
from watcher.state.codec import (
    FORMAT,
    UnreadableFormError,
    decode,
    plain,
    refuse_other_format,
)


@dataclass(frozen=True, slots=True, kw_only=True)
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
    head = {"format": FORMAT, "revision": revision}
    counts = {"prepared": True} if prepared else {}
    text = json.dumps(head | counts | plain(change), separators=(",", ":"))
    return text.replace(" ", "\\u0020").encode() + b"\n"


def room(change: Change, revision: int) -> bytes:
    """Return a line of spaces that a change fits into."""
    # The last space stays.
    return b" " * len(write(change, revision)) + b"\n"


def read(text: bytes) -> tuple[Line, ...]:
    """Decode the lines of `owed.jsonl`; raises UnreadableFormError for what no crash leaves."""
    return tuple(_lines(text))


def _lines(text: bytes) -> Iterator[Line]:
    *whole, _ = text.split(b"\n")
    lines = [(n, line) for n, line in enumerate(whole, 1) if not _is_room(line)]
    # After a loss of power zeros may stand where the end of the file was to be, a line and its room.
    while lines and b"\0" in lines[-1][1]:
        del lines[-1]
    for number, line in lines:
        try:
            yield decode(Line, line)
        except UnreadableFormError as error:
            refuse_other_format(line)
            raise UnreadableFormError(f"{error} (line {number})") from None


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


def known(lines: tuple[Line, ...]) -> int:
    """Return the newest revision of the snapshot that the lines know."""
    return max((line.revision for line in lines), default=0)


def owed(lines: tuple[Line, ...], revision: int) -> Outbox:
    """Return what the lines that count with a snapshot's revision say; raises UnreadableFormError."""
    outbox = replay(Outbox(), (line for line in lines if line.revision <= revision))
    if missing := outbox.needed - outbox.events.keys():
        raise UnreadableFormError(f"the event {min(missing)} is missing")
    return outbox
