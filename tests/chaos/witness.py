"""An independent witness: which acknowledgements were in flight when a program died, from its fault points' trace.

It asks neither the program nor its disk. An acknowledgement is in flight from the moment that its message goes out
until the fsync behind its entry in `acks.jsonl` is over. That fsync has to be the very next thing that the program does
to its folder after writing the entry, and the entry has to be written before the channel's next message is begun, or
in one write with that, and before the outbox is settled: from then on a repeat is needless, whatever the disk says.
"""

from __future__ import annotations

import contextlib
import json
import re
from enum import Enum, auto

NOTE = "= "
"""How a line of a trace begins that is no point but says what came of one."""
TOOK = f"{NOTE}took "
"""The program has read the begin of a 2xx on the path that follows."""
WROTE = f"{NOTE}wrote "
"""The program has written a line to `acks.jsonl`, which follows; several lines of one write follow each other."""
FORCED = f"{NOTE}forced"
"""An fsync of `acks.jsonl` is over."""

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
            channel, state = _entry(line.removeprefix(WROTE))
            if state == "arrived":
                stages[channel] = _Stage.WRITTEN
            elif state != "waiting" and stages.get(channel) is not _Stage.WRITTEN:
                stages.pop(channel, None)  # unless both were one write
        elif line == FORCED or not line.startswith(("tcp", "fsync state/acks.jsonl")):
            overdue = (
                {_Stage.WRITTEN, _Stage.TAKEN}
                if "outbox.json" in line
                else {_Stage.WRITTEN}
            )
            stages = {
                channel: stage
                for channel, stage in stages.items()
                if stage not in overdue
            }
    return frozenset(stages)


def acknowledged(journal: bytes) -> set[tuple[str, str]]:
    """Return which messages an `acks.jsonl` acknowledges, by channel and id; what is no whole line does not count."""
    found = set()
    for line in journal.decode().splitlines():
        with contextlib.suppress(ValueError):
            if (entry := json.loads(line))["state"] == "arrived":
                found.add((str(entry["channel"]), str(entry["message"])))
    return found


def begun(journal: bytes) -> set[str]:
    """Return the channels with a message that an `acks.jsonl` says is about to be sent, and nothing after that.

    A refusal stands behind all rooms that were made before it, so that lines are in order for one message only.
    """
    last: dict[tuple[str, str], str] = {}
    for line in journal.decode().splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            last[str(entry["channel"]), str(entry["message"])] = str(entry["state"])
    return {channel for (channel, _), state in last.items() if state == "sending"}


def channel_of(path: str) -> str:
    """Return the channel that a path belongs to, wherever it has moved."""
    return path.split("/")[1]


def _entry(written: str) -> tuple[str, str]:
    entry = json.loads(written)
    return str(entry["channel"]), str(entry["state"])
