"""Streams of text: whether one is a terminal, how wide, whether coloured; how work says what it waits for."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

Progress = Callable[[str, str], None]
"""Reports what work waits for: `(place, text)`; an empty text ends it. Each call means that the work gets on.

The text may contain sanitized untrusted text, and never a secret.
"""


def silent(place: str, text: str) -> None:
    """Report nothing."""


_NARROWEST = 20
_USUAL = 80
"""The columns of a terminal that does not say how many it has."""
_WIPE = "\r\x1b[K"

# A signal handler may write while its own thread is writing.
_writing = threading.RLock()
_shown = ""


if sys.platform == "win32":

    def set_up() -> None:
        """Write UTF-8 to files and pipes, unless `PYTHONIOENCODING` is set, and escape sequences to a console."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and not (
                is_terminal(stream) or os.environ.get("PYTHONIOENCODING")
            ):
                stream.reconfigure(encoding="utf-8")
        if is_terminal(sys.stdout) or is_terminal(sys.stderr):
            from colorama import just_fix_windows_console

            just_fix_windows_console()

else:

    def set_up() -> None:
        """Do nothing: streams are as the environment says, and a terminal takes escape sequences."""


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether the stream is an open terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def is_journal(stream: TextIO | None) -> bool:
    """Return whether the stream is the one to systemd's journal that `$JOURNAL_STREAM` names, by device and inode."""
    named = os.environ.get("JOURNAL_STREAM")
    if not named or stream is None:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def coloured(stream: TextIO | None) -> bool:
    """Return whether the stream is coloured: a terminal that `takes_escapes` is.

    `NO_COLOR` turns colours off everywhere; without it, `FORCE_COLOR` turns them on. Empty counts as unset.
    """
    # First: who sets it, perhaps for all programs, cannot do with colours (no-color.org).
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return takes_escapes(stream)


def width(stream: TextIO | None) -> int | None:
    """Return the columns of the stream's terminal, or `COLUMNS` instead; None if it is not a terminal."""
    # A program or a file gets each row as one line.
    if stream is None or not is_terminal(stream):
        return None
    given = os.environ.get("COLUMNS", "")
    columns = int(given) if given.isdecimal() else 0
    if not columns:
        with contextlib.suppress(OSError):
            columns = os.get_terminal_size(stream.fileno()).columns
    return max(columns or _USUAL, _NARROWEST)


def takes_escapes(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal that understands escape sequences."""
    # As editors call the terminal in which they run a shell.
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def show_progress(text: str) -> None:
    """Show a line on stderr until the next is shown or something is written (`progress_hidden`); "" erases it."""
    global _shown  # noqa: PLW0603 - one process has one terminal
    with _writing:
        if text == _shown or sys.stderr is None:
            return
        _shown = text
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(_WIPE + text)
            sys.stderr.flush()


@contextlib.contextmanager
def progress_hidden() -> Iterator[None]:
    """Erase the shown line while something is written to stdout or stderr."""
    with _writing:
        show_progress("")
        yield
