"""SIGHUP: it has the settings read again, and stops what runs on a terminal that was closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from watcher.cli.signals import Stop

_UNTIL_CLOSED = 0.5
"""Seconds after which a terminal that is being closed is certain to be gone: some send the signal before that."""

if sys.platform == "win32":

    def on_hangup(stop: Stop, reload: Callable[[], object]) -> None:
        """Do nothing: there is no such signal."""

else:

    def on_hangup(stop: Stop, reload: Callable[[], object]) -> None:
        """Handle the signal; call it inside the running loop. `reload` is called there.

        It stays ignored where it was ignored when this process started, as `nohup` does.
        """
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            return
        loop = asyncio.get_running_loop()
        had_terminal = _has_terminal()

        def decide() -> None:
            if had_terminal and not _has_terminal():
                stop.request(signal.SIGHUP)
            else:
                reload()

        def handle(_number: int, _frame: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(
                    loop.call_later, _UNTIL_CLOSED if had_terminal else 0.0, decide
                )

        # The loop's own handlers end with it, and a terminal that is closed may send the signal twice.
        signal.signal(signal.SIGHUP, handle)

    def _has_terminal() -> bool:
        """Return whether this process belongs to a terminal that is open."""
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return False
        return True
