"""The lines of `acks.jsonl`: how each message goes, from the room that is made for it to what came of it.

A line has no format number. No files here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from watcher.state.codec import UnreadableFormError, check_time, decode, each, renamed

if TYPE_CHECKING:
    from watcher.alerts.queues.outcomes import FailedAttempt, Outcome, Unanswered

_REFUSED = "refused"
_LEFT = b', "left": '


class Stage(StrEnum):
    """How far a message is; all have the same length, so that each can overwrite the one before."""

    WAITING = "waiting"
    """There is room for its acknowledgement."""
    SENDING = "sending"
    """It goes out next, or has gone out."""
    ARRIVED = "arrived"
    """Its channel has accepted it."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Entry:
    """What every line holds."""

    channel: str
    message: str
    state: str
    unanswered: int = 1
    message_retry_at: str = ""
    left: tuple[str, ...] = ()
    """Ids of events that go into a further message."""


def write_stage(message: Unanswered, stage: Stage, left: Sequence[str] = (), size: int = 0) -> bytes:
    """Encode the line about a message that goes out, filled up with blanks to so many bytes.

    It has what is known of the message if nothing more is heard of it.
    """
    entry = asdict(message) | {"state": stage} | ({"left": list(left)} if left else {})
    return json.dumps(entry).encode().ljust(size - 1) + b"\n"


def write_failure(failure: FailedAttempt) -> bytes:
    """Encode a failed attempt as a line of its own."""
    return json.dumps(asdict(failure) | {"state": _REFUSED}).encode() + b"\n"


def read_journal(text: bytes) -> tuple[Outcome, ...]:
    """Decode the outcomes in `acks.jsonl`; a damaged line is skipped.

    A message that was about to go out, and of which nothing came, is unanswered.
    """
    from watcher.alerts.queues.outcomes import Unanswered  # here, since most polls find no journal

    found: list[Outcome | None] = []
    sending: dict[tuple[str, str], int] = {}
    for outcome in _outcomes(text.splitlines()):
        key = outcome.channel, outcome.message
        if isinstance(outcome, Unanswered):
            sending[key] = len(found)
        elif key in sending:
            found[sending.pop(key)] = None
        found.append(outcome)
    return tuple(outcome for outcome in found if outcome)


def _outcomes(lines: Iterable[bytes]) -> Iterable[Outcome]:
    return (outcome for outcome in each(lines, _read_line) if outcome)


def _read_line(line: bytes) -> Outcome | None:
    """Decode one line; None for a message that did not go out. Raises UnreadableFormError."""
    from watcher.alerts.queues.outcomes import Acknowledgement, FailedAttempt, Unanswered

    try:
        entry = decode(_Entry, line)
    except UnreadableFormError:
        whole, torn, _ = line.partition(_LEFT)
        if not torn:
            raise
        # A crash tore the acknowledgement: the message went out.
        entry = replace(decode(_Entry, whole + b"}"), state=Stage.SENDING)
    if entry.state == _REFUSED:
        # The first format had `address` for `url_digest`.
        failure = decode(FailedAttempt, json.dumps(renamed(json.loads(line), address="url_digest")).encode())
        for time in (failure.at, failure.retry_at or None, failure.message_retry_at or None):
            check_time(time)
        return failure
    if entry.state == Stage.WAITING:
        return None
    if entry.state == Stage.ARRIVED:
        return Acknowledgement(channel=entry.channel, message=entry.message, left=entry.left)
    check_time(entry.message_retry_at or None)
    return Unanswered(
        channel=entry.channel,
        message=entry.message,
        unanswered=entry.unanswered,
        message_retry_at=entry.message_retry_at,
    )
