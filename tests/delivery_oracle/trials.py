"""Deliveries by the program's own process, one after the other in each of several lanes, each with its own recorder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.delivery_oracle import files, judging
from tests.delivery_oracle.faults import Fault
from tests.delivery_oracle.recorder import Authority, Record, Recorder
from tests.delivery_oracle.service import Service
from tests.support import factories
from watcher.delivery.client import Line, Worker
from watcher.delivery.job import Job, Reached
from watcher.delivery.outcome import Outcome, Undelivered
from watcher.delivery.process import forking
from watcher.model.event import Event, Kind

_WORKER = "tests.delivery_oracle.hurried"
_NOWHERE = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY")}
"""What a process gets that is not a lane's: no traffic may leave this machine."""
_TIMEOUT = 20.0
_SHORT = 1.0
"""Seconds for a request that is to hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One service, one of whose requests fails."""

    service: Service
    fault: Fault
    at: int

    def __str__(self) -> str:
        return f"{self.service.name}, request {self.at + 1}, {self.fault}"


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came of one case, or of a service where nothing fails."""

    broken: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """The requests of the first attempt."""


Done = tuple[Service | Case, Verdict]
Tell = Callable[[Service | Case, Verdict], object]


class Lane:
    """A process that delivers, and the recorder that it talks to."""

    def __init__(self, number: int, authority: Authority, files: Path) -> None:
        self._number, self._count, self._files = number, 0, files
        self.recorder = Recorder(authority)
        self.worker = Worker()
        self.line: Line = self.worker.line()

    def __enter__(self) -> Self:
        with _in_environment(self.recorder.environment):
            self.worker.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.worker.__exit__()
        self.recorder.__exit__()

    def word(self) -> str:
        """Return a word that no message before had."""
        self._count += 1
        return f"oracle{self._number}pack{self._count}x"

    async def healthy(self, service: Service) -> Verdict:
        """Deliver a message where nothing fails."""
        word = self.word()
        self.recorder.begin(service)
        outcome = await self._deliver(service, word)
        records = self.recorder.records()
        broken = list(judging.healthy(service, word, outcome, records))
        return Verdict(broken=broken, lines=[record.line for record in records])

    async def trial(self, case: Case) -> Verdict:
        """Deliver a message where a request fails, and if it was not delivered again where nothing does."""
        word = self.word()
        self.recorder.begin(case.service, case.fault, case.at)
        outcome = await self._deliver(case.service, word, timeout=_SHORT if case.fault is Fault.HANG else _TIMEOUT)
        before = self.recorder.records()
        broken = list(judging.first(case.service, word, outcome, before))
        if isinstance(outcome, Undelivered):
            self.recorder.begin(case.service)
            again = await self._deliver(case.service, word, reached=outcome.reached)
            broken += judging.second(case.service, word, before, again, self.recorder.records())
        return Verdict(broken=broken, lines=[_shown(record) for record in before])

    async def _deliver(
        self, service: Service, word: str, *, reached: frozenset[str] = frozenset(), timeout: float = _TIMEOUT
    ) -> Outcome:
        job = Job(
            url=service.url.replace("{files}", os.fspath(self._files)),
            events=(_event(word),),
            timeout=timeout,
            reached=Reached(key="key", salt="00" * 16, targets=reached),
        )
        return await self.line.deliver(job)


def _event(word: str) -> Event:
    reason = '[{"error_type": "malware", "message": "it fetches and runs a program"}]'
    return factories.event(word, Kind.BANNED, node=word, version="1.2.0", after="banned", reason=reason)


def _shown(record: Record) -> str:
    return f"{record.line} -> {record.status} {record.fault or ''}".rstrip()


@contextlib.contextmanager
def lanes(count: int) -> Iterator[list[Lane]]:
    """Open so many lanes."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_in_environment(_NOWHERE))
        authority = stack.enter_context(Authority())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files.fill(folder)
        before, forking.MODULE = forking.MODULE, _WORKER
        stack.callback(setattr, forking, "MODULE", before)
        yield [stack.enter_context(Lane(number, authority, folder)) for number in range(count)]


def cases(service: Service, requests: int, faults: Iterable[Fault] = Fault) -> list[Case]:
    """Return every fault at every request of a service."""
    return [Case(service=service, fault=fault, at=at) for at in range(requests) for fault in faults]


@contextlib.contextmanager
def _in_environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def done(opened: list[Lane], work: Iterable[Service | Case], tell: Tell = lambda *_: None) -> list[Done]:
    """Do all that, each lane what comes next, and return what came of each; `tell` is called with each at once."""
    left, found = iter(work), list[Done]()

    async def go(lane: Lane) -> None:
        for one in left:
            verdict = await (lane.healthy(one) if isinstance(one, Service) else lane.trial(one))
            found.append((one, verdict))
            tell(one, verdict)
        lane.line.__exit__()

    async with asyncio.TaskGroup() as group:
        for lane in opened:
            group.create_task(go(lane))
    return found
