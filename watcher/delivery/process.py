"""A process that delivers, and what it is asked to send."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from watcher.model.event import Event
from watcher.values import frozen


@frozen
class Job:
    """One message to one channel."""

    url: str
    events: tuple[Event, ...]
    timeout: float
    """Seconds for each request."""
    key: str = ""
    """The digest of the channel's URL."""
    salt: str = ""
    """Salt for the digests of targets (`watcher.alerts.queues.ownership`)."""
    reached: frozenset[str] = frozenset()
    """Digests of the targets that earlier attempts at the message reached."""
    plain: bool = False
    """Send the plainest form: ASCII, counts, the worst event."""
    named: frozenset[str] | None = None
    """Lower-case ids of the nodes that are named: what is critical about these is never only counted. None: all."""
    part: int = 0
    """Which further message this is; 0 for none."""


MODULE = "watcher.delivery.worker"
GRACE = 1.0
"""Seconds that a process has to end."""
_WITHHELD = ("COMFY_WATCH_", "NOTIFY_SOCKET", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
"""How the variables begin that it does not get: settings, and what systemd says to the main process alone."""

Task: TypeAlias = "Job | str | bool | None"
"""A message to send; a URL to judge; True, leave to send, which a message waits for before a request that carries it;
or nothing, to have it load apprise.
"""

if sys.platform == "win32":
    _AWAY = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    """No window, and no Ctrl-C."""

    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()

else:
    _AWAY = 0

    def _kill(process: subprocess.Popen[bytes]) -> None:
        """End it with all that it has started, also where it was stopped (SIGSTOP)."""
        # A process that has ended keeps its id until `poll` has seen it.
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def spawn() -> subprocess.Popen[bytes]:
    """Start the interpreter away from the terminal and from secrets."""
    return subprocess.Popen(  # noqa: S603 - this program, run by this interpreter
        # -P: `-m` would put the working folder before the path that PYTHONPATH hands on.
        [sys.executable, "-P", "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        creationflags=_AWAY,
        # Ctrl-C at the terminal is for the program, which lets a message end first; and the group can be killed as one.
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    # Settings may hold secrets, which what it loads need not see.
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_WITHHELD)
    }
    return env | {
        "PYTHONPATH": os.pathsep.join(entry or os.curdir for entry in sys.path)
    }


class Process:
    """An interpreter that does one task after the other."""

    def __init__(self) -> None:
        """Start it; OSError if that cannot be done."""
        self._popen = spawn()

    def ask(self, task: Task, hear: Callable[[dict[str, Any] | None], object]) -> None:
        """Have a task done, and pass on what is said of it, then None: after the result, or once the process has ended.

        This blocks until then: it runs in a thread of its own.
        """
        self.give(task)
        stdout = self._popen.stdout
        assert stdout is not None  # noqa: S101 - pipes were asked for
        # The process may end at any time, also in the middle of a line.
        with contextlib.suppress(OSError, ValueError):
            while line := stdout.readline():
                said = json.loads(line)
                hear(said)
                if "result" in said:
                    break
        hear(None)

    def give(self, task: Task) -> None:
        """Give it a task, or let it go on with one."""
        stdin = self._popen.stdin
        assert stdin is not None  # noqa: S101 - as above
        with contextlib.suppress(OSError, ValueError):
            stdin.write(pickle.dumps(task))
            stdin.flush()

    @property
    def has_ended(self) -> bool:
        """Return whether it runs no more."""
        return self._popen.poll() is not None

    def kill(self) -> None:
        """End it at once, and wait for nothing."""
        _kill(self._popen)

    def end(self) -> None:
        """End it, and what belongs to it here."""
        # What it started goes with it, and nobody waits for a process that hangs.
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(GRACE)
        for stream in (self._popen.stdin, self._popen.stdout):
            # What was not read of a task is lost with the process.
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
