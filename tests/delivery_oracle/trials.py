"""Deliveries by the program's own process, one after the other in each of several lanes, each with its own recorder."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from tests.delivery_oracle import files, judging
from tests.delivery_oracle.faults import PAIRS, Fault
from tests.delivery_oracle.recorder import Recorder
from tests.delivery_oracle.service import Service
from tests.proxied.intercepting import Authority
from tests.support import factories
from tests.support.nursery import NurseryWorker
from watcher.delivery.process import Job
from watcher.model.channel import Outcome
from watcher.model.event import Event, Kind

_NOWHERE = "http://127.0.0.1:9"
"""The proxy of a process that is not a lane's: no traffic may leave this machine."""
_TIMEOUT = 20.0
_SHORT = 1.0
"""Seconds for a request that is to hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One service, and which of its requests fail, by number."""

    service: Service
    faults: Mapping[int, Fault]

    def __str__(self) -> str:
        return ", ".join(
            [
                self.service.name,
                *(f"request {at + 1} {fault}" for at, fault in self.faults.items()),
            ]
        )


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of one case, or of a service where nothing fails."""

    broken: list[judging.Finding] = field(default_factory=list)
    requests: int = 0
    """The number of those of the first attempt."""


Broken = tuple[str, judging.Finding]
"""A broken promise, and in which case."""
Work = TypeVar("Work", Service, Case)


class Lane:
    """A process that delivers, and the recorder that it talks to."""

    def __init__(
        self, number: int, authority: Authority, contents: Mapping[str, bytes]
    ) -> None:
        self._number, self._count, self._contents = number, 0, contents
        self._folder = tempfile.TemporaryDirectory()
        self.recorder = Recorder(authority)
        self.worker = NurseryWorker(
            "tests.delivery_oracle.hurried", self.recorder.environment
        )

    def __enter__(self) -> Self:
        self.worker.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.worker.__exit__()
        self.recorder.__exit__()
        self._folder.cleanup()

    def word(self) -> str:
        """Return a word that no message before had. It has letters only: digits may be a target's."""
        self._count += 1
        letters = str.maketrans("0123456789", "abcdefghij")
        return f"oracle-{self._number}-{self._count}-pack".translate(letters).replace(
            "-", "x"
        )

    async def healthy(self, service: Service) -> Verdict:
        """Deliver a message where nothing fails."""
        word = self.word()
        self.recorder.begin(service)
        outcome = await self._deliver(service, word)
        records = self.recorder.records()
        broken = list(judging.whole(service, word, outcome, records))
        return Verdict(broken=broken, requests=len(records))

    async def noted(self, service: Service) -> Verdict:
        """Deliver a message whose targets are noted, as where the program is killed before it acknowledges; then at
        another URL.
        """
        word, said = self.word(), list[dict[str, Any]]()
        self.recorder.begin(service)
        process = self.worker.take()

        def hear(one: dict[str, Any] | None) -> None:
            said.append(one or {})
            if said[-1].get("out"):
                process.give(True)

        await asyncio.to_thread(process.ask, self._job(service, word), hear)
        self.worker.give_back(process)
        reached = frozenset(one["taken"] for one in said if "taken" in one)
        broken = list[judging.Finding]()
        for key, times in (("key", 0), ("other", 1)):
            self.recorder.begin(service)
            outcome = await self._deliver(service, word, reached=reached, key=key)
            broken += judging.whole(
                service, word, outcome, self.recorder.records(), times
            )
        return Verdict(broken=broken)

    async def trial(self, case: Case) -> Verdict:
        """Deliver a message where a request fails, and if it was not delivered again where nothing does."""
        word = self.word()
        self.recorder.begin(case.service, case.faults)
        seconds = _SHORT if Fault.HANG in case.faults.values() else _TIMEOUT
        outcome = await self._deliver(case.service, word, seconds=seconds)
        before = self.recorder.records()
        broken = list(judging.first(case.service, word, outcome, before))
        if not outcome.taken:
            self.recorder.begin(case.service)
            again = await self._deliver(case.service, word, reached=outcome.reached)
            records = [*before, *self.recorder.records()]
            broken += judging.whole(case.service, word, again, records)
        return Verdict(broken=broken)

    async def _deliver(
        self,
        service: Service,
        word: str,
        *,
        reached: frozenset[str] = frozenset(),
        seconds: float = _TIMEOUT,
        key: str = "key",
    ) -> Outcome:
        job = self._job(service, word, seconds)
        return await self.worker.deliver(replace(job, key=key, reached=reached))

    def _job(self, service: Service, word: str, seconds: float = _TIMEOUT) -> Job:
        files.write(self._contents, Path(self._folder.name))
        return Job(
            url=service.url.replace("{files}", self._folder.name),
            events=(_event(word),),
            timeout=seconds,
            key="key",
            salt="00" * 16,
        )


def _event(word: str) -> Event:
    reason = '[{"error_type": "malware", "message": "it fetches and runs a program"}]'
    return factories.event(
        word, Kind.BANNED, node=word, version="1.2.0", after="banned", reason=reason
    )


def cases(
    service: Service,
    requests: int,
    faults: Iterable[Fault] = Fault,
    pairs: Iterable[tuple[Fault, Fault]] = PAIRS,
) -> list[Case]:
    """Return every fault at every request of a service, and every pair at each two that follow each other."""
    alone = [{at: fault} for at in range(requests) for fault in faults]
    beside = [
        {at: one, at + 1: other} for at in range(requests - 1) for one, other in pairs
    ]
    if service.nobody:
        return []
    return [
        Case(service=service, faults=failing)
        for failing in (*alone, *beside)
        if not (service.own and Fault.PAGE in failing.values())
    ]


@dataclass(frozen=True, slots=True)
class Trials:
    """Lanes, between which the work is shared."""

    lanes: list[Lane]
    runner: asyncio.Runner

    def healthy(self, services: Iterable[Service]) -> dict[str, Verdict]:
        """Deliver a message to each service where nothing fails, and return what came of each by name."""
        return {
            one.name: verdict for one, verdict in self._shared(services, Lane.healthy)
        }

    def noted(self, services: Iterable[Service]) -> list[Broken]:
        """Try each service with targets that are noted already, and return what is wrong."""
        there = [service for service in services if not service.nobody]
        tried = self._shared(there, Lane.noted)
        return [(f"{one}, noted", wrong) for one, it in tried for wrong in it.broken]

    def each(self, cases: Iterable[Case]) -> list[Broken]:
        """Try each case, and return what is wrong."""
        tried = self._shared(cases, Lane.trial)
        return [(str(case), wrong) for case, it in tried for wrong in it.broken]

    def _shared(
        self, work: Iterable[Work], do: Callable[[Lane, Work], Awaitable[Verdict]]
    ) -> list[tuple[Work, Verdict]]:
        """Have each lane do what comes next, and return what came of each."""
        left, found = iter(work), list[tuple[Work, Verdict]]()

        async def go(lane: Lane) -> None:
            for one in left:
                found.append((one, await do(lane, one)))

        async def all_go() -> None:
            async with asyncio.TaskGroup() as group:
                for lane in self.lanes:
                    group.create_task(go(lane))

        self.runner.run(all_go())
        return found


@contextlib.contextmanager
def trials(count: int) -> Iterator[Trials]:
    """Open so many lanes."""
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            environment.setenv(name, _NOWHERE)
        authority = stack.enter_context(Authority())
        contents = files.made()
        opened = [
            stack.enter_context(Lane(number, authority, contents))
            for number in range(count)
        ]
        runner = stack.enter_context(asyncio.Runner())
        found = Trials(opened, runner)
        yield found
