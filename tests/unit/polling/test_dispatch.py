"""Delivery of what is due: order, budget and acknowledgements, to a real webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.factories import NOW, event, minute
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.worker import WORKER
from watcher import timestamps
from watcher.alerts import outbox
from watcher.alerts.outbox import FailedAttempt, Outbox
from watcher.delivery.client import Worker
from watcher.errors import StateError
from watcher.model.channel import Channel, Grouping
from watcher.polling.dispatch import Backoffs, DeliveryOptions, Dispatch, dispatch
from watcher.state.store import StateFolder


def sent(
    folder: StateFolder, waiting: Outbox, *channels: Channel, budget: float | None = None, worker: Worker = WORKER
) -> Dispatch:
    """Dispatch once."""
    return dispatched(folder, waiting, *channels, terms=terms(budget=budget, worker=worker))


def terms(
    clock: Callable[[], str] = lambda: NOW,
    *,
    budget: float | None = None,
    backoffs: Backoffs | None = None,
    worker: Worker = WORKER,
) -> DeliveryOptions:
    """Give terms by which an alert expires after an hour."""
    stopping = asyncio.Event()
    return DeliveryOptions(
        timeout=10,
        expiry=3600,
        clock=clock,
        stopping=stopping,
        budget=budget,
        backoffs=backoffs or Backoffs(),
        worker=worker,
    )


def dispatched(folder: StateFolder, waiting: Outbox, *channels: Channel, terms: DeliveryOptions) -> Dispatch:
    """Dispatch once by these terms."""

    async def once() -> Dispatch:
        return await dispatch(folder, waiting, channels, terms)

    return asyncio.run(once())


@dataclass(frozen=True, slots=True)
class Failing(StateFolder):
    """A state folder that raises `error` in its method `at`, for one channel; `tried` counts how often."""

    at: str = "reserve_ack"
    channel: str = "ops"
    error: Exception = field(default_factory=lambda: StateError("the disk is full"))
    tried: list[str] = field(default_factory=list)

    def reserve_ack(self, channel: str, message: str) -> int:
        self._fail("reserve_ack", channel)
        return StateFolder.reserve_ack(self, channel, message)

    def write_failure(self, refusal: FailedAttempt) -> None:
        self._fail("write_failure", refusal.channel)
        StateFolder.write_failure(self, refusal)

    def _fail(self, at: str, channel: str) -> None:
        if (at, channel) == (self.at, self.channel):
            self.tried.append(channel)
            raise self.error


def owing(*channels: Channel) -> Outbox:
    """Give an outbox that owes each channel three events."""
    return outbox.enqueue(Outbox(), channels, tuple(event(f"e{number}") for number in range(3)), 1, NOW)


def test_a_channel_that_used_up_its_budget_lets_go(tmp_path: Path, webhook: Webhook) -> None:
    """Behind its budget a channel leaves the rest of its queue, in order and due at once, to the next round."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"), grouping=Grouping.EVENT)
    waiting = owing(channel)
    for left in (2, 1, 0):
        done = sent(StateFolder(tmp_path), waiting, channel, budget=0)
        waiting = done.waiting
        assert (done.delivered, waiting.alerts("ops"), done.failures) == (1, left, {})
        assert not left or outbox.is_due(waiting.queues["ops"], NOW)
    assert [message.json["events"] for message in webhook.messages()] == [["e0"], ["e1"], ["e2"]]


def test_without_a_budget_all_goes_out(tmp_path: Path, webhook: Webhook) -> None:
    """Where nothing else is waiting, all that there is is sent."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"), grouping=Grouping.EVENT)
    assert sent(StateFolder(tmp_path), owing(channel), channel, budget=None).delivered == 3


def test_nothing_is_sent_whose_acknowledgement_cannot_be_kept(tmp_path: Path, webhook: Webhook) -> None:
    """Where no room can be made for an acknowledgement the message stays, since it would go out again and again."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    (tmp_path / "acks.jsonl").mkdir()
    waiting = owing(channel)
    done = sent(StateFolder(tmp_path), waiting, channel, budget=None)
    assert (done.waiting, done.delivered, webhook.messages()) == (waiting, 0, [])
    assert done.failures["ops"].startswith("its acknowledgement could not be kept: ")


def _pair(webhook: Webhook) -> tuple[Channel, Channel]:
    return Channel(name="ops", url=webhook.apprise_url("/ops")), Channel(name="mail", url=webhook.apprise_url("/mail"))


