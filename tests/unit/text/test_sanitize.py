"""Untrusted text is safe in a line of any output, and still readable."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.hostile import parsers
from tests.support.parameters import one_of
from tests.support.work import TOO_FAST, growth
from watcher.text.sanitize import (
    REDACTED_EMAIL,
    escape_invisible,
    redact_emails,
    sanitize_line,
)

_NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "@<>!#:/.[]()*_~`|&%40xn-- \n\r\t\x1b\u202e\u200b\u0301\ufe0f\u3164＠…abPYjs\ud800"
        ),
        st.characters(),
    ),
    max_size=120,
)
_PIECES = st.lists(
    st.sampled_from(
        [
            "@ab.cd",
            "a@b.cc",
            "@",
            " ",
            "(at)",
            "[dot]",
            "&#64;",
            "%2E",
            "\u2039",
            "<",
            '"',
            "www.",
            "://",
            "##[",
            "::",
            "x",
        ]
    )
    | st.characters(),
    max_size=30,
).map("".join)
"""Texts of which some are nearly addresses."""


@given(_NASTY | _PIECES, st.integers(min_value=1, max_value=130))
@example("<@ab.cd", 60)
@example(":::", 4)
def test_it_is_idempotent(text: str, limit: int) -> None:
    """What has been made plain stays as it is, so that every layer may do it again."""
    once = sanitize_line(text, limit)
    assert sanitize_line(once, limit) == once


@given(_NASTY)
@example("2\n::error::x\x1b[31m\u202e")
def test_what_is_spelled_out_acts_no_more(text: str) -> None:
    """For a program a text stays as it came, but for what acts unseen or begins a command, which can be read then."""
    spelled = escape_invisible(text)
    assert list(parsers.in_any(spelled, controls="")) == []
    assert escape_invisible(spelled) == spelled
    if text.isascii() and text.isprintable() and not re.search(r"^\s*::|##\[", text):
        assert spelled == text


def test_spelling_out_loses_nothing() -> None:
    """The escapes name the characters that there were."""
    assert (
        escape_invisible("2\n::x\x1b[31m\u202e\U000e0041")
        == r"2\u000a::x\u001b[31m\u202e\U000e0041"
    )
    assert escape_invisible("e" + "\u0301" * 5) == "e" + "\u0301" * 3 + r"\u0301" * 2
    assert escape_invisible(" ::error::x ##[y") == r" :\u003aerror::x ##\u005by"


@given(_NASTY, st.integers(min_value=1, max_value=130))
def test_it_leaves_nothing_dangerous(text: str, limit: int) -> None:
    """No control, invisible or reordering character, no ping, tag or scheme is left, and the limit is kept."""
    line = sanitize_line(text, limit)
    assert len(line) <= limit
    assert not [
        c
        for c in line
        if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    ]
    assert not line.startswith(("::", " "))
    for bad in ("@", "://", "##[", "<!", "<@", "<#", "<a", "</", "\n", "  "):
        assert bad not in line


@given(
    st.text(
        alphabet=st.characters(
            min_codepoint=33, max_codepoint=126, exclude_characters="@<.:#%]"
        ),
        max_size=200,
    )
)
def test_ordinary_text_is_untouched(text: str) -> None:
    """Clean ASCII comes back as it is."""
    assert sanitize_line(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
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
        ("it says ::error::x", "it says : :error::x"),
        ("std::vector", "std::vector"),
        ("\n ::error::x", ": :error::x"),
        ("x :::error::x", "x : : :error::x"),
        ("say ##[error]x", "say # #[error]x"),
        ("https://evil.example/a.py", "https[:]//evil[.]example/a.py"),
        ("www.evil.com and bücher.xn--p1ai", "www[.]evil[.]com and bücher[.]xn--p1ai"),
        ("by Jane.Doe+x@mail.example.org.", f"by {REDACTED_EMAIL}."),
        (
            "by jane＠example.org, joe%40example.org",
            f"by {REDACTED_EMAIL}, {REDACTED_EMAIL}",
        ),
        ("<jane@example.org>", f"‹{REDACTED_EMAIL}>"),
        (
            "by jane @example.org, joe@ example.org",
            f"by {REDACTED_EMAIL}, {REDACTED_EMAIL}",
        ),
        ("by jane@\nexample.org now", f"by {REDACTED_EMAIL} now"),
        (
            "jane(@)example.org joe@example&#46;org sue%40example%2Eorg",
            " ".join([REDACTED_EMAIL] * 3),
        ),
        ("ja\u200bne&#46;doe@exa\u00admple.org", REDACTED_EMAIL),
        ("ran @ 12.5 fps, at 12.5", "ran ＠ 12.5 fps, at 12.5"),
        ("pkg @ git+https://example.org/x", "pkg ＠ git+https[:]//example[.]org/x"),
        ("torch@latest (atomic) AT&T %", "torch＠latest (atomic) AT&T %"),
        ("pkg@1.2.3", "pkg＠1.2.3"),
        ("evil.भारत evil.কম evil.சிங்கப்பூர்", "evil[.]भारत evil[.]কম evil[.]சிங்கப்பூர்"),
        (
            "हिन्दी.com i❤.com 💩.com evi\u0301l\u0323.com",
            "हिन्दी[.]com i❤[.]com 💩[.]com evi\u0301l\u0323[.]com",
        ),
        ("jane@कंपनी.भारत joe@हिन्दी.example", " ".join([REDACTED_EMAIL] * 2)),
        (
            "[evil](http:1) ![x](//1) [[y](tel:1)",
            "[evil] (http:1) ![x] (//1) [[y] (tel:1)",
        ),
        (
            "WWW.(x) done.🎉 foo.“bar” 1.5 v1.0.3 run.py x.json example_node.py.example",
            "WWW[.] (x) done.🎉 foo.“bar” 1.5 v1.0.3 run.py x.json example_node.py.example",
        ),
        ("\u0301\u0302lead", "lead"),
        ("", ""),
    ],
)
def test_examples(text: str, expected: str) -> None:
    """Each trick is undone in the way that is documented."""
    assert sanitize_line(text) == expected


def test_combining_marks_cannot_pile_up() -> None:
    """A flood of combining marks keeps three, so it can't paint over other lines."""
    assert sanitize_line("e" + "\u0301" * 500 + "x") == "e" + "\u0301" * 3 + "x"


