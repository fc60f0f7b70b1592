"""The heartbeat: where its pings go, why one fails, and that nothing waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.factories import poll_report, watch
from tests.support.fakes.webhook import Answer, Webhook
from watcher.errors import ReplacedError
from watcher.model.reading import ALL
from watcher.polling.problems import Problem
from watcher.service.heartbeat import (
    Heartbeat,
    address,
    has_failed,
    send,
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


def plan(url: str) -> Schedule:
    """Make a plan whose pings go to the URL."""
    config = watch("http://127.0.0.1:9")
    config = replace(config, limits=replace(config.limits, timeout=5))
    return Schedule(config=config, interval=60, heartbeat_url=url)


async def until(true: Callable[[], object]) -> None:
    """Wait until the function returns something true."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)  # between two looks, while requests travel


@pytest.mark.parametrize(
    ("url", "failed"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", "https://hc-ping.com/uuid/fail"),
        ("https://h/p/slug?create=1&x=/", "https://h/p/slug/fail?create=1&x=/"),
        ("http://u:p@h:8000", "http://u:p@h:8000/fail"),
    ],
)
def test_where_pings_go(url: str, failed: str) -> None:
    """A failure is the last part of the path, whatever slash or query the URL ends with; else it is the URL itself."""
    assert [address(url, failed=one) for one in (True, False)] == [failed, url]


def test_what_a_poll_says() -> None:
    """A poll that read something is done; it failed if it read nothing, or if something could not be written."""
    assert not has_failed(poll_report(watched=2, checked=1))
    assert has_failed(poll_report(watched=2, checked=0))
    # A publisher without packs leaves nothing to read, and one without a list is a failure.
    assert not has_failed(poll_report(watched=0, checked=0))
    for what in ({"errors": [(ALL, "x")]}, {"unscanned": (("laptop", "x"),)}):
        assert has_failed(poll_report(watched=0, checked=0, **what))
    unsaved = ("checks.json: the disk is full",)
    assert has_failed(poll_report(watched=2, checked=2, unsaved=unsaved))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=204), ""),
        (Answer(status=500), "HTTP 500"),
        (
            Answer(status=301, headers={"Location": f"/{TOKEN}"}),
            "HTTP 301",
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
    url, seconds = f"{webhook.url}/{TOKEN}?q={TOKEN}", 0.5 if answer.hang else 20
    assert asyncio.run(send(url, seconds, failed=True)) == why
    assert time.monotonic() - began < 5
    (message,) = webhook.messages()
    assert (message.method, message.query) == ("GET", f"q={TOKEN}")


def test_a_service_is_not_held_up(webhook: Webhook) -> None:
    """What the loop reports returns at once while a ping is slow; only the newest waits, and the end is awaited."""
    webhook.answer["/x"] = Answer(delay=0.5)
    speaker = Speaker()

    async def live() -> None:
        async with Heartbeat(speaker) as heartbeat:
            heartbeat.started(plan(f"{webhook.url}/x"))
            done = poll_report(watched=1, checked=1)
            heartbeat.poll_finished(done)
            await until(lambda: webhook.messages("/x"))
            began = time.monotonic()
            for _ in range(50):
                heartbeat.poll_finished(done)
                heartbeat.failed("poll", OSError())
            assert time.monotonic() - began < 0.2
            await until(lambda: webhook.messages("/x/fail"))

    asyncio.run(live())
    assert [message.path for message in webhook.messages()] == ["/x", "/x/fail"]
    assert speaker.said == []


def test_a_state_that_was_replaced_is_a_failure(webhook: Webhook) -> None:
    """The loop ends by itself then, and says so before it does."""

    async def live() -> None:
        async with Heartbeat(Speaker()) as heartbeat:
            heartbeat.started(plan(f"{webhook.url}/x"))
            raise ReplacedError("the lock was replaced")

    with pytest.raises(ReplacedError):
        asyncio.run(live())
    assert [message.path for message in webhook.messages()] == ["/x/fail"]
