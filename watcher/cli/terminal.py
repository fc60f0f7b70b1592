"""Text for people, on a terminal or in a pipe: lines, tables, colours where they are wanted, and JSON documents."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TextIO

import click

from watcher.errors import WatchError
from watcher.model.event import Kind
from watcher.streams import coloured, is_journal, progress_hidden
from watcher.text.sanitize import escape_values

_WORDS = {
    "red": (Kind.BANNED, Kind.EXPOSED, Kind.FLAGGED, "failed"),
    "magenta": (Kind.DELETED, Kind.REMOVED, "delisted"),
    "yellow": (Kind.FAILING, Kind.DEPRECATED, "unknown", "unread", "empty"),
    "cyan": (Kind.CHANGED, Kind.UPDATE, Kind.PENDING, Kind.BASELINE, "outdated"),
    "green": (
        Kind.NEW,
        Kind.REINSTATED,
        Kind.CLEARED,
        Kind.RECOVERED,
        Kind.UNDEPRECATED,
        "ok",
        "delivered",
    ),
}
_COLOURS: dict[str, str] = {
    word: colour for colour, words in _WORDS.items() for word in words
}
"""Colours of event kinds, version statuses, verdicts, node states and results of `test-alerts`."""

_LABEL_COLOURS = {"error": "red", "warning": "yellow", "hint": "cyan"}

_PRIORITIES = {"error": "<3>", "warning": "<4>", "hint": "<3>"}
"""In the journal, by label: a hint belongs to the error before it."""

_USUAL_WIDTH = 48
"""Without a terminal, the most columns that one long cell may add to the cells of other rows."""

_MIN_WIDTH = 8
"""The fewest columns that a cell is wrapped to."""


class OutputError(WatchError):
    """Standard output cannot be written. `what` is empty if its reader closed the pipe, which is not reported."""


def to_json(document: object) -> str:
    """Return a JSON document to print: invisible characters in its values are escaped, its keys are the program's."""
    return json.dumps(escape_values(document), indent=2)


def echo(line: str = "", *, error: bool = False) -> None:
    """Write one line, or a JSON document, to stdout or to stderr.

    Characters that the stream's encoding lacks are replaced. CI systems read workflow commands from the output, so
    both of their markers are broken: the second `#` of `##[` becomes an escape that JSON reads as the same text, and a
    leading `::` becomes `: :`. A closed stream, and a stderr that cannot be written, drop the line; a stdout that
    cannot be written is an OutputError.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # the process was started without it
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = line.replace("##[", "#\\u0023[").encode(encoding, "replace").decode(encoding)
    if text.lstrip().startswith("::"):
        text = text.replace("::", ": :", 1)
    if error:
        priority = _priority(text) if is_journal(stream) else ""
        text = priority + _colour_label(text)
    try:
        with progress_hidden():
            click.echo(text, err=error, color=coloured(stream))
    except OSError as failure:
        _redirect_to_devnull(stream)
        if not error:
            what = f"standard output cannot be written: {failure.strerror}"
            is_gone = isinstance(failure, BrokenPipeError)
            raise OutputError("" if is_gone else what) from None


def echo_result(lines: Iterable[str]) -> None:
    """Write to stdout what a command did. If stdout cannot be written, stderr gets a line and the command goes on.

    For commands that do more than write: their exit code says what they did, whether or not it could be printed.
    """
    try:
        for line in lines:
            echo(line)
    except OutputError as failure:
        echo_error(failure)


def echo_error(failure: WatchError) -> None:
    """Write an error and its hints to stderr."""
    for line in error_lines(failure):
        echo(line, error=True)


def error_lines(failure: WatchError) -> list[str]:
    """Return the lines of an error and its hints, each with what it is."""
    return [
        line if line.startswith("hint:") else f"error: {line}"
        for line in str(failure).splitlines()
    ]


def colour(word: str) -> str:
    """Return an event kind, status, node state or result in its colour."""
    return click.style(word, fg=found) if (found := _COLOURS.get(word)) else word


def _colour_label(text: str) -> str:
    label, colon, rest = text.partition(":")
    found = _LABEL_COLOURS.get(label)
    return click.style(label + colon, fg=found, bold=True) + rest if found else text


def _priority(text: str) -> str:
    """Return what a line to systemd's journal begins with, as those of the log do."""
    return _PRIORITIES.get(text.partition(":")[0], "<6>")


