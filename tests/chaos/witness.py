"""An independent witness: which acknowledgements were in flight when a program died, from its fault points' trace.

It asks neither the program nor its disk. An acknowledgement is in flight from the moment that its message goes out
until the fsync behind its entry in `owed.jsonl` is over. That fsync has to be the very next thing that the program does
to its folder after writing the entry, and the entry has to be written before the channel's next message is begun, or
in one write with that, and before the outbox is settled: from then on a repeat is needless, whatever the disk says.
"""

from __future__ import annotations

import contextlib
import json
import re
from enum import Enum, auto
from itertools import pairwise
from typing import Any

NOTE = "= "
"""How a line of a trace begins that is no point but says what came of one."""
TOOK = f"{NOTE}took "
"""The program has read the begin of a 2xx on the path that follows."""
WROTE = f"{NOTE}wrote "
"""The program has written a change to `owed.jsonl`, which follows; several of one write follow each other."""
FORCED = f"{NOTE}forced"
"""An fsync of `owed.jsonl` is over."""

_SETTLING = (".owed.jsonl.tmp", "rename state/owed.jsonl")
_POST = re.compile(r"tcp send(?:all)? /(\w+)")


class _Stage(Enum):
    SENT = auto()
    TAKEN = auto()
    WRITTEN = auto()


def points(trace: str) -> list[str]:
    """Return the labels of the points in a trace, without the notes."""
    return [line for line in trace.splitlines() if not line.startswith(NOTE)]


def in_flight(trace: str) -> frozenset[str]:
    """Return the channels whose last message was sent and not yet kept at a trace's end; see the module."""
    stages: dict[str, _Stage] = {}
    for line in trace.splitlines():
        if post := _POST.match(line):
            stages[post[1]] = _Stage.SENT
        elif line.startswith(TOOK):
            stages[channel_of(line.removeprefix(TOOK))] = _Stage.TAKEN
        elif line.startswith(WROTE):
            for channel, messages in _messages(line.removeprefix(WROTE)):
                if channel in stages and None in messages.values():
                    stages[channel] = _Stage.WRITTEN
                elif stages.get(channel) is not _Stage.WRITTEN:
                    stages.pop(channel, None)  # unless both were one write
        elif line == FORCED or not line.startswith(("tcp", "fsync state/owed.jsonl")):
            overdue = (
                {_Stage.WRITTEN, _Stage.TAKEN}
                if line.endswith(_SETTLING)
                else {_Stage.WRITTEN}
            )
            stages = {
                channel: stage
                for channel, stage in stages.items()
                if stage not in overdue
            }
    return frozenset(stages)


def acknowledged(owed: bytes) -> set[tuple[str, str]]:
    """Return which messages an `owed.jsonl` acknowledges, by channel and id; what is no whole line does not count.

    An acknowledgement stands in room that was made for it, so that a space is left at its end.
    """
    return {
        (channel, key)
        for line in _whole(owed)
        if line.endswith(" ")
        for channel, messages in _messages(line)
        for key, message in messages.items()
        if message is None
    }


def begun(owed: bytes) -> set[str]:
    """Return the channels with a message that an `owed.jsonl` says is about to be sent, and nothing after that."""
    last: dict[tuple[str, str], bool] = {}
    lines = _whole(owed)
    for line, after in pairwise([*lines, ""]):
        for channel, messages in _messages(line):
            is_begun = after.endswith(" ") and not _messages(after)
            last |= {(channel, key): is_begun for key in messages}
    return {channel for (channel, _), is_begun in last.items() if is_begun}


def channel_of(path: str) -> str:
    """Return the channel that a path belongs to, wherever it has moved."""
    return path.split("/")[1]


def _whole(owed: bytes) -> list[str]:
    return owed.decode().split("\n")[:-1]


def _messages(line: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the messages of each channel that a line sets; none where it is no change, or half of one."""
    with contextlib.suppress(ValueError):
        if " " not in line.rstrip(" "):
            return list(json.loads(line).get("messages", {}).items())
    return []
