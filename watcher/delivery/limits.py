"""The time that one request of a job may take. apprise waits for an answer as long as bytes keep coming."""

from __future__ import annotations

import math
import signal
import sys
import time

from requests.exceptions import Timeout

_AGAIN = 0.05
"""Seconds to the next signal, if one came too early by the other clock."""

if sys.platform == "win32":
    import _thread
    import threading

    def _interrupt_after(timer: RequestTimer, seconds: float) -> None:
        """Have another thread act as a signal, which Windows has no timer for.

        The first thread sees it when it waits for nothing; a socket that is waited for has a timeout of its own.
        """
        signal.signal(signal.SIGTERM, lambda *_: timer.check())
        if seconds:
            clock = threading.Timer(seconds, _thread.interrupt_main, (signal.SIGTERM,))
            clock.daemon = True
            clock.start()

else:

    def _interrupt_after(timer: RequestTimer, seconds: float) -> None:
        """Have a signal interrupt what this process waits for; 0: never."""
        signal.signal(signal.SIGALRM, lambda *_: timer.check())
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)


class CutOffError(Timeout, TimeoutError):
    """The request took too long. Both urllib3 and the plugins treat it as a timeout."""


class RequestTimer:
    """Ends requests that take too long, as a socket's own timeout would."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._until = math.inf

    def begin(self, timeout: float | None = None) -> None:
        """Begin a request, which may take the timeout, or so many seconds."""
        seconds = self.timeout if timeout is None else timeout
        self._until = time.monotonic() + seconds
        _interrupt_after(self, seconds)

    def end(self) -> None:
        """End it: no request is under way."""
        self._until = math.inf
        _interrupt_after(self, 0)

    def check(self) -> None:
        """Raise CutOffError if the request under way has taken its time."""
        if time.monotonic() >= self._until:
            self.end()
            raise CutOffError("timed out")
