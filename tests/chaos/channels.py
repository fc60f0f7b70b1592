"""Channel faults: one of five channels is dead in some way, the other four must not notice.

`python -m tests.chaos.channels` plays every fault and prints its figures as one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.figures import Result
from tests.chaos.receiver import Receiver
from tests.chaos.world import Fact, Home
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.ports import Refused
from tests.support.fakes.webhook import Answer
from tests.support.fork_server import ForkServer
from tests.support.harness import write_settings

HEALTHY = ("one", "two", "four", "five")
DEAD = "three"
_PACKS = ("alpha", "beta")
_LONG_TIMEOUT = 50
"""Seconds, of a run that does not end before the others' messages have come: shorter than the fork server allows."""


@dataclass(slots=True)
class Stage:
    """Five channels, of which `three` is to be dead; its URL is `dead_url`, its path `/three`."""

    registry: FakeRegistry
    receiver: Receiver
    closed: Refused
    """A port that is closed until the fault ends."""
    dead_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way for a channel to be dead."""

    name: str
    begin: Callable[[Stage], None]
    end: Callable[[Stage], None]
    said: str
    """How the program has to call it."""
    unanswered: bool = False
    """No answer comes: the message may have been taken, so that it may not be merged with others."""
    late: bool = False
    """The receiver takes messages whose sender no longer waits for the answer: each attempt may have arrived."""
    timeout: float = 10
    """The program's setting."""


def _answers(name: str, answer: Answer, said: str, **fields: Any) -> Fault:
    def begin(stage: Stage) -> None:
        stage.receiver.answer[f"/{DEAD}"] = answer

    def end(stage: Stage) -> None:
        del stage.receiver.answer[f"/{DEAD}"]

    return Fault(name=name, begin=begin, end=end, said=said, **fields)


def _shut(stage: Stage) -> None:
    stage.dead_url = f"json://127.0.0.1:{stage.closed.port}/{DEAD}"


def _open(stage: Stage) -> None:
    stage.closed.__exit__()
    stage.receiver.listen_on(stage.closed.port)


FAULTS = (
    Fault(name="refused", begin=_shut, end=_open, said="connection refused"),
    _answers("hang", Answer(hang=True), "timed out", unanswered=True, timeout=1),
    _answers("429", Answer(status=429, headers={"Retry-After": "3600"}), "HTTP 429"),
    _answers("500", Answer(status=500), "HTTP 500"),
    _answers("reset", Answer(reset=True), "the connection was lost", unanswered=True),
    _answers(
        "200 too late",
        Answer(delay=3),
        "timed out",
        unanswered=True,
        late=True,
        timeout=1,
    ),
)


@contextlib.contextmanager
def _stage() -> Iterator[Stage]:
    with FakeRegistry() as registry, Receiver() as receiver, Refused() as closed:
        yield Stage(registry, receiver, closed, receiver.apprise_url(f"/{DEAD}"))


def _begin(stage: Stage, home: Home, timeout: float) -> None:
    for pack in _PACKS:
        stage.registry.catalog.publish(pack, "1.0.0", created_at="2025-03-01T10:00:00Z")
    urls = {name: stage.receiver.apprise_url(f"/{name}") for name in HEALTHY}
    # The dead one comes first: whoever works one after the other is held up by it.
    urls = {DEAD: stage.dead_url, **urls}
    shutil.rmtree(home.folder, ignore_errors=True)
    home.folder.mkdir()
    channels = [{"name": name, "url": url} for name, url in urls.items()]
    write_settings(
        home.folder,
        channels,
        nodes=_PACKS,
        registry_url=stage.registry.url,
        timeout=timeout,
    )


