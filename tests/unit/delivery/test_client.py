"""Delivery through the worker: how long it may take, what is left of it, and what becomes of what it reached."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.ports import Listener
from tests.support.fakes.webhook import Answer, Topics, Webhook
from tests.support.nursery import NurseryWorker
from tests.support.parameters import one_of
from tests.support.program import ROOT
from tests.support.worker import WORKER, deliver, job
from watcher.delivery.client import Worker
from watcher.model.channel import Outcome

pytestmark = pytest.mark.measured


def _why(outcome: Outcome) -> str:
    """Return why a message was not taken; "delivered" if it was."""
    return outcome.reason if not outcome.taken else "delivered"


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for task in tasks.iterdir()
        for child in (task / "children").read_text().split()
    ]


def _pids(worker: Worker) -> list[int]:
    """Return the processes that deliver."""
    return [process._popen.pid for process in worker._processes]


def _until_there_are_none(pids: list[int]) -> None:
    """Wait until no such process runs; AssertionError after ten seconds."""
    until = time.monotonic() + 10
    while left := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < until, left
        # Between two looks at other processes, until the deadline passes.
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except (
        FileNotFoundError,
        ProcessLookupError,
    ):  # it ended before, or while it was read
        return False


@pytest.fixture(scope="module")
def odd() -> Iterator[Worker]:
    """A worker of `tests.unit.delivery.odd_worker`."""
    with NurseryWorker("tests.unit.delivery.odd_worker") as worker:
        yield worker


# How long it may take


def test_a_slow_answer_within_the_timeout_counts(webhook: Webhook) -> None:
    """An answer in time is a delivery, unless the URL asks for less patience."""
    webhook.answer["/a"] = Answer(delay=0.4)
    assert deliver(webhook.apprise_url("/a")) == Outcome(taken=True)
    assert _why(deliver(webhook.apprise_url("/a?rto=0.1"))) == "timed out"


_OK = b"HTTP/1.1 200 OK\r\n\r\n"
_ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "body without a length": (_OK, b"x"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1"),
    "head": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "hundred": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"x"),
    "silence": (b"", b""),
}


class _Endless(Listener):
    """A server that answers with a start, then with the same bytes, `pause` seconds apart, until the peer leaves."""

    def __init__(self, start: bytes, again: bytes, pause: float = 0.02) -> None:
        self._start, self._again, self._pause = start, again, pause
        self.left = threading.Event()

    def serve(self, connection: socket.socket) -> None:
        """Answer one client."""
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self._start)
            connection.settimeout(self._pause or 0.001)
            while True:
                connection.send(self._again)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(65536):
                        break
        self.left.set()


_REDIRECT = (
    "HTTP 302, a redirect: put the address that it leads to into the channel's URL"
)


@pytest.mark.parametrize("answer", one_of(*_ENDLESS))
def test_an_answer_without_end_is_cut_off(answer: str) -> None:
    """When the time is up the connection is closed and no process is left; what the head says counts."""
    said = dict.fromkeys(("body", "body without a length", "chunk"), "delivered") | {
        "redirect": _REDIRECT
    }
    with _Endless(*_ENDLESS[answer]) as service:
        assert _why(
            deliver(service.url.replace("http", "json"), timeout=0.3)
        ) == said.get(answer, "timed out")
        assert service.left.wait(10)


@pytest.mark.parametrize(
    "url", ["jsons://{}/?verify=no", "mailto://{}?from=a@example.org&to=b@example.org"]
)
def test_other_protocols_are_cut_off_too(url: str) -> None:
    """A TLS handshake and a mail server's greeting that do not come hold nothing either."""
    with _Endless(b"", b"") as service:
        assert (
            _why(deliver(url.format(service.url.removeprefix("http://")), timeout=0.3))
            == "timed out"
        )
        assert service.left.wait(10)


def test_a_lookup_without_end_is_cut_off(odd: Worker) -> None:
    """What no timeout of a library reaches ends with its process, and other messages go out beside it."""
    idle = len(_pids(odd))
    assert _why(deliver("json://hangs.invalid/", timeout=0.1, by=odd)) == "timed out"
    assert len(_pids(odd)) == max(idle - 1, 0)


@pytest.mark.parametrize("how", ["crashes", "tears"])
def test_a_service_that_crashes_costs_its_message_only(
    odd: Worker, webhook: Webhook, how: str
) -> None:
    """A plugin that ends its process, also in the middle of a line, has failed; a message beside it is delivered."""

    async def both() -> list[Outcome]:
        urls = (f"json://{how}.invalid/", webhook.apprise_url("/a"))
        return await asyncio.gather(*(odd.deliver(job(url)) for url in urls))

    assert [_why(outcome) for outcome in asyncio.run(both())] == [
        "the process that delivers could not be started, or has ended",
        "delivered",
    ]


