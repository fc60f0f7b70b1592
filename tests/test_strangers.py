"""Strangers' text is harmless in a line of any output, and still readable."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.strangers import ADDRESS, no_addresses, plain

_NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("@<>!#:/.[]()*_~`|&%40xn-- \n\r\t\x1b\u202e\u200b\u0301\ufe0f\u3164＠…abPYjs\ud800"),
        st.characters(),
    ),
    max_size=120,
)


@given(_NASTY, st.integers(min_value=1, max_value=130))
def test_it_is_idempotent(text: str, limit: int) -> None:
    """What has been made plain stays as it is, so that every layer may do it again."""
    once = plain(text, limit)
    assert plain(once, limit) == once


@given(_NASTY, st.integers(min_value=1, max_value=130))
def test_it_leaves_nothing_dangerous(text: str, limit: int) -> None:
    """No control, invisible or reordering character, no ping, tag or scheme is left, and the limit is kept."""
    line = plain(text, limit)
    assert len(line) <= limit
    assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert not line.startswith(("::", " "))
    for bad in ("@", "://", "##[", "<!", "<@", "<#", "<a", "</", "\n", "  "):
        assert bad not in line


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@<.:#%"), max_size=200))
def test_ordinary_text_is_untouched(text: str) -> None:
    """Clean ASCII comes back as it is."""
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rgthree-comfy", "rgthree-comfy"),
        ("ComfyUI_x_y", "ComfyUI_x_y"),
        ("2.0.0-alpha.21", "2.0.0-alpha.21"),
        ("torch>=2.0", "torch>=2.0"),
        ("torch<=2.0, numpy<2", "torch<=2.0, numpy<2"),
        ("in nodes/foo.py:12", "in nodes/foo.py:12"),
        ("one\n\ntwo\r\n three\u2028four\x85five", "one two three four five"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\u202eb\u2066c\u200bd\u2060e\ufefff\u00adg", "abcdefg"),
        ("\U000e0041\U000e0042x\ufe0f\U000e0101", "x"),
        ("\u3164\u2800\u115f", ""),
        ("@everyone <!channel> <@123> <#5>", "＠everyone ‹!channel> ‹＠123> ‹#5>"),
        ("::error::x", ": :error::x"),
        ("\n ::error::x", ": :error::x"),
        ("say ##[error]x", "say # #[error]x"),
        ("https://evil.example/a.py", "https[:]//evil[.]example/a.py"),
        ("www.evil.com and bücher.xn--p1ai", "www[.]evil[.]com and bücher[.]xn--p1ai"),
        ("by Jane.Doe+x@mail.example.org.", f"by {ADDRESS}."),
        ("by jane＠example.org, joe%40example.org", f"by {ADDRESS}, {ADDRESS}"),
        ("<jane@example.org>", f"‹{ADDRESS}>"),
        ("pkg@1.2.3", "pkg＠1.2.3"),
        ("\u0301\u0302lead", "lead"),
        ("", ""),
    ],
)
def test_examples(text: str, expected: str) -> None:
    """Each trick is undone in the way that is documented."""
    assert plain(text) == expected


def test_combining_marks_cannot_pile_up() -> None:
    """A flood of combining marks keeps three, so it can't paint over other lines."""
    assert plain("e" + "\u0301" * 500 + "x") == "e" + "\u0301" * 3 + "x"


def test_long_text_is_shortened_and_says_so() -> None:
    """What does not fit is cut at the limit, with an ellipsis in the place of the rest."""
    assert plain("word " * 100, 12) == "word word w…"
    assert plain("x" * 200) == "x" * 200
    assert plain("\u200b" * 9000 + "hidden") == "…"


def test_an_address_cut_by_the_window_is_not_half_shown() -> None:
    """Where only the start of a huge text is looked at, half an address at its end is dropped."""
    text = "\u200b" * 4080 + " jane.doe.the.reviewer@example.org"
    assert "jane" not in plain(text)


def test_addresses_alone() -> None:
    """Addresses can be removed without touching anything else."""
    assert no_addresses("<b> a@b.example\n@here") == f"<b> {ADDRESS}\n@here"


@pytest.mark.parametrize("text", ["a" * 2_000_000, "a@" * 1_000_000, "\u0301" * 2_000_000, "." * 2_000_000])
def test_megabytes_are_not_walked_through(text: str) -> None:
    """The work is bounded by what can be shown: what a stranger wrote beyond it changes nothing."""
    assert len(plain(text)) <= 200
    assert plain(text) == plain(text[:10_000])
