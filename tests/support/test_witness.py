"""What the chaos asks of a journal whose program died."""

from __future__ import annotations

import json

from tests.chaos.witness import begun


def _journal(*lines: tuple[str, str, str]) -> bytes:
    keys = ("channel", "message", "state")
    return b"".join(
        json.dumps(dict(zip(keys, line, strict=True))).encode() + b"\n"
        for line in lines
    )


def test_a_refusal_hides_no_message_that_is_under_way() -> None:
    """A refused message's line stands behind the room of the next one, which may be under way."""
    rooms = (("ops", "a", "arrived"), ("ops", "b", "sending"), ("ops", "c", "sending"))
    assert begun(_journal(*rooms, ("ops", "b", "refused"))) == {"ops"}


def test_what_has_ended_or_not_begun_is_not_under_way() -> None:
    """A message that arrived, was refused or waits is none that may be repeated."""
    lines = (
        ("ops", "a", "arrived"),
        ("ops", "b", "sending"),
        ("ops", "c", "waiting"),
        ("ops", "b", "refused"),
    )
    assert begun(_journal(*lines)) == set()