def play(fault: Fault, home: Home, result: Result) -> None:
    """Poll twice with the fault, each time with something to report, and then without it."""
    with _stage() as stage:
        fault.begin(stage)
        _begin(stage, home, fault.timeout)
        reported: list[tuple[str, ...]] = []
        facts: dict[str, Fact] = {}
        for number in range(2):
            if number:
                stage.registry.catalog.set_status("beta", "1.0.0", "flagged", "bad")
                home.let_time_pass()
            stage.receiver.forget()
            done = home.check()
            facts |= _reported(done.out)
            reported.append(tuple(_reported(done.out)))
            healthy = [
                message
                for message in stage.receiver.taken
                if message.path != f"/{DEAD}"
            ]
            if Counter(
                (message.path, message.shown(facts)) for message in healthy
            ) != _once(reported[-1]):
                result.wrong("wrong", f"{fault.name}: the others got {healthy}")
            if (
                done.code != 1
                or f"channel {DEAD}: {fault.said}" not in done.err
                or len(done.err.splitlines()) != 1
            ):
                result.wrong("wrong", f"{fault.name}: {done}")
            if not fault.late and len(healthy) < len(stage.receiver.taken):
                result.wrong(
                    "wrong",
                    f"{fault.name}: the dead channel took {stage.receiver.taken}",
                )
        late = [
            message for message in stage.receiver.taken if message.path == f"/{DEAD}"
        ]
        fault.end(stage)
        stage.receiver.forget()
        home.let_time_pass()
        done = home.check()
        result.add("channel faults")
        result.add("alerts due", sum(map(len, reported)) * (1 + len(HEALTHY)))
        result.add("repeated in flight", sum(len(message.events) for message in late))
        after = [
            message.shown(facts)
            for message in stage.receiver.taken
            if message.path == f"/{DEAD}"
        ]
        due = Counter(event for events in reported for event in events)
        is_as_it_was = after == reported if fault.unanswered else len(after) == 1
        if (
            done.code != 0
            or not is_as_it_was
            or Counter(event for events in after for event in events) != due
        ):
            result.wrong(
                "wrong",
                f"{fault.name}, afterwards: {done}; it took {after} instead of {reported}",
            )


def _reported(out: str) -> dict[str, Fact]:
    return {
        event["id"]: (event["kind"], event["node"], event["version"])
        for event in json.loads(out)["events"]
    }


def _once(events: tuple[str, ...]) -> Counter[tuple[str, tuple[str, ...]]]:
    return Counter((f"/{name}", events) for name in HEALTHY)


def beside(home: Home, result: Result) -> None:
    """Let one channel not answer at all until every other one has its message: nobody may wait for it."""
    with _stage() as stage:
        stage.receiver.answer[f"/{DEAD}"] = Answer(hang=True)
        _begin(stage, home, _LONG_TIMEOUT)
        with home.fork_server.start("check", "--json", cwd=home.folder) as check:
            for name in (DEAD, *HEALTHY):
                stage.receiver.wait_for(1, f"/{name}", timeout=_LONG_TIMEOUT)
            # All have come while the first still hangs; its answer comes only now.
            stage.receiver.__exit__()
            done = check.wait()
        result.add("channel faults")
        if done.code != 1 or Counter(
            message.path for message in stage.receiver.taken
        ) != dict.fromkeys((f"/{name}" for name in HEALTHY), 1):
            result.wrong("wrong", f"one hangs beside four: {done}")


def half(home: Home, result: Result) -> None:
    """Let one of two targets of one URL fail: the other gets its message once, also when the program starts anew."""
    with _stage() as stage:
        stage.dead_url = f"ntfy://127.0.0.1:{stage.receiver.port}/good/bad"
        stage.receiver.refuses = lambda message: message.json.get("topic") == "bad"
        _begin(stage, home, 10)
        first = home.check()
        home.let_time_pass()
        second = home.check()
        stage.receiver.refuses = lambda _: False
        home.let_time_pass()
        third = home.check()
        result.add("channel faults")
        topics = [message.topic for message in stage.receiver.taken if message.topic]
        if [first.code, second.code, third.code] != [1, 1, 0] or topics != [
            "good",
            "bad",
        ]:
            result.wrong(
                "wrong",
                f"half of the targets: {first} {second} {third}; taken by {topics}",
            )


def everything() -> Result:
    """Play every fault."""
    result = Result()
    with tempfile.TemporaryDirectory() as root, ForkServer() as fork_server:
        home = Home(folder=Path(root, "home"), fork_server=fork_server)
        for fault in FAULTS:
            play(fault, home, result)
        beside(home, result)
        half(home, result)
    return result


if __name__ == "__main__":
    everything().show()
