"""The watchdog: signs of life come from polls that get on, and from the wait between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.factories import PACK, channel, watch
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.worker import WORKER
from watcher.alerts.queues.outbox import Outbox
from watcher.polling.clock import clock
from watcher.polling.model import Dispatch
from watcher.polling.poll import Poller
from watcher.registry.client import RequestLimits
from watcher.service import systemd
from watcher.service.observer import Schedule
from watcher.service.systemd import Systemd
from watcher.state.store import StateFolder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

_TICK = 0.02


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def _signs(manager: socket.socket) -> int:
    """Return how many signs of life have come since the last look."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            count += manager.recv(4096) == b"WATCHDOG=1"
    return count


def test_a_poll_that_does_not_get_on_shows_no_life(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a poll a sign needs progress or a deadline, however often the loop runs; between polls nothing."""
    monkeypatch.setattr(systemd, "_LONGEST_SILENCE", 0.0)
    plan = Schedule(
        config=watch(
            "http://127.0.0.1:9",
            limits=RequestLimits(timeout=4 * _TICK, retries=0, concurrency=1),
        ),
        interval=900,
    )
    under_way: set[str] = set()
    observer = Systemd(str(tmp_path / "notify"), 4 * _TICK, lambda: bool(under_way))

    async def play() -> None:
        observer.started(plan)
        await asyncio.sleep(5 * _TICK)  # the loop waits
        assert _signs(manager) > 1
        observer.poll_started()
        await asyncio.sleep(3 * _TICK)  # the poll's start is one sign
        _signs(manager)
        await asyncio.sleep(10 * _TICK)  # the poll hangs, and the loop runs
        assert _signs(manager) == 0
        observer.poll_progressed()
        await asyncio.sleep(10 * _TICK)  # it got on, once
        assert _signs(manager) == 1
        under_way.add("a message, which will be cut off")
        await asyncio.sleep(5 * _TICK)
        assert _signs(manager) > 1
        under_way.clear()
        await asyncio.sleep(3 * _TICK)
        _signs(manager)
        await asyncio.sleep(5 * _TICK)  # the poll hangs again
        assert _signs(manager) == 0
        observer.delivered(Dispatch(Outbox()))
        await asyncio.sleep(5 * _TICK)  # the loop waits again
        assert _signs(manager) > 1
        observer.stopped("SIGTERM")

    asyncio.run(play())


def test_the_variables_are_taken_away() -> None:
    """No child process finds them; without a socket nobody is notified, and another process's watchdog is not ours."""
    environ = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "5000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    found = systemd.from_environment(environ, bool)
    assert (environ, found is not None and found._watchdog) == ({"HOME": "/"}, 5.0)
    assert systemd.from_environment({"WATCHDOG_USEC": "5"}, bool) is None
    other = systemd.from_environment(
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"},
        bool,
    )
    assert other is not None
    assert other._watchdog == 0


def test_what_a_poll_waits_for_gets_on(
    tmp_path: Path, webhook: Webhook, registry: FakeRegistry
) -> None:
    """Each word of what delivers, and each answer of the registry, is progress: a long poll is none that hangs."""
    registry.catalog.publish(PACK, "1.0.0")
    heard: list[str] = []
    ops = channel(url=webhook.apprise_url("/ops"))
    poller = Poller(
        config=watch(registry.url, channels=(ops,)),
        folder=StateFolder(tmp_path / "state"),
        clock=clock,
        stopping=asyncio.Event(),
        worker=WORKER,
        progress=lambda place, _: heard.append(place),
    )

    async def poll() -> None:
        await poller.poll()

    with poller.folder.locked():
        asyncio.run(poll())
    assert heard.count("request") == len(registry.requests)
    assert heard.count("answer of ops") >= 2
