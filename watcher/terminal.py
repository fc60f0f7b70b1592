"""What a stream of text leads to: whether it is a terminal, how wide, and whether it gets colours."""

from __future__ import annotations

import os
import shutil
from typing import TextIO

_NARROWEST = 20


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
