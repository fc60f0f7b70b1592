"""Delivery of what is due: order, budget and acknowledgements, to a real webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.factories import NOW, event, failed, minute, owed_to, watch
from tests.support.fakes.webhook import Answer, Message, Topics, Webhook
from tests.support.nursery import NurseryWorker
from tests.support.worker import WORKER
from tests.unit.polling.sending.rounds import Hooked, after, owing, sent
from watcher import timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, change
from watcher.alerts.queues.ownership import Addresses, url_digests
from watcher.alerts.queues.queue import is_due
from watcher.delivery.client import Worker
from watcher.delivery.process import Job, Process
from watcher.errors import StateError
from watcher.model.channel import Channel, Grouping, Outcome
from watcher.model.event import Kind
from watcher.model.snapshot import Snapshot
from watcher.polling.poll import Poller
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured

ODD = "tests.unit.delivery.odd_worker"


@pytest.fixture
def ops(webhook: Webhook) -> Channel:
    """A channel with one message for each event."""
    return Channel(name="ops", url=webhook.apprise_url("/ops"), grouping=Grouping.EVENT)


@pytest.fixture
def mail(webhook: Webhook) -> Channel:
    """Another channel."""
    return Channel(name="mail", url=webhook.apprise_url("/mail"))


def test_a_channel_stops_at_its_budget(
    folder: StateFolder, webhook: Webhook, ops: Channel
) -> None:
    """It leaves the rest of its queue, in order and due at once, to the next round; without a budget it sends all."""
    assert sent(folder, owing(ops), ops).delivered == 3
    waiting = owing(ops)
    for left in (2, 1, 0):
        done = sent(folder, waiting, ops, budget=0)
        waiting = done.waiting
        assert (done.delivered, owed_to("ops", waiting), done.failures) == (1, left, {})
        assert not left or is_due(waiting.queues["ops"], NOW)
    assert [message.event_ids for message in webhook.messages()] == [
        ["e0"],
        ["e1"],
        ["e2"],
    ] * 2


def test_a_stop_keeps_what_was_reached(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets that took a message which a stop cut short do not get it again, and the channel has no backoff."""
    monkeypatch.setattr("watcher.polling.sending._STOP_WITHIN", 0.1)
    with Topics() as ntfy, NurseryWorker(ODD) as odd:
        odd.start()
        ntfy.topic["bad"] = Answer(hang=True)
        channel, stopping = (
            Channel(name="ops", url=ntfy.url_of("good", "bad")),
            asyncio.Event(),
        )

        def stop_at_the_second(where: str, doing: str) -> None:
            if doing:
                loop = asyncio.get_running_loop()
                loop.run_in_executor(
                    None,
                    lambda: (ntfy.wait_for(2), loop.call_soon_threadsafe(stopping.set)),
                )

        done = sent(
            folder,
            owing(channel),
            channel,
            stopping=stopping,
            progress=stop_at_the_second,
            worker=odd,
        )
        [message] = done.waiting.queues["ops"].messages
        queue = done.waiting.queues["ops"]
        assert (done.failures, len(message.reached)) == ({}, 1)
        assert (queue.attempts, queue.retry_at) == (0, "")
        assert after(folder, owing(channel)) == done.waiting
        ntfy.topic.clear()
        assert sent(folder, done.waiting, channel, worker=odd).delivered == 3
        assert ntfy.got() == ["good", "bad", "bad"]


@pytest.fixture(scope="module")
def unhurried() -> Iterator[Worker]:
    """A worker without apprise's pauses between two requests."""
    with NurseryWorker(ODD) as worker:
        yield worker


def test_a_target_that_fails_for_good_holds_up_no_other(
    folder: StateFolder, unhurried: Worker
) -> None:
    """The other targets of its URL get later alerts, and what a message only counts; it gets all, each once, when it
    is back.
    """
    bans = tuple(
        event(f"e{number}", Kind.BANNED, node=f"pack-{number}-{'x' * 60}")
        for number in range(60)
    )
    with Topics() as ntfy:
        ntfy.topic["bad"] = Answer(status=500)
        channel = Channel(name="ops", url=ntfy.url_of("good", "bad"))
        waiting = outbox.enqueue(Outbox(), [channel], bans, 1, NOW)
        for hours, got in ((0, ["good", "bad"]), (1, ["good", "bad"] * 2)):
            clock = partial(minute, 60 * hours)
            waiting = sent(
                folder, waiting, channel, worker=unhurried, clock=clock
            ).waiting
            assert (ntfy.got(), owed_to("ops", waiting)) == (got, 60)
        ntfy.topic.clear()
        clock = partial(minute, 120)
        waiting = sent(folder, waiting, channel, worker=unhurried, clock=clock).waiting
        assert ntfy.got()[4:] == ["bad", "bad"]
        before = outbox.enqueue(Outbox(), [channel], bans, 1, NOW)
        assert owed_to("ops", waiting) == owed_to("ops", after(folder, before)) == 0


