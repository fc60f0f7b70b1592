"""The lines of `acks.jsonl`: how each message goes, from the moment it goes out to what came of it.

A line has no format number. No files here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watcher.state.codec import UnreadableFormError, decode, each
from watcher.timestamps import MomentOrEmpty

if TYPE_CHECKING:
    from watcher.alerts.queues.outcomes import FailedAttempt, JournalEntry, Unanswered

_REFUSED = "refused"
_STATE = b', "state": '


class Stage(StrEnum):
    """How far a message is; all have the same length, so that each can overwrite the one before."""

    SENDING = "sending"
    """It goes out next, or has gone out."""
    ARRIVED = "arrived"
    """Its channel has accepted it."""
    PARTIAL = "partial"
    """It has, and the message has left some of its events to a further one."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Entry:
    """What every line holds."""

    channel: str
    message: str
    state: str
    unanswered: int = 1
    message_retry_at: MomentOrEmpty = ""
    left: tuple[str, ...] = ()
    """Ids of events that go into a further message."""


def write_sending(message: Unanswered, events: Sequence[str]) -> bytes:
    """Encode the line about a message that goes out, with room for an arrival that leaves all of its `events`.

    It has what is known of the message if nothing more is heard of it.
    """
    line, longest = _stage(message, Stage.SENDING), write_arrival(message, events)
    return line.ljust(len(longest)) + b"\n"


def write_arrival(message: Unanswered, left: Sequence[str] = ()) -> bytes:
    """Encode the arrival of a message, which overwrites the line about it.

    One that has `left` something has a word of its own, so that half a line is no arrival without it.
    """
    if not left:
        return _stage(message, Stage.ARRIVED)
    return _stage(message, Stage.PARTIAL, left=list(left))


def _stage(message: Unanswered, stage: Stage, **more: object) -> bytes:
    return json.dumps(asdict(message) | {"state": stage} | more).encode()


def write_failure(failure: FailedAttempt) -> bytes:
    """Encode a failed attempt as a line of its own."""
    # The state comes first: this line is never overwritten.
    return json.dumps({"state": _REFUSED} | asdict(failure)).encode() + b"\n"


def read_journal(text: bytes) -> tuple[JournalEntry, ...]:
    """Decode the outcomes in `acks.jsonl`; a damaged line is skipped.

    A message that was about to go out, and of which nothing came, is unanswered.
    """
    # Imported here, since most polls find no journal.
    from watcher.alerts.queues.outcomes import Unanswered

    found: list[JournalEntry | None] = []
    sending: dict[tuple[str, str], int] = {}
    for outcome in each(text.splitlines(keepends=True), _read_line):
        key = outcome.channel, outcome.message
        if isinstance(outcome, Unanswered):
            sending[key] = len(found)
        elif key in sending:
            found[sending.pop(key)] = None
        found.append(outcome)
    return tuple(outcome for outcome in found if outcome)


def _read_line(line: bytes) -> JournalEntry:
    """Decode one line. Raises UnreadableFormError."""
    from watcher.alerts.queues.outcomes import (
        Acknowledgement,
        FailedAttempt,
        Unanswered,
    )

    try:
        entry = decode(_Entry, line)
    except UnreadableFormError:
        # A whole line was overwritten from its state on, and a crash tore that: the message went out. Half a line at
        # the end of the file was being appended, before the message did.
        whole, is_stage, _ = line.partition(_STATE)
        if not (is_stage and line.endswith(b"\n")):
            raise
        entry = decode(_Entry, whole + b', "state": ""}')
    if entry.state == _REFUSED:
        return decode(FailedAttempt, line)
    if entry.state == Stage.ARRIVED or (entry.state == Stage.PARTIAL and entry.left):
        return Acknowledgement(
            channel=entry.channel, message=entry.message, left=entry.left
        )
    return Unanswered(
        channel=entry.channel,
        message=entry.message,
        unanswered=entry.unanswered,
        message_retry_at=entry.message_retry_at,
    )
