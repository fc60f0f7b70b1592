"""systemd's notifications: that `run` is ready, lives and stops (sd_notify(3)).

Each is a datagram to the socket that `$NOTIFY_SOCKET` names. Whatever that socket does, no poll waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, MutableMapping

from watcher.errors import WatchError
from watcher.polling.model import Dispatch, Report
from watcher.service.observer import Observer, Schedule

_SOCKET, _WATCHDOG, _WATCHED_PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"

_FAMILY: int | None = getattr(socket, "AF_UNIX", None)
"""Windows has no such sockets, and no systemd."""

_LONGEST_SILENCE = 330.0
"""Seconds beyond `timeout` in which a poll need not show progress: a registry may ask for a pause of five minutes."""

_TICKS = 4
"""Notifications of a service that lives, in the time in which systemd expects one."""

_MICROSECONDS = 1_000_000


def from_environment(
    environ: MutableMapping[str, str], has_deadline: Callable[[], bool]
) -> Systemd | None:
    """Return who notifies systemd; None where it does not ask for that.

    `has_deadline` says whether the loop waits for something that it will itself end in time. The variables of
    systemd are taken out of the environment, so that no child process speaks for this one.
    """
    address, limit, process = (
        environ.pop(name, "") for name in (_SOCKET, _WATCHDOG, _WATCHED_PROCESS)
    )
    # Started by hand, or by a unit without Type=notify.
    if not address or _FAMILY is None:
        return None
    # A process id says whom the watchdog is for; without one it is any process (sd_watchdog_enabled(3)).
    is_watched = limit.isdecimal() and process in {"", str(os.getpid())}
    watchdog = int(limit) / _MICROSECONDS if is_watched else 0.0
    return Systemd(address, watchdog, has_deadline)


class Systemd(Observer):
    """Tells the service manager what the loop does.

    It counts as alive while it waits for the next poll, and during a poll as long as that gets on or has a deadline:
    one that does not for the time of `WatchdogSec` is ended by systemd and started again. (A URL with many targets that
    all hang takes longer than that; a service that is ended then would not even note that the message failed.)
    """

    def __init__(
        self, address: str, watchdog: float, has_deadline: Callable[[], bool]
    ) -> None:
        """Prepare for a path, or an abstract name after `@`, and the seconds of the watchdog, 0 without one."""
        # So Linux marks an abstract name, which is in no folder (unix(7)).
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog
        self._has_deadline = has_deadline
        self._socket: socket.socket | None = None
        self._is_busy = False
        self._is_alive = True
        """Something has got on since systemd heard that the last time."""
        self._ticks: asyncio.Task[None] | None = None

    def started(self, schedule: Schedule) -> None:
        """See that the watchdog leaves one request its time, and begin to send signs of life."""
        least = schedule.config.limits.timeout + _LONGEST_SILENCE
        if 0 < self._watchdog < least:
            self._watchdog = least
            self._send(f"WATCHDOG_USEC={int(least * _MICROSECONDS)}")
        self._ticks = asyncio.create_task(self._tick())

    def poll_started(self) -> None:
        """Say that the service is ready, with each poll: the socket may have had no room for it before."""
        self._is_busy = self._is_alive = True
        self._send("READY=1")

    def poll_progressed(self) -> None:
        """Note a sign of life."""
        self._is_busy = self._is_alive = True

    def poll_finished(self, report: Report) -> None:
        """Note that only the next poll is waited for."""
        self._is_busy = False

    def delivered(self, done: Dispatch) -> None:
        """Note that only the next poll is waited for."""
        self._is_busy = False

    def failed(self, work: str, error: Exception) -> None:
        """Note that only the next poll is waited for."""
        self._is_busy = False

    def stopping(self, signal: str) -> None:
        """Say so."""
        self._send("STOPPING=1")

    def stopped(self, signal: str) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def gave_up(self, error: WatchError) -> None:
        """Say that it ends."""
        self._send("STOPPING=1")

    async def _tick(self) -> None:
        """Send signs of life until the loop ends."""
        while self._watchdog:
            # A loop that runs is no sign: a poll may wait in it for ever.
            if self._is_alive or not self._is_busy or self._has_deadline():
                self._is_alive = False
                self._send("WATCHDOG=1")
            # systemd's own advice is half of the time; one that is lost must not end the service.
            await asyncio.sleep(self._watchdog / _TICKS)

    def _send(self, field: str) -> None:
        """Send one datagram. One that the socket does not take is lost: a later one says the same."""
        # If systemd hears nothing at all, its own log says so: the start timed out.
        with contextlib.suppress(OSError):
            if self._socket is None:
                self._socket = socket.socket(_FAMILY or -1, socket.SOCK_DGRAM)
                # systemd may be starting again itself, and reads nothing meanwhile.
                self._socket.setblocking(False)
            self._socket.sendto(field.encode(), self._address)
