"""Tables: columns that fit a terminal, ids that stay whole, rows that stay whole off it."""

from __future__ import annotations

import click
from hypothesis import given
from hypothesis import strategies as st

from watcher.cli.terminal import INDENT, bold, colour, dim, join_first, table
from watcher.text.columns import display_width

HEAD = ("NODE", "STATE", "WHAT")
_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)
_CELLS = st.text(st.sampled_from("ab日\u0301/: "), max_size=60)
_ROWS = st.lists(st.tuples(_IDS, _CELLS, _CELLS), min_size=1, max_size=5)


def plain(lines: list[str]) -> list[str]:
    """Return the lines without their colours."""
    return [click.unstyle(line) for line in lines]


def test_what_fits_is_laid_out_as_it_is() -> None:
    """Columns stand two blanks apart, as wide as they need, in a terminal or not."""
    expected = ["NODE   STATE   WHAT", "alpha  ok      -", "b      banned  a word"]
    rows = [("alpha", colour("ok"), "-"), ("b", colour("banned"), "a word")]
    for width in (None, 21, 22, 200):
        assert plain(table(HEAD, rows, width)) == expected


def test_the_last_cell_goes_on_below_its_row() -> None:
    """It uses all columns there, and the cells beside it stay on one line."""
    rows = [
        ("alpha", "ok", f"one two {colour('banned')} four five six"),
        ("b", "ok", "-"),
    ]
    lines = table(HEAD, rows, 30)
    assert plain(lines) == [
        "NODE   STATE  WHAT",
        "alpha  ok     one two banned",
        "    four five six",
        "b      ok     -",
    ]
    assert "\x1b[31mbanned\x1b[0m" in lines[1]


def test_an_id_has_a_line_of_its_own_if_it_is_too_long() -> None:
    """The rest of its row is below it, and no other row moves."""
    name = "a-pack-with-a-long-name-" * 4
    rows = [(name, "ok", "why"), ("alpha", "banned", "a reason")]
    assert plain(table(HEAD, rows, 40)) == [
        "NODE   STATE   WHAT",
        name,
        "    ok      why",
        "alpha  banned  a reason",
    ]


def test_a_column_that_says_nothing_is_left_out() -> None:
    """A terminal has no room for it; in a pipe the columns are always the same."""
    rows = [("alpha", "-", "-"), ("bravo", "-", "why")]
    assert plain(table(HEAD, rows, 40)) == ["NODE   WHAT", "alpha  -", "bravo  why"]
    assert plain(table(HEAD, rows))[0].split() == list(HEAD)


def test_a_text_across_all_columns() -> None:
    """It stands between two rows and is wrapped to the whole width, with the blanks that it begins with."""
    rows = [("one", "-"), f"{INDENT}why this is so, at length", ("two", "cell")]
    assert plain(table(("ID", "WHAT"), rows, 24)) == [
        "ID   WHAT",
        "one  -",
        "    why this is so, at",
        "    length",
        "two  cell",
    ]


@given(_ROWS, st.integers(40, 200))
def test_every_row_fits_and_is_whole(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    """No line is wider than the terminal, but for an id alone; no id is broken; nothing is lost."""
    lines = plain(table((), rows, width))
    ids = [row[0] for row in rows]
    for line in lines:
        assert display_width(line) <= width or line.strip() in ids
    words = [word for line in lines for word in line.split(" ")]
    assert all(one in words for one in ids)
    characters = sorted("".join(words).replace(" ", ""))
    assert characters == sorted("".join(map("".join, rows)).replace(" ", ""))


def test_a_long_list_is_counted() -> None:
    """The first entries are named and the others counted."""
    assert join_first(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert join_first(["a", "b"], 2) == join_first(["a", "b"], None) == "a, b"


def test_three_colours() -> None:
    """What is bad is red or yellow, what is expressly good green, anything else plain; the words say it too."""
    words = ("banned", "failed", "flagged", "unknown", "ok", "active", "outdated")
    codes = [colour(word).removesuffix("\x1b[0m") for word in words]
    assert codes == [
        *("\x1b[31mbanned", "\x1b[31mfailed", "\x1b[33mflagged", "\x1b[33munknown"),
        *("\x1b[32mok", "active", "outdated"),
    ]
    assert (dim("a"), bold("a")) == ("\x1b[2ma\x1b[0m", "\x1b[1ma\x1b[0m")
