"""The heartbeat: where its pings go, why one fails, and that nothing waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.support.factories import poll_report, watch
from tests.support.fakes.webhook import Answer, Webhook
from watcher.errors import ReplacedError
from watcher.model.listing import ALL
from watcher.polling.model import Report
from watcher.polling.reports.problems import Problem
from watcher.service.heartbeat import (
    Heartbeat,
    Ping,
    address,
    ping_after,
    send,
    with_pings,
)
from watcher.service.observer import Observer, Schedule

TOKEN = "s3cr3t"


class Speaker(Observer):
    """Remembers what is said about pings."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def problem(self, problem: Problem) -> None:
        """Remember a problem."""
        self.said.append(problem.sentence)

    def problem_ended(self, event: str, sentence: str) -> None:
        """Remember an end."""
        self.said.append(f"{event}: {sentence}")


def plan(url: str, timeout: float = 5) -> Schedule:
    """Make a plan whose pings go to the URL."""
    config = watch("http://127.0.0.1:9")
    config = replace(config, limits=replace(config.limits, timeout=timeout))
    return Schedule(config=config, interval=60, jitter=0, heartbeat_url=url)


async def until(true: Callable[[], object]) -> None:
    """Wait until the function returns something true."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)  # between two looks, while requests travel


def _came(webhook: Webhook, path: str, count: int) -> bool:
    return len(webhook.messages(path)) == count


@pytest.mark.parametrize(
    ("url", "start", "done"),
    [
        (
            "https://hc-ping.com/uuid",
            "https://hc-ping.com/uuid/start",
            "https://hc-ping.com/uuid",
        ),
        (
            "https://hc-ping.com/uuid/",
            "https://hc-ping.com/uuid/start",
            "https://hc-ping.com/uuid/",
        ),
        (
            "https://h/p/slug?create=1&x=/",
            "https://h/p/slug/start?create=1&x=/",
            "https://h/p/slug?create=1&x=/",
        ),
        ("http://u:p@h:8000", "http://u:p@h:8000/start", "http://u:p@h:8000"),
    ],
)
def test_where_pings_go(url: str, start: str, done: str) -> None:
    """What a ping says is the last part of the path, whatever slash or query the URL ends with."""
    assert [address(url, ping) for ping in (Ping.START, Ping.DONE)] == [start, done]


def test_what_a_poll_says() -> None:
    """A poll that read something is done; it failed if it read nothing, or if something could not be written."""
    assert ping_after(poll_report(watched=2, checked=1)) is Ping.DONE
    assert ping_after(poll_report(watched=2, checked=0)) is Ping.FAIL
    # A publisher without packs leaves nothing to read, and one without a list is a failure.
    nothing = poll_report(watched=0, checked=0)
    assert ping_after(nothing) is Ping.DONE
    for what in ({"errors": [(ALL, "x")]}, {"unscanned": (("laptop", "x"),)}):
        assert ping_after(poll_report(watched=0, checked=0, **what)) is Ping.FAIL
    assert (
        ping_after(
            poll_report(
                watched=2, checked=2, unsaved=("checks.json: the disk is full",)
            )
        )
        is Ping.FAIL
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=204), ""),
        (Answer(status=500), "HTTP 500"),
        (
            Answer(status=301, headers={"Location": f"/{TOKEN}"}),
            "HTTP 301: it redirects, which is not followed",
        ),
        (
            Answer(hang=True),
            "it timed out; check the network and the firewall, or raise timeout",
        ),
        (
            Answer(reset=True),
            "the connection broke off; check the network and the firewall",
        ),
        (Answer(endless=0.01), ""),
    ],
    ids=["204", "500", "301", "hang", "reset", "endless"],
)
def test_how_a_ping_ends(webhook: Webhook, answer: Answer, why: str) -> None:
    """Only 2xx is taken for an arrival. The body does not matter, and the reason has nothing of the URL in it."""
    webhook.answer[f"/{TOKEN}/fail"] = answer
    began = time.monotonic()
    assert (
        asyncio.run(
            send(
                f"{webhook.url}/{TOKEN}?q={TOKEN}",
                Ping.FAIL,
                0.5 if answer.hang else 20,
            )
        )
        == why
    )
    assert time.monotonic() - began < 5
    (message,) = webhook.messages()
    assert (message.method, message.query) == ("GET", f"q={TOKEN}")


def test_a_poll_between_its_pings(webhook: Webhook) -> None:
    """The poll goes on beside the first ping; the two arrive in their order, and a fault of theirs is returned."""

    async def poll() -> Report:
        await asyncio.to_thread(webhook.wait_for, 1, "/x/start")
        assert webhook.messages("/x") == []
        return poll_report(watched=1, checked=1)

    assert asyncio.run(with_pings(poll(), f"{webhook.url}/x", 5)) == (
        poll_report(watched=1, checked=1),
        "",
    )
    assert [message.path for message in webhook.messages()] == ["/x/start", "/x"]


def test_a_monitor_that_hangs_holds_up_a_poll_for_the_timeout(webhook: Webhook) -> None:
    """Both pings together take no longer than `timeout` after the poll."""
    webhook.answer["/x"] = webhook.answer["/x/start"] = Answer(hang=True)

    async def poll() -> Report:
        return poll_report(watched=1, checked=1)

    began = time.monotonic()
    _, why = asyncio.run(with_pings(poll(), f"{webhook.url}/x", 1))
    assert why.startswith("it timed out; ")
    assert time.monotonic() - began < 1.9


def test_a_service_is_not_held_up(webhook: Webhook) -> None:
    """What the loop reports returns at once while a ping is slow; only the newest two wait, and the end is awaited."""
    webhook.answer["/x/start"] = Answer(delay=0.5)
    speaker = Speaker()

    async def live() -> None:
        async with Heartbeat(speaker) as heartbeat:
            heartbeat.started(plan(f"{webhook.url}/x"))
            heartbeat.poll_started()
            await until(lambda: webhook.messages("/x/start"))
            began = time.monotonic()
            for _ in range(50):
                heartbeat.poll_started()
                heartbeat.poll_finished(poll_report(watched=1, checked=1), "")
            assert time.monotonic() - began < 0.2
            await until(lambda: webhook.messages("/x"))

    asyncio.run(live())
    assert [message.path for message in webhook.messages()] == [
        "/x/start",
        "/x/start",
        "/x",
    ]
    assert speaker.said == []


def test_a_lasting_failure_is_said_once(webhook: Webhook) -> None:
    """It is said when it begins and when it ends, without the URL; another URL after a reload is taken."""
    speaker = Speaker()
    webhook.answer["/x/fail"] = 500

    async def live() -> None:
        async with Heartbeat(speaker) as heartbeat:
            heartbeat.started(plan(f"{webhook.url}/x"))
            for count in range(1, 4):
                heartbeat.poll_failed(OSError(), "")
                await until(partial(_came, webhook, "/x/fail", count))
            heartbeat.reloaded(plan(f"{webhook.url}/y"), "")
            heartbeat.poll_failed(OSError(), "")
            await until(lambda: len(speaker.said) == 2)
            heartbeat.reloaded(plan(""), "")
            heartbeat.poll_started()

    asyncio.run(live())
    assert speaker.said == [
        "heartbeat_url: the ping failed: HTTP 500; polls and alerts go on",
        "heartbeat: heartbeat_url: pings arrive again",
    ]
    assert [message.path for message in webhook.messages()] == ["/x/fail"] * 3 + [
        "/y/fail"
    ]


def test_a_state_that_was_replaced_is_a_failure(webhook: Webhook) -> None:
    """The loop ends by itself then, and says so before it does."""

    async def live() -> None:
        async with Heartbeat(Speaker()) as heartbeat:
            heartbeat.started(plan(f"{webhook.url}/x"))
            raise ReplacedError("the lock was replaced")

    with pytest.raises(ReplacedError):
        asyncio.run(live())
    assert [message.path for message in webhook.messages()] == ["/x/fail"]
