"""Who is sent to when: four channels at once, those that failed last time after all others and one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import NOW, event, failed, minute
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.worker import WORKER
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.model.channel import Channel
from watcher.polling.model import Dispatch
from watcher.polling.sending import DeliveryOptions, dispatch
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured


class Busy(Webhook):
    """A webhook that takes its time, and counts the messages that it answers at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self.together: list[set[str]] = []
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def remember(self, message: Message) -> Answer | None:
        with self._lock:
            self._open.add(message.path)
            self.together.append(set(self._open))
        answer = self.play(message, replace(self.answer_for(message.path), delay=0.2))
        with self._lock:
            self._open.discard(message.path)
        return answer

    def order(self) -> list[str]:
        """Return the paths of all messages, in order."""
        return [message.path for message in self.messages()]


@pytest.fixture
def busy() -> Iterator[Busy]:
    """A service that takes its time."""
    with Busy() as service:
        yield service


def owing(channels: list[Channel]) -> Outbox:
    """Return an outbox with an undelivered event for each channel."""
    return outbox.enqueue(Outbox(), channels, (event(),), 1, NOW)


def sent(
    tmp_path: Path, waiting: Outbox, channels: list[Channel], **options: Any
) -> Dispatch:
    """Dispatch once, when no backoff lasts."""

    async def once() -> Dispatch:
        given = DeliveryOptions(
            timeout=10,
            expiry=10**6,
            clock=lambda: minute(600),
            worker=WORKER,
            salt="",
            **{"stopping": asyncio.Event(), "turns": asyncio.Semaphore(4)} | options,
        )
        return await dispatch(StateFolder(tmp_path), waiting, channels, given)

    return asyncio.run(once())


def channels_of(busy: Busy, *names: str) -> list[Channel]:
    """Return channels with these names, which are their paths too."""
    return [Channel(name=name, url=busy.apprise_url(f"/{name}")) for name in names]


def test_at_most_four_are_sent_to_at_once(tmp_path: Path, busy: Busy) -> None:
    """The others wait for a turn, in their order, and no more processes are there; one stays for the next round."""
    channels = channels_of(busy, *"abcdefghi")
    assert sent(tmp_path, owing(channels), channels).delivered == 9
    assert max(map(len, busy.together)) == 4
    assert set(busy.order()[:4]) == {"/a", "/b", "/c", "/d"}
    assert len(WORKER._processes) == 1


def test_what_failed_last_time_waits_for_all_others(tmp_path: Path, busy: Busy) -> None:
    """Those go one at a time, the one tried longest ago first; so does one whose last answer was not heard."""
    channels = channels_of(busy, *"abcdefgh")
    waiting = owing(channels)
    for name, tried in (("a", 3), ("b", 1), ("c", 2)):
        waiting = failed(waiting, name, "timed out", minute(tried))
    [unheard] = waiting.queues["d"].messages
    doubted = replace(waiting.queues["d"], messages=(replace(unheard, unanswered=1),))
    waiting = replace(waiting, queues={**waiting.queues, "d": doubted})
    assert sent(tmp_path, waiting, channels).delivered == 8
    last = ["/d", "/b", "/c", "/a"]
    assert busy.order()[4:] == last
    assert all(len(one & set(last)) <= 1 for one in busy.together)


def test_the_next_round_goes_on_with_those_that_fail(
    tmp_path: Path, busy: Busy
) -> None:
    """Of channels that failed last time as many are tried as the budget has time for, at least one, and then others."""
    busy.answer |= dict.fromkeys(("/a", "/b", "/c"), 500)
    channels = channels_of(busy, "a", "b", "c", "d")
    waiting = owing(channels)
    for number, name in enumerate("abc"):
        waiting = failed(waiting, name, "HTTP 500", minute(number))
    for at in range(3):
        waiting = sent(tmp_path, waiting, channels, budget=0).waiting
        assert busy.order() == ["/d", "/a", "/b", "/c"][: at + 2]


def test_an_attempt_that_a_stop_cut_short_was_one(
    tmp_path: Path, busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that hangs until each run is stopped does not keep the turn of others that failed last time."""
    monkeypatch.setattr("watcher.polling.sending._STOP_WITHIN", 0.1)
    busy.answer["/a"] = Answer(hang=True)
    channels = channels_of(busy, "a", "b")
    waiting = owing(channels)
    for number, name in enumerate("ab"):
        waiting = failed(waiting, name, "HTTP 500", minute(number))
    stopping = asyncio.Event()

    def stop_once_it_is_out(*_: str) -> None:
        arrived = asyncio.get_running_loop().run_in_executor(None, busy.wait_for, 1)
        arrived.add_done_callback(lambda _: stopping.set())

    stopped = sent(
        tmp_path, waiting, channels, stopping=stopping, progress=stop_once_it_is_out
    )
    sent(tmp_path, stopped.waiting, channels, budget=0)
    assert busy.order() == ["/a", "/b"]


def test_a_pause_leaves_the_turn_to_others(tmp_path: Path, busy: Busy) -> None:
    """A channel whose service asks for a moment's patience holds nobody up, and no process."""
    busy.answer["/a"] = Answer(status=429, headers={"Retry-After": "1"})
    channels, processes = channels_of(busy, "a", "b"), set[int]()

    def take_it_then(where: str, doing: str) -> None:
        processes.add(len(WORKER._processes))
        if doing.startswith("waiting"):
            busy.answer.clear()

    done = sent(
        tmp_path,
        owing(channels),
        channels,
        turns=asyncio.Semaphore(1),
        progress=take_it_then,
    )
    assert (done.delivered, done.failures) == (2, {})
    assert busy.order() == ["/a", "/b", "/a"]
    assert max(processes) == 1
