"""The heartbeat: pings that tell a monitor when a poll begins, when it ends, and that one failed.

Its address follows healthchecks.io: `/start` and `/fail` below the path, or the URL as it is. A monitor that cannot be
reached is a problem to report, and never the poll's failure (docs/behaviour.md, Polls).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import httpx

from watcher import __version__
from watcher.durations import DAY
from watcher.errors import StateError, WatchError
from watcher.polling.model import Report
from watcher.polling.reports.problems import Problem
from watcher.registry import network, transport
from watcher.service.observer import Observer, Schedule

ABOUT = "heartbeat"
"""The key of the problem that a failed ping is (`Problem.about`)."""

ARRIVES_AGAIN = "heartbeat_url: pings arrive again"
"""What is said when a heartbeat that failed works."""

_LAST_MOMENT = 1.0
"""Seconds that pings still get when `run` ends; one that says why it ends by itself gets five times as long."""


class Ping(StrEnum):
    """What a ping says; the value is what it adds to the URL's path."""

    START = "start"
    DONE = ""
    FAIL = "fail"


def address(url: str, ping: Ping) -> str:
    """Return where a ping goes; a query stays at the end."""
    if ping is Ping.DONE:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{ping}"))


def ping_after(report: Report) -> Ping:
    """Return the ping that follows a poll: FAIL if no node could be read, or if the state could not be written.

    Where there is none to read, as of a publisher without packs, nothing has failed.
    """
    is_tried = bool(report.watched or report.errors or report.unscanned)
    is_unread = is_tried and not report.checked
    return Ping.FAIL if report.unsaved or is_unread else Ping.DONE


async def send(url: str, ping: Ping, seconds: float) -> str:
    """Send one ping within so many seconds; return why it failed, without any part of the URL, or ""."""
    target = address(url, ping)
    try:
        route = network.route_to(target, is_secret=True)
    except WatchError as error:  # of a proxy that cannot be used
        return error.what
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                transport=transport.transports(target, route)(),
                timeout=None,  # noqa: S113 - the line above has it
            ) as client,
            client.stream(
                "GET", target, headers={"User-Agent": f"comfy-watch/{__version__}"}
            ) as response,
        ):
            code = response.status_code
    except WatchError as error:  # of certificates that cannot be used
        return error.what
    except Exception as error:  # noqa: BLE001 - whatever a monitor does, the poll goes on
        return transport.describe(error, route)
    if 300 <= code < 400:
        return f"HTTP {code}: it redirects, which is not followed"
    return "" if 200 <= code < 300 else f"HTTP {code}"


def problem(why: str) -> Problem:
    """Return the problem that a failed ping is."""
    return Problem(
        level="warning",
        event="heartbeat failed",
        fields={"error": why},
        sentence=f"heartbeat_url: the ping failed: {why}; polls and alerts go on",
        about=(ABOUT,),
    )


async def with_pings(
    poll: Awaitable[Report], url: str, seconds: float
) -> tuple[Report, str]:
    """Do one poll with a ping before and after it; return its report, and why the last ping failed, or "".

    The first ping is sent beside the poll. After the poll both take at most so many seconds together.
    """
    loop = asyncio.get_running_loop()
    start = asyncio.create_task(send(url, Ping.START, seconds))
    try:
        report = await poll
        began = loop.time()
        # So that the two arrive in their order.
        await asyncio.wait({start}, timeout=seconds / 2)
    finally:
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
    return report, await send(url, ping_after(report), seconds - (loop.time() - began))


class Heartbeat(Observer):
    """The pings of `run`: one after the other, beside the polls. Its `with` block is around the loop.

    A lasting failure is reported to another observer when it begins, once a day, and when it ends. While a ping hangs,
    only the newest two wait.
    """

    def __init__(self, speaker: Observer) -> None:
        self._speaker = speaker
        self._url = ""
        self._timeout = 0.0
        self._waiting: list[Ping] = []
        self._sending: asyncio.Task[None] | None = None
        self._reported_at: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait a moment for the pings under way; after an error of the state, which ends the loop, send FAIL."""
        patience = _LAST_MOMENT
        if isinstance(error, StateError):
            self._put(Ping.FAIL)
            patience *= 5
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=patience)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def started(self, schedule: Schedule) -> None:
        """Take the URL from the schedule."""
        self._url, self._timeout = (
            schedule.heartbeat_url,
            schedule.config.limits.timeout,
        )

    def reloaded(self, schedule: Schedule, next_poll: str) -> None:
        """Take the URL from the new schedule."""
        self.started(schedule)

    def poll_started(self) -> None:
        """Send START."""
        self._put(Ping.START)

    def poll_finished(self, report: Report, next_poll: str) -> None:
        """Send DONE, or FAIL if nothing could be read or written."""
        self._put(ping_after(report))

    def poll_failed(self, error: Exception, next_poll: str) -> None:
        """Send FAIL."""
        self._put(Ping.FAIL)

    def _put(self, ping: Ping) -> None:
        if not self._url:
            return
        self._waiting = [*self._waiting[-1:], ping]
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            ping = self._waiting.pop(0)
            why = await send(self._url, ping, self._timeout)
            # A start that is lost is made up for by the next ping.
            if ping is not Ping.START:
                self._report(why)

    def _report(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if why and (self._reported_at is None or now - self._reported_at >= DAY):
            self._reported_at = now
            self._speaker.problem(problem(why))
        elif not why and self._reported_at is not None:
            self._reported_at = None
            self._speaker.problem_ended("heartbeat", ARRIVES_AGAIN)
