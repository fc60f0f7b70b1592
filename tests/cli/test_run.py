"""`run`: the service that polls until it is told to stop, and survives what a poll can throw."""

from __future__ import annotations

import asyncio
import json
import platform
import signal
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from tests.support.program import Started
from tests.support.worker import WORKER
from watcher.alerts.outbox import FailedAttempt, Outbox
from watcher.errors import StateError
from watcher.fake_registry.server import FakeRegistry
from watcher.polling import daemon, setup
from watcher.polling.poll import Poller
from watcher.settings.model import Settings
from watcher.state.store import StateFolder


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry) -> Watcher:
    """A watcher with a silent baseline that polls without a rest, beside a registry with alpha 1.0.0."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(tmp_path, registry, baseline="silent", interval="20ms", jitter=0)


def _log(started: Started, event: str = "") -> list[dict[str, Any]]:
    """Give the whole lines of a running program's log, all of them or those of one event."""
    lines = [json.loads(line) for line in started.err.splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in lines if event in ("", line["event"])]


def _until(started: Started, event: str, count: int = 1) -> None:
    """Wait for so many log lines of an event."""
    started.until(lambda it: len(_log(it, event)) >= count)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_polls_until_told_to_stop(watch: Watcher, registry: FakeRegistry, number: signal.Signals) -> None:
    """Each poll is one summary line of JSON on stderr, stdout stays empty, and the first signal ends it with 0."""
    with watch.but(failure_threshold=1000).start("run", "--node", "bravo") as started:
        _until(started, "poll", 2)
        key = registry.catalog.publish("alpha", "1.1.0")
        _until(started, "event")
        polls = len(_log(started, "poll"))
        _until(started, "poll", polls + 2)
        started.signal(number)
        done = started.wait()
        assert (done.code, done.out) == (0, "")
        log = _log(started)
    assert log[0]["event"] == "started"
    assert (log[-1]["event"], log[-1]["signal"]) == ("stopped", number.name)
    asked = [request for request in registry.requests if request.query["nodeId"] == ["alpha"]]
    polls = len([line for line in log if line["event"] == "poll"])
    assert polls <= len(asked) <= polls + 1
    assert {line["level"] for line in log} <= {"info", "warning"}
    poll = next(line for line in log if line["event"] == "poll")
    assert (poll["checked"], poll["failed"], poll["events"]) == (2, 0, 0)
    assert (poll["delivered"], poll["pending"], poll["expired"]) == (0, 0, 0)
    (event,) = [line for line in log if line["event"] == "event"]
    assert (event["kind"], event["node"], event["version"]) == ("new", "alpha", "1.1.0")
    assert key in watch.contents()["snapshot.json"].decode()


def test_polls_do_not_overlap(watch: Watcher, registry: FakeRegistry) -> None:
    """A poll that takes longer than the interval is over before the next one begins."""
    under_way = 0
    most = 0

    async def slowly(request: web.BaseRequest) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.1)
        under_way -= 1

    registry.respond = slowly
    with watch.start("run") as started:
        _until(started, "poll", 4)
    assert most == 1


def test_waits_are_longer_or_shorter_by_the_jitter(watch: Watcher, registry: FakeRegistry) -> None:
    """Some waits are clearly shorter than the interval and some longer, and together no shorter than the share allows.

    A loaded machine can only make waits look longer in sum, so that nothing here depends on its speed.
    """
    interval, jitter = 0.2, 0.5

    def waits() -> list[float]:
        times = [request.at for request in registry.requests]
        return [after - before for before, after in pairwise(times)]

    with watch.but(interval=interval, jitter=jitter).start("run") as started:
        started.until(lambda it: len(waits()) >= 8 and min(waits()) < 0.9 * interval and max(waits()) > 1.1 * interval)
    assert sum(waits()) >= len(waits()) * interval * (1 - jitter)


def test_a_long_interval_is_waited_for(watch: Watcher, registry: FakeRegistry) -> None:
    """Between polls it waits for the interval, and a signal ends the wait at once."""
    with watch.but(interval="1h").start("run") as started:
        _until(started, "poll")
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
    assert len(registry.requests) == 1


