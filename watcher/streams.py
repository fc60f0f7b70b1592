"""What a stream of text leads to: whether it is a terminal, how wide, and whether it gets colours."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

_NARROWEST = 20
_WIPE = "\r\x1b[K"

_writing = threading.RLock()  # a signal handler may write while its own thread is writing
_shown = ""


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether the stream is open and leads to a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def coloured(stream: TextIO | None) -> bool:
    """Tell whether the stream gets colours: a terminal does, unless it is a dumb one.

    `NO_COLOR` takes them from every stream; `FORCE_COLOR` gives them to every other one. Set but empty is not set.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def width(stream: TextIO | None) -> int | None:
    """Give the columns of the terminal that the stream leads to; None for what is no terminal, which has no edge."""
    if not is_terminal(stream):
        return None
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def can_wipe(stream: TextIO | None) -> bool:
    """Tell whether a line on the stream can be taken back."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def show(text: str) -> None:
    """Show a line on stderr until the next is shown or anything is written (`undisturbed`); "" wipes it."""
    global _shown  # noqa: PLW0603 - one process has one terminal
    with _writing:
        if text == _shown or sys.stderr is None:
            return
        _shown = text
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(_WIPE + text)
            sys.stderr.flush()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the shown line away while something is written to stdout or stderr."""
    with _writing:
        show("")
        yield
