"""Text messages: what is not in their alphabet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.sanitize import ascii_text, sanitize_line


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            "\u26d4 BANNED `night` `1.2.0` \u00b7 2 more",
            "BANNED 'night' '1.2.0' - 2 more",
        ),
        ("`caf\u00e9`", "'cafe'"),
        ("`\u6076\u610f \U0001f98a`", "'? ?'"),
        ("cut\u2026", "cut ..."),
        ("plain `x`", "plain 'x'"),
    ],
)
def test_what_is_not_ascii_has_a_substitute(text: str, sent: str) -> None:
    """A symbol before a line goes, a letter loses its marks, and what has no letter is a question mark."""
    assert ascii_text(text) == sent


@given(st.text())
def test_no_text_becomes_an_address(text: str) -> None:
    """Whatever a sanitized text holds, the result is ASCII without an at sign or a backtick."""
    sent = ascii_text(sanitize_line(text))
    assert sent.isascii()
    assert not {"@", "`"} & set(sent)
