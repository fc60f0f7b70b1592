"""Logs: one line an event, to stderr, as console text or JSON; structlog is loaded with the first line written.

Values may be untrusted, so every text goes through `sanitize_line`, and one that is marked as our `OwnText` through
`escape_invisible`: no line can be forged and no terminal escape passes, in either format. No traceback is logged, whose
locals could hold secrets.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from watcher.streams import coloured, is_terminal, undisturbed
from watcher.text.sanitize import OwnText, display, sanitize_line

if TYPE_CHECKING:
    from structlog.typing import Processor

LEVELS: tuple[str, ...] = ("debug", "info", "warning", "error")
"""Least severe first."""

_VALUE_LIMIT = 500
_KEY_LIMIT = 60
_OURS = frozenset({"event", "level", "timestamp", "exc_info", "exception", "stack", "stack_info"})
"""Names that mean something to structlog; a field called so gets a trailing underscore."""


class _Log:
    """Where lines go and which; the processors are made with the first line."""

    def __init__(self, level: str, style: str, stream: TextIO | None) -> None:
        self._threshold = LEVELS.index(level)
        self._style = style
        self._stream = stream
        self._processors: list[Processor] | None = None
        self._lock = threading.RLock()  # a signal handler may log while its own thread is writing

    def prepare(self) -> None:
        """Load what the first line needs."""
        with self._lock:
            if self._processors is None and (stream := self._stream or sys.stderr) is not None:
                self._processors = _processors(self._style, stream)

    def emit(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """Write one line if its level is enabled; a stream that is closed or broken takes it away silently."""
        stream = self._stream or sys.stderr
        if LEVELS.index(level) < self._threshold or stream is None:
            return
        with self._lock:
            self.prepare()
            line: Any = {"timestamp": None, "level": level, "event": sanitize_line(event, _VALUE_LIMIT)}
            line |= {
                f"{name}_" if name in _OURS else sanitize_line(name, _KEY_LIMIT): _safe(value)
                for name, value in fields.items()
            }
            for process in self._processors or ():
                line = process(None, level, line)
            with undisturbed(), contextlib.suppress(OSError, ValueError):
                stream.write(f"{line}\n")
                stream.flush()


def _processors(style: str, stream: TextIO) -> list[Processor]:
    import structlog

    as_console = style == "console" or (style == "auto" and is_terminal(stream))
    colors = as_console and coloured(stream)
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=colors) if as_console else structlog.processors.JSONRenderer(),
    ]


def _safe(value: object) -> object:
    """Give a value that either format can show on one line: a number, None, or else plain text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case PurePath():  # the machine's own, to be found again by what is written
            return display(OwnText(value))
        case _:
            return display(value if isinstance(value, str) else str(value), _VALUE_LIMIT)


_log = _Log("info", "auto", None)


def configure(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:  # noqa: A002 - the setting's name
    """Set what is logged from now on: the least `level` of `LEVELS`, `format` = `auto`, `console` or `json`.

    `auto` is console on a terminal and JSON lines elsewhere. `stream` None means stderr, as it is when a line is
    written. Console text has colours where `terminal.coloured` says so.
    """
    global _log  # noqa: PLW0603 - one process has one log
    _log = _Log(level, format, stream)


def prepare() -> None:
    """Load now what would be loaded with the first line."""
    _log.prepare()


def debug(event: str, /, **fields: object) -> None:
    """Log what only someone who looks for a fault wants to see."""
    _log.emit("debug", event, fields)


def info(event: str, /, **fields: object) -> None:
    """Log what happened as it should."""
    _log.emit("info", event, fields)


def warning(event: str, /, **fields: object) -> None:
    """Log what may need a person."""
    _log.emit("warning", event, fields)


def error(event: str, /, **fields: object) -> None:
    """Log what needs a person."""
    _log.emit("error", event, fields)
