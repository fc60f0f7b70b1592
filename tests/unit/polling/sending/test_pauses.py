"""Pauses that a service asks for with `Retry-After`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.factories import NOW, minute
from tests.support.fakes.webhook import Answer, Message
from tests.unit.polling.sending.test_dispatch import Picky, folder, owing, picky, sent
from watcher import timestamps
from watcher.model.channel import Channel, Grouping
from watcher.state.store import StateFolder

__all__ = ["folder", "picky"]


class Busy(Picky):
    """A webhook that answers every second message with 429 and a `Retry-After`."""

    def __init__(self) -> None:
        super().__init__()
        self.every, self.asks = 2, "0.2"
        self.refuses = self._busy
        self._count = 0

    def _busy(self, _: Message) -> Answer | None:
        self._count += 1
        return (
            Answer(status=429, headers={"Retry-After": self.asks})
            if self._count % self.every == 0
            else None
        )


@pytest.fixture
def busy() -> Iterator[Busy]:
    """A service that limits the rate."""
    with Busy() as service:
        service.asks = "1"
        yield service


@pytest.mark.bounded
def test_a_short_retry_after_is_waited_for(folder: StateFolder, busy: Busy) -> None:
    """Every message goes out in the same round, each once, in order; that is no failure."""
    ops, began = (
        Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT),
        time.monotonic(),
    )
    done = sent(folder, owing(ops), ops)
    assert (done.delivered, done.failures, busy.ids()) == (
        3,
        {},
        [["e0"], ["e1"], ["e2"]],
    )
    assert time.monotonic() - began >= 2


def test_a_round_without_time_leaves_the_pause_to_the_next(
    folder: StateFolder, busy: Busy
) -> None:
    """The channel is not asked before its service's time is up, and has not failed."""
    busy.asks = "60"
    ops = Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT)
    done = sent(folder, owing(ops), ops, budget=30)
    queue = done.waiting.queues["ops"]
    assert (done.delivered, done.failures, queue.attempts) == (1, {}, 0)
    assert queue.retry_at == timestamps.later(NOW, 60)


def test_a_service_that_is_always_busy_has_failed_after_an_hour(
    folder: StateFolder, busy: Busy
) -> None:
    """Though no round has time for its pauses: what is old then expires, as on any channel that fails."""
    busy.every, busy.asks = 1, "10"
    ops = Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT)
    waiting, found = owing(ops), []
    for number in (0, 59, 60, 61):
        done = sent(folder, waiting, ops, budget=5, clock=partial(minute, number))
        waiting = done.waiting
        found.append((done.failures, done.expired, waiting.queues["ops"].attempts))
    failure = {"ops": "HTTP 429"}
    assert found == [
        ({}, {}, 0),
        ({}, {}, 0),
        (failure, {}, 1),
        (failure, {"ops": 3}, 2),
    ]


def test_a_long_retry_after_is_the_next_try(folder: StateFolder, busy: Busy) -> None:
    """Two hours are kept to the second, though no backoff is as long."""
    busy.every, busy.asks = 1, "7200"
    ops = Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT)
    done = sent(folder, owing(ops), ops)
    assert (done.failures, done.waiting.queues["ops"].retry_at) == (
        {"ops": "HTTP 429"},
        minute(120),
    )
    sent(folder, done.waiting, ops, clock=lambda: minute(119))
    assert len(busy.messages()) == 1


def test_a_service_that_only_asks_to_wait_has_failed(
    folder: StateFolder, busy: Busy
) -> None:
    """After some pauses in a row the round leaves it, and its next try is when it asked for."""
    busy.every, busy.asks = 1, "0"
    ops = Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT)
    done = sent(folder, owing(ops), ops)
    assert (done.failures, len(busy.messages())) == ({"ops": "HTTP 429"}, 6)
    assert done.waiting.queues["ops"].attempts == 1


def test_a_stop_ends_a_pause(folder: StateFolder, busy: Busy) -> None:
    """The program does not wait for a service when it is asked to stop; the message is owed as before."""
    busy.every, busy.asks = 1, "50"
    ops = Channel(name="ops", url=busy.apprise_url("/ops"), grouping=Grouping.EVENT)
    stopping, began = asyncio.Event(), time.monotonic()

    def stop_when_it_waits(_: str, doing: str) -> None:
        if doing.startswith("waiting"):
            stopping.set()

    done = sent(folder, owing(ops), ops, stopping=stopping, progress=stop_when_it_waits)
    assert (done.failures, done.waiting) == ({}, owing(ops))
    assert time.monotonic() - began < 10
