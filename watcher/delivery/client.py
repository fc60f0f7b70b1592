"""The program's side of delivery: it has another process do what needs apprise (`watcher.delivery.process`).

Whatever a service does there takes no more than its time here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from watcher.delivery.process import GO, GRACE, Process, Task, WorkerError

if TYPE_CHECKING:
    from watcher.delivery.process import Job
    from watcher.model.channel import Outcome

AT_ONCE = 4
"""Channels that are sent to at a time, at most: each needs the memory of a process that has loaded apprise."""
PATIENCE = 60.0
"""Seconds that a process has to load apprise, or to judge a URL."""
_Answer = dict[str, Any] | None


class Worker:
    """Has processes deliver; they are started when they are needed, and end with the `with` block."""

    def __init__(self) -> None:
        self.under_way: set[asyncio.Timeout] = set()
        """The deadlines of messages that are being sent."""
        self._processes: set[Process] = set()
        self._idle: list[Process] = []
        """Those that have loaded apprise and wait for work."""
        self._files: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._idle.clear()
        for process in list(self._processes):
            self.end(process)

    def kill(self) -> None:
        """End all processes at once, and wait for nothing: this one ends too, maybe from another thread."""
        for process in list(self._processes):
            process.kill()

    def start(self) -> list[str]:
        """Have a process that has loaded apprise, and return files that it loaded; WorkerError if there is none."""
        self._files = self._files or self._ask(None)
        return self._files

    def refusal(self, url: str) -> str | None:
        """Return why apprise refuses a URL, as `watcher.delivery.urls.refusal` does; WorkerError without an answer."""
        reason: str | None = self._ask(url)
        return reason

    def sender(self, progressed: Callable[[], object] = lambda: None) -> Sender:
        """Return what sends messages one after the other; a context manager.

        `progressed` is called whenever the process has said something: a message to many targets takes long.
        """
        return Sender(self, progressed)

    async def deliver(self, job: Job) -> Outcome:
        """Send one message as `Sender.deliver` does."""
        with self.sender() as sender:
            return await sender.deliver(job)

    def stop_within(self, seconds: float) -> None:
        """Limit every message that is being sent to this many more seconds."""
        moment = asyncio.get_running_loop().time() + seconds
        for limit in self.under_way:
            # What one that has expired said is still being heard.
            if not limit.expired():
                limit.reschedule(min(moment, limit.when() or moment))
        # By this `_send` knows a stop: it extends no limit after it, and calls its end no failure.
        self.under_way.clear()

    def take(self) -> Process:
        """Return an idle process, or a new one; OSError if none can be had."""
        while self._idle:
            process = self._idle.pop()
            if not process.has_ended:
                return process
            self.end(process)
        self._processes.add(process := Process())
        return process

    def give_back(self, process: Process) -> None:
        """Keep a process that waits for work."""
        self._idle.append(process)

    def keep_one(self) -> None:
        """End all idle processes but one."""
        while len(self._idle) > 1:
            self.end(self._idle.pop())

    def end(self, process: Process) -> None:
        """End a process."""
        self._processes.discard(process)
        process.end()

    def _ask(self, task: str | None) -> Any:  # noqa: ANN401 - any JSON
        """Return what a process answers; WorkerError if it does not."""
        try:
            process = self.take()
        except OSError as error:
            raise WorkerError(error.strerror or str(error)) from None
        answers = SimpleQueue[_Answer]()
        _converse(process, task, answers.put)
        try:
            answer = answers.get(timeout=PATIENCE) or {"error": "its process ended"}
        except Empty:
            answer = {"error": "it took too long"}
        if "error" in answer:
            self.end(process)
            raise WorkerError(answer["error"])
        self.give_back(process)
        return answer["result"]


async def _nothing() -> None:
    """Note nothing."""


def _converse(process: Process, task: Task, hear: Callable[[_Answer], object]) -> None:
    """Have a process do a task, and hear of it from another thread."""
    threading.Thread(target=process.ask, args=(task, hear), daemon=True).start()


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Report:
    """What a process has said of a message."""

    reached: set[str]
    reason: str = "the process that delivers could not be started"
    """Why there is no result."""
    result: dict[str, Any] | None = None
    has_begun: bool = False
    may_go: bool = False
    """The message may go out: that it does is noted."""
    is_out: bool = False

    def take(self, answer: dict[str, Any]) -> float | None:
        """Take one thing that it said, and return the seconds that it asks for, if it does."""
        if "error" not in answer:
            self.has_begun, self.reason = True, "the process that delivers has ended"
        if "taken" in answer:
            self.reached.add(answer["taken"])
        self.is_out = self.may_go and answer.get("out", self.is_out)
        self.result = answer.get("result")
        return answer.get("allow")


class Sender:
    """Sends one message after the other, each limited in time. A process serves as long as it answers."""

    def __init__(self, worker: Worker, progressed: Callable[[], object]) -> None:
        self._worker = worker
        self._progressed = progressed
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.rest()

    def rest(self) -> None:
        """Leave the process to others until the next message."""
        if self._process is not None:
            self._worker.give_back(self._process)
            self._process = None

    async def deliver(
        self, job: Job, note: Callable[[], Awaitable[object]] = _nothing
    ) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        `note` is awaited right before the first request: what it writes is durable before anything goes out.
        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        from watcher.model.channel import Undelivered, decoded

        report = _Report(reached=set(job.reached.targets))
        try:
            await self._send(job, report, note)
        finally:
            # Without an answer the process may be in any state; the next message has another one.
            if report.result is None:
                self._end()
        if report.result is not None:
            return decoded(report.result, frozenset(report.reached))
        return Undelivered(
            reason=report.reason,
            reached=frozenset(report.reached),
            unanswered=report.is_out,
        )

    async def _send(
        self, job: Job, report: _Report, note: Callable[[], Awaitable[object]]
    ) -> None:
        """Have a process send the message, and report what it says."""
        loop, under_way = asyncio.get_running_loop(), self._worker.under_way
        answers = asyncio.Queue[_Answer]()

        def hear(answer: _Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(answers.put_nowait, answer)

        # The deadline starts when the process begins with the job: loading apprise can be slow.
        limit = asyncio.timeout(PATIENCE)
        under_way.add(limit)
        try:
            async with limit:
                self._process = self._process or self._worker.take()
                _converse(self._process, job, hear)
                while (
                    report.result is None
                    and (answer := await answers.get()) is not None
                ):
                    self._progressed()
                    if answer.get("out"):
                        if not report.may_go:
                            await note()
                        report.may_go = True
                        self._process.give(GO)
                    allowed = report.take(answer)
                    if allowed is not None and limit in under_way:
                        limit.reschedule(loop.time() + allowed + GRACE)
        except TimeoutError:
            reason = "timed out" if report.has_begun else report.reason
            if limit not in under_way:  # a stop, which is no failure
                reason = ""
            await self._hear_the_rest(answers, report)
            report.reason = reason
        except OSError:
            pass  # no process could be started
        finally:
            under_way.discard(limit)

    async def _hear_the_rest(
        self, answers: asyncio.Queue[_Answer], report: _Report
    ) -> None:
        """Kill the process, and take what it has said up to then: it may be that the message is out, or was taken."""
        if self._process is not None:
            self._process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while (
                    report.result is None
                    and (answer := await answers.get()) is not None
                ):
                    report.take(answer)
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._worker.end(self._process)
            self._process = None
