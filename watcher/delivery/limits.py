"""Limits for one request of a job: its duration, and the memory that its answer takes.

apprise waits while bytes keep coming and keeps them all. A job is a process of its own, so that a timer signal can look
at the request under way and end it with an exception, as a socket's own timeout would.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from requests.exceptions import RequestException, Timeout

from watcher.delivery.process.ticks import Ticks, peak

_MOST = 2**14
"""The most, in KB, that memory may grow during one request."""


class CutOffError(Timeout, TimeoutError):
    """The request took too long. Both urllib3 and the plugins treat it as a timeout."""


class FloodError(RequestException):
    """The answer is too long to be kept."""


class Limits:
    """Ends requests that take too much."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._until = 0.0
        self._size = 0
        self._ticks = Ticks(self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    def begin(self, timeout: float | None = None) -> None:
        """Begin a request, which may take the timeout, or so many seconds."""
        self._until = time.monotonic() + (self.timeout if timeout is None else timeout)
        self._size = peak()
        self._ticks.start()

    def end(self) -> None:
        """Look no more: no request is under way."""
        self._ticks.stop()

    def rest(self, wait: Callable[[], object]) -> None:
        """Wait for something that is no part of a request under way, and takes nothing of its time."""
        is_under_way = self._ticks.stop()
        began = time.monotonic()
        wait()
        self._until += time.monotonic() - began
        if is_under_way:
            self._ticks.start()

    def close(self, last: Callable[[], object]) -> None:
        """Do the last thing, in which requests may begin without end; no look at them comes later."""
        with suppress(CutOffError, FloodError):
            last()
        self.end()

    def _look(self) -> None:
        if time.monotonic() > self._until:
            self.end()
            raise CutOffError("timed out")
        if peak() - self._size > _MOST:
            self.end()
            raise FloodError("the answer is too long")
