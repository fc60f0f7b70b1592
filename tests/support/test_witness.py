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


def test_what_has_ended_or_not_begun_is_not_under_way() -> None:
    """A message that arrived, failed or waits is none that may be repeated."""
    arrived = _line("ops", "a") + _filled(_line("ops", "a", owed=False))
    failed = _line("ops", "b") + _ROOM + _line("ops", "b")
    assert begun(_line("ops", "c") + arrived + failed) == set()
