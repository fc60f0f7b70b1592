"""`run`: poll after poll until stopped, and deliveries that become due in between."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - asyncio would load it with its first thread
import contextlib
import math
import random
from collections.abc import Callable
from dataclasses import replace

from watcher.alerts.queues.queue import FIRST_WAIT, seconds_left
from watcher.errors import ReplacedError, StateError
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.problems import (
    ProblemReporter,
    delivery_problems,
    problems,
)
from watcher.service.observer import Observer, Schedule

_SPREAD = 0.1
"""By which share of itself the interval varies, so that watchers do not ask at the same moment."""

_SHORTEST_WAIT = 0.05
_PAUSE = FIRST_WAIT
"""Seconds without deliveries after one that failed because of the state, which starts no backoff."""


class Daemon:
    """Poll after poll, until `poller.stopping` is set; `observer` hears of all of it."""

    def __init__(
        self,
        poller: Poller,
        schedule: Schedule,
        check_installation: Callable[[], None],
        observer: Observer,
    ) -> None:
        """Prepare the loop. `check_installation` raises InstallationError if it was replaced."""
        self._schedule = schedule
        self._observer = observer

        def progress(place: str, text: str) -> None:
            observer.poll_progressed()
            poller.progress(place, text)

        self._poller = replace(poller, progress=progress)
        self._stopping = poller.stopping
        self._check_installation = check_installation
        self._next_poll = 0.0
        """A moment of the loop's clock."""

    async def run(self) -> None:
        """Poll as often as the schedule says.

        The interval is the time between the starts of two polls, so they neither drift nor overlap; after one that
        takes longer the next starts at once. The next poll follows one that fails, except after ReplacedError (the lock
        or the state was replaced) and InstallationError.
        """
        self._observer.started(self._schedule)
        while not self._stopping.is_set():
            self._check_installation()
            is_saved = await self._poll()
            self._check_installation()  # the poll may have failed because of it
            await self._deliver_until_next_poll(is_saved=is_saved)

    async def _poll(self) -> bool:
        """Poll once; return False if the state could not be saved. ReplacedError and InstallationError as `run`."""
        poller, observer = self._poller, self._observer
        pause = self._schedule.interval * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
        self._next_poll = asyncio.get_running_loop().time() + pause
        report_problems = ProblemReporter(observer.problem)
        observer.poll_started()
        try:
            report = await replace(poller, on_problems=report_problems).poll()
        except StoppedError:
            return True
        except ReplacedError:
            raise
        except Exception as error:  # noqa: BLE001 - the service outlives any single poll
            observer.failed("poll", error)
            return False
        report_problems(problems(report))
        observer.poll_finished(report)
        if report.unsaved:
            poller.folder.see_that_it_is_held()  # a lost lock explains it
        return not report.unsaved

    async def _deliver_until_next_poll(self, *, is_saved: bool) -> None:
        """Wait until the next poll or a stop, and deliver what becomes due meanwhile.

        What cannot be saved is not sent at once again: the state knows nothing of the channels' backoffs then.
        """
        loop = asyncio.get_running_loop()
        paused_until = loop.time() + (0 if is_saved else _PAUSE)
        while (
            not self._stopping.is_set() and (left := self._next_poll - loop.time()) > 0
        ):
            due = _next_due(self._poller)
            wait = max(due, paused_until - loop.time(), _SHORTEST_WAIT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), min(left, wait))
            is_due = wait <= left and not self._stopping.is_set()
            if is_due and not await self._deliver():
                paused_until = loop.time() + _PAUSE

    async def _deliver(self) -> bool:
        """Deliver what is due; return False if the state did not allow it. InstallationError as `run`."""
        poller, observer = self._poller, self._observer
        report_problems = ProblemReporter(observer.problem)
        try:
            done = await replace(poller, on_problems=report_problems).deliver_due()
        except ReplacedError:
            raise
        except Exception as error:  # noqa: BLE001 - the service outlives any single delivery
            observer.failed("delivery", error)
            return False
        report_problems(delivery_problems(done.failures, done.expired, done.unsaved))
        observer.delivered(done)
        if done.unsaved:
            poller.folder.see_that_it_is_held()
        if done.failures:  # they may come from it
            self._check_installation()
        return not done.unsaved


def _next_due(poller: Poller) -> float:
    """Return the seconds until a channel with messages may be tried again; infinite if no channel has any."""
    try:
        queues = poller.folder.load().outbox.queues
    except StateError:
        return math.inf
    now = poller.clock()
    waits = [
        left
        for channel in poller.config.channels
        if (queue := queues.get(channel.name))
        and (left := seconds_left(queue, now)) is not None
    ]
    return min(waits, default=math.inf)
