"""Signals: the first one stops gracefully, the second at once (docs/behaviour.md, Commands)."""

from __future__ import annotations

import asyncio
import os
import signal


class Stop:
    """The request to stop: `event` is set by the first SIGTERM or SIGINT, `signal` is its number, else 0."""

    def __init__(self) -> None:
        """Handle both signals; call it inside the running loop."""
        self.event = asyncio.Event()
        self.signal = 0
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._handle, number)

    def _handle(self, number: int) -> None:
        if self.event.is_set():
            # Safe at any moment: every write is atomic, and what is not acknowledged stays in the outbox.
            os._exit(128 + number)
        self.signal = number
        self.event.set()
