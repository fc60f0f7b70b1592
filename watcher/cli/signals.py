"""Signals: the first asks for a graceful stop, the second stops at once (contract, Commands, `run`)."""

from __future__ import annotations

import asyncio
import os
import signal


class Stop:
    """Set by the first SIGTERM or SIGINT; `signal` is its number, 0 while there was none."""

    def __init__(self) -> None:
        """Take over both signals; call it inside the running loop."""
        self.event = asyncio.Event()
        self.signal = 0
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._take, number)

    def _take(self, number: int) -> None:
        if self.event.is_set():
            # Every write is atomic and nothing unacknowledged is forgotten, so at once is safe at any moment.
            os._exit(128 + number)
        self.signal = number
        self.event.set()
