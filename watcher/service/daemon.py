"""`run`: poll after poll until stopped, and deliveries that become due in between."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - asyncio would load it with its first thread
import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from watcher import timestamps
from watcher.alerts.queues.queue import FIRST_WAIT, seconds_left
from watcher.errors import ReplacedError, StateError
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.reports.problems import ProblemReporter, delivery_problems, problems
from watcher.progress import Progress
from watcher.service.model import Plan
from watcher.service.observer import Observer
from watcher.text.sanitize import escape_invisible

_SHORTEST_WAIT = 0.05
_CHECK_RETRY = 1.0
"""Seconds between two checks, during a backoff, of whether `test-alerts` has ended it."""

_PAUSE = FIRST_WAIT
"""Seconds without deliveries after one that failed because of the state, which starts no backoff."""


async def run(poller: Poller, plan: Plan, check_installation: Callable[[], None], observer: Observer) -> None:
    """Poll as often as the plan says until `poller.stopping` is set; `observer` hears of all of it.

    The interval is the time between the starts of two polls, so they neither drift nor overlap; after one that takes
    longer the next starts at once. The next poll follows one that fails, except after ReplacedError (the lock or the
    state was replaced) and InstallationError from `check_installation`.
    """
    loop = asyncio.get_running_loop()
    poller = replace(poller, progress=_noting(observer, poller.progress))
    revision = 0
    observer.started(plan)
    while not poller.stopping.is_set():
        check_installation()
        began = loop.time()
        next_poll = began + plan.interval * (1 + random.uniform(-plan.jitter, plan.jitter))  # noqa: S311 - no secret
        report_problems = ProblemReporter(observer.problem)
        observer.poll_started()
        try:
            revision = _require_same_state(poller, revision)
            report = await _reporting_to(report_problems, poller).poll()
            revision = max(revision, poller.folder.load_revision())  # lower if the state vanished meanwhile
        except StoppedError:
            break
        except ReplacedError:
            raise
        except Exception as error:  # noqa: BLE001 - the service outlives any single poll
            observer.poll_failed(error, _time_at(next_poll, poller))
        else:
            report_problems(problems(report))
            observer.poll_finished(report, loop.time() - began, _time_at(next_poll, poller))
            if report.unsaved:
                poller.folder.see_that_it_is_held()  # a lost lock explains it
        check_installation()  # the poll may have failed because of it
        await _deliver_until(next_poll, poller, check_installation, observer)


def _noting(observer: Observer, progress: Progress) -> Progress:
    """Return a `Progress` whose reports the observer notices too."""

    def report(place: str, text: str) -> None:
        observer.poll_progressed()
        progress(place, text)

    return report


def _time_at(moment: float, poller: Poller) -> str:
    """Return the time at a moment of the loop's clock; one in the past is now."""
    return timestamps.later(poller.clock(), max(0.0, moment - asyncio.get_running_loop().time()))


def _reporting_to(report_problems: ProblemReporter, poller: Poller) -> Poller:
    return replace(poller, on_expired=report_problems.expired, on_set_aside=report_problems.set_aside)


def _require_same_state(poller: Poller, revision: int) -> int:
    """Return the state's revision. ReplacedError if it is older than this process left it: changes would be lost."""
    found = poller.folder.load_revision()
    if found < revision:
        raise ReplacedError(
            f"the state in {escape_invisible(str(poller.folder.path))} has vanished or was replaced"
            " while this process ran",
            hint="put it back, or begin with an empty folder; then start comfy-watch again",
        )
    return found


async def _deliver_until(
    moment: float, poller: Poller, check_installation: Callable[[], None], observer: Observer
) -> None:
    """Wait until the loop's `moment` or a stop, and deliver what becomes due meanwhile."""
    loop = asyncio.get_running_loop()
    paused_until = loop.time()
    while not poller.stopping.is_set() and (left := moment - loop.time()) > 0:
        ended = poller.folder.ended_backoffs()
        due = _next_due(poller)
        if due is None:
            await _stopped(poller, left)
            continue
        wait = max(due, paused_until - loop.time(), _SHORTEST_WAIT)
        if await _backoff_ended(poller, min(left, wait), ended) or poller.stopping.is_set():
            continue
        if wait <= left and not await _deliver(poller, check_installation, observer):
            paused_until = loop.time() + _PAUSE


async def _backoff_ended(poller: Poller, seconds: float, ended: Mapping[str, str]) -> bool:
    """Wait for the seconds or a stop; return True as soon as `test-alerts` has reached a channel."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not poller.stopping.is_set() and (left := until - loop.time()) > 0:
        await _stopped(poller, min(left, _CHECK_RETRY))
        if poller.folder.ended_backoffs() != ended:
            return True
    return False


async def _stopped(poller: Poller, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(poller.stopping.wait(), seconds)


def _next_due(poller: Poller) -> float | None:
    """Return the seconds until a channel with messages may be tried again; None if no channel has any."""
    try:
        queues = poller.folder.load().outbox.queues
    except StateError:
        return None
    now = poller.clock()
    waits = [
        max(left, poller.backoffs.seconds_left(channel.name, now))
        for channel in poller.config.channels
        if (queue := queues.get(channel.name)) and (left := seconds_left(queue, now)) is not None
    ]
    return min(waits, default=None)


async def _deliver(poller: Poller, check_installation: Callable[[], None], observer: Observer) -> bool:
    """Deliver what is due; return False if the state did not allow it. InstallationError as `run`."""
    report_problems = ProblemReporter(observer.problem)
    try:
        done = await _reporting_to(report_problems, poller).deliver_due()
    except ReplacedError:
        raise
    except Exception as error:  # noqa: BLE001 - the service outlives any single delivery
        observer.delivery_failed(error)
        return False
    report_problems(delivery_problems(done.failures, done.expired, done.unsaved))
    observer.delivered(done)
    if done.unsaved:
        poller.folder.see_that_it_is_held()
    if done.failures:
        check_installation()
    return not done.unsaved
