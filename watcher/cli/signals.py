"""Signals: the first one stops gracefully, the second at once (docs/dev/behaviour.md, Commands)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn, Self

if sys.platform == "win32":
    _TO_STOP = (signal.SIGINT, signal.SIGBREAK, signal.SIGTERM)
    """Ctrl-C, Ctrl-Break, and what only this process can send itself: others can end it at once, and nothing else."""
else:
    _TO_STOP: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGINT)
    # It stays ignored where it is, as `nohup` has it.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        _TO_STOP += (signal.SIGHUP,)

LONGEST_STOP = 4.0
"""Seconds from the first signal to the end of the process, whatever it waits for. Five are promised."""

_LAST_WORDS = 0.3
"""Seconds that a process has to say that it ends now: what it writes to may not be read any more."""


def _deadline(end: Callable[[], object]) -> Callable[[], None]:
    """Return what a handler calls to have `end` called `LONGEST_STOP` seconds later, in a thread that waits for that.

    A handler must wait for no lock that what it interrupts may hold, so it starts no thread.
    """
    begun = threading.Lock()
    begun.acquire()

    def wait() -> None:
        begun.acquire()
        time.sleep(LONGEST_STOP)
        end()

    # A thread, since what hangs may be the loop, and made now, as a handler cannot start one.
    threading.Thread(target=wait, name="stop", daemon=True).start()
    return begun.release


class Stop:
    """The request to stop: `event` is set by the first SIGTERM, SIGINT or SIGHUP, `signal` is its number, else 0.

    Until it is heard in a loop, the first signal ends the process: nothing has begun that could be lost. One that still
    runs `LONGEST_STOP` seconds later is ended too, as by a second signal. That is safe at any moment: every write is
    atomic, and what is not acknowledged stays in the outbox.
    """

    def __init__(
        self,
        on_stop: Callable[[str], object] = lambda _: None,
        overdue: Callable[[str], None] = lambda _: None,
        overdue_code: int | None = None,
    ) -> None:
        """Handle these signals.

        `on_stop` is called with the first signal's name, in the loop if there is one. `overdue` is called with it when
        the process is ended, in another thread if there is a loop. The exit code is then `overdue_code`, else 128 and
        the signal's number.
        """
        self._on_stop = on_stop
        self._overdue = overdue
        self._overdue_code = overdue_code
        self.event = asyncio.Event()
        self.signal = 0
        self.is_over = False
        """All is done but the exit, so that `overdue` need not be called."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begin_deadline = _deadline(self._end_overdue)
        for number in _TO_STOP:
            # A handler of the loop would be called only once the loop has time for it. And no loop has any on Windows.
            signal.signal(number, self._handle)

    def heard_in_loop(self) -> Self:
        """Have the running loop hear of the request from now on."""
        self._loop = asyncio.get_running_loop()
        return self

    def _handle(self, number: int, _frame: object) -> None:
        if self.signal:
            # At once: the end of the interpreter would wait for threads that may hang.
            os._exit(128 + number)
        self.signal = number
        self._begin_deadline()
        if self._loop is None:
            try:
                self._on_stop(self.name)
                self._overdue(self.name)
            finally:
                os._exit(self._code)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._begin)

    @property
    def name(self) -> str:
        """The name of the signal; call it only after it has come."""
        return signal.Signals(self.signal).name

    def _begin(self) -> None:
        self.event.set()
        self._on_stop(self.name)

    def _end_overdue(self) -> NoReturn:
        # Beside it, as the write of the last words may hang as well.
        threading.Timer(_LAST_WORDS, lambda: os._exit(self._code)).start()
        if not self.is_over:
            self._overdue(self.name)
        os._exit(self._code)

    @property
    def _code(self) -> int:
        return 128 + self.signal if self._overdue_code is None else self._overdue_code
