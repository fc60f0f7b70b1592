"""The program's side of delivery: it has `watcher.delivery.worker` do what needs apprise, in another process.

Whatever a service does there takes no more than its time here. The URL goes through a socket, so that it is in no
argument and no environment; the worker cannot write to this process's streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import socket
import subprocess
import sys
from typing import Any, Self

from watcher.delivery.job import Job
from watcher.delivery.outcome import Outcome, Undelivered, decoded
from watcher.errors import InstallationError
from watcher.text.sanitize import sanitize_line

MODULE = "watcher.delivery.worker"
_GRACE = 1.0
"""Seconds that a job has beyond its requests' time, before it is killed; and that the worker has to end."""
_PATIENCE = 60.0
"""Seconds that the worker has to load apprise, or to judge a URL."""


class WorkerError(InstallationError):
    """There is no process for apprise."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"apprise could not be started: {sanitize_line(why, 200)}",
            hint="it needs a process of its own: check the limits on processes and memory, or reinstall comfy-watch",
        )


def spawn(end: socket.socket) -> subprocess.Popen[bytes]:
    """Start the worker with one end of a socket for its standard input, away from the terminal and from secrets."""
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("COMFY_WATCH_")}
    path = os.pathsep.join(entry or os.curdir for entry in sys.path)
    return subprocess.Popen(  # noqa: S603 - this program, run by this interpreter
        [sys.executable, "-P", "-m", MODULE],
        stdin=end.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env | {"PYTHONPATH": path},
        start_new_session=True,
    )


class Worker:
    """The process that delivers; it is started when it is first needed, and ends with the `with` block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._files: tuple[str, ...] = ()
        self._under_way: set[asyncio.Timeout] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    def start(self) -> tuple[str, ...]:
        """Start it, wait until it has loaded apprise and return files that it loaded; WorkerError if it cannot."""
        if not self._files:
            try:
                control = self._connect()
                control.settimeout(_PATIENCE)
                with control.makefile("rb") as lines:
                    said = json.loads(lines.readline() or b'{"error": "its process ended"}')
            except OSError as error:
                said = {"error": error.strerror or "it took too long"}
            if "error" in said:
                self._end()
                raise WorkerError(said["error"])
            self._files = tuple(said["files"])
        return self._files

    def _connect(self) -> socket.socket:
        """Start it unless it runs, and return the socket to it."""
        if self._control is None:
            self._control, end = socket.socketpair()
            with end:
                self._process = spawn(end)
        return self._control

    def refusal(self, url: str) -> str | None:
        """Return why apprise refuses a URL, as `watcher.delivery.urls.refusal` does; WorkerError without an answer."""
        self.start()
        try:
            with self._begin() as job:
                job.settimeout(_PATIENCE)
                job.sendall(pickle.dumps(url))
                with job.makefile("rb") as lines:
                    reason: str | None = json.loads(lines.readline())["result"]
        except (OSError, ValueError):
            raise WorkerError("its process ended without an answer") from None
        return reason

    async def deliver(self, job: Job) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        targets = set(job.reached.targets)
        result: dict[str, Any] | None = None
        reason = "the process that delivers could not be started"
        is_out = False
        limit = asyncio.timeout(_PATIENCE)  # the deadline starts with the job: loading apprise can be slow
        self._under_way.add(limit)
        try:
            async with limit:
                reader, writer = await asyncio.open_connection(sock=self._begin())
                with contextlib.closing(writer):
                    writer.write(pickle.dumps(job))
                    async for line in reader:
                        reason = "the process that delivers has ended"
                        said = json.loads(line)
                        if "taken" in said:
                            targets.add(said["taken"])
                        elif "out" in said:
                            is_out = said["out"]
                        elif "result" in said:
                            result = said["result"]
                        elif limit in self._under_way:
                            limit.reschedule(asyncio.get_running_loop().time() + said["allow"] + _GRACE)
        except TimeoutError:
            reason = "timed out" if limit in self._under_way else ""
        except (OSError, ValueError):  # it ended, maybe in the middle of a line
            pass
        finally:
            self._under_way.discard(limit)
        if result is None:
            return Undelivered(reason=reason, reached=frozenset(targets), unanswered=is_out)
        return decoded(result, frozenset(targets))

    def stop_within(self, seconds: float) -> None:
        """Limit every message that is being sent to this many more seconds."""
        moment = asyncio.get_running_loop().time() + seconds
        for limit in self._under_way:
            limit.reschedule(min(moment, limit.when() or moment))
        self._under_way.clear()

    def _begin(self) -> socket.socket:
        """Have the worker fork a job, and return the socket to it; a worker that has ended is started again.

        Nothing is waited for: a worker that is still loading apprise forks the job when it has.
        """
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as failing, theirs:
            failing.callback(ours.close)
            try:
                socket.send_fds(self._connect(), [b"."], [theirs.fileno()])
            except OSError:
                self._end()
                socket.send_fds(self._connect(), [b"."], [theirs.fileno()])
            failing.pop_all()
        return ours

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
