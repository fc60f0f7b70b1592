"""The program's side of delivery: it has another process do what needs apprise (`watcher.delivery.process`).

Whatever a service does there takes no more than its time here. The URL goes through a socket, so that it is in no
argument and no environment; that process cannot write to this one's streams.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from watcher.delivery.process.interpreter import (
    GRACE,
    PATIENCE,
    Connection,
    WorkerError,
)

if sys.platform == "linux":
    from watcher.delivery.process.forking import Processes
else:
    from watcher.delivery.process.spawning import Processes

if TYPE_CHECKING:
    from watcher.delivery.job import Job
    from watcher.delivery.outcome import Outcome

_GO = b"+"
"""What a job waits for before anything leaves it."""


def _pickled(value: str | Job) -> bytes:
    import pickle

    return pickle.dumps(value)


class Worker:
    """The process that delivers; it is started when it is first needed, and ends with the `with` block."""

    def __init__(self) -> None:
        self.processes = Processes()
        self.under_way: set[asyncio.Timeout] = set()
        """The deadlines of messages that are being sent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.processes.end()

    def start(self) -> tuple[str, ...]:
        """Start it, wait until it has loaded apprise and return files that it loaded; WorkerError if it cannot."""
        return self.processes.start()

    def refusal(self, url: str) -> str | None:
        """Return why apprise refuses a URL, as `watcher.delivery.urls.refusal` does; WorkerError without an answer."""
        self.start()
        try:
            with self.processes.lent() as end:
                end.settimeout(PATIENCE)
                end.sendall(_pickled(url))
                with end.makefile("rb") as lines:
                    reason: str | None = json.loads(lines.readline())["result"]
        except (OSError, ValueError):
            raise WorkerError("its process ended without an answer") from None
        return reason

    def line(self, progressed: Callable[[], object] = lambda: None) -> Line:
        """Return a way for messages that go out one after the other; a context manager.

        `progressed` is called whenever the process has said something: a message to many targets takes long.
        """
        return Line(self, progressed)

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


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
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

    def __init__(self, worker: Worker, progressed: Callable[[], object]) -> None:
        self._worker = worker
        self._progressed = progressed
        self._connection: Connection | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._prepared: Job | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._hang_up()

    def prepare(self, job: Job) -> None:
        """Have the process that serves, if there is one, do all for the next message that comes before it goes out."""
        if self._streams is not None:
            self._streams[1].write(_pickled(job))
            self._prepared = job

    async def deliver(self, job: Job) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        from watcher.delivery.outcome import Undelivered, decoded

        if self._prepared is not None and self._prepared is not job:
            self._hang_up()
        has_served = self._streams is not None
        heard = await self._ask(job)
        if has_served and heard.is_silent:  # it ended after the message before
            heard = await self._ask(job)
        if heard.result is None:
            return Undelivered(
                reason=heard.reason,
                reached=frozenset(heard.reached),
                unanswered=heard.is_out,
            )
        return decoded(heard.result, frozenset(heard.reached))

    async def _ask(self, job: Job) -> _Heard:
        """Have a process send the message, and return what it said."""
        worker, heard, process = (
            self._worker,
            _Heard(reached=set(job.reached.targets)),
            None,
        )
        limit = asyncio.timeout(
            PATIENCE
        )  # the deadline starts with the job: loading apprise can be slow
        worker.under_way.add(limit)
        try:
            async with limit:
                if self._streams is None:
                    self._connection = await worker.processes.begin()
                    self._streams = await asyncio.open_connection(
                        sock=self._connection.end
                    )
                process = worker.processes.current
                reader, writer = self._streams
                prepared, self._prepared = self._prepared, None
                writer.write(_GO if prepared is job else _pickled(job) + _GO)
                while heard.result is None and (line := await reader.readline()):
                    self._progressed()
                    allowed = heard.take(json.loads(line))
                    if allowed is not None and limit in worker.under_way:
                        limit.reschedule(
                            asyncio.get_running_loop().time() + allowed + GRACE
                        )
        except TimeoutError:
            if limit not in worker.under_way:
                heard.reason = ""
            elif heard.is_silent:
                worker.processes.replace_if_stuck(process)
            else:
                heard.reason = "timed out"
        except (OSError, ValueError):  # it ended, maybe in the middle of a line
            pass
        finally:
            worker.under_way.discard(limit)
            if heard.result is None or "reason" in heard.result:
                self._hang_up()
        return heard

    def _hang_up(self) -> None:
        """Close the socket to the process, which ends it."""
        if self._streams is not None:
            self._streams[1].close()
        elif self._connection is not None:
            self._connection.end.close()
        if self._connection is not None:
            self._connection.kill()
        self._connection = self._streams = self._prepared = None