def test_a_job_that_was_stopped_ends_too(webhook: Webhook) -> None:
    """A job that somebody has stopped (SIGSTOP) does not outlive its time, nor the program."""
    webhook.answer["/a"] = Answer(hang=True)

    async def stopped(worker: Worker) -> list[int]:
        delivery = asyncio.create_task(
            worker.deliver(job(webhook.apprise_url("/a"), timeout=30))
        )
        await asyncio.to_thread(webhook.wait_for, 1)
        jobs = _pids(worker)
        for pid in jobs:
            os.kill(pid, signal.SIGSTOP)
        worker.stop_within(0.0)
        await delivery
        return jobs

    with NurseryWorker() as worker:
        worker.start()
        jobs = asyncio.run(stopped(worker))
        assert len(jobs) == 1
        assert worker.refusal("json://127.0.0.1") is None
        jobs += _pids(worker)
        os.kill(jobs[1], signal.SIGSTOP)
    _until_there_are_none(jobs)


# How much of an answer is read


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(b"200 OK", Outcome(taken=True)), (b"429 F", Outcome(reason="HTTP 429"))],
)
def test_a_flood_is_read_in_part(status: bytes, outcome: Outcome) -> None:
    """Of a body that never ends a part is read, and the status counts: a 2xx has acknowledged the message."""
    start = b"HTTP/1.1 " + status + b"\r\nLocation: /x\r\n\r\n"
    with _Endless(start, b"x" * 2**16, pause=0) as service:
        assert deliver(service.url.replace("http", "json"), timeout=30) == outcome
        assert service.left.wait(10)


def test_a_bomb_is_unpacked_in_part(webhook: Webhook) -> None:
    """A small body that unpacks to more than a process may have is no reason to repeat the message."""
    body = gzip.compress(bytes(2**24)) * 32
    webhook.answer["/a"] = Answer(headers={"Content-Encoding": "gzip"}, body=body)
    assert deliver(webhook.apprise_url("/a"), timeout=30) == Outcome(taken=True)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome(taken=True)),
        (204, Outcome(taken=True)),
        (500, Outcome(reason="HTTP 500")),
    ],
)
def test_a_broken_body_changes_no_answer(
    webhook: Webhook, status: int, outcome: Outcome
) -> None:
    """A 2xx is one however its body reads, else the message would be repeated at every poll; so is a refusal."""
    webhook.answer["/a"] = Answer(
        headers={"Content-Encoding": "gzip"}, status=status, body=b"no gzip"
    )
    assert deliver(webhook.apprise_url("/a")) == outcome


# Several targets in one URL


@pytest.fixture
def ntfy() -> Iterator[Topics]:
    """An ntfy server on loopback."""
    with Topics() as server:
        yield server


@pytest.mark.bounded
def test_every_target_has_its_time(ntfy: Topics, odd: Worker) -> None:
    """Eight targets are all served, although the pauses that apprise makes between them are longer than the timeout."""
    topics = [f"topic{number}" for number in range(8)]
    assert deliver(ntfy.url_of(*topics), timeout=1.5, by=odd) == Outcome(taken=True)
    assert sorted(ntfy.got()) == topics


_BAD = {
    "refuses": (Answer(status=500), "HTTP 500"),
    "hangs": (Answer(hang=True), "timed out"),
    "drips": (Answer(status=500, endless=0.02), "HTTP 500"),
    "resets": (Answer(reset=True), "the connection was lost"),
}


@pytest.mark.parametrize("how", one_of(*_BAD, fast=2))
def test_a_bad_target_takes_nothing_from_those_behind_it(
    ntfy: Topics, odd: Worker, how: str
) -> None:
    """With first targets that do not take the message the others get it, once, and only those again."""
    bad, good = ["worse", "bad"], ["awake", "alive", "able"]
    answer, reason = _BAD[how]
    ntfy.topic = dict.fromkeys(bad, answer)
    first = deliver(ntfy.url_of(*bad, *good), timeout=1.0, by=odd)
    assert not first.taken
    assert (first.reason, len(first.reached)) == (reason, len(good))
    assert ntfy.got() == bad + good
    ntfy.topic.clear()
    assert deliver(ntfy.url_of(*bad, *good), reached=first.reached, by=odd) == Outcome(
        taken=True
    )
    assert ntfy.got() == bad + good + bad


# Processes that are killed


