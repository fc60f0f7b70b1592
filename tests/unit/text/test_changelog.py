"""The first line of a changelog: found, stripped of its mark, and harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import parsers
from watcher.text.changelog import first_line, start_of


@pytest.mark.parametrize(
    ("changelog", "line"),
    [
        ("Fixes masks", "Fixes masks"),
        ("\n\n  ## What's new\n- more", "What's new"),
        ("---\n* Faster\r\n* Safer", "Faster"),
        ("-1 is an index now", "-1 is an index now"),
        ("#1 fixed", "#1 fixed"),
        ("by jane@comfy.example", "by (address removed)"),
        ("see https://evil.example/x", "see https[:]//evil[.]example/x"),
        ("", ""),
        ("\n***\n", ""),
        (None, ""),
        (7, ""),
        (["a"], ""),
    ],
)
def test_the_first_line_is_the_first_with_a_word(changelog: object, line: str) -> None:
    """A rule or an empty line is none, and the mark of a heading or a list is left out."""
    assert first_line(start_of(changelog)) == line


def test_half_an_address_is_not_left() -> None:
    """Where the beginning ends in the middle of a word, the word goes too."""
    shown = first_line(start_of("word " * 57 + "jane.reviewer@comfy.example and more"))
    assert shown.endswith("…")
    assert "jane" not in first_line(
        start_of("\n" * 250 + "hello word jane.reviewer@comfy.example")
    )


@given(st.text(max_size=600))
def test_any_changelog_is_one_harmless_line(changelog: str) -> None:
    """Whatever it holds, the line is short, safe to print, and not longer for a longer changelog."""
    line = first_line(start_of(changelog))
    assert len(line) <= 200
    assert list(parsers.in_lines(line + "\n", 1)) == []
    assert len(start_of(changelog * 100)) <= 300
