"""What the chaos asks of an `owed.jsonl` whose program died."""

from __future__ import annotations

import json

from tests.chaos.witness import begun

_ROOM = b" " * 40 + b"\n"


def _line(channel: str, message: str, *, owed: bool = True) -> bytes:
    values: dict[str, object] = {"messages": {channel: {message: {} if owed else None}}}
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _filled(line: bytes) -> bytes:
    return line.rstrip(b"\n") + b" \n"


def test_a_failure_hides_no_message_that_is_under_way() -> None:
    """A failed message's line stands behind the room of another one, which may be under way."""
    out = _line("ops", "b") + _ROOM + _line("mail", "a") + _ROOM
    assert begun(out + _line("ops", "b")) == {"mail"}


def test_what_has_ended_or_not_begun_is_not_under_way() -> None:
    """A message that arrived, failed or waits is none that may be repeated."""
    arrived = _line("ops", "a") + _filled(_line("ops", "a", owed=False))
    failed = _line("ops", "b") + _ROOM + _line("ops", "b")
    assert begun(_line("ops", "c") + arrived + failed) == set()


def test_half_an_acknowledgement_leaves_a_message_under_way() -> None:
    """A crash may cut one short in its room."""
    half = _line("ops", "a", owed=False)[:20].ljust(40) + b"\n"
    assert begun(_line("ops", "a") + half) == {"ops"}
