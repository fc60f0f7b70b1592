"""Text for people, on a terminal or in a pipe: lines, tables, colours where they are wanted, and JSON documents."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, compress
from typing import Self, TextIO

import click

from watcher import log, streams
from watcher.errors import WatchError
from watcher.text.columns import display_width, truncate, wrap
from watcher.text.sanitize import escape_values, plural

_COLOURS: dict[str, str] = {
    "banned": "red",
    "failed": "red",
    **dict.fromkeys(
        ("flagged", "deleted", "delisted", "deprecated", "unknown"), "yellow"
    ),
    "ok": "green",
    "delivered": "green",
}
"""Colours of version statuses, verdicts and results of `test-alerts`: what is bad, or expressly good."""

_LABELS = {"error": ("<3>", "red"), "warning": ("<4>", "yellow"), "hint": ("<3>", None)}
"""How a line on stderr may begin, with its priority in the journal and its colour. A hint belongs to its error."""

_USUAL_WIDTH = 48
"""Without a terminal, the most columns that one long cell may add to the cells of other rows."""

_LEAST_TEXT = 16
"""On a terminal, the columns that are left to the last cell of a row, if it needs them."""

_LEAST_WIDTH = 20
"""The width up to which any other column may grow."""

_GAP = 2
"""Blanks between two columns."""

INDENT = "    "
"""What a line begins with that is about the row above it."""


class Document(str):
    """What a program may read, a shell too: it is written as it is, also to a terminal that is narrower."""

    __slots__ = ()


class OutputError(WatchError):
    """Standard output cannot be written. `what` is empty if its reader closed the pipe, which is not reported."""


def to_json(document: object) -> Document:
    """Return a JSON document to print: invisible characters in its values are escaped, its keys are the program's."""
    return Document(json.dumps(escape_values(document), indent=2))


def echo(line: str = "", *, error: bool = False) -> None:
    """Write a line, or a `Document`, to stdout or to stderr. On a terminal a line is wrapped to its width.

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
    # stdout has no labels: a row may begin with the word "error".
    if error:
        text = _with_label(text, is_journal=streams.is_journal(stream))
    # A JSON document that is broken at a blank is none any more.
    if not isinstance(line, Document):
        columns = streams.width(stream)
        wrapped = [wrap(one, columns, "  ") for one in text.split("\n")]
        text = "\n".join(chain.from_iterable(wrapped))
    try:
        with streams.progress_hidden():
            click.echo(text, err=error, color=streams.coloured(stream))
    except OSError as failure:
        # `comfy-watch history | head` ends the reader first, which is no error.
        _redirect_to_devnull(stream)
        if not error:
            what = f"standard output cannot be written: {failure.strerror}"
            is_gone = isinstance(failure, BrokenPipeError)
            raise OutputError("" if is_gone else what) from None


def warn(*warnings: str) -> None:
    """Write warnings to stderr."""
    for one in warnings:
        echo(f"warning: {one}", error=True)


def show(found: object) -> None:
    """Write what a command found to stdout: a list of lines, or any other value as a JSON document."""
    for line in found if isinstance(found, list) else [to_json(found)]:
        echo(line)


def show_result(found: object) -> None:
    """Write the same; but if stdout cannot be written, stderr gets a line and the command goes on.

    For commands that do more than write: their exit code says what they did, whether or not it could be printed.
    """
    try:
        show(found)
    except OutputError as failure:
        echo_error(failure)


def echo_error(failure: WatchError) -> None:
    """Write an error and its hints to stderr."""
    # A ConfigError has a line for each mistake, so that all can be mended at once.
    for line in str(failure).splitlines():
        is_hint = line.startswith("hint:")
        echo(line if is_hint else f"error: {line}", error=True)


def columns() -> int | None:
    """Return the width of the terminal that stdout is; None if it is none."""
    return streams.width(sys.stdout)


def colour(word: str) -> str:
    """Return a status, verdict or result in its colour."""
    return styled(word, _COLOURS.get(word))


def styled(text: str, fg: str | None) -> str:
    """Return the text in a colour; None: as it is."""
    return click.style(text, fg=fg) if fg else text


bold = partial(click.style, bold=True)
"""Returns a text as a heading."""

dim = partial(click.style, dim=True)
"""Returns a text as secondary."""

unstyle = click.unstyle
"""Returns a text without colours."""


def _with_label(text: str, *, is_journal: bool) -> str:
    """Return a text with its label in colour; for the journal with its priority first, as lines of the log have it."""
    label, colon, rest = text.partition(":")
    priority = "<6>"
    if label in _LABELS:
        priority, fg = _LABELS[label]
        text = click.style(label + colon, fg=fg, bold=True) + rest
    return priority + text if is_journal else text


def _redirect_to_devnull(stream: TextIO) -> None:
    """Point a stream's descriptor at /dev/null: Python writes what is left in its buffer once more at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