def test_what_was_reached_outlives_a_kill(ntfy: Topics, odd: Worker) -> None:
    """A process that is killed in the middle of a message costs what was in flight: what it reached is known."""
    ntfy.topic["bad"] = Answer(hang=True)

    async def killed() -> Outcome:
        delivery = asyncio.create_task(
            odd.deliver(job(ntfy.url_of("good", "bad"), timeout=60))
        )
        await asyncio.to_thread(ntfy.wait_for, 2)
        for pid in _pids(odd):
            os.kill(pid, signal.SIGKILL)
        return await delivery

    first = asyncio.run(killed())
    assert not first.taken
    assert (first.reason, len(first.reached)) == (
        "the process that delivers could not be started, or has ended",
        1,
    )
    ntfy.topic.clear()
    assert deliver(
        ntfy.url_of("good", "bad"),
        reached=first.reached,
        by=odd,
    ) == Outcome(taken=True)
    assert ntfy.got() == ["good", "bad", "bad"]


def test_what_was_said_before_a_kill_is_heard_after_it(webhook: Webhook) -> None:
    """A message that was taken in time is delivered, though the loop was held up until its time was over."""
    webhook.answer["/a"] = Answer(delay=0.2)

    async def held_up() -> Outcome:
        delivery = asyncio.create_task(
            WORKER.deliver(job(webhook.apprise_url("/a"), timeout=60))
        )
        await asyncio.to_thread(webhook.wait_for, 1)
        WORKER.stop_within(0.0)
        # The loop stands still until the process has said all.
        for thread in threading.enumerate():
            if "(ask)" in thread.name:
                thread.join()
        return await delivery

    assert asyncio.run(held_up()) == Outcome(taken=True)


def test_a_leave_that_comes_too_late_is_none(webhook: Webhook) -> None:
    """A message whose time is up while it is noted has not gone out; the next one goes, noted once for all targets."""
    url, notes = f"mmost://127.0.0.1:{webhook.port}/{'3c' * 16}?to=a,b", []

    async def slow() -> None:
        await asyncio.sleep(0.5)

    async def note() -> None:
        notes.append(len(webhook.messages()))

    async def send() -> list[Outcome]:
        return [
            await WORKER.deliver(job(url, timeout=0.2), slow),
            await WORKER.deliver(job(url), note),
        ]

    assert asyncio.run(send()) == [Outcome(reason="timed out"), Outcome(taken=True)]
    assert (notes, len(webhook.messages())) == ([0], 2)


def test_a_stop_comes_too_late_for_a_message_whose_time_is_up() -> None:
    """What its process said is still being heard then; the other messages are limited all the same."""

    async def stopped() -> tuple[bool, bool]:
        loop, worker = asyncio.get_running_loop(), Worker()
        over, running = asyncio.timeout(0), asyncio.timeout(60)
        worker.under_way |= {over, running}
        with contextlib.suppress(TimeoutError):
            async with over:
                await asyncio.sleep(1)
        async with running:
            worker.stop_within(5)
            limit = running.when() or 0
        return over.expired(), limit <= loop.time() + 5

    assert asyncio.run(stopped()) == (True, True)


