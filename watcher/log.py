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

_COLOURS = {"critical": "\x1b[31m", "warning": "\x1b[33m"}
"""Red and yellow, by the severity of an event; structlog ends a colour with its line."""

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
        # A terminal breaks a line in the middle of an id, which nobody can copy then.
        if self._for_people:
            line = "\n".join(wrap(line, width(stream), "  "))
        if stream is not None:
            # A log that cannot be written is no reason to lose an alert.
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

    `auto` is console on a terminal and in systemd's journal, and JSON lines elsewhere. `stream` None means stderr, as
    it is when a line is written. Console text is a line's `message`, else its event and fields, coloured as `coloured`
    says and with the local time on a terminal; systemd's journal adds the time and the colours.
    """
    global _level, _format, _stream
    _level, _format, _stream = level, format, stream
    prepare.cache_clear()


@functools.cache
def prepare() -> FilteringBoundLogger:
    """Load and configure structlog, which the first line does otherwise; return the logger."""
    import structlog

    stream = _stream or sys.stderr
    in_journal, on_terminal = is_journal(stream), is_terminal(stream)
    is_read = in_journal or on_terminal
    for_people = _format == "console" or (_format == "auto" and is_read)
    # JSON unless a person reads: containers and collectors parse the lines.
    render: list[Processor] = [structlog.processors.JSONRenderer()]
    if for_people:
        colours = coloured(stream) and not in_journal
        console = structlog.dev.ConsoleRenderer(
            colors=colours, pad_event_to=0, pad_level=False
        )
        render = [functools.partial(_in_words, colours=colours), console]
    is_local = for_people and on_terminal
    time = structlog.processors.TimeStamper(
        fmt="%H:%M:%S" if is_local else "iso", utc=not is_local
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            # The journal has a time of its own.
            *([] if for_people and in_journal else [time]),
            _sanitize,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level),
        logger_factory=functools.partial(_Writer, for_people=for_people),
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _in_words(
    _logger: object, _method: str, line: MutableMapping[str, Any], *, colours: bool
) -> MutableMapping[str, Any]:
    """Return a line with its message instead of its event and fields, if it has one: a structlog processor."""
    # Lines of `debug` have none: who asks for them wants the fields.
    if "message" not in line:
        return line
    shown = {name: line[name] for name in ("timestamp", "level") if name in line}
    # The level says how the program does, and a ban is no failure of it.
    colour = _COLOURS.get(str(line.get("severity")), "") if colours else ""
    return {**shown, "event": colour + line["message"]}


def _sanitize(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> dict[str, object]:
    """Return the line with safe values, its time, level and event first: a structlog processor."""
    # A fixed order, so that lines can be compared and cut in columns.
    names = dict.fromkeys(("timestamp", "level", "event", *line))
    return {
        name: _safe(line[name])
        for name in names
        if name in line and name not in _TRACEBACKS
    }


def _safe(value: object) -> object:
    """Return a value that either format can show on one line: a number, None, or else plain text."""
    match value:
        # `NaN` and `Infinity` are no JSON, and a parser would refuse the line.
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
