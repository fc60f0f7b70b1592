"""A service that takes a message and never answers: it gets it again, but not for ever, and the others go out."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher, counts


class Silent(Webhook):
    """A webhook that takes what is about alpha, and answers nothing to it."""

    def remember(self, message: Message) -> Answer | None:
        return self.play(message, Answer(hang="alpha" in message.json["title"]))


@pytest.fixture
def service() -> Iterator[Silent]:
    """The webhook behind the channel."""
    with Silent() as silent:
        yield silent


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, service: Silent) -> Watcher:
    """A watcher of two packs with the channel `a`."""
    registry.catalog.publish("bravo", "1.0.0")
    channels = [{"name": "a", "url": service.apprise_url("/a")}]
    both = watch.but(nodes="alpha bravo", channels=channels)
    both.check()
    return both


def test_a_killed_program_counts_too(
    watch: Watcher, registry: FakeRegistry, service: Silent
) -> None:
    """A poll that is always killed while the message is out sends it five times, and then lets the others pass."""
    registry.catalog.publish("alpha", "1.1.0")
    for number in range(1, 6):
        with watch.start("check") as poll:
            service.wait_for(number, "/a")
            poll.signal(signal.SIGKILL)
            poll.wait()
    registry.catalog.publish("bravo", "1.1.0")
    assert watch.check(code=1)["alerts"] == counts(1, pending=1)
    sent = [message.json["events"] for message in service.messages("/a")]
    assert [event["node"] for [event] in sent] == ["alpha"] * 5 + ["bravo"]
    row = watch.channel("a")
    assert (row["may_have_arrived"], row["error"]) == (1, None)


def test_a_kill_before_the_first_request_leaves_no_doubt(
    watch: Watcher, registry: FakeRegistry, service: Silent
) -> None:
    """If it is killed when the process that sends is about to connect, the alert is as new, and goes out."""
    registry.catalog.publish("bravo", "1.1.0")
    watch.cut("", Cut.BEFORE)
    connections = (watch.folder / "trace").read_text("utf-8").count("tcp connect\n")
    registry.catalog.publish("bravo", "1.2.0")
    (watch.folder / "trace").unlink()
    done = watch.cut("tcp connect", Cut.BEFORE, at=connections)
    assert done.code == -signal.SIGKILL
    assert watch.channel("a")["may_have_arrived"] == 0
    assert watch.check()["alerts"] == counts(1)
    assert len(service.messages("/a")) == 2
