"""Text for people on a terminal or in a pipe: aligned columns, colours only where they are wanted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import click

from watcher.events import Kind
from watcher.failures import WatchError
from watcher.strangers import spelled_out
from watcher.terminal import coloured

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

_LABELS = {"error": "red", "warning": "yellow", "hint": "cyan"}


def as_document(document: object) -> str:
    """Give a JSON document to print: a stranger's facts are in it as they came, spelled out where they act unseen.

    Its keys are the program's own.
    """
    return json.dumps(_spelled_out(document), indent=2)


def _spelled_out(value: object) -> object:
    if isinstance(value, str):
        return spelled_out(value)
    if isinstance(value, dict):
        return {key: _spelled_out(item) for key, item in value.items()}
    return [_spelled_out(item) for item in value] if isinstance(value, (list, tuple)) else value


class OutputError(WatchError):
    """Standard output takes nothing. `what` is empty where its reader has gone: nobody waits to hear of that."""


def say(line: str = "", *, error: bool = False) -> None:
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
            say(line)
    except OutputError as failure:
        complain(failure)


def complain(failure: WatchError) -> None:
    """Write what a failure says to stderr."""
    for line in str(failure).splitlines():
        say(line if line.startswith("hint:") else f"error: {line}", error=True)


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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay rows out under a head, columns two blanks apart; the last column is not padded."""
    cells = [list(head), *[list(row) for row in rows]]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for number, row in enumerate(cells):
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(padded).rstrip()
        lines.append(click.style(line, bold=True) if number == 0 else line)
    return lines


def _width(cell: str) -> int:
    return len(click.unstyle(cell))
