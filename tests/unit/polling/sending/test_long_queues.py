"""What a long queue costs: work that grows with the messages, and nothing in the event loop that waits for the disk."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.factories import NOW, channel, event, failed, minute
from tests.support.fakes.webhook import Webhook
from tests.unit.polling.sending.rounds import Hooked, owing, round_of, sent
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Change, Outbox, change, replay
from watcher.alerts.queues.queue import Queue
from watcher.model.channel import Channel, Grouping
from watcher.state import documents
from watcher.state.store import StateFolder

_FEW, _MANY = 50, 400
_NAMES = ("ops", "mail")


def _steps(work: Callable[[], object]) -> int:
    """Count the lines of the program's own that some work runs; each turn of a comprehension is one."""
    count = 0

    def trace(frame: FrameType, what: str, _: Any) -> Any:
        nonlocal count
        count += what == "line"
        return trace if "watcher" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _channels() -> list[Channel]:
    return [channel(name, grouping=Grouping.EVENT) for name in _NAMES]


def _owing(messages: int) -> Outbox:
    return owing(*_channels(), events=messages)


def _acknowledgements(waiting: Outbox) -> list[Change]:
    return [
        Change(messages={name: {message.id: None}})
        for name, queue in waiting.queues.items()
        for message in queue.messages
    ]


def _expired(waiting: Outbox) -> object:
    for _ in range(2):
        waiting = failed(waiting, "ops", "HTTP 500", NOW)
    return outbox.expired(waiting, "ops", minute(61), 3600)


_WORK: dict[str, Callable[[Outbox], object]] = {
    "enqueued": lambda waiting: outbox.enqueue(
        waiting, _channels(), (event("more"),), 2, NOW
    ),
    "delivered": lambda waiting: replay(waiting, _acknowledgements(waiting)),
    "expired": _expired,
    "recorded": outbox.recorded,
    "written": lambda waiting: change(Outbox(), waiting),
}


@pytest.mark.parametrize("what", _WORK)
def test_the_work_on_a_queue_grows_with_its_messages(what: str) -> None:
    """Eight times the messages take eight times the steps, not 64 times."""
    few, many = (
        _steps(lambda n=n: _WORK[what](n))  # type: ignore[misc]  # a bound value
        for n in (_owing(_FEW), _owing(_MANY))
    )
    assert many < 2 * _MANY / _FEW * few


@pytest.fixture
def channels(webhook: Webhook) -> list[Channel]:
    """Two channels with one message for each event; the second one refuses all of them."""
    webhook.answer["/mail"] = 500
    return [
        Channel(name=n, url=webhook.apprise_url(f"/{n}"), grouping=Grouping.EVENT)
        for n in _NAMES
    ]


def test_each_message_is_kept_before_the_next(
    tmp_path: Path, channels: list[Channel]
) -> None:
    """A message is begun, there is room before it goes out, and what came of it is written before the next one."""
    steps: dict[str, list[tuple[str, str]]] = {name: [] for name in _NAMES}
    folder = Hooked(
        tmp_path, hook=lambda what, name, key: steps[name].append((what, key))
    )

    def note(where: str, doing: str) -> None:
        if doing.startswith("sending"):
            steps[where.removeprefix("channel ")].append(("sent", ""))

    assert sent(folder, owing(*channels), *channels, progress=note).delivered == 3
    for name, kept in zip(_NAMES, (3, 1), strict=True):
        keys = [key for what, key in steps[name] if what == "begun"]
        assert len(set(keys)) == kept
        assert steps[name] == [
            step
            for key in keys
            for step in (("sent", ""), ("begun", key), ("kept", key))
        ]


@pytest.mark.parametrize("slow", ["begun", "kept"])
def test_a_slow_disk_delays_no_other_channel(
    tmp_path: Path, webhook: Webhook, channels: list[Channel], slow: str
) -> None:
    """While one channel waits for the disk, for each kind of write, another one's three messages are delivered.

    Nothing has gone out to it before it is noted that it does.
    """
    others, delivered = iter(range(3)), threading.Event()

    def wait(what: str, name: str, _: str) -> None:
        if name == "mail":
            assert what != slow or delivered.wait(10)
            assert len(webhook.messages("/mail")) == (what == "kept")
        elif what == "kept" and next(others) == 2:
            delivered.set()

    done = sent(Hooked(tmp_path, hook=wait), owing(*channels), *channels)
    assert (done.delivered, done.failures) == (3, {"mail": "HTTP 500"})


def test_cancellation_loses_no_acknowledgement(
    tmp_path: Path, channels: list[Channel]
) -> None:
    """A program that ends while the disk is slow still writes the acknowledgement of the message that arrived."""
    writing, cancelled = threading.Event(), threading.Event()

    def wait(what: str, *_: str) -> None:
        if what == "kept":
            writing.set()
            assert cancelled.wait(10)

    async def cancel() -> None:
        folder, ops = Hooked(tmp_path, hook=wait), channels[0]
        task = asyncio.create_task(round_of(folder, owing(ops), ops))
        assert await asyncio.to_thread(writing.wait, 10)
        task.cancel()
        cancelled.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    (_, *arrived) = documents.read((tmp_path / "owed.jsonl").read_bytes())
    assert [list(one.messages["ops"].values()) for one in arrived] == [[None]]


def test_threads_do_not_write_over_each_others_lines(tmp_path: Path) -> None:
    """However many channels write at once, each line of each is whole and there once."""
    folder = StateFolder(tmp_path)
    names = [f"c{number}" for number in range(8)]

    def change_of(name: str, number: int, attempts: int) -> Change:
        gone = {f"m{number}": None}
        return Change(queues={name: Queue(attempts=attempts)}, messages={name: gone})

    def deliver(name: str) -> None:
        for number in range(10):
            arrival = change_of(name, number, 1)
            room = folder.write_sending(change_of(name, number, 0), arrival)
            folder.write_change(arrival, room)
            folder.write_change(change_of(name, number, 2))

    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(deliver, names))
    noted = [
        (name, *line.messages[name], queue.attempts)
        for line in documents.read((tmp_path / "owed.jsonl").read_bytes())
        for name, queue in line.queues.items()
    ]
    assert sorted(noted) == sorted(
        itertools.product(names, [f"m{n}" for n in range(10)], range(3))
    )
