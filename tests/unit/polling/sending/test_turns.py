"""Who is sent to when: four channels at once, those that failed last time after all others and one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.factories import failed, minute
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.worker import WORKER
from tests.unit.polling.sending.rounds import after, owing, sent
from watcher.alerts.queues.outbox import Outbox
from watcher.model.channel import Channel
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured


class Busy(Webhook):
    """A webhook that takes its time, and knows which paths it answers at the same time.

    It gives no answer before it has had so many `at_once`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.together: list[set[str]] = []
        self.at_once = 1
        self._open: set[str] = set()
        self._lock = threading.Lock()
        self._enough = threading.Event()

    def remember(self, message: Message) -> Answer | None:
        with self._lock:
            self._open.add(message.path)
            self.together.append(set(self._open))
            if len(self._open) == self.at_once:
                self._enough.set()
        self._enough.wait(60)
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


def channels_of(busy: Busy, names: str) -> list[Channel]:
    """Return channels with these names, which are their paths too."""
    return [Channel(name=name, url=busy.apprise_url(f"/{name}")) for name in names]


def failing(waiting: Outbox, *names: str) -> Outbox:
    """Return what is owed after a failed attempt of each channel, a minute apart."""
    for number, name in enumerate(names):
        waiting = failed(waiting, name, "HTTP 500", minute(number))
    return waiting


def late() -> str:
    """Return a time at which no backoff lasts."""
    return minute(30)


def test_at_most_four_are_sent_to_at_once(folder: StateFolder, busy: Busy) -> None:
    """The others wait for a turn, in their order, and no more processes are there; one stays for the next round."""
    busy.at_once = 4
    channels = channels_of(busy, "abcdefg")
    assert sent(folder, owing(*channels, events=1), *channels).delivered == 7
    assert max(map(len, busy.together)) == 4
    assert set(busy.order()[:4]) == {"/a", "/b", "/c", "/d"}
    assert len(WORKER._processes) == 1


def test_what_failed_last_time_waits_for_all_others(
    folder: StateFolder, busy: Busy
) -> None:
    """Those go one at a time, the one tried longest ago first; so does one whose last answer was not heard."""
    busy.at_once = 4
    channels = channels_of(busy, "abcdefg")
    waiting = failing(owing(*channels, events=1), "b", "a")
    [unheard] = waiting.queues["c"].messages
    doubted = replace(waiting.queues["c"], messages=(replace(unheard, unanswered=1),))
    waiting = replace(waiting, queues={**waiting.queues, "c": doubted})
    assert sent(folder, waiting, *channels, clock=late).delivered == 7
    last = ["/c", "/b", "/a"]
    assert busy.order()[4:] == last
    assert all(len(one & set(last)) <= 1 for one in busy.together)


def test_the_next_round_goes_on_with_those_that_fail(
    folder: StateFolder, busy: Busy
) -> None:
    """Of channels that failed last time as many are tried as the budget has time for, at least one, and then others."""
    busy.answer |= dict.fromkeys(("/a", "/b"), 500)
    channels = channels_of(busy, "abc")
    waiting = failing(owing(*channels, events=1), "a", "b")
    for at in range(2):
        options = {"budget": 0, "clock": late, "expiry": 10**6}
        waiting = sent(folder, waiting, *channels, **options).waiting
        assert busy.order() == ["/c", "/a", "/b"][: at + 2]


def test_an_attempt_that_a_stop_cut_short_was_one(
    folder: StateFolder, busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes out when the program is asked to stop is soon abandoned: it may have been taken, and is no failure.

    A channel that hangs until each run is stopped does not keep the turn of others that failed last time.
    """
    monkeypatch.setattr("watcher.polling.sending._STOP_WITHIN", 0.1)
    busy.answer["/a"] = Answer(hang=True)
    channels = channels_of(busy, "ab")
    waiting = failing(owing(*channels, events=1), "a", "b")
    stopping = asyncio.Event()

    def stop_once_it_is_out(*_: str) -> None:
        arrived = asyncio.get_running_loop().run_in_executor(None, busy.wait_for, 1)
        arrived.add_done_callback(lambda _: stopping.set())

    stopped = sent(
        folder,
        waiting,
        *channels,
        clock=late,
        stopping=stopping,
        progress=stop_once_it_is_out,
    )
    [message] = waiting.queues["a"].messages
    left = stopped.waiting.queues["a"]
    assert (left.messages, left.attempts) == ((replace(message, unanswered=1),), 1)
    assert stopped.failures == {}
    assert after(folder, waiting) == stopped.waiting
    sent(folder, stopped.waiting, *channels, clock=late, budget=0)
    assert busy.order() == ["/a", "/b"]


def test_a_pause_leaves_the_turn_to_others(folder: StateFolder, busy: Busy) -> None:
    """A channel whose service asks for a moment's patience holds nobody up, and no process."""
    busy.answer["/a"] = Answer(status=429, headers={"Retry-After": "1"})
    channels, processes = channels_of(busy, "ab"), set[int]()

    def take_it_then(where: str, doing: str) -> None:
        processes.add(len(WORKER._processes))
        if doing.startswith("waiting"):
            busy.answer.clear()

    done = sent(
        folder,
        owing(*channels, events=1),
        *channels,
        turns=asyncio.Semaphore(1),
        progress=take_it_then,
    )
    assert (done.delivered, done.failures) == (2, {})
    assert busy.order() == ["/a", "/b", "/a"]
    assert max(processes) == 1
