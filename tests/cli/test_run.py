"""`run`: the service that polls until it is stopped, and survives whatever a poll raises."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from datetime import datetime, timedelta, timezone

import pytest
from aiohttp import web

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher, counts
from tests.support.parameters import one_of
from tests.support.program import Started
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher) -> Watcher:
    """A watcher that polls without a pause."""
    return watch.but(interval="20ms")


@pytest.mark.parametrize("number", one_of(signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
def test_it_polls_until_a_signal(
    watch: Watcher, registry: FakeRegistry, number: signal.Signals
) -> None:
    """Each poll is one summary line of JSON on stderr, stdout stays empty, and the first signal ends it with 0."""
    with watch.real().start("run") as started:
        started.until_logged("poll", 2)
        registry.catalog.publish("alpha", "1.1.0")
        started.until_logged("event")
        polls = len(started.log("poll"))
        started.until_logged("poll", polls + 2)
        started.signal(number)
        done = started.wait()
        assert (done.code, done.out) == (0, "")
        log = started.log()
    assert log[0]["event"] == "started"
    assert (log[-1]["event"], log[-1]["signal"]) == ("stopped", number.name)
    assert {line["level"] for line in log} == {"info"}
    poll = next(line for line in log if line["event"] == "poll")
    assert (poll["checked"], poll["failed"], poll["events"]) == (1, 0, 0)
    assert (poll["delivered"], poll["pending"], poll["expired"]) == (0, 0, 0)
    (event,) = [line for line in log if line["event"] == "event"]
    assert (event["kind"], event["node"], event["version"]) == ("new", "alpha", "1.1.0")


def test_polls_do_not_overlap(watch: Watcher, registry: FakeRegistry) -> None:
    """A poll that takes longer than the interval is over before the next one begins."""
    under_way = []

    async def slowly(request: web.BaseRequest) -> None:
        under_way.append(1)
        assert len(under_way) == 1
        await asyncio.sleep(0.1)
        under_way.clear()

    registry.respond = slowly
    with watch.start("run") as started:
        started.until_logged("poll", 4)
        assert {line["failed"] for line in started.log("poll")} == {0}


def test_a_signal_while_it_reads(watch: Watcher, registry: FakeRegistry) -> None:
    """A stop while it waits for the registry ends the wait, and nothing of that poll is saved."""
    watch.check()
    before = watch.contents()
    inflict(registry, "hang")
    asked = len(registry.requests)
    with watch.start("run") as started:
        started.until(lambda it: len(registry.requests) > asked)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
        assert not started.log("poll")
    assert watch.contents() == before


def test_a_second_signal_stops_at_once(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
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
    assert watch.check()["alerts"] == counts(1)


def _sent_again(started: Started, number: signal.Signals) -> bool:
    """Send a signal if it still runs, and return whether it has ended: two signals at once would be seen as one."""
    if started.process.poll() is None:
        started.signal(number)
    return started.process.poll() is not None


def test_a_check_that_is_interrupted(watch: Watcher, registry: FakeRegistry) -> None:
    """Ctrl-C during `check` ends it as the shell expects, and nothing was changed."""
    inflict(registry, "hang")
    with watch.start("check") as started:
        started.until(lambda it: len(registry.requests) > 0)
        started.signal(signal.SIGINT)
        done = started.wait()
    assert (done.code, done.out, done.err) == (
        130,
        "",
        "stopped; nothing was changed\n",
    )
    assert watch.contents() == {}


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind"
)
def test_on_a_terminal_it_speaks_to_a_person(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Local times and sentences: what is watched, each event, each poll; with `log_format` the log is as elsewhere."""
    watch = watch.but(interval="15m", baseline="summary")
    with on_terminal(watch, "run", TZ="JST-9", COLUMNS="100", NO_COLOR="1") as terminal:
        terminal.until("1 pack checked")
        said = terminal.said.splitlines()
    words = [line[8:] for line in said]
    assert words[0] == " [info] watching 1 pack, every 15m"
    assert words[1].startswith(" [info] baseline now watched: alpha")
    assert re.match(r" \[info\] 1 pack checked, 1 event \(2 requests, ", words[2])
    now = datetime.now(timezone(timedelta(hours=9)))
    hours = {f"{now - timedelta(minutes=minutes):%H:%M}" for minutes in range(3)}
    assert {line[:5] for line in said} <= hours
    with on_terminal(watch, "run", "--set", "log_format=json") as terminal:
        terminal.until('"event": "poll"')


def test_what_is_ignored_stays_ignored(watch: Watcher) -> None:
    """Where the parent ignored SIGHUP, as `nohup` does, it ends nothing."""
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'watcher', 'run'])\n"
    )
    (watch.folder / "ignoring.py").write_text(script, "utf-8")
    with program.start(
        cwd=watch.folder, env=watch.but(interval="1h").environment(), module="ignoring"
    ) as started:
        started.until_logged("poll")
        started.signal(signal.SIGHUP)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
        assert [line["signal"] for line in started.log("stopping")] == ["SIGTERM"]
