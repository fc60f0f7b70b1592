"""Logs: one line an event, to stderr, as console text or JSON.

Every text is sanitized, so that no line can be forged and no terminal escape passes. No traceback is logged, whose
locals could hold secrets. structlog is loaded with the first line that is written: it takes 40 ms, a tenth of a quiet
poll, which writes none.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from watcher.streams import coloured, is_journal, is_terminal, progress_hidden, width
from watcher.text.columns import wrap
from watcher.text.sanitize import Trusted, safe_line

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

LEVELS: tuple[str, ...] = ("debug", "info", "warning", "error")
"""Least severe first."""

_VALUE_LIMIT = 500
_TRACEBACKS = frozenset({"exc_info", "exception", "stack"})
"""Fields that structlog shows as a traceback."""

_level = "info"
_format = "auto"
_stream: TextIO | None = None


class _Writer:
    """Writes each line to the stream; a stream that is missing, closed or broken loses it silently.

    Where the stream is systemd's journal the line begins with its priority (sd-daemon(3)). On a terminal a line for
    people is wrapped.
    """

    def __init__(self, *, for_people: bool) -> None:
        self._priorities = is_journal(_stream or sys.stderr)
        self._for_people = for_people

    def _write(self, priority: int, line: str) -> None:
        stream = _stream or sys.stderr
        if self._for_people:
            line = "\n".join(wrap(line, width(stream), "  "))
        if stream is not None:
            with progress_hidden(), contextlib.suppress(OSError, ValueError):
                stream.write(
                    f"<{priority}>{line}\n" if self._priorities else f"{line}\n"
                )
                stream.flush()

    debug = functools.partialmethod(_write, 7)
    info = functools.partialmethod(_write, 6)
    warning = functools.partialmethod(_write, 4)
    error = functools.partialmethod(_write, 3)


def configure(
    level: str = "info",
    format: str = "auto",  # noqa: A002 - the setting's name
    stream: TextIO | None = None,
) -> None:
    """Set what is logged from now on: the least `level` of `LEVELS`, `format` = `auto`, `console` or `json`.

    `auto` is console where `is_for_people`, and JSON lines elsewhere. `stream` None means stderr, as it is when a line
    is written. Console text is coloured as `streams.coloured` says; systemd's journal adds the time and the colours.
    """
    global _level, _format, _stream
    _level, _format, _stream = level, format, stream
    prepare.cache_clear()


@functools.cache
def prepare() -> FilteringBoundLogger:
    """Load and configure structlog, which the first line does otherwise; return the logger."""
    import structlog

    stream = _stream or sys.stderr
    with_time = [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    render: Processor
    as_json = _format == "json" or not (_format == "console" or is_for_people())
    if as_json:
        render = structlog.processors.JSONRenderer()
    elif is_journal(stream):
        with_time = []
        render = structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, pad_level=False
        )
    else:
        render = structlog.dev.ConsoleRenderer(colors=coloured(stream), pad_event_to=0)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            *with_time,
            _sanitize,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level),
        logger_factory=functools.partial(_Writer, for_people=not as_json),
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _sanitize(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> dict[str, object]:
    """Return the line with safe values, its time, level and event first: a structlog processor."""
    names = dict.fromkeys(("timestamp", "level", "event", *line))
    return {
        name: _safe(line[name])
        for name in names
        if name in line and name not in _TRACEBACKS
    }


def _safe(value: object) -> object:
    """Return a value that either format can show on one line: a number, None, or else plain text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case PurePath():  # the machine's own, shown so that it can be found again
            return safe_line(Trusted(value))
        case _:
            return safe_line(
                value if isinstance(value, str) else str(value), _VALUE_LIMIT
            )


def is_logged(level: str) -> bool:
    """Return whether lines of a level are written."""
    return LEVELS.index(level) >= LEVELS.index(_level)


def is_for_people() -> bool:
    """Return whether a person reads it: the format is `auto`, and the stream is a terminal or systemd's journal."""
    stream = _stream or sys.stderr
    return _format == "auto" and (is_terminal(stream) or is_journal(stream))


def _emit(level: str, event: str, /, **fields: object) -> None:
    if is_logged(level):  # structlog filters too, but would have to be loaded for it
        getattr(prepare(), level)(event, **fields)


debug = functools.partial(_emit, "debug")
"""Log what helps to find a fault."""

info = functools.partial(_emit, "info")
"""Log what happened as expected."""

warning = functools.partial(_emit, "warning")
"""Log what may need a person."""

error = functools.partial(_emit, "error")
"""Log what needs a person."""
