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
from typing import Self

from watcher.delivery.job import Job
from watcher.delivery.outcome import Delivered, Outcome, Undelivered

MODULE = "watcher.delivery.worker"
_GRACE = 1.0
"""Seconds that a job has beyond its requests' time, before it is killed."""
_PATIENCE = 60.0
"""Seconds that the worker has to load apprise, or to judge a URL."""


class WorkerError(Exception):
    """The worker could not be started. The text says why."""


def spawn(end: socket.socket) -> subprocess.Popen[bytes]:
    """Start the worker with one end of a socket for its standard input, away from the terminal and from secrets."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COMFY_WATCH_")}
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
        """Start it unless it runs, and return files that it was loaded from; WorkerError if it cannot be loaded."""
        self._connect()
        return self._files

    def _connect(self) -> socket.socket:
        if self._control is not None:
            return self._control
        control, end = socket.socketpair()
        control.settimeout(_PATIENCE)
        try:
            with end:
                self._process = spawn(end)
            with control.makefile("rb") as lines:
                said = json.loads(lines.readline() or b'{"error": "it ended"}')
        except OSError as error:
            said = {"error": type(error).__name__}
        self._control = control
        if "error" in said:
            self._end()
            raise WorkerError(said["error"])
        self._files = tuple(said["files"])
        return control

    def refusal(self, url: str) -> str | None:
        """Return why apprise refuses a URL, as `watcher.delivery.urls.refusal` does."""
        try:
            with self._begin() as job:
                job.settimeout(_PATIENCE)
                job.sendall(pickle.dumps(url))
                with job.makefile("rb") as lines:
                    reason: str | None = json.loads(lines.readline())["result"]
        except (OSError, ValueError, WorkerError):
            return "apprise cannot be asked about this URL"
        return reason

    async def deliver(self, job: Job) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        targets = set(job.reached.targets)
        result: str | None = None
        try:
            ours = self._begin()  # not on the message's time: a slow machine takes long to load apprise
        except (OSError, WorkerError):
            return Undelivered(reason="the process that delivers could not be started", reached=job.reached.targets)
        reason = "the process that delivers has ended"
        limit = asyncio.timeout(job.timeout + _GRACE)
        try:
            async with limit:
                self._under_way.add(limit)  # before anything is waited for: `stop_within` may come at once
                reader, writer = await asyncio.open_connection(sock=ours)
                with contextlib.closing(writer):
                    writer.write(pickle.dumps(job))
                    async for line in reader:
                        said = json.loads(line)
                        if "taken" in said:
                            targets.add(said["taken"])
                        elif "result" in said:
                            result = said["result"]
                        elif limit in self._under_way:
                            limit.reschedule(asyncio.get_running_loop().time() + said["allow"] + _GRACE)
        except TimeoutError:
            reason = "timed out"
        except OSError:
            pass
        finally:
            self._under_way.discard(limit)
        if result == "":
            return Delivered()
        return Undelivered(reason=result or reason, reached=frozenset(targets))

    def stop_within(self, seconds: float) -> None:
        """Leave all that is under way so many seconds at most."""
        moment = asyncio.get_running_loop().time() + seconds
        for limit in self._under_way:
            limit.reschedule(min(moment, limit.when() or moment))
        self._under_way.clear()

    def _begin(self) -> socket.socket:
        """Have the worker fork a job, and return the socket to it; a worker that has ended is started again."""
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
            self._process.wait()
            self._process = None
