"""`run`: poll after poll until told to stop, with deliveries that become due in between."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable

from watcher import logs, outbox, times
from watcher.failures import StateError, WatchError
from watcher.poll import Poller, Report, StoppedError
from watcher.report import Complaint, channel_complaints, complaints

_SHORTEST_NAP = 0.05


async def run(poller: Poller, interval: float, jitter: float, *, polls: int | None = None) -> None:
    """Poll every `interval` seconds, each wait longer or shorter by up to the share `jitter`.

    Waits are measured from a poll's begin, so polls neither drift nor overlap: one that takes longer than the interval
    is followed at once by the next. Whatever a poll throws is logged, and the next one comes. `polls` ends it after so
    many. Returns when the poller's `stopping` is set.
    """
    loop = asyncio.get_running_loop()
    revision = 0
    done = 0
    while not poller.stopping.is_set():
        begun = loop.time()
        try:
            revision = _unbroken(poller, revision)
            report = await poller.poll()
            revision = max(revision, poller.folder.load_revision())  # less means that it vanished meanwhile
        except StoppedError:
            break
        except StateError as error:
            logs.error("poll failed: state", error=str(error).replace("\n", "; "))
        except WatchError as error:
            logs.error("poll failed", error=str(error).replace("\n", "; "))
        except Exception as error:  # noqa: BLE001 - the service outlives any single poll
            logs.error("poll failed", error=f"unexpected {type(error).__name__}")
        else:
            _log(report, loop.time() - begun)
        done += 1
        if done == polls:
            break
        await _until(poller, begun + interval * (1 + random.uniform(-jitter, jitter)))  # noqa: S311 - no secret


def _unbroken(poller: Poller, revision: int) -> int:
    """See that the state is the one this process left: beginning anew in silence would lose changes."""
    found = poller.folder.load_revision()
    if found < revision:
        raise StateError(
            f"state folder {poller.folder.path} has vanished or was replaced while this process ran",
            hint="put it back, or restart comfy-watch to begin anew",
        )
    return found


async def _until(poller: Poller, moment: float) -> None:
    """Wait until the loop's `moment` or a stop, delivering what becomes due on the way."""
    loop = asyncio.get_running_loop()
    while not poller.stopping.is_set() and (left := moment - loop.time()) > 0:
        due = _next_due(poller)
        nap = left if due is None else min(left, max(due, _SHORTEST_NAP))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(poller.stopping.wait(), nap)
        if due is not None and due <= nap and not poller.stopping.is_set():
            await _deliver(poller)


def _next_due(poller: Poller) -> float | None:
    """Give the seconds until some channel may be tried again; None where none waits."""
    try:
        queues = poller.folder.load().outbox.queues
    except StateError:
        return None
    now = poller.clock()
    waits = [
        0.0 if outbox.is_due(queues[channel.name], now) else times.seconds_between(now, queues[channel.name].not_before)
        for channel in poller.watch.channels
        if channel.name in queues and queues[channel.name].messages
    ]
    return min(waits, default=None)


async def _deliver(poller: Poller) -> None:
    try:
        done = await poller.deliver_due()
    except StateError as error:
        logs.error("delivery failed: state", error=str(error).replace("\n", "; "))
        return
    except Exception as error:  # noqa: BLE001 - the service outlives any single delivery
        logs.error("delivery failed", error=f"unexpected {type(error).__name__}")
        return
    _complain(channel_complaints(done.failures, done.given_up))
    if done.delivered:
        logs.info("delivery", delivered=done.delivered)


def _log(report: Report, seconds: float) -> None:
    """One summary line a poll, before it what went wrong and what was found."""
    _complain(complaints(report))
    for event in report.events:
        logs.info(
            "event", kind=event.kind.value, node=event.node, version=event.version, reason=event.reason, id=event.id
        )
    logs.info(
        "poll",
        checked=report.checked,
        failed=report.watched - report.checked,
        events=len(report.events),
        delivered=report.delivered,
        pending=report.pending,
        expired=report.expired,
        seconds=round(seconds, 3),
    )


def _complain(said: Iterable[Complaint]) -> None:
    for complaint in said:
        emit = logs.warning if complaint.level == "warning" else logs.error
        emit(complaint.event, **complaint.fields)
