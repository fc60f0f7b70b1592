"""A lock or a state that is another one by now: who began with the first writes and sends nothing more, and ends."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.gate import Gate
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.harness import Watcher, counts

pytestmark = pytest.mark.measured

_PATIENCE = 60.0


class Holding(Webhook):
    """A webhook that keeps the first message's answer back until it is `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def play(self, message: Message, answer: Answer) -> Answer | None:
        """Keep the message; the first one's answer comes when it is released."""
        is_first = not self.messages()
        given = super().play(message, answer)
        if is_first:
            self.released.wait(_PATIENCE)
        return given


@pytest.fixture
def holding() -> Iterator[Holding]:
    """A webhook on loopback that holds the first answer back."""
    with Holding() as peer:
        yield peer
        peer.released.set()


@pytest.fixture
def watch(watch: Watcher, webhook: Webhook) -> Watcher:
    """A watcher that has its baseline, and a channel with a message for each event."""
    ops = {"name": "ops", "url": webhook.apprise_url("/ops"), "grouping": "event"}
    made = watch.but(interval="1h", channels=[ops])
    made.check()
    return made


def _delete_lock(state: Path) -> None:
    (state / "lock").unlink()


def _replace_by_copy(state: Path) -> None:
    # These come and go while a program works on the state.
    passing = shutil.ignore_patterns("*.tmp")
    shutil.copytree(state, state.with_name("copy"), ignore=passing)
    state.rename(state.with_name("away"))
    state.with_name("copy").rename(state)


@pytest.mark.parametrize(
    ("command", "harm"), [("check", _delete_lock), ("run", _replace_by_copy)]
)
def test_who_lost_the_lock_while_reading_saves_and_sends_nothing(
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
    command: str,
    harm: Callable[[Path], None],
) -> None:
    """A second program works on the state by then: each message arrives once, and the first one ends with 4."""
    for version in ("1.1.0", "1.2.0"):
        registry.catalog.publish("alpha", version)
    gate = Gate(registry)
    with watch.start(command) as started:
        started.until(lambda _: gate.reached.is_set())
        harm(watch.state)
        assert watch.check()["alerts"]["delivered"] == 2
        kept = watch.contents()
        gate.open()
        assert started.wait().code == 4
        said = started.err
    assert "was deleted or replaced while this process held it" in said
    assert "another comfy-watch may be working on it" in said
    assert len(webhook.messages()) == 2
    assert watch.contents() == kept
    assert watch.check()["alerts"] == counts()


def test_a_lock_that_is_lost_while_a_message_is_under_way_stops_the_ones_behind_it(
    watch: Watcher, registry: FakeRegistry, holding: Holding
) -> None:
    """The second program sends all, the first one only what it had under way, and then ends with 4."""
    ops = {"name": "ops", "url": holding.apprise_url("/ops"), "grouping": "event"}
    watch = watch.but(channels=[ops])
    versions = ("1.1.0", "1.2.0", "1.3.0")
    for version in versions:
        registry.catalog.publish("alpha", version)
    with watch.start("run") as started:
        holding.wait_for(1)
        _delete_lock(watch.state)
        assert watch.check()["alerts"]["delivered"] == 3
        holding.released.set()
        assert started.wait().code == 4
    texts = [message.json["message"] for message in holding.messages()]
    assert sorted(sum(version in text for text in texts) for version in versions) == [
        1,
        1,
        2,
    ]


def test_who_lost_the_lock_between_polls_ends_with_the_next(watch: Watcher) -> None:
    """One line says what happened and what to do, and nothing is begun anew."""
    with watch.but(interval="20ms").start("run") as started:
        started.until_logged("poll")
        watch.state.rename(watch.folder / "away")
        assert started.wait().code == 4
        *_, last = started.log()
    assert (last["level"], last["event"]) == ("error", "stopped: state")
    assert "then start" in last["message"]
    assert not watch.state.exists()
