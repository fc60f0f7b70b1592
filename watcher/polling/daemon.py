"""`run`: poll after poll until told to stop, with deliveries that become due in between."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace

from watcher import log
from watcher.alerts import outbox
from watcher.errors import ReplacedError, StateError, WatchError
from watcher.polling.installation import ANY, Installation
from watcher.polling.model import Report
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.problems import Problem, ProblemReporter, channel_problems, problems, unsaved_problems
from watcher.text.sanitize import Trusted, escape_invisible

_SHORTEST_NAP = 0.05
_LOOK = 1.0
"""Seconds between two looks, while a channel rests, at whether `test-alerts` has reached it."""

_REST = outbox.FIRST_WAIT
"""Seconds without a delivery after one that the state did not allow; no queue can rest for that."""


async def run(
    poller: Poller,
    interval: float,
    jitter: float,
    installation: Installation = ANY,
    *,
    polls: int | None = None,
) -> None:
    """Poll every `interval` seconds, each wait longer or shorter by up to the share `jitter`.

    Waits are measured from a poll's begin, so polls neither drift nor overlap: one that takes longer than the interval
    is followed at once by the next. Whatever a poll throws is logged, and the next one comes; but ReplacedError, which
    says that the lock or the state is another one by now, is raised, and InstallationError where the `installation` is.
    `polls` ends it after so many. Returns when the poller's `stopping` is set.
    """
    loop = asyncio.get_running_loop()
    revision = 0
    done = 0
    while not poller.stopping.is_set():
        installation.check()
        begun = loop.time()
        report_problems = ProblemReporter(_log_problem)
        try:
            revision = _unbroken(poller, revision)
            report = await replace(poller, on_expired=report_problems.expired).poll()
            revision = max(revision, poller.folder.load_revision())  # less means that it vanished meanwhile
        except StoppedError:
            break
        except ReplacedError:
            raise
        except StateError as error:
            log.error("poll failed: state", error=Trusted(error.line))
        except WatchError as error:
            log.error("poll failed", error=Trusted(error.line))
        except Exception as error:  # noqa: BLE001 - the service outlives any single poll
            log.error("poll failed", error=f"unexpected {type(error).__name__}")
        else:
            report_problems(problems(report))
            _log(report, loop.time() - begun)
            if report.unsaved:
                poller.folder.see_that_it_is_held()  # or say at once why nothing could be saved
        done += 1
        if done == polls:
            break
        installation.check()  # what went wrong may be for want of it
        await _until(poller, installation, begun + interval * (1 + random.uniform(-jitter, jitter)))  # noqa: S311 - no secret


def _unbroken(poller: Poller, revision: int) -> int:
    """See that the state is the one this process left: beginning anew in silence would lose changes."""
    found = poller.folder.load_revision()
    if found < revision:
        raise ReplacedError(
            f"the state in {escape_invisible(str(poller.folder.path))} has vanished or was replaced"
            " while this process ran",
            hint="put it back, or begin anew; then start comfy-watch again",
        )
    return found


async def _until(poller: Poller, installation: Installation, moment: float) -> None:
    """Wait until the loop's `moment` or a stop, delivering what becomes due on the way."""
    loop = asyncio.get_running_loop()
    resting_until = loop.time()
    while not poller.stopping.is_set() and (left := moment - loop.time()) > 0:
        mark = poller.folder.backoffs_mark()
        due = _next_due(poller)
        if due is not None:
            due = max(due, resting_until - loop.time())
        nap = left if due is None else min(left, max(due, _SHORTEST_NAP))
        if due is None:
            await _stopped(poller, nap)
        elif await _reached(poller, nap, mark):
            continue
        if due is not None and due <= nap and not poller.stopping.is_set() and not await _deliver(poller, installation):
            resting_until = loop.time() + _REST


async def _reached(poller: Poller, seconds: float, mark: object) -> bool:
    """Wait so many seconds or until a stop; True as soon as `test-alerts` says that it has reached a channel."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not poller.stopping.is_set() and (left := until - loop.time()) > 0:
        await _stopped(poller, min(left, _LOOK))
        if poller.folder.backoffs_mark() != mark:
            return True
    return False


async def _stopped(poller: Poller, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(poller.stopping.wait(), seconds)


def _next_due(poller: Poller) -> float | None:
    """Give the seconds until some channel may be tried again; None where none waits."""
    try:
        queues = poller.folder.load().outbox.queues
    except StateError:
        return None
    now = poller.clock()
    waits = [
        max(outbox.backoff_left(queues[channel.name].not_before, now), poller.backoffs.seconds_left(channel.name, now))
        for channel in poller.config.channels
        if channel.name in queues and queues[channel.name].messages
    ]
    return min(waits, default=None)


async def _deliver(poller: Poller, installation: Installation) -> bool:
    """Deliver what is due; False if the state did not allow it. InstallationError where that is why it failed."""
    report_problems = ProblemReporter(_log_problem)
    try:
        done = await replace(poller, on_expired=report_problems.expired).deliver_due()
    except ReplacedError:
        raise
    except StateError as error:
        log.error("delivery failed: state", error=Trusted(error.line))
        return False
    except Exception as error:  # noqa: BLE001 - the service outlives any single delivery
        log.error("delivery failed", error=f"unexpected {type(error).__name__}")
        return False
    report_problems([*unsaved_problems(done.unsaved), *channel_problems(done.failures, done.expired)])
    if done.delivered:
        log.info("delivery", delivered=done.delivered)
    if done.unsaved:
        poller.folder.see_that_it_is_held()
    if done.failures:
        installation.check()
    return not done.unsaved


def _log(report: Report, seconds: float) -> None:
    """One summary line a poll, before it what was found."""
    for event in report.events:
        log.info(
            "event", kind=event.kind.value, node=event.node, version=event.version, reason=event.reason, id=event.id
        )
    log.info(
        "poll",
        checked=report.checked,
        failed=report.watched - report.checked,
        events=len(report.events),
        delivered=report.delivered,
        pending=report.pending,
        expired=report.expired,
        seconds=round(seconds, 3),
    )


def _log_problem(problem: Problem) -> None:
    emit = log.warning if problem.level == "warning" else log.error
    emit(problem.event, **problem.fields)
