"""A service that takes a message and never answers: it gets it again, but not for ever, and the others go out."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import program
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.fake_registry.server import FakeRegistry


class Silent(Webhook):
    """A webhook that takes what is about alpha on the path `/a`, and answers nothing to it."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = False

    def remember(self, message: Message) -> Answer | None:
        return self.play(
            message,
            Answer(
                hang=not self.answers
                and message.path == "/a"
                and _is_about_alpha(message)
            ),
        )


def _is_about_alpha(message: Message) -> bool:
    return "alpha" in message.json["title"]


def _versions(messages: list[Message]) -> list[tuple[str | None, str | None]]:
    """Return the pack and version of each message, which is about one."""
    return [
        (event["node"], event["version"])
        for message in messages
        for event in message.json["events"]
    ]


@pytest.fixture
def service() -> Iterator[Silent]:
    """The webhook behind both channels."""
    with Silent() as silent:
        yield silent


@pytest.fixture
def watch(
    tmp_path: Path, registry: FakeRegistry, service: Silent, fork_server: ForkServer
) -> Watcher:
    """A watcher of two packs with the channels `a` and `b`."""
    for node in ("alpha", "bravo"):
        registry.catalog.publish(node, "1.0.0")
    channels = [
        {"name": name, "url": service.apprise_url(f"/{name}")} for name in ("a", "b")
    ]
    settings = {
        "nodes": "alpha bravo",
        "baseline": "silent",
        "channels": channels,
        "timeout": "0.3",
    }
    watch = Watcher(tmp_path, registry, fork_server=fork_server, **settings)
    watch.check()
    return watch


def _status(watch: Watcher) -> dict[str, Any]:
    """Return the row of the channel `a` in `status --json`."""
    rows = json.loads(watch.run("status", "--json").out)["channels"]
    return next(row for row in rows if row["name"] == "a")


@pytest.mark.bounded
def test_it_is_repeated_five_times_and_then_once_a_day(
    watch: Watcher, registry: FakeRegistry, service: Silent
) -> None:
    """Unchanged, first before the others and then after them; it is shown, and taken as soon as it is answered."""
    env = watch.environment() | {"COMFY_WATCH_INTERVAL": "0.1"}
    registry.catalog.publish("alpha", "1.1.0")
    with program.start(
        "run", cwd=watch.folder, env=env, module="tests.support.fast_clock"
    ) as run:
        service.wait_for(2, "/a")
        registry.catalog.publish("bravo", "1.1.0")
        first = service.wait_for(6, "/a", timeout=30)
        assert _versions(first) == [("alpha", "1.1.0")] * 5 + [("bravo", "1.1.0")]
        row = _status(watch)
        assert (row["undelivered"], row["may_have_arrived"], row["aside"]) == (1, 1, 0)
        assert "no answer; may have arrived" in watch.run("status").out
        registry.catalog.publish("bravo", "1.2.0")
        service.wait_for(7, "/a")
        for number in (8, 10):
            run.signal(signal.SIGUSR1)  # a day and an hour later
            service.wait_for(number, "/a")
            registry.catalog.publish("bravo", f"2.{number}.0")
            service.wait_for(number + 1, "/a")
        service.answers = True
        run.signal(signal.SIGUSR1)
        service.wait_for(12, "/a")
        run.until(lambda _: _status(watch)["undelivered"] == 0)
        run.signal(signal.SIGTERM)
        assert run.wait().code == 0
    got = service.messages("/a")
    assert _versions(got[6:]) == [
        ("bravo", "1.2.0"),
        ("alpha", "1.1.0"),
        ("bravo", "2.8.0"),
        ("alpha", "1.1.0"),
        ("bravo", "2.10.0"),
        ("alpha", "1.1.0"),
    ]
    assert len({message.body for message in got if _is_about_alpha(message)}) == 1
    assert {
        event["kind"]
        for message in service.messages("/b")
        for event in message.json["events"]
    } == {"new"}


def test_a_channel_that_never_answers_is_reported(
    watch: Watcher, registry: FakeRegistry, service: Silent
) -> None:
    """After a day without a delivery, as any other; the reason says that the alert may have arrived."""
    registry.catalog.publish("alpha", "1.1.0")
    watch.check(code=1)
    path = watch.state / "outbox.json"
    outbox = json.loads(path.read_bytes())
    outbox["queues"]["a"]["failing_since"] = "2026-01-01T00:00:00.000Z"
    path.write_text(json.dumps(outbox), "utf-8")
    (event,) = watch.check(code=1)["events"]
    assert (event["kind"], event["channel"]) == ("failing", "a")
    reason = (
        "timed out; may have arrived; no alert was delivered since 2026-01-01 00:00 UTC"
    )
    assert event["reason"] == reason
    assert "timed out; may have arrived" in watch.run("status").out


def test_a_killed_program_counts_too(
    watch: Watcher, registry: FakeRegistry, service: Silent
) -> None:
    """A poll that is always killed while the message is out sends it five times, and then lets the others pass."""
    watch = watch.but(channels=[{"name": "a", "url": service.apprise_url("/a")}])
    slow = watch.but(timeout="60s")
    registry.catalog.publish("alpha", "1.1.0")
    for number in range(1, 6):
        with slow.start("check") as poll:
            service.wait_for(number, "/a")
            poll.signal(signal.SIGKILL)
            poll.wait()
    registry.catalog.publish("bravo", "1.1.0")
    assert watch.check(code=1)["alerts"] == {
        "delivered": 1,
        "unconfirmed": 0,
        "pending": 1,
        "expired": 0,
    }
    assert _versions(service.messages("/a")) == [("alpha", "1.1.0")] * 5 + [
        ("bravo", "1.1.0")
    ]
    row = _status(watch)
    assert (row["may_have_arrived"], row["error"]) == (1, None)
