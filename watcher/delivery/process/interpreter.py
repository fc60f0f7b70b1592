"""An interpreter of its own for what needs apprise: how it is started, and what it is where it cannot be."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

from watcher.errors import InstallationError
from watcher.text.sanitize import sanitize_line

PATIENCE = 60.0
"""Seconds that a process has to load apprise, or to judge a URL."""
GRACE = 1.0
"""Seconds that a job has beyond its requests' time, before it is killed; and that a process has to end."""


_WITHHELD = ("COMFY_WATCH_", "NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
"""How the variables begin that it does not get: settings, and what systemd says to the main process alone."""


class WorkerError(InstallationError):
    """There is no process for apprise."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"apprise could not be started: {sanitize_line(why, 200)}",
            hint="it needs a process of its own: check the limits on processes and memory, or reinstall comfy-watch",
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Connection:
    """A process that does what is asked of it through a socket."""

    end: socket.socket
    kill: Callable[[], object] = lambda: None
    """Ends it where closing the socket is not certain to."""


def command(module: str) -> list[str]:
    """Return the command that runs a module of this program, by this interpreter."""
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Return the process's environment, which has no secrets of this one's."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_WITHHELD)
    }
    return env | {
        "PYTHONPATH": os.pathsep.join(entry or os.curdir for entry in sys.path)
    }
