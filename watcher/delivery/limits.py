"""Limits for one request of a job: its duration, and the memory that its answer takes.

apprise waits while bytes keep coming and keeps them all. A job is a process of its own, so that a timer signal can look
at the request under way and end it with an exception, as a socket's own timeout would.
"""

from __future__ import annotations

import logging
import resource
import signal
import time
from typing import Self

from requests.exceptions import RequestException, Timeout

_LOGGER = logging.getLogger("urllib3.connectionpool")
_LOOK = 0.05
"""Seconds between two looks at the request under way."""

_MOST = 2**14
"""The most, in KB, that memory may grow during one request."""


class CutOffError(Timeout, TimeoutError):
    """The request took too long. Both urllib3 and the plugins treat it as a timeout."""


class FloodError(RequestException):
    """The answer is too long to be kept."""


class Limits(logging.Handler):
    """Ends requests that take too much, and knows the HTTP status of the one under way from urllib3's log."""

    def __init__(self, timeout: float) -> None:
        super().__init__(logging.DEBUG)
        self.status = 0
        """0 until the answer has begun."""
        self.is_over = False
        """The time of the request was up."""
        self._timeout = timeout
        self._until = 0.0
        self._size = 0

    def __enter__(self) -> Self:
        _LOGGER.setLevel(logging.DEBUG)
        _LOGGER.addHandler(self)
        self.end()  # a service that logs out in its destructor has begun a request after its message
        signal.signal(signal.SIGALRM, self._look)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()
        _LOGGER.removeHandler(self)

    def begin(self) -> None:
        """Begin a request."""
        self.status, self.is_over = 0, False
        self._until = time.monotonic() + self._timeout
        self._size = _peak()
        signal.setitimer(signal.ITIMER_REAL, _LOOK, _LOOK)

    def end(self) -> None:
        """Look no more: no request is under way."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def emit(self, record: logging.LogRecord) -> None:
        """Take the status out of the entry that urllib3 writes between an answer's head and its body.

        Any other entry begins another request: a plugin may send several without `throttle` between them.
        """
        args = record.args if isinstance(record.args, tuple) else ()
        self.status = args[6] if len(args) == 8 and isinstance(args[6], int) else 0

    def _look(self, *_: object) -> None:
        if time.monotonic() > self._until:
            self.end()
            self.is_over = True
            raise CutOffError("timed out")
        if _peak() - self._size > _MOST:
            self.end()
            raise FloodError("the answer is too long")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
