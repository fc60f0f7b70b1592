"""A line on the terminal that says what is waited for, while that takes longer than a second; wiped in the end."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self

from watcher import streams
from watcher.cli.terminal import cut

PATIENCE = 1.0
"""Seconds that something may take before it is spoken of."""

_BETWEEN = 0.2
_MOST = 2


class Ticker:
    """Takes notes as a `Progress` and shows those that are older than `PATIENCE`; a context manager.

    It does so on stderr, and only if that is a terminal that can wipe a line, and if it is `wanted`.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self._wanted = wanted and streams.can_wipe(sys.stderr)
        self._notes: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="ticker", daemon=True)

    def __enter__(self) -> Self:
        if self._wanted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._wanted:
            self._thread.join()

    def __call__(self, place: str, text: str) -> None:
        """Note what is waited for at a place; "" is nothing any more."""
        with self._lock:
            if text:
                begun, _ = self._notes.get(place, (time.monotonic(), ""))
                self._notes[place] = begun, text
            else:
                self._notes.pop(place, None)

    def _tick(self) -> None:
        while not self._over.wait(_BETWEEN):
            streams.show(self.line(time.monotonic()))
        streams.show("")

    def line(self, now: float) -> str:
        """Return the line for this moment of the monotonic clock, newest notes first; "" while nothing takes long."""
        with self._lock:
            notes = [note for note in reversed(self._notes.values()) if now - note[0] > PATIENCE]
        if not notes:
            return ""
        texts = [text for _, text in notes]
        more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
        seconds = f" ({now - min(begun for begun, _ in notes):.0f} s)"
        room = (streams.width(sys.stderr) or 80) - len(more + seconds) - 1
        return cut("; ".join(texts[:_MOST]), room) + more + seconds
