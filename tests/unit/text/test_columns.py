"""Text in columns: how wide it is, where its lines break, and what is never broken."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.columns import display_width, truncate, wrap

_WORDS = st.text(st.sampled_from("ab-日\u0301: "), max_size=60)
RED = click.style("banned", fg="red")
LONGEST_ID = "a-pack_with.a-name-" * 5 + "of-it"
"""An id of the most characters that one may have."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), (RED, 6), ("", 0), ("ü", 1)],
)
def test_columns(text: str, expected: int) -> None:
    """Wide characters take two columns, marks and colours none."""
    assert display_width(text) == expected


def test_lines_break_between_words() -> None:
    """What fits stays as it is; the lines after the first have the indent; blanks between two words stay there."""
    assert wrap("one  two three", 14) == ["one  two three"]
    assert wrap("one  two three", None) == ["one  two three"]
    assert wrap("one  two three", 8, "  ") == ["one  two", "  three"]
    assert wrap(f"one {RED} two", 10) == [f"one {RED}", "two"]


def test_a_margin_is_kept() -> None:
    """Each line begins with the blanks of the first."""
    assert wrap("  one two", 6) == ["  one", "  two"]
    assert wrap("  one two", 8, "  ") == ["  one", "    two"]


def test_an_id_is_never_broken() -> None:
    """It has a line of its own, without the indent if that makes it fit, and may be wider than the terminal."""
    assert len(LONGEST_ID) == 100
    assert wrap(f"error: {LONGEST_ID}: HTTP 500", 80, "  ") == [
        "error:",
        f"{LONGEST_ID}:",
        "  HTTP 500",
    ]
    assert wrap(f"a {'b' * 9}", 10, "  ") == ["a", "b" * 9]


def test_other_long_words_are_broken() -> None:
    """What nobody copies as a whole fills its lines."""
    assert wrap("see http://example/a/b", 10) == ["see", "http://exa", "mple/a/b"]


def test_a_broken_word_keeps_the_margin() -> None:
    """No text that somebody else wrote begins where the program's own lines begin."""
    assert wrap("  見 日本語日本語 banned x", 10, "  ") == [
        "  見",
        "    日本語",
        "    日本語",
        "    banned",
        "    x",
    ]


def test_what_is_too_long_is_cut() -> None:
    """The end shows that something is missing, and a wide character is not cut in half."""
    assert [truncate("abcd", width) for width in (4, 3)] == ["abcd", "ab…"]
    assert truncate("日本語", 4) == "日…"


@given(_WORDS, st.integers(2, 30))
def test_wrapping_keeps_to_the_width_and_loses_nothing(text: str, width: int) -> None:
    """No line is wider than it may be, but for one id, and all but blanks is still there, in order."""
    lines = wrap(text, width)
    assert all(
        display_width(line) <= width or (line.isascii() and " " not in line)
        for line in lines
    )
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
