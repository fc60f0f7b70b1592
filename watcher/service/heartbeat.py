"""The heartbeat: a ping after each poll tells a monitor that it was done, or that it failed.

Its address follows healthchecks.io: the URL as it is, or `/fail` below its path. A monitor that cannot be
reached is a problem to report, and never the poll's failure (docs/dev/behaviour.md, Polls).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx

from watcher import __version__
from watcher.errors import StateError, WatchError
from watcher.polling.model import Report
from watcher.polling.problems import Problem, warning
from watcher.registry import network, proxies
from watcher.service.observer import Observer, Schedule

_LAST_MOMENT = 1.0
"""Seconds that pings still get when `run` ends; one that says why it ends by itself gets five times as long."""


def address(url: str, *, failed: bool) -> str:
    """Return where a ping goes; a query stays at the end."""
    page, mark, query = url.partition("?")
    return f"{page.rstrip('/')}/fail{mark}{query}" if failed else url


def has_failed(report: Report) -> bool:
    """Return whether no node could be read in a poll, or the state could not be written.

    Where there is none to read, as of a publisher without packs, nothing has failed.
    """
    is_tried = bool(report.watched or report.unread or report.unscanned)
    is_unread = is_tried and not report.checked
    return bool(report.unsaved) or is_unread


async def send(url: str, seconds: float, *, failed: bool) -> str:
    """Send one ping within so many seconds; return why it failed, without any part of the URL, or ""."""
    target = address(url, failed=failed)
    try:
        route = proxies.route_to(target, is_secret=True)
    except WatchError as error:  # of a proxy that cannot be used
        return error.what
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                transport=network.transports(target, route)(),
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
        return network.describe(error, route)
    return "" if 200 <= code < 300 else f"HTTP {code}"


def problem(why: str) -> Problem:
    """Return the problem that a failed ping is."""
    said = f"heartbeat_url: the ping failed: {why}; polls and alerts go on"
    return warning("heartbeat failed", said, "the pings of heartbeat_url fail")


class Heartbeat(Observer):
    """The pings of `run`, beside the polls; its `with` block is around the loop. While one hangs only the newest waits.

    Another observer hears of each that fails.
    """

    def __init__(self, speaker: Observer) -> None:
        self._speaker = speaker
        self._url = ""
        self._timeout = 0.0
        self._waiting: bool | None = None
        """Whether the poll has failed about which the next ping is; None if there is none to send."""
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait a moment for the pings under way; after an error of the state, which ends the loop, say so."""
        patience = _LAST_MOMENT
        # The loop ends by itself then: this may be the only word that its operator gets.
        if isinstance(error, StateError):
            self._put(failed=True)
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

    def poll_finished(self, report: Report) -> None:
        """Say that it was done, or that nothing could be read or written."""
        self._put(failed=has_failed(report))

    def failed(self, work: str, error: Exception) -> None:
        """Say so of a poll."""
        if work == "poll":
            self._put(failed=True)

    def _put(self, *, failed: bool) -> None:
        if not self._url:
            return
        # In the place of one that still waits: a monitor wants to know how it is now.
        self._waiting = failed
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while (failed := self._waiting) is not None:
            self._waiting = None
            if why := await send(self._url, self._timeout, failed=failed):
                self._speaker.problem(problem(why))