@pytest.mark.parametrize(("named", "messages"), [(0, 1), (30, 2)])
def test_what_only_a_pattern_chooses_gets_no_further_message(
    folder: StateFolder, unhurried: Worker, named: int, messages: int
) -> None:
    """Of many bans those of packs that are named are in further messages; the others are counted in the first one.

    An acknowledgement fits into the room that was made before the message went out, as a disk may be full by then.
    """
    bans = tuple(
        event(f"e{number}", Kind.BANNED, node=f"Pack-{number}-{'x' * 60}")
        for number in range(120)
    )
    ids = frozenset(str(one.node).lower() for one in bans[::4][:named])
    with Topics() as ntfy:
        channel = Channel(name="ops", url=ntfy.url_of("good"), named=ids)
        waiting = outbox.enqueue(Outbox(), [channel], bans, 1, NOW)
        waiting = sent(folder, waiting, channel, worker=unhurried).waiting
        assert owed_to("ops", waiting) == 0
        assert ntfy.got() == ["good"] * messages
    lines = (folder.path / "owed.jsonl").read_bytes().splitlines()
    assert not any(line.isspace() for line in lines)


def test_a_backlog_is_merged_on_the_disk_before_it_is_sent(
    folder: StateFolder, mail: Channel
) -> None:
    """A kill while the message is out does not leave its parts, which would be sent again."""
    waiting = Outbox()
    for number in range(2):
        waiting = outbox.enqueue(waiting, [mail], (event(f"e{number}"),), 1, NOW)
    folder.prepare(change(Outbox(), waiting))
    folder.commit(Snapshot(revision=1))
    salt, found = "ab" * 16, []

    def look(_: str, doing: str) -> None:
        if doing.startswith("sending"):
            owed = StateFolder(folder.path).load().outbox
            found.append([one.events for one in owed.queues["mail"].messages])

    poller = Poller(
        config=watch(
            "",
            channels=(mail,),
            addresses=Addresses(salt=salt, url_digests=url_digests([mail], salt)),
        ),
        folder=folder,
        clock=lambda: NOW,
        stopping=asyncio.Event(),
        progress=look,
        worker=WORKER,
    )
    assert asyncio.run(poller.deliver_due()).delivered == 2
    assert found == [[("e0", "e1")]]


@pytest.mark.parametrize("cause", ["stopped", "killed"])
def test_before_its_first_request_a_message_is_fresh(
    folder: StateFolder, ops: Channel, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an attempt that ends while its process starts nothing is written that says that it may have arrived."""

    class Cut(Worker):
        def take(self) -> Process:
            process = super().take()
            if cause == "killed":
                process.kill()
            else:
                stopping.set()
            return process

    monkeypatch.setattr("watcher.polling.sending._STOP_WITHIN", 0.0)
    stopping = asyncio.Event()
    with Cut() as worker:
        done = sent(folder, owing(ops), ops, stopping=stopping, worker=worker)
    [message, *_] = done.waiting.queues["ops"].messages
    assert message == owing(ops).queues["ops"].messages[0]
    assert done.waiting.queues["ops"].attempts == (cause == "killed")
    assert after(folder, owing(ops)) == done.waiting


def test_an_unexpected_error_costs_its_channel_only(
    tmp_path: Path, webhook: Webhook, ops: Channel, mail: Channel
) -> None:
    """The other channel's message and its acknowledgement do not suffer, and the failed channel backs off."""

    def fail(_: str, channel: str, __: str) -> None:
        if channel == "ops":
            raise ZeroDivisionError

    folder = Hooked(tmp_path, hook=fail)
    done = sent(folder, owing(ops, mail), ops, mail)
    failures = {"ops": "unexpected ZeroDivisionError"}
    assert (done.delivered, done.failures) == (3, failures)
    assert owed_to("ops", done.waiting) == 3
    assert done.waiting.queues["ops"].retry_at == minute(0.5)
    assert after(StateFolder(tmp_path), owing(mail)).queues == {}
    assert [message.path for message in webhook.messages()] == ["/mail"]


@pytest.mark.parametrize("is_out", [False, True])
def test_after_an_unexpected_error_a_message_may_have_arrived(
    folder: StateFolder, ops: Channel, is_out: bool
) -> None:
    """Whatever goes wrong once a message is out, it is repeated unchanged; before that nobody has it."""

    class Odd(Worker):
        async def deliver(
            self,
            job: Job,
            note: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0),
            progressed: Callable[[], object] = lambda: None,
        ) -> Outcome:
            if is_out:
                await note()
            raise ZeroDivisionError

    with Odd() as worker:
        done = sent(folder, owing(ops, events=1), ops, worker=worker)
    [message] = done.waiting.queues["ops"].messages
    assert message.unanswered == is_out


