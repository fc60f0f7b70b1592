"""Whether the registry still gives reasons: said after a week of empty ones, and only where there were some."""

from __future__ import annotations

import pytest

from watcher import timestamps
from watcher.changes.explaining import (
    Explaining,
    explaining_after,
    stopped_in_words,
)

START = "2026-01-01T12:00:00.000Z"


def _day(number: float) -> str:
    return timestamps.later(START, number * 86_400)


def _after(*polls: tuple[float, list[str]]) -> Explaining:
    """Return what is known after these polls: the day of each, and the reasons that it read."""
    known = Explaining()
    for day, reasons in polls:
        known = explaining_after(known, reasons, _day(day))
    return known


GIVEN = (0, ["2 findings"])
EMPTY = [""]


@pytest.mark.parametrize(
    ("polls", "stopped"),
    [
        pytest.param(
            [GIVEN, (1, EMPTY), (5, EMPTY), (8, EMPTY)], True, id="a week of empty ones"
        ),
        pytest.param([GIVEN, (1, EMPTY), (7.9, EMPTY)], False, id="not yet a week"),
        pytest.param([GIVEN, (1, EMPTY), (30, [])], False, id="a single one"),
        pytest.param([(0, EMPTY), (8, EMPTY), (30, EMPTY)], False, id="none before"),
        pytest.param(
            [GIVEN, (1, EMPTY), (5, ["", "Steals", ""]), (8, EMPTY)],
            False,
            id="one has a text",
        ),
        pytest.param([GIVEN, (1, []), (30, [])], False, id="nothing is read"),
        pytest.param(
            [GIVEN, (1, EMPTY), (8, EMPTY), (9, []), (10, EMPTY)], True, id="it lasts"
        ),
        pytest.param(
            [GIVEN, (1, EMPTY), (8, EMPTY), (9, ["Steals"])], False, id="it is over"
        ),
        pytest.param([GIVEN, (30, EMPTY), (1, EMPTY)], False, id="a clock set back"),
    ],
)
def test_when_reasons_have_stopped(
    polls: list[tuple[float, list[str]]], stopped: bool
) -> None:
    """They have when each one of a week or more is empty, after one with a text, and until the next one with a text."""
    assert _after(*polls).stopped is stopped


def test_the_words_say_since_when() -> None:
    """The sentence has the time of the first empty reason; there is none while reasons come."""
    known = _after(GIVEN, (1, EMPTY), (8, EMPTY), (20, EMPTY))
    assert "since 2026-01-02 12:00 UTC is empty" in stopped_in_words(known)
    assert stopped_in_words(_after(GIVEN)) == ""