def _redirect_to_devnull(stream: TextIO) -> None:
    """Point a stream's descriptor at /dev/null: Python writes what is left in its buffer once more at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None = None,
    below: Sequence[str] = (),
) -> list[str]:
    """Return the lines of a table; columns are two blanks apart, and the head may be empty.

    On a terminal of `width` columns no line is wider: cells are wrapped in their column, or, where the columns do not
    fit, each row becomes a block with a line for each cell. Without a width nothing is wrapped or cut, so each row can
    be found as one line; a very long cell shifts the cells after it in its own row only. On a terminal a row may have
    a text `below` it, of one or more lines, over all columns; "" stands for none.
    """
    lines = [list(row) for row in rows]
    bold = [
        " ".join(click.style(word, bold=True) for word in title.split())
        for title in head
    ]
    natural = [
        max(map(display_width, column))
        for column in zip(*([head] if head else []), *lines, strict=True)
    ]
    if width is None:
        widths = [min(wide, _USUAL_WIDTH) for wide in natural]
        return [_join_cells(row, widths) for row in ([bold] if head else []) + lines]
    titles = list(map(display_width, head)) or [0] * len(natural)
    least = [
        min(wide, max(title, _MIN_WIDTH))
        for wide, title in zip(natural, titles, strict=True)
    ]
    room = width - 2 * (len(natural) - 1)
    if sum(least) > room:
        return _rows_as_blocks(bold, lines, width, below)
    widths = _share_width(natural, least, room)
    found = _wrap_row(bold, widths) if head else []
    for row, text in zip_longest(lines, below, fillvalue=""):
        found += [*_wrap_row(row, widths), *_indented(text, width)]
    return found


def _indented(text: str, width: int) -> list[str]:
    return [f"  {line}" for each in text.splitlines() for line in wrap(each, width - 2)]


def _share_width(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return the columns' widths: their natural ones if they fit, else the widest columns share what is left."""
    widths = list(least)
    by_need = sorted(
        range(len(natural)), key=lambda column: natural[column] - least[column]
    )
    for place, column in enumerate(by_need):
        left = room - sum(widths)
        widths[column] += min(
            natural[column] - least[column], left // (len(by_need) - place)
        )
    return widths


def _join_cells(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * (width - display_width(cell))
        for cell, width in zip(row, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _wrap_row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [_join_cells(line, widths) for line in zip_longest(*cells, fillvalue="")]


def _rows_as_blocks(
    head: Sequence[str], rows: Iterable[Sequence[str]], width: int, below: Sequence[str]
) -> list[str]:
    lines: list[str] = []
    for row, text in zip_longest(rows, below, fillvalue=""):
        lines.append("")
        if head:
            lines += table((), list(zip(head, row, strict=True)), width)
        else:
            lines += wrap(" ".join(row), width)
        lines += _indented(text, width)
    return lines[1:]


def wrap(text: str, width: int | None) -> list[str]:
    """Return the text in lines of at most `width` columns, broken between words where possible; None: as it is.

    A colour must not span words.
    """
    if width is None:
        return [text]
    lines = [""]
    for word in text.split(" "):
        for piece in _split_word(word, width):
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if display_width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    return [line.rstrip() for line in lines]


def _split_word(word: str, width: int) -> list[str]:
    if display_width(word) <= width:
        return [word]
    pieces, room = [""], width
    for char in click.unstyle(word):
        wide = display_width(char)
        if wide > room:
            pieces.append("")
            room = width
        pieces[-1] += char
        room -= wide
    return pieces


def truncate(text: str, width: int) -> str:
    """Return the text, or as much of its start as fits before a `…`."""
    if display_width(text) <= width:
        return text
    return _split_word(text, width - 1)[0] + "…"


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes: colours and combining marks none, wide characters two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(_char_width(char) for char in click.unstyle(text))


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def join_first(items: Sequence[str], limit: int | None) -> str:
    """Return the items joined by commas; those after the first `limit` (None: no limit) are only counted."""
    if limit is None or len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"


def short_time(moment: str) -> str:
    """Return a time in RFC 3339 for a table: UTC, to the second."""
    return moment[:19].replace("T", " ") + "Z"