def test_long_text_is_shortened_and_says_so() -> None:
    """What does not fit is cut at the limit, with an ellipsis in the place of the rest."""
    assert sanitize_line("word " * 100, 12) == "word word w…"
    assert sanitize_line("x" * 200) == "x" * 200
    assert sanitize_line("\u200b" * 90_000 + "hidden") == "…"
    assert sanitize_line("\u200b" * 9000 + "seen") == "seen"


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "address",
    [
        "jane@example.org",
        "jane @ example.org",
        "jane( at )example.org",
        "jane&#64;example.org",
        "x" * 400 + "jane@e.org",
    ],
)
@pytest.mark.parametrize("filler", one_of("\u200b", "\n", "\u0301"))
def test_an_address_that_is_cut_is_not_half_shown(address: str, filler: str) -> None:
    """Where only the start of a huge text is looked at, half an address at its end is dropped."""
    for lost in range(1, 17):
        text = "so " + filler * (65_536 - 3 - len(address) + lost) + address
        assert "jan" not in sanitize_line(text), lost


def test_a_text_that_came_cut_off_loses_its_last_word() -> None:
    """Its end may be half an address without its other half."""
    assert sanitize_line("by the way jane", cut_off=True) == "by the way…"
    assert sanitize_line("by jane.reviewer @ com", cut_off=True) == "by…"
    assert sanitize_line("jane", cut_off=True) == "…"


def test_what_shows_is_read_first() -> None:
    """A cut falls behind what can be seen: neither blanks nor invisible characters push a text out of sight."""
    assert sanitize_line("so\n" + "\u200b" * 60_000 + "it is") == "so it is"
    assert sanitize_line("word " * 900 + "jane@example.org", 4300).endswith("word…")


def test_addresses_alone() -> None:
    """Addresses can be removed without touching anything else."""
    assert redact_emails("<b> a@b.example\n@here") == f"<b> {REDACTED_EMAIL}\n@here"
    assert redact_emails("@\u200bhere") == "@\u200bhere"


@pytest.mark.parametrize(
    "piece",
    one_of(
        *("a@a.b.", "( at ", "@" + "a-" * 31 + ".", "@", "a@", "a@a.bc ", "(@a.bc"),
        *("&#64;", ';a&#"', " @a.bb", "@[ff", "%25"),
        fast=4,
    ),
)
def test_nearly_addresses(piece: str) -> None:
    """The time it takes to look for addresses grows no faster than the text."""

    def redact(size: int) -> None:
        redact_emails(piece * (size // len(piece)) + "@x.example")

    assert growth(redact, 10_000) < TOO_FAST


@pytest.mark.parametrize(
    "text", ["a" * 2_000_000, "a@" * 1_000_000, "\u0301" * 2_000_000, "." * 2_000_000]
)
def test_megabytes_are_not_walked_through(text: str) -> None:
    """The work is bounded by what can be shown: text beyond that changes nothing."""
    assert len(sanitize_line(text)) <= 200
    assert sanitize_line(text) == sanitize_line(text[:100_000])


@pytest.mark.parametrize(
    "text",
    ["uses @torch.no_grad in nodes", "x = W @ layer_1.weight", "at @my_host.example"],
)
def test_code_with_an_at_sign_is_no_address(text: str) -> None:
    """No host has an underscore in it, so what has one stays."""
    assert redact_emails(text) == text