def full(path: Path, at: str) -> StateFolder:
    """Return a state folder in which one kind of write fails for the channel `ops`."""

    def fail(what: str, channel: str, _: str) -> None:
        if (what, channel) == (at, "ops"):
            raise StateError("the disk is full")

    return Hooked(path, hook=fail)


@pytest.mark.parametrize(("at", "tries"), [("begun", 0), ("kept", 1)])
def test_what_cannot_be_written_down_is_not_sent(
    tmp_path: Path, webhook: Webhook, ops: Channel, mail: Channel, at: str, tries: int
) -> None:
    """A channel whose journal fails sends nothing more; the other one goes on, and what was seen of both is kept."""
    webhook.answer["/ops"] = 500
    done = sent(full(tmp_path, at), owing(ops, mail), ops, mail)
    assert (done.delivered, done.unsaved) == (3, ["the disk is full"])
    assert len(webhook.messages("/ops")) == done.waiting.queues["ops"].attempts == tries


LATE = minute(60 * 24 * 9)


@pytest.mark.parametrize("why", ["stopped", "unwritable", "backing off"])
def test_nothing_expires_that_was_not_tried_just_now(
    folder: StateFolder, ops: Channel, why: str
) -> None:
    """However old an alert is and however often it failed, a round that does not try it leaves it for the next one."""
    waiting = failed(owing(ops), "ops", "HTTP 500", NOW)
    waiting = failed(waiting, "ops", "HTTP 500", LATE if why == "backing off" else NOW)
    stopping = asyncio.Event()
    if why == "stopped":
        stopping.set()
    used = full(folder.path, "begun") if why == "unwritable" else folder
    assert (
        sent(used, waiting, ops, clock=lambda: LATE, stopping=stopping).waiting
        == waiting
    )
    assert (
        sent(folder, waiting, ops, clock=lambda: timestamps.later(LATE, 3600)).delivered
        == 3
    )


class Picky(Webhook):
    """A webhook that answers as `refuses` says, and keeps account of the messages of which that says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: Callable[[Message], Answer | None] = lambda _: None
        self.taken: list[Message] = []

    def remember(self, message: Message) -> Answer | None:
        answer = self.refuses(message)
        if answer is None:
            self.taken.append(message)
        return self.play(message, answer or Answer())


@pytest.fixture
def picky() -> Iterator[Picky]:
    """A service that does not take everything."""
    with Picky() as service:
        yield service


@pytest.fixture
def choosy(picky: Picky) -> Channel:
    """A channel of that service with one message for each event."""
    return Channel(name="ops", url=picky.apprise_url("/ops"), grouping=Grouping.EVENT)


BAD = Answer(status=400)


def test_the_plainest_form_is_taken(folder: StateFolder, picky: Picky) -> None:
    """After a refusal a message goes out at once in ASCII, with the worst event's pack and version."""
    picky.refuses = lambda message: BAD if "📦" in message.json["message"] else None
    ops = Channel(name="ops", url=picky.apprise_url("/ops"))
    waiting = outbox.enqueue(
        Outbox(), (ops,), (event("e1", version="1.0.0 📦"),), 1, NOW
    )
    done = sent(folder, waiting, ops)
    assert (done.delivered, done.failures, len(picky.messages())) == (1, {}, 2)
    assert after(folder, waiting) == done.waiting
    (taken,) = picky.taken
    text = taken.json["title"] + taken.json["message"]
    assert "Some-Pack" in text
    assert text.isascii()