def test_a_worker_that_cannot_start_is_a_failure(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process that delivers cannot be started, each channel waits as after any failure, and is tried then."""
    channels = _pair(webhook)
    reason = "the process that delivers could not be started"
    with Worker() as broken:
        monkeypatch.setattr("watcher.delivery.client.MODULE", "tests.support.no_such_module")
        done = sent(StateFolder(tmp_path), owing(*channels), *channels, worker=broken)
        assert (done.delivered, done.failures) == (0, {"ops": reason, "mail": reason})
        assert done.waiting.queues["mail"].retry_at == minute(0.5)
        monkeypatch.undo()
        later = terms(lambda: minute(1), worker=broken)
        assert dispatched(StateFolder(tmp_path), done.waiting, *channels, terms=later).delivered == 6


def test_a_program_that_is_to_stop_waits_for_seconds(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message under way is left when the program is to stop, whatever the timeout, and is tried again."""
    monkeypatch.setattr("watcher.polling.dispatch._STOP_WITHIN", 0.1)
    webhook.answer["/a"] = Answer(hang=True)
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    stopping = terms()

    async def once() -> Dispatch:
        asyncio.get_running_loop().run_in_executor(None, webhook.wait_for, 1).add_done_callback(
            lambda _: stopping.stopping.set()
        )
        return await dispatch(StateFolder(tmp_path), owing(channel), [channel], stopping)

    begun = time.monotonic()
    assert asyncio.run(once()).failures == {"ops": "timed out"}
    assert time.monotonic() - begun < stopping.timeout


def test_what_nobody_expects_costs_its_channel_only(tmp_path: Path, webhook: Webhook) -> None:
    """Whatever goes wrong with one channel, the other's message and its acknowledgement do not suffer, and it rests."""
    channels = _pair(webhook)
    folder = Failing(tmp_path, error=ZeroDivisionError())
    backoffs = Backoffs()
    done = dispatched(folder, owing(*channels), *channels, terms=terms(backoffs=backoffs))
    assert (done.delivered, done.failures) == (3, {"ops": "unexpected ZeroDivisionError"})
    assert done.waiting.alerts("ops") == 3
    assert b'"arrived"' in (tmp_path / "acks.jsonl").read_bytes()
    dispatched(folder, done.waiting, *channels, terms=terms(backoffs=backoffs))
    assert folder.tried == ["ops"]
    assert [message.path for message in webhook.messages()] == ["/mail"]


@pytest.mark.parametrize("at", ["reserve_ack", "write_failure"])
def test_a_failure_that_cannot_be_kept_is_rested_from(tmp_path: Path, webhook: Webhook, at: str) -> None:
    """Where the folder takes no word of it, a channel is tried after 30 seconds, then ever more rarely, until it is
    well again.
    """
    webhook.answer["/a"] = 500
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    waiting, folder, backoffs = owing(channel), Failing(tmp_path, at=at), Backoffs()
    tries = []
    for half_minutes in range(16):
        now = minute(half_minutes / 2)
        before = len(folder.tried)
        dispatched(folder, waiting, channel, terms=terms(lambda now=now: now, backoffs=backoffs))  # type: ignore[misc]  # a bound value
        tries += [half_minutes] * (len(folder.tried) - before)
    assert tries == [0, 1, 3, 7, 15]
    webhook.answer.clear()
    later = terms(lambda: minute(60), backoffs=backoffs)
    assert dispatched(StateFolder(tmp_path), waiting, channel, terms=later).delivered == 3
    assert not backoffs.seconds_left("ops", NOW)


def _failed_before(channel: Channel) -> Outbox:
    return outbox.failed(owing(channel), "ops", "HTTP 500", NOW)


LATE = minute(60 * 24 * 9)


def test_an_alert_is_given_up_at_a_second_failure(tmp_path: Path, webhook: Webhook) -> None:
    """A clock that jumps while the first attempt is under way costs nothing; at the next failure what is old goes."""
    webhook.answer["/a"] = 500
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    moments = iter([NOW])
    first = dispatched(StateFolder(tmp_path), owing(channel), channel, terms=terms(lambda: next(moments, LATE)))
    assert (first.expired, first.waiting.alerts("ops")) == ({}, 3)
    after = timestamps.later(LATE, 60)
    second = dispatched(StateFolder(tmp_path), first.waiting, channel, terms=terms(lambda: after))
    assert (second.expired, second.waiting.alerts("ops")) == ({"ops": 3}, 0)


@pytest.mark.parametrize("why", ["stopped", "unkept", "resting"])
def test_nothing_is_given_up_that_was_not_tried_just_now(tmp_path: Path, webhook: Webhook, why: str) -> None:
    """However old an alert is and however often it failed, a round that does not try it leaves it for the next one."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    waiting = outbox.failed(_failed_before(channel), "ops", "HTTP 500", LATE if why == "resting" else NOW)
    late = terms(lambda: LATE)
    if why == "stopped":
        late.stopping.set()
    folder = Failing(tmp_path) if why == "unkept" else StateFolder(tmp_path)
    assert dispatched(folder, waiting, channel, terms=late).waiting == waiting
    after = terms(lambda: timestamps.later(LATE, 3600))
    assert dispatched(StateFolder(tmp_path), waiting, channel, terms=after).delivered == 3