def test_a_process_that_does_not_start_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While apprise does not load other work goes on, a stop ends the wait, and nothing is left of the process."""
    (tmp_path / "never_ready.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("watcher.delivery.process.MODULE", "never_ready")

    async def stopped() -> list[Outcome]:
        deliveries = [
            asyncio.create_task(worker.deliver(job("json://127.0.0.1/")))
            for _ in range(2)
        ]
        await asyncio.sleep(0.1)  # the loop runs beside the start
        pids.extend(_pids(worker))
        worker.stop_within(0.1)
        return await asyncio.gather(*deliveries)

    began, pids = time.monotonic(), list[int]()
    with Worker() as worker:
        assert [_why(outcome) for outcome in asyncio.run(stopped())] == ["", ""]
        assert len(pids) == 2
        assert not any(map(_runs, pids))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_process_that_hears_nothing_costs_one_attempt(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """One that hangs, having loaded apprise, is ended after its time; one that has ended costs nothing."""
    monkeypatch.setattr("watcher.delivery.client.PATIENCE", 5)
    url = webhook.apprise_url("/a")
    with NurseryWorker() as worker:
        worker.start()
        [hung] = _pids(worker)
        handle = os.pidfd_open(hung)
        os.kill(hung, number)
        if number == signal.SIGSTOP:
            monkeypatch.setattr("watcher.delivery.client.PATIENCE", 0.5)
            outcome = deliver(url, by=worker)
            reason = "the process that delivers could not be started, or has ended"
            assert outcome == Outcome(reason=reason)
            monkeypatch.undo()
        else:
            # A process has ended when the last of its threads has, not the first.
            assert select.select([handle], [], [], 10)[0]
        os.close(handle)
        assert not _runs(hung)
        assert deliver(url, by=worker) == Outcome(taken=True)


def test_one_process_serves_while_it_answers(webhook: Webhook) -> None:
    """Messages of one channel go out through one process, also in the next round, and after a failure."""
    webhook.answer["/bad"] = 500

    async def round_of(*paths: str) -> list[tuple[str, list[int]]]:
        return [
            (
                _why(await worker.deliver(job(webhook.apprise_url(path)))),
                _pids(worker),
            )
            for path in paths
        ]

    with NurseryWorker() as worker:
        worker.start()
        first = _pids(worker)
        assert asyncio.run(round_of("/a", "/b")) == [("delivered", first)] * 2
        failed, taken = asyncio.run(round_of("/bad", "/c"))
        assert (failed, taken) == (("HTTP 500", first), ("delivered", first))
    assert [message.path for message in webhook.messages()] == [
        "/a",
        "/b",
        "/bad",
        "/c",
    ]


_PROGRAM = """
import asyncio, sys
from watcher.alerts.digest import sample
from watcher.delivery.client import Worker
from watcher.delivery.process import Job
job = Job(url=sys.stdin.readline().strip(), events=sample("2026-01-01T00:00:00Z"), timeout=60)
asyncio.run(Worker().deliver(job))
"""


def test_nothing_outlives_a_program_that_is_killed(webhook: Webhook) -> None:
    """With the program the process that delivers ends; no part of a URL is in what others see."""
    webhook.answer["/s3cr3t"] = Answer(hang=True)
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        env=os.environ
        | {
            "COMFY_WATCH_ALERT_URLS": "json://s3cr3t",
            "comfy_watch_alert_urls": "json://s3cr3t",
        },
    ) as program:
        assert program.stdin is not None
        program.stdin.write(webhook.apprise_url("/s3cr3t").encode() + b"\n")
        program.stdin.flush()
        webhook.wait_for(1)
        [worker] = _children(program.pid)
        assert os.getsid(worker) != os.getsid(program.pid)
        for file in ("cmdline", "environ"):
            assert b"s3cr3t" not in Path(f"/proc/{worker}/{file}").read_bytes()
        # As a service manager sends them to all.
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker, number)
        assert _runs(worker)
        program.kill()
    _until_there_are_none([worker])


def test_the_program_does_not_import_apprise() -> None:
    """The program's side of delivery loads neither apprise nor what it sends with."""
    code = "import sys, watcher.delivery.client\nprint({'apprise', 'requests', 'urllib3'} & set(sys.modules))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


# What leaks


def test_nothing_of_the_url_is_said_anywhere(
    webhook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    """However it fails, no part of the URL is in an outcome, and nothing is written to the program's streams."""
    webhook.answer["/s3cr3t-token/hang"] = Answer(hang=True)
    webhook.answer["/s3cr3t-token/reset"] = Answer(reset=True)
    webhook.answer["/s3cr3t-token/302"] = Answer(
        status=302, headers={"Location": "/s3cr3t-query"}
    )
    webhook.answer |= {f"/s3cr3t-token/{status}": status for status in (401, 429, 500)}
    here = f"s3cr3t-user:s3cr3t-pass@127.0.0.1:{webhook.port}/s3cr3t-token"
    tail = "?+X-Key=s3cr3t-query&:extra=s3cr3t-query&s3cr3t-query=s3cr3t-query"
    ways = ("401", "429", "500", "302", "reset", "hang")
    urls = [
        *(f"json://{here}/{way}{tail}" for way in ways),
        f"jsons://{here}{tail}&verify=no",
    ]
    urls += [
        f"mailto://s3cr3t-user:s3cr3t-pass@127.0.0.1:{webhook.port}?to=s3cr3t-query@example.org",
        f"json://s3cr3t-user:s3cr3t-pass@s3cr3t-token.invalid{tail}",
        f"mmost://127.0.0.1:{webhook.port}/s3cr3t-token?format=s3cr3t-query",
    ]
    outcomes = [deliver(url, timeout=0.5) for url in urls]
    assert "s3cr3t" not in json.dumps([repr(outcome) for outcome in outcomes])
    assert [
        outcome.reason.partition(",")[0]
        for outcome in outcomes[:7]
        if not outcome.taken
    ] == [
        "HTTP 401",
        "HTTP 429",
        "HTTP 500",
        "HTTP 302",
        "the connection was lost",
        "timed out",
        "the TLS connection failed",
    ]
    assert capfd.readouterr() == ("", "")