@pytest.mark.parametrize(("events", "is_failing"), [(1, True), (3, False)])
def test_what_is_refused_in_its_plainest_form_steps_aside(
    folder: StateFolder, picky: Picky, choosy: Channel, events: int, is_failing: bool
) -> None:
    """It is still owed, and the rest goes on; a service that refuses it alone may refuse everything."""
    picky.refuses = lambda message: BAD if "e0" in message.event_ids else None
    done = sent(folder, owing(choosy, events=events), choosy)
    queue = done.waiting.queues["ops"]
    assert (done.delivered, len(picky.messages())) == (events - 1, events + 1)
    assert (queue.alerts, len(queue.aside), queue.attempts) == (1, 1, 0)
    assert bool(queue.failing_since) is is_failing


def test_a_message_that_is_never_answered_says_nothing_of_its_channel(
    folder: StateFolder, picky: Picky, choosy: Channel
) -> None:
    """Once it is deferred, its daily try is no failure, and the next deferred one has its try too."""
    picky.refuses = lambda message: Answer(reset=True)
    waiting = owing(choosy)
    queue = waiting.queues["ops"]
    messages = tuple(replace(one, unanswered=5) for one in queue.messages)
    waiting = replace(waiting, queues={"ops": replace(queue, messages=messages)})
    queue = sent(folder, waiting, choosy).waiting.queues["ops"]
    assert [one.unanswered for one in queue.messages] == [6, 6, 6]
    assert (queue.attempts, queue.retry_at, queue.failing_since) == (0, "", "")


def busy(asks: str, status: int = 429) -> Answer:
    """Return an answer that asks for a pause."""
    return Answer(status=status, headers={"Retry-After": asks})


def test_a_round_without_time_leaves_the_pause_to_the_next(
    folder: StateFolder, picky: Picky, choosy: Channel
) -> None:
    """The channel is not asked before its service's time is up, and has not failed."""
    picky.refuses = lambda _: busy("60") if picky.taken else None
    done = sent(folder, owing(choosy), choosy, budget=30)
    queue = done.waiting.queues["ops"]
    assert (done.delivered, done.failures, queue.attempts) == (1, {}, 0)
    assert queue.retry_at == timestamps.later(NOW, 60)


@pytest.mark.parametrize(
    ("asks", "budget", "tries"), [("10", 5, 1), ("0", None, 6)], ids=["long", "in vain"]
)
def test_a_service_that_is_always_busy_has_failed_after_an_hour(
    folder: StateFolder,
    picky: Picky,
    choosy: Channel,
    asks: str,
    budget: float | None,
    tries: int,
) -> None:
    """No round has time for its pauses, or five in a row do not help; what is old then expires, as ever."""
    picky.refuses = lambda _: busy(asks)
    waiting, found = owing(choosy), []
    for number in (0, 59, 60, 61):
        clock = partial(minute, number)
        done = sent(folder, waiting, choosy, budget=budget, clock=clock)
        waiting = done.waiting
        assert not is_due(waiting.queues["ops"], minute(number + 0.4))
        found.append((done.failures, done.expired, waiting.queues["ops"].attempts))
    failure = {"ops": "HTTP 429"}
    assert found == [
        ({}, {}, 0),
        ({}, {}, 0),
        (failure, {}, 1),
        (failure, {"ops": 3}, 2),
    ]
    assert len(picky.messages()) == 4 * tries


def test_a_refusal_that_asks_for_a_wait_ends_the_round(
    folder: StateFolder, picky: Picky, choosy: Channel
) -> None:
    """The message is aside, and the others wait too: the service has asked for that, whatever it refused."""
    picky.refuses = lambda _: busy("7200", 413)
    queue = sent(folder, owing(choosy), choosy).waiting.queues["ops"]
    assert len(picky.messages()) == 2
    assert (len(queue.aside), queue.retry_at) == (1, minute(120))


def test_a_stop_ends_a_pause(
    folder: StateFolder, picky: Picky, choosy: Channel
) -> None:
    """The program does not wait for a service when it is asked to stop; the message is owed as before."""
    picky.refuses = lambda _: busy("50")
    stopping = asyncio.Event()

    def stop_when_it_waits(_: str, doing: str) -> None:
        if doing.startswith("waiting"):
            stopping.set()

    options = {"stopping": stopping, "progress": stop_when_it_waits}
    done = sent(folder, owing(choosy), choosy, **options)
    assert (done.failures, done.waiting) == ({}, owing(choosy))
    assert len(picky.messages()) == 1
