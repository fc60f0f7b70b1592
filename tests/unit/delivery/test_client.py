"""Delivery through the worker: how long it may take, what is left of it, and what becomes of what it reached."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
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
from tests.support.parameters import one_row_of
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


_HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("start", "again", "said"),
    one_row_of(
        (_HEAD + b"X-Long: ", b"x", "timed out"),
        (_HEAD + b"Content-Length: 100000\r\n\r\n", b"x", "delivered"),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1", "delivered"),
    ),
)
def test_an_answer_without_end_is_cut_off(
    start: bytes, again: bytes, said: str
) -> None:
    """When the time is up the connection is closed and no process is left; what the head says counts."""
    with _Endless(start, again) as service:
        url = service.url.replace("http", "json")
        assert _why(deliver(url, timeout=0.3 if said == "timed out" else 3)) == said
        assert service.left.wait(10)


@pytest.mark.parametrize(
    "url", ["jsons://{}/?verify=no", "mailto://{}?from=a@example.org&to=b@example.org"]
)
def test_other_protocols_are_cut_off_too(url: str) -> None:
    """A TLS handshake and a mail server's greeting that do not come hold nothing either."""
    with _Endless(b"", b"") as service:
        address = url.format(service.url.removeprefix("http://"))
        assert _why(deliver(address, timeout=0.3)) == "timed out"
        assert service.left.wait(10)


def test_a_lookup_without_end_is_cut_off(odd: Worker) -> None:
    """What no timeout of a library reaches ends with its process, and the next one answers."""
    assert _why(deliver("json://hangs.invalid/", timeout=0.1, by=odd)) == "timed out"
    assert odd.refusal("json://127.0.0.1") is None


@pytest.mark.parametrize("how", ["crashes", "tears"])
def test_a_service_that_crashes_costs_its_message_only(
    odd: Worker, webhook: Webhook, how: str
) -> None:
    """A plugin that ends its process, also in the middle of a line, has failed; a message beside it is delivered."""

    async def both() -> list[Outcome]:
        urls = (f"json://{how}.invalid/", webhook.apprise_url("/a"))
        return await asyncio.gather(*(odd.deliver(job(url)) for url in urls))

    assert list(map(_why, asyncio.run(both()))) == [_ENDED, "delivered"]


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


def test_a_flood_is_read_in_part() -> None:
    """Of a body that never ends a part is read, and the status counts: a 2xx has acknowledged the message."""
    with _Endless(_HEAD + b"\r\n", b"x" * 2**16, pause=0) as service:
        url = service.url.replace("http", "json")
        assert deliver(url, timeout=30) == Outcome(taken=True)
        assert service.left.wait(10)


@pytest.mark.parametrize("body", [gzip.compress(bytes(2**24)) * 32, b"no gzip"])
def test_a_body_that_is_not_unpacked_changes_no_answer(
    webhook: Webhook, body: bytes
) -> None:
    """A 2xx is one however its body reads, also one that unpacks to more than a process may have."""
    webhook.answer["/a"] = Answer(headers={"Content-Encoding": "gzip"}, body=body)
    assert deliver(webhook.apprise_url("/a"), timeout=30) == Outcome(taken=True)


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


def test_a_bad_target_takes_nothing_from_those_behind_it(
    ntfy: Topics, odd: Worker
) -> None:
    """With first targets that hang the others get the message, once, and only those again."""
    bad, good = ["worse", "bad"], ["awake", "alive", "able"]
    ntfy.topic = dict.fromkeys(bad, Answer(hang=True))
    first = deliver(ntfy.url_of(*bad, *good), timeout=1.0, by=odd)
    assert (_why(first), len(first.reached)) == ("timed out", len(good))
    ntfy.topic.clear()
    again = deliver(ntfy.url_of(*bad, *good), reached=first.reached, by=odd)
    assert again == Outcome(taken=True)
    assert ntfy.got() == bad + good + bad


# Processes that are killed


_ENDED = "the process that delivers could not be started, or has ended"


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
    assert (_why(first), len(first.reached)) == (_ENDED, 1)


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
            assert outcome == Outcome(reason=_ENDED)
            monkeypatch.undo()
        else:
            # A process has ended when the last of its threads has, not the first.
            assert select.select([handle], [], [], 10)[0]
        os.close(handle)
        assert not _runs(hung)
        assert deliver(url, by=worker) == Outcome(taken=True)


def test_one_process_serves_while_it_answers(webhook: Webhook) -> None:
    """Messages of one channel go out through one process, also after a failure."""
    webhook.answer["/bad"] = 500

    async def round_of(*paths: str) -> list[str]:
        urls = map(webhook.apprise_url, paths)
        return [_why(await worker.deliver(job(url))) for url in urls]

    with NurseryWorker() as worker:
        worker.start()
        first = _pids(worker)
        said = asyncio.run(round_of("/a", "/bad", "/c"))
        assert said == ["delivered", "HTTP 500", "delivered"]
        assert _pids(worker) == first


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
