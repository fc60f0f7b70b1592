"""Durations: what people may write, what it means, and how it is shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.durations import age, ago, parse, show

MEANINGS = [
    ("90s", 90),
    ("7d", 604_800),
    ("1h30m", 5400),
    ("1d 2h 3m 4s 5ms", 93_784.005),
    ("1.5h", 5400),
    (" 15 M ", 900),
    ("0.5", 0.5),
    (900, 900),
]

# fmt: off
JUNK: list[object] = [
    "", "soon", "-5m", "5 minutes", "5mm", "m", "5m5m", "30m1h", "1e3", "inf", "1,5s", "٣s", "1h\n30m",
    "5" * 50 + " " * 100_000 + "x", -0.1, math.nan, 10**400, True,
]
# fmt: on


@pytest.mark.parametrize(("text", "seconds"), MEANINGS, ids=str)
def test_meaning(text: str | float, seconds: float) -> None:
    """A duration in any promised spelling means its seconds."""
    assert parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:20])
def test_junk_is_refused(junk: str | float) -> None:
    """What is not a duration is refused with words that say what is."""
    with pytest.raises(ValueError, match="90s, 15m"):
        parse(junk)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5400, "1h30m"), (604_800, "7d"), (0.25, "250ms"), (0, "0s")]
)
def test_shown(seconds: float, shown: str) -> None:
    """A duration is shown in the largest units that fit."""
    assert show(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (0.9, "just now"),
        (1, "1 second ago"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (47 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
        (13 * 86_400, "13 days ago"),
        (56 * 86_400, "8 weeks ago"),
    ],
)
def test_ago(seconds: float, said: str) -> None:
    """A person reads in one unit how long ago something was."""
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"),
        (480, "8 minutes"),
        (86_399, "23 hours"),
        (86_400, "1 day"),
        (1000 * 86_400, "1,000 days"),
    ],
)
def test_age(seconds: float, said: str) -> None:
    """An age is days, of any number; hours or minutes only below a day."""
    assert age(seconds) == said


@given(st.integers(min_value=0, max_value=10**11))
def test_what_is_shown_parses_back(milliseconds: int) -> None:
    """Showing and parsing a whole number of milliseconds gives it back."""
    assert parse(show(milliseconds / 1000)) == pytest.approx(
        milliseconds / 1000, abs=1e-6
    )


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    """Any text at all is either a finite, non-negative number of seconds or a ValueError."""
    try:
        seconds = parse(text)
    except ValueError:
        return
    assert math.isfinite(seconds)
    assert seconds >= 0