Row = Sequence[str] | str
"""The cells of a row, or a line across all columns."""


def table(
    head: Sequence[str], rows: Iterable[Row], width: int | None = None
) -> list[str]:
    """Return the lines of a table; columns are two blanks apart, and the head may be empty.

    A very long cell shifts the cells after it in its own row only. Without a width nothing is wrapped or left out, so
    that each row can be found as one line. On a terminal of `width` columns a row goes on below its line, and a column
    in which each cell is "-" is left out.
    """
    given = [*([[*map(bold, head)]] if head else []), *rows]
    cells = [row for row in given if not isinstance(row, str)]
    if width is not None:
        # A pipe keeps all columns, since a script counts them.
        columns = zip(*cells, strict=True)
        is_shown = [{*column[bool(head) :]} != {"-"} for column in columns]
        cells = [list(compress(row, is_shown)) for row in cells]
    sizes, left = _column_sizes(cells, width), iter(cells)
    lines: list[str] = []
    for row in given:
        if isinstance(row, str):
            lines += wrap(row, width)
        else:
            lines += wrap(_padded(next(left), sizes), width, INDENT)
    return lines


def _column_sizes(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the columns' widths: those of their widest cells that leave the last column some room."""
    columns = [[*map(display_width, column)] for column in zip(*rows, strict=True)]
    sizes, most = [max(column) for column in columns], _USUAL_WIDTH
    if width is not None and columns:
        room = width - _GAP * (len(sizes) - 1) - min(sizes[-1], _LEAST_TEXT)
        most = max(sizes)
        # The widest columns give way first; one long id then moves only its own row.
        while most > _LEAST_WIDTH and sum(min(one, most) for one in sizes[:-1]) > room:
            most -= 1
    return [
        max((size for size in column if size <= most), default=most)
        for column in columns
    ]


def _padded(cells: Sequence[str], sizes: Sequence[int]) -> str:
    padded = [
        cell + " " * (size - display_width(cell))
        for cell, size in zip(cells, sizes, strict=True)
    ]
    return (" " * _GAP).join(padded).rstrip()


def join_first(items: Sequence[str], limit: int | None) -> str:
    """Return the items joined by commas; those after the first `limit` (None: no limit) are only counted."""
    if limit is None or len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit:,} more"


def counted(*odd: tuple[int, str, str]) -> list[str]:
    """Return each number of things with its noun and what is said of them; nothing about none."""
    return [f"{plural(count, noun)} {what}" for count, noun, what in odd if count]


def and_more(count: int, noun: str, hint: str) -> list[str]:
    """Return the line that counts what is not shown, and says where it is; none if all is shown."""
    return [f"and {plural(count, noun)}; {hint}"] if count > 0 else []


def short_time(moment: str) -> str:
    """Return a time in RFC 3339 for a table: UTC, to the second."""
    return moment[:19].replace("T", " ") + "Z"


PATIENCE = 1.0
"""Seconds that something may take before it is shown."""

_REFRESH = 0.2
"""Seconds between two updates of the line."""


class ProgressLine:
    """A `Progress` that shows on stderr what has been waited for longer than `PATIENCE`; a context manager.

    The line is wiped at the end. It is shown only if stderr is a terminal that can wipe a line, and not with the log
    level `debug`, where it would only be between the log's lines.
    """

    def __init__(self) -> None:
        # Each request has a line there already.
        is_between_lines = log.is_logged("debug")
        self._wanted = streams.takes_escapes(sys.stderr) and not is_between_lines
        self._waits: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # A thread, since the loop may be busy for a second, and the line is to go on.
        self._thread = threading.Thread(
            target=self._refresh, name="progress line", daemon=True
        )

    def __enter__(self) -> Self:
        if self._wanted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # Else the thread could draw the line once more after the last output.
        if self._wanted:
            self._thread.join()

    def __call__(self, place: str, text: str) -> None:
        """Set what is waited for at a place; "" ends the wait."""
        with self._lock:
            # The wait goes on when its text changes: its time is that of its begin.
            if text:
                started, _ = self._waits.get(place, (time.monotonic(), ""))
                self._waits[place] = started, text
            else:
                self._waits.pop(place, None)

    def _refresh(self) -> None:
        while not self._ended.wait(_REFRESH):
            streams.show_progress(self.line(time.monotonic()))
        streams.show_progress("")

    def line(self, now: float) -> str:
        """Return the line for this moment of the monotonic clock: the newest wait that is long enough; "" for none."""
        with self._lock:
            waits = [one for one in self._waits.values() if now - one[0] > PATIENCE]
        if not waits:
            return ""
        started, text = waits[-1]
        seconds = f" ({now - started:.0f} s)"
        room = (streams.width(sys.stderr) or 80) - len(seconds) - 1
        return truncate(text, room) + seconds
