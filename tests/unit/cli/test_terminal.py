"""Tables: columns that fit a terminal, rows that stay whole off it."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.cli.terminal import colour, display_width, join_first, table, wrap

HEAD = ("NODE", "STATE", "WHAT")
_WORDS = st.text(st.sampled_from("ab-日\u0301 "), max_size=60)


def test_what_fits_is_laid_out_as_it_is() -> None:
    """Columns stand two blanks apart, as wide as they need, in a terminal or not."""
    expected = ["NODE   STATE   WHAT", "alpha  ok      -", "b      banned  a word"]
    rows = [("alpha", colour("ok"), "-"), ("b", colour("banned"), "a word")]
    for width in (None, 21, 22, 200):
        assert [click.unstyle(line) for line in table(HEAD, rows, width)] == expected


def test_cells_are_wrapped_in_their_column() -> None:
    """What is too wide is broken between words, below its own head, and each line of a cell keeps its colours."""
    rows = [
        ("alpha", "ok", f"one two {colour('banned')} three four"),
        ("x" * 14, "ok", "-"),
    ]
    head, *lines = table(HEAD, rows, 30)
    assert click.unstyle(head) == "NODE        STATE  WHAT"
    assert [click.unstyle(line) for line in lines] == [
        "alpha       ok     one two",
        "                   banned",
        "                   three four",
        "xxxxxxxxxx  ok     -",
        "xxxx",
    ]
    assert "\x1b[31mbanned\x1b[0m" in lines[1]


def test_where_columns_have_no_room_a_row_is_a_block() -> None:
    """A terminal that is too narrow for the columns gets each row as lines of head and cell."""
    said = table(
        HEAD, [("alpha", "ok", "one two three four"), ("bravo", "ok", "-")], 20
    )
    assert [click.unstyle(line) for line in said] == [
        "NODE   alpha",
        "STATE  ok",
        "WHAT   one two three",
        "       four",
        "",
        "NODE   bravo",
        "STATE  ok",
        "WHAT   -",
    ]


def test_a_text_below_its_row() -> None:
    """It has all columns for itself, also where a row is a block; a row without one has no line for it."""
    rows = [("one", "first cell"), ("two", "second cell")]
    below = ["why this is so, at length", ""]
    assert [click.unstyle(line) for line in table(("ID", "WHAT"), rows, 20, below)] == [
        "ID   WHAT",
        "one  first cell",
        "  why this is so, at",
        "  length",
        "two  second cell",
    ]
    narrow = [
        click.unstyle(line) for line in table(("ID", "A LONGER TITLE"), rows, 16, below)
    ]
    assert narrow[3:7] == ["first cell", "  why this is", "  so, at length", ""]
    assert narrow[-1] == "second cell"


def test_one_long_cell_moves_its_own_row_only() -> None:
    """Off a terminal nothing is wrapped or cut, and a long id costs no other row its place."""
    head, long, short = table(
        HEAD, [("x" * 100, "ok", "y" * 500), ("alpha", "ok", "-")]
    )
    assert long == f"{'x' * 100}  ok     {'y' * 500}"
    assert click.unstyle(head) == f"NODE{' ' * 46}STATE  WHAT"
    assert short == f"alpha{' ' * 45}ok     -"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", 3), ("日本", 4), ("e\u0301", 1), (colour("banned"), 6), ("", 0), ("ü", 1)],
)
def test_columns(text: str, expected: int) -> None:
    """Wide characters take two columns, marks and colours none."""
    assert display_width(text) == expected


@given(_WORDS, st.integers(2, 30))
def test_wrapping_keeps_to_the_width_and_loses_nothing(text: str, width: int) -> None:
    """No line is wider than it may be, and all but blanks is still there, in order."""
    lines = wrap(text, width)
    assert max(map(display_width, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.tuples(_WORDS, _WORDS, _WORDS), max_size=5), st.integers(20, 90))
def test_no_row_is_wider_than_the_terminal(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    """Whatever the cells and the width, every line fits."""
    assert (
        max(display_width(line) for line in table(HEAD, rows, width)) <= width
        if rows
        else True
    )


def test_a_long_list_is_counted() -> None:
    """The first entries are named and the others counted."""
    assert join_first(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert join_first(["a", "b"], 2) == join_first(["a", "b"], None) == "a, b"
