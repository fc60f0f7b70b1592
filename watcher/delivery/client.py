"""The program's side of delivery: it has another process do what needs apprise (`watcher.delivery.process`).

Whatever a service does there takes no more than its time here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from watcher.errors import InstallationError
from watcher.model.channel import Cause, Outcome
from watcher.text.sanitize import sanitize_line

if TYPE_CHECKING:
    from watcher.delivery.process import Job, Process, Task

AT_ONCE = 4
"""Channels that are sent to at a time, at most: each needs the memory of a process that has loaded apprise."""
PATIENCE = 60.0
"""Seconds that a process has to load apprise, or to judge a URL."""
_GRACE = 1.0
"""Seconds that a message has beyond its requests' time, before its process is killed; and that is heard after that."""
_ENDED = "the process that delivers could not be started, or has ended"
_Answer = dict[str, Any] | None


async def _nothing() -> None:
    """Note nothing."""


class WorkerError(InstallationError):
    """There is no process for apprise."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"apprise could not be started: {sanitize_line(why, 200)}",
            hint="it needs a process of its own: check the limits on processes and memory, or reinstall comfy-watch",
        )


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

    async def deliver(
        self,
        job: Job,
        note: Callable[[], Awaitable[object]] = _nothing,
        progressed: Callable[[], object] = lambda: None,
    ) -> Outcome:
        """Send one message and wait for the answer, at most the job's `timeout` for each target.

        `note` is awaited right before the first request: what it writes is durable before anything goes out.
        `progressed` is called whenever the process has said something: a message to many targets takes long.
        When the time is up the process that sends it is killed, and nothing is left of it.
        """
        loop, answers = asyncio.get_running_loop(), asyncio.Queue[_Answer]()

        def hear(answer: _Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(answers.put_nowait, answer)

        # What came of it if nothing more is heard: each thing that the process says makes another one of it.
        outcome = Outcome(reason=_ENDED, reached=job.reached)
        has_begun = may_go = has_result = False
        process: Process | None = None
        # The deadline starts when the process begins with the job: loading apprise can be slow.
        limit = asyncio.timeout(PATIENCE)
        self.under_way.add(limit)
        try:
            async with limit:
                process = self.take()
                _converse(process, job, hear)
                while not has_result and (answer := await answers.get()) is not None:
                    progressed()
                    if answer.get("out"):
                        if not may_go:
                            await note()
                        may_go = True
                        process.give(True)
                    has_begun |= "allow" in answer
                    if "allow" in answer and limit in self.under_way:
                        limit.reschedule(loop.time() + answer["allow"] + _GRACE)
                    outcome = _after(outcome, answer, may_go)
                    has_result = "result" in answer
        except TimeoutError:
            is_stop = limit not in self.under_way  # which is no failure
            # Before it has begun nobody has asked the service, which may be well.
            reason = "timed out" if has_begun else _ENDED
            outcome = replace(outcome, reason="" if is_stop else reason)
            if process is not None:
                process.kill()
            # It may have said before that the message is out, or was taken.
            for answer in await _rest(answers):
                outcome = _after(outcome, answer, may_go)
        except OSError:
            pass  # no process could be started
        finally:
            self.under_way.discard(limit)
            # Without a result the process may be in any state; the next message has another one.
            if process is not None:
                (self.give_back if has_result else self.end)(process)
        return outcome

    def stop_within(self, seconds: float) -> None:
        """Limit every message that is being sent to this many more seconds."""
        moment = asyncio.get_running_loop().time() + seconds
        for limit in self.under_way:
            # What one that has expired said is still being heard.
            if not limit.expired():
                limit.reschedule(min(moment, limit.when() or moment))
        # By this `deliver` knows a stop: it extends no limit after it, and calls its end no failure.
        self.under_way.clear()

    def take(self) -> Process:
        """Return an idle process, or a new one; OSError if none can be had."""
        from watcher.delivery.process import Process  # most polls send nothing

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


def _converse(process: Process, task: Task, hear: Callable[[_Answer], object]) -> None:
    """Have a process do a task, and hear of it from another thread."""
    threading.Thread(target=process.ask, args=(task, hear), daemon=True).start()


async def _rest(answers: asyncio.Queue[_Answer]) -> list[dict[str, Any]]:
    """Return what a process that was killed had said, as far as nobody has heard it."""
    said: list[dict[str, Any]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            while (answer := await answers.get()) is not None:
                said.append(answer)
    return said


def _after(outcome: Outcome, answer: dict[str, Any], may_go: bool) -> Outcome:
    """Return what came of a message once its process has said one thing more."""
    match answer:
        case {"taken": target}:
            return replace(outcome, reached=outcome.reached | {target})
        case {"out": is_out}:
            # Without leave to send it waits, and nothing is out.
            return replace(outcome, unanswered=is_out and may_go)
        case {"result": fields}:
            # Where all targets have it, nobody needs their names.
            reached = frozenset() if fields["taken"] else outcome.reached
            known = {"cause": Cause(fields["cause"]), "left": tuple(fields["left"])}
            return Outcome(**fields | known | {"reached": reached})
        case _:
            return outcome
