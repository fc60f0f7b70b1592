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
from dataclasses import dataclass
from typing import Any, Self

from watcher.delivery.job import Job
from watcher.delivery.outcome import Outcome, Undelivered, decoded
from watcher.errors import InstallationError
from watcher.text.sanitize import sanitize_line

MODULE = "watcher.delivery.worker"
_GO = b"+"
"""What a job waits for before anything leaves it."""
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
        self.under_way: set[asyncio.Timeout] = set()
        """The deadlines of messages that are being sent."""

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
            with self.begin() as job:
                job.settimeout(_PATIENCE)
                job.sendall(pickle.dumps(url))
                with job.makefile("rb") as lines:
                    reason: str | None = json.loads(lines.readline())["result"]
        except (OSError, ValueError):
            raise WorkerError("its process ended without an answer") from None
        return reason

    def line(self) -> Line:
        """Return a way for messages that go out one after the other; a context manager."""
        return Line(self)

    async def deliver(self, job: Job) -> Outcome:
        """Send one message as `Line.deliver` does."""
        with self.line() as line:
            return await line.deliver(job)

    def stop_within(self, seconds: float) -> None:
        """Limit every message that is being sent to this many more seconds."""
        moment = asyncio.get_running_loop().time() + seconds
        for limit in self.under_way:
            limit.reschedule(min(moment, limit.when() or moment))
        self.under_way.clear()

    def begin(self) -> socket.socket:
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

    @property
    def process(self) -> object:
        """Return what stands for the process that runs now."""
        return self._process

    def replace_if_stuck(self, process: object) -> None:
        """End the process, if it is still that one and has loaded apprise: one that forks no job then never will."""
        if self._process is not None and self._process is process and self._has_loaded():
            self._process.kill()
            self._end()

    def _has_loaded(self) -> bool:
        if self._files or self._control is None:
            return bool(self._files)
        try:
            return bool(self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

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


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What a process has said of a message."""

    reached: set[str]
    reason: str = "the process that delivers could not be started"
    """Why there is no result."""
    result: dict[str, Any] | None = None
    is_out: bool = False
    is_silent: bool = True

    def take(self, said: dict[str, Any]) -> float | None:
        """Take one thing that it said, and return the seconds that it asks for, if it does."""
        self.is_silent, self.reason = False, "the process that delivers has ended"
        if "taken" in said:
            self.reached.add(said["taken"])
        self.is_out = said.get("out", self.is_out)
        self.result = said.get("result")
        return said.get("allow")


class Line:
    """Sends one message after the other, each limited in time. A process serves as long as all goes well.

    Forking one for each message costs 10 to 14 ms of CPU, a fifth of what a fast service takes for it.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._prepared: Job | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._hang_up()

    def prepare(self, job: Job) -> None:
        """Have the process that serves, if there is one, do all for the next message that comes before it goes out."""
        if self._streams is not None:
            self._streams[1].write(pickle.dumps(job))
            self._prepared = job

    async def deliver(self, job: Job) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        if self._prepared is not None and self._prepared is not job:
            self._hang_up()
        has_served = self._streams is not None
        heard = await self._ask(job)
        if has_served and heard.is_silent:  # it ended after the message before
            heard = await self._ask(job)
        if heard.result is None:
            return Undelivered(reason=heard.reason, reached=frozenset(heard.reached), unanswered=heard.is_out)
        return decoded(heard.result, frozenset(heard.reached))

    async def _ask(self, job: Job) -> _Heard:
        """Have a process send the message, and return what it said."""
        worker, heard, process = self._worker, _Heard(reached=set(job.reached.targets)), None
        limit = asyncio.timeout(_PATIENCE)  # the deadline starts with the job: loading apprise can be slow
        worker.under_way.add(limit)
        try:
            async with limit:
                if self._streams is None:
                    self._streams = await asyncio.open_connection(sock=worker.begin())
                process = worker.process
                reader, writer = self._streams
                prepared, self._prepared = self._prepared, None
                writer.write(_GO if prepared is job else pickle.dumps(job) + _GO)
                while heard.result is None and (line := await reader.readline()):
                    allowed = heard.take(json.loads(line))
                    if allowed is not None and limit in worker.under_way:
                        limit.reschedule(asyncio.get_running_loop().time() + allowed + _GRACE)
        except TimeoutError:
            if limit not in worker.under_way:
                heard.reason = ""
            elif heard.is_silent:
                worker.replace_if_stuck(process)
            else:
                heard.reason = "timed out"
        except (OSError, ValueError):  # it ended, maybe in the middle of a line
            pass
        finally:
            worker.under_way.discard(limit)
            if heard.result != {}:
                self._hang_up()
        return heard

    def _hang_up(self) -> None:
        """Close the socket to the process, which ends it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = self._prepared = None
