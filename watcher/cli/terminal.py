"""Text for people on a terminal or in a pipe: aligned columns, colours only where they are wanted."""

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
from watcher.streams import coloured, undisturbed
from watcher.text.sanitize import escape_invisible

COLOURS: dict[str, str] = {
    Kind.BANNED: "red",
    Kind.FLAGGED: "red",
    Kind.DELETED: "magenta",
    Kind.REMOVED: "magenta",
    Kind.FAILING: "yellow",
    Kind.DEPRECATED: "yellow",
    Kind.CHANGED: "cyan",
    Kind.NEW: "green",
    Kind.REINSTATED: "green",
    Kind.RECOVERED: "green",
    "ok": "green",
    "delivered": "green",
    "failed": "red",
    "unread": "yellow",
    "empty": "yellow",
}
"""By event kind, status, state of a node and result of a test."""

_USUAL = 40
"""Columns beyond which a cell, where no width is given, makes no room for itself in other rows."""

_LEAST = 8
"""Columns below which a cell is not worth wrapping."""

_LABELS = {"error": "red", "warning": "yellow", "hint": "cyan"}


def as_document(document: object) -> str:
    """Give a JSON document to print: a stranger's facts are in it as they came, spelled out where they act unseen.

    Its keys are the program's own.
    """
    return json.dumps(_spelled_out(document), indent=2)


def _spelled_out(value: object) -> object:
    if isinstance(value, str):
        return escape_invisible(value)
    if isinstance(value, dict):
        return {key: _spelled_out(item) for key, item in value.items()}
    return [_spelled_out(item) for item in value] if isinstance(value, (list, tuple)) else value


class OutputError(WatchError):
    """Standard output takes nothing. `what` is empty where its reader has gone: nobody waits to hear of that."""


def echo(line: str = "", *, error: bool = False) -> None:
    """Write one line, or a JSON document, to stdout or to stderr.

    What the stream's encoding lacks is replaced, never an error. `##[`, which begins a workflow command anywhere in a
    line, is written so that JSON means the same by it; `::`, which does so at a line's start, may be a node's `:` and
    ours, and gets a blank. A stream that is closed takes the line away silently, as does a
    stderr that cannot be written; a stdout that cannot is an OutputError.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # as Python has it where the process began without one
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = line.replace("##[", "#\\u0023[").encode(encoding, "replace").decode(encoding)
    if text.lstrip().startswith("::"):
        text = text.replace("::", ": :", 1)
    if error:
        text = _with_coloured_label(text)
    try:
        with undisturbed():
            click.echo(text, err=error, color=coloured(stream))
    except OSError as failure:
        _let_go(stream)
        if not error:
            gone = isinstance(failure, BrokenPipeError)
            raise OutputError("" if gone else f"standard output cannot be written: {failure.strerror}") from None


def offer(lines: Iterable[str]) -> None:
    """Write lines to stdout for who wants them: a stdout that takes none costs a line on stderr and nothing else.

    For a command that did more than write: its exit code says what it did and found, whoever reads it.
    """
    try:
        for line in lines:
            echo(line)
    except OutputError as failure:
        echo_error(failure)


def echo_error(failure: WatchError) -> None:
    """Write what a failure says to stderr."""
    for line in str(failure).splitlines():
        echo(line if line.startswith("hint:") else f"error: {line}", error=True)


def _with_coloured_label(text: str) -> str:
    label, colon, rest = text.partition(":")
    return click.style(label + colon, fg=_LABELS[label], bold=True) + rest if label in _LABELS else text


def _let_go(stream: TextIO) -> None:
    """Lead a stream to nowhere: what could not be written is still in it, and would be tried again at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def kind(name: str) -> str:
    """Give an event kind, or a status, in its colour."""
    return click.style(name, fg=colour) if (colour := COLOURS.get(name)) else name


def table(head: Sequence[str], rows: Iterable[Sequence[str]], width: int | None = None) -> list[str]:
    """Lay rows out under a head, which may be empty, columns two blanks apart.

    In a terminal of `width` columns no row is wider: cells are wrapped in their column, and where there is no room for
    columns each row is a block of lines, a cell each. Without a width nothing is wrapped or cut, so that each row can
    be found as a line; a cell that is much longer than is usual moves what stands beside it, in its own row only.
    """
    lines = [list(row) for row in rows]
    bold = [" ".join(click.style(word, bold=True) for word in title.split()) for title in head]
    natural = [max(map(columns, column)) for column in zip(*([head] if head else []), *lines, strict=True)]
    if width is None:
        usual = [min(wide, _USUAL) for wide in natural]
        return [_beside(row, usual) for row in ([bold] if head else []) + lines]
    titles = list(map(columns, head)) or [0] * len(natural)
    least = [min(wide, max(title, _LEAST)) for wide, title in zip(natural, titles, strict=True)]
    room = width - 2 * (len(natural) - 1)
    if sum(least) > room:
        return _blocks(bold, lines, width)
    fitting = _shares(natural, least, room)
    return [line for row in ([bold] if head else []) + lines for line in _wrapped(row, fitting)]


def _shares(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Give each column what it wants as far as there is room; what is left is shared alike by those that want more."""
    given = list(least)
    wanting = sorted(range(len(natural)), key=lambda column: natural[column] - least[column])
    for place, column in enumerate(wanting):
        left = room - sum(given)
        given[column] += min(natural[column] - least[column], left // (len(wanting) - place))
    return given


def _beside(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(padded).rstrip()


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [_beside(line, widths) for line in zip_longest(*cells, fillvalue="")]


def _blocks(head: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    said: list[str] = []
    for row in rows:
        said += ["", *(table((), list(zip(head, row, strict=True)), width) if head else wrap(" ".join(row), width))]
    return said[1:]


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most `width` columns, between words where that can be; a colour is a word's own."""
    lines = [""]
    for word in text.split(" "):
        for piece in _pieces(word, width):
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if columns(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    return [line.rstrip() for line in lines]


def _pieces(word: str, width: int) -> list[str]:
    if columns(word) <= width:
        return [word]
    pieces, room = [""], width
    for char in click.unstyle(word):
        wide = columns(char)
        if wide > room:
            pieces.append("")
            room = width
        pieces[-1] += char
        room -= wide
    return pieces


def cut(text: str, width: int) -> str:
    """Give the text, or as much of its start as fits, with `…` behind it."""
    return text if columns(text) <= width else _pieces(text, width - 1)[0] + "…"


def columns(text: str) -> int:
    """Give how many columns of a terminal a text takes: colours and combining marks none, wide characters two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(_columns(char) for char in click.unstyle(text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def some(items: Sequence[str], most: int | None) -> str:
    """Join items by commas, but after the first `most` (None: all) only count them."""
    if most is None or len(items) <= most:
        return ", ".join(items)
    return f"{', '.join(items[:most])} and {len(items) - most} more"
