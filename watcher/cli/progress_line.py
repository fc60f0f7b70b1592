"""A line on the terminal that says what a command is waiting for, once that takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self

from watcher import streams
from watcher.settings.model import Settings
from watcher.text.columns import truncate

PATIENCE = 1.0
"""Seconds that something may take before it is shown."""

_REFRESH = 0.2
"""Seconds between two updates of the line."""


class ProgressLine:
    """A `Progress` that shows on stderr what has been waited for longer than `PATIENCE`; a context manager.

    The line is wiped at the end. It is shown only if `wanted`, and if stderr is a terminal that can wipe a line.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self._wanted = wanted and streams.takes_escapes(sys.stderr)
        self._waits: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._refresh, name="progress line", daemon=True
        )

    def __enter__(self) -> Self:
        if self._wanted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._wanted:
            self._thread.join()

    def __call__(self, place: str, text: str) -> None:
        """Set what is waited for at a place; "" ends the wait."""
        with self._lock:
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
        """Return the line for this moment of the monotonic clock: the newest wait, and how many more; "" for none."""
        with self._lock:
            waits = [
                wait
                for wait in reversed(self._waits.values())
                if now - wait[0] > PATIENCE
            ]
        if not waits:
            return ""
        more = f" and {len(waits) - 1} more" if len(waits) > 1 else ""
        seconds = f" ({now - min(started for started, _ in waits):.0f} s)"
        room = (streams.width(sys.stderr) or 80) - len(more + seconds) - 1
        return truncate(waits[0][1], room) + more + seconds


def progress_line(settings: Settings) -> ProgressLine:
    """Return the line for a command; with the log level `debug` it would only be between the log's lines."""
    return ProgressLine(wanted=settings.log_level != "debug")