def test_a_signal_while_it_reads(watch: Watcher, registry: FakeRegistry) -> None:
    """Told to stop while it waits for the registry, it stops without waiting on, and saves nothing of that poll."""
    watch.check()
    before = watch.contents()
    inflict(registry, "hang")
    asked = len(registry.requests)
    with watch.start("run") as started:
        started.until(lambda it: len(registry.requests) > asked)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
        assert not _log(started, "poll")
    assert watch.contents() == before


def test_a_second_signal_stops_at_once(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """While an alert is in flight the first signal waits for it, the second does not; the alert is not lost."""
    watch = watch.but(alert_urls=webhook.apprise_url("/a"), interval="1h")
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    webhook.answer["/a"] = Answer(hang=True)
    with watch.start("run") as started:
        webhook.wait_for(1)
        started.signal(signal.SIGTERM)
        assert started.process.poll() is None
        started.until(lambda it: _sent_again(it, signal.SIGTERM))
        assert started.wait().code == 128 + signal.SIGTERM
    webhook.answer.clear()
    assert watch.check()["alerts"] == {"delivered": 1, "pending": 0, "expired": 0}


def _sent_again(started: Started, number: signal.Signals) -> bool:
    """Send a signal to whatever still runs, and tell whether it has ended: two signals at once would be seen as one."""
    if started.process.poll() is None:
        started.signal(number)
    return started.process.poll() is not None


def test_it_survives_an_outage(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """A registry that goes away and comes back costs one `failing` and one `recovered`, and no version event."""
    watch = watch.but(alert_urls=webhook.apprise_url("/a"), failure_threshold=2)
    with watch.start("run") as started:
        _until(started, "poll")
        inflict(registry, "closed_unanswered")
        webhook.wait_for(1)
        polls = len(_log(started, "poll"))
        _until(started, "poll", polls + 3)
        registry.respond = None
        webhook.wait_for(2)
        registry.catalog.publish("alpha", "1.1.0")
        webhook.wait_for(3)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
        told = [(line["kind"], line["node"], line["version"]) for line in _log(started, "event")]
    assert told == [("failing", None, None), ("recovered", None, None), ("new", "alpha", "1.1.0")]
    assert len(webhook.messages()) == 3


def test_what_went_wrong_is_logged_by_name(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """A node that cannot be read, an empty one and a channel that fails are logged by name, the rest in fields."""
    watch = watch.but(alert_urls=webhook.apprise_url("/a"), interval="1h")
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.publish("charlie", "1.0.0")
    webhook.answer["/a"] = 500
    inflict(registry, "status_500_json", nodes=("charlie",))
    with watch.start("run", "--node", "bravo", "--node", "charlie") as started:
        _until(started, "poll")
        (unread,), (empty,) = _log(started, "node unread"), _log(started, "node empty")
        (failed,) = _log(started, "channel failed")
    assert (unread["level"], unread["nodes"], unread["count"]) == ("error", "charlie", 1)
    assert "500" in unread["error"]
    assert (empty["level"], empty["nodes"], empty["count"]) == ("warning", "bravo", 1)
    assert (failed["level"], failed["error"]) == ("error", "HTTP 500")
    assert failed["channel"]


def test_it_delivers_what_an_earlier_run_left(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """An alert that a channel would not take is delivered by a later `run`, once, and a poll in between adds to it."""
    watch = watch.but(alert_urls=webhook.apprise_url("/a"))
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    webhook.answer["/a"] = 500
    watch.check(code=1)
    registry.catalog.publish("alpha", "1.2.0")
    webhook.answer.clear()
    watch.end_backoffs()
    with watch.start("run") as started:
        webhook.wait_for(3)
        polls = len(_log(started, "poll"))
        _until(started, "poll", polls + 2)
    assert ["1.1.0" in message.json["message"] for message in webhook.messages()] == [True, True, False]
    assert "1.2.0" in webhook.messages()[2].json["message"]


def test_an_old_alert_is_given_up_once(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """The log says why a channel failed and how many alerts it costs, each in one line."""
    watch = watch.but(alert_urls=webhook.apprise_url("/a"), alert_expiry="1ms", interval="1h")
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    webhook.answer["/a"] = 500
    watch.check(code=1)
    watch.end_backoffs()
    with watch.start("run") as started:
        _until(started, "poll")
        log = [line for line in _log(started) if line["level"] == "error"]
    assert [(line["event"], line["channel"]) for line in log] == [
        ("channel failed", "json"),
        ("alerts expired", "json"),
    ]
    assert log[1]["alerts"] == 1


@dataclass(frozen=True, slots=True)
class _Full(StateFolder):
    """A state folder without room for one method's file; `tried` counts how often it was needed.

    A second after the first time it is told to stop.
    """

    at: str = "reserve_ack"
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)

    def reserve_ack(self, channel: str, message: str) -> int:
        self._fail("reserve_ack")
        return StateFolder.reserve_ack(self, channel, message)

    def compact(self, waiting: Outbox, revision: int) -> None:
        self._fail("compact")
        StateFolder.compact(self, waiting, revision)

    def write_failure(self, refusal: FailedAttempt) -> None:
        if self.at != "compact":  # where the outbox finds no room, this does not either
            StateFolder.write_failure(self, refusal)
        else:
            raise StateError("the disk is full")

    def _fail(self, at: str) -> None:
        if at == self.at:
            if not self.tried:
                (loop,) = self.loops
                loop.call_soon_threadsafe(loop.call_later, 1, self.stopping.set)
            self.tried.append(at)
            raise StateError("the disk is full")


@pytest.mark.parametrize("at", ["reserve_ack", "compact"])
def test_a_full_disk_is_no_reason_to_hurry(
    watch: Watcher, webhook: Webhook, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    """A channel whose failure or acknowledgement finds no room is tried by the poll, and after half a minute's rest."""
    webhook.answer["/a"] = 500
    folder = _Full(watch.state, at=at)
    chosen = Settings(
        nodes=("alpha",), registry_url=watch.registry.url, retries=0, alert_urls=(SecretStr(webhook.apprise_url("/a")),)
    )

    async def for_a_second() -> None:
        folder.loops.append(asyncio.get_running_loop())
        told = setup.poll_config(chosen, folder)
        await daemon.run(
            Poller(config=told, folder=folder, clock=setup.clock, stopping=folder.stopping, worker=WORKER), 900, 0
        )

    with folder.locked():
        asyncio.run(for_a_second())
    assert folder.tried == [at]
    assert len(webhook.messages()) == (at == "compact")
    assert capsys.readouterr().err.count("the disk is full") == 1


def test_a_check_that_is_interrupted(watch: Watcher, registry: FakeRegistry) -> None:
    """Ctrl-C during `check` ends it as the shell expects, and nothing was changed."""
    inflict(registry, "hang")
    with watch.start("check") as started:
        started.until(lambda it: len(registry.requests) > 0)
        started.signal(signal.SIGINT)
        done = started.wait()
    assert (done.code, done.out, done.err) == (130, "", "stopped; nothing was changed\n")
    assert watch.contents() == {}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other C library gives each thread a heap")
def test_threads_share_one_heap(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """The threads of a `run` that has sent an alert have no heaps of their own, which the C library would keep."""
    watch = watch.but(alert_urls=[webhook.apprise_url("/a"), webhook.apprise_url("/b")])
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    with watch.start("run") as started:
        webhook.wait_for(1, "/a")
        webhook.wait_for(1, "/b")
        lines = Path("/proc", str(started.pid), "maps").read_text("utf-8").splitlines()
    begins = [int(line.split("-")[0], 16) for line in lines if " rw-p 00000000 00:00 0" in line]
    assert begins
    assert [begin for begin in begins if begin % 2**26 == 0] == []  # where the C library lets a thread's heap begin
