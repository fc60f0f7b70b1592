"""Signals: the first one stops gracefully, the second at once (docs/behaviour.md, Commands)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

if sys.platform == "win32":
    _TO_STOP = (signal.SIGINT, signal.SIGBREAK, signal.SIGTERM)
    """Ctrl-C, Ctrl-Break, and what only this process can send itself: others can end it at once, and nothing else."""

    def _call_on(number: signal.Signals, handle: Callable[[], object]) -> None:
        """Have a function called at each such signal. No loop can do that on Windows."""
        signal.signal(number, lambda *_: handle())

else:
    _TO_STOP = (signal.SIGTERM, signal.SIGINT)

    def _call_on(number: signal.Signals, handle: Callable[[], object]) -> None:
        """Have a function called at each such signal."""
        asyncio.get_running_loop().add_signal_handler(number, handle)


class Stop:
    """The request to stop: `event` is set by the first SIGTERM or SIGINT, `signal` is its number, else 0."""

    def __init__(self, on_stop: Callable[[str], None] = lambda _: None) -> None:
        """Handle both signals; call it inside the running loop. `on_stop` is called with the first one's name."""
        self._on_stop = on_stop
        self.event = asyncio.Event()
        self.signal = 0
        self._loop = asyncio.get_running_loop()
        for number in _TO_STOP:
            _call_on(number, partial(self._handle, number))

    def _handle(self, number: int) -> None:
        if self.signal:
            # Safe at any moment: every write is atomic, and what is not acknowledged stays in the outbox.
            os._exit(128 + number)
        self.signal = number
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self.event.set()
        self._on_stop(signal.Signals(self.signal).name)
