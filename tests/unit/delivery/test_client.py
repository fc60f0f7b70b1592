"""Delivery through the worker: how long it may take, what is left of it, and what becomes of what it reached."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from tests.support.fakes.webhook import Answer, Topics, Webhook
from tests.support.parameters import one_of, one_row_of
from tests.support.program import ROOT
from tests.support.worker import WORKER
from tests.unit.delivery.test_sender import sent
from watcher.alerts.digest import sample
from watcher.delivery.client import Line, Worker
from watcher.delivery.job import Job, Reached
from watcher.delivery.outcome import Delivered, Outcome, Undelivered

pytestmark = pytest.mark.measured

REACHED = Reached(key="5" * 32, salt="ab" * 16)


def _job(url: str, timeout: float = 5.0, reached: Reached = REACHED) -> Job:
    return Job(
        url=url, events=sample("2026-01-01T00:00:00Z"), timeout=timeout, reached=reached
    )


def _deliver(
    url: str, timeout: float = 5.0, *, reached: Reached = REACHED, by: Worker = WORKER
) -> Outcome:
    return asyncio.run(by.deliver(_job(url, timeout, reached)))


def _why(outcome: Outcome) -> str:
    """Return why a message was not taken; "delivered" if it was."""
    return outcome.reason if isinstance(outcome, Undelivered) else "delivered"


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for task in tasks.iterdir()
        for child in (task / "children").read_text().split()
    ]


def _pid(worker: Worker) -> int:
    return worker.processes._process.pid  # type: ignore[union-attr]  # it was started


def _until_there_are_none(pids: list[int]) -> None:
    """Wait until no such process runs; AssertionError after ten seconds."""
    until = time.monotonic() + 10
    while left := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < until, left
        time.sleep(
            0.01
        )  # between two looks at other processes, until the deadline passes


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
    """A worker of `tests.unit.delivery.odd_worker`, which takes a second to start."""
    with Worker() as worker:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "watcher.delivery.process.forking.MODULE",
                "tests.unit.delivery.odd_worker",
            )
            worker.start()
        yield worker


# How long it may take


def test_a_slow_answer_within_the_timeout_counts(webhook: Webhook) -> None:
    """An answer in time is a delivery, unless the URL asks for less patience."""
    webhook.answer["/a"] = Answer(delay=0.4)
    assert _deliver(webhook.apprise_url("/a")) == Delivered()
    assert _why(_deliver(webhook.apprise_url("/a?rto=0.1"))) == "timed out"


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


class _Endless:
    """A server that answers with a start, and then with the same bytes for ever, `pause` seconds apart."""

    def __init__(self, start: bytes, again: bytes, pause: float = 0.02) -> None:
        self._start, self._again, self._pause = start, again, pause
        self._left = threading.Event()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"json://{self.address}/"
        self._threads = [threading.Thread(target=self._listen, name="endless")]
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def is_left(self) -> bool:
        """Wait until the other side has closed a connection; False when it does not in ten seconds."""
        return self._left.wait(10)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._answer, args=(connection,), name="endless"
            )
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.recv(65536)
            connection.sendall(self._start)
            connection.settimeout(self._pause or 0.001)
            while not self._closing.is_set():
                connection.send(self._again)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(65536):
                        break
        self._left.set()


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
        assert _why(_deliver(service.url, timeout=0.3)) == said.get(answer, "timed out")
        assert service.is_left()
        _until_there_are_none(_children(_pid(WORKER)))


@pytest.mark.parametrize(
    "url", ["jsons://{}/?verify=no", "mailto://{}?from=a@example.org&to=b@example.org"]
)
def test_other_protocols_are_cut_off_too(url: str) -> None:
    """A TLS handshake and a mail server's greeting that do not come hold nothing either."""
    with _Endless(b"", b"") as service:
        assert _why(_deliver(url.format(service.address), timeout=0.3)) == "timed out"
        assert service.is_left()


def test_a_lookup_without_end_is_cut_off(odd: Worker) -> None:
    """What no timeout of a library reaches ends with its process, and other messages go out beside it."""
    assert _why(_deliver("json://hangs.invalid/", timeout=0.1, by=odd)) == "timed out"
    _until_there_are_none(_children(_pid(odd)))


@pytest.mark.parametrize("how", ["crashes", "tears"])
def test_a_service_that_crashes_costs_its_message_only(
    odd: Worker, webhook: Webhook, how: str
) -> None:
    """A plugin that ends its process, also in the middle of a line, has failed; a message beside it is delivered."""

    async def both() -> list[Outcome]:
        urls = (f"json://{how}.invalid/", webhook.apprise_url("/a"))
        return await asyncio.gather(*(odd.deliver(_job(url)) for url in urls))

    assert [_why(outcome) for outcome in asyncio.run(both())] == [
        "the process that delivers has ended",
        "delivered",
    ]


def test_a_job_that_was_stopped_ends_too(webhook: Webhook) -> None:
    """A job that somebody has stopped (SIGSTOP) does not outlive the program."""
    webhook.answer["/a"] = Answer(hang=True)

    async def stopped(worker: Worker) -> list[int]:
        delivery = asyncio.create_task(
            worker.deliver(_job(webhook.apprise_url("/a"), timeout=30))
        )
        await asyncio.to_thread(webhook.wait_for, 1)
        jobs = _children(_pid(worker))
        for job in jobs:
            os.kill(job, signal.SIGSTOP)
        worker.stop_within(0.0)
        await delivery
        return jobs

    with Worker() as worker:
        jobs = asyncio.run(stopped(worker))
        assert len(jobs) == 1
    _until_there_are_none(jobs)


# How much of an answer is read


@pytest.mark.parametrize(
    ("status", "outcome"),
    one_row_of(
        (b"200 OK", Delivered()),
        (b"500 No", Undelivered(reason="HTTP 500")),
        (b"429 F", Undelivered(reason="HTTP 429")),
        fast=2,
    ),
)
def test_a_flood_is_read_in_part(status: bytes, outcome: Outcome) -> None:
    """Of a body that never ends a part is read, and the status counts: a 2xx has acknowledged the message."""
    start = b"HTTP/1.1 " + status + b"\r\nLocation: /x\r\n\r\n"
    with _Endless(start, b"x" * 2**16, pause=0) as service:
        assert _deliver(service.url, timeout=30) == outcome
        assert service.is_left()


def test_a_bomb_is_unpacked_in_part(webhook: Webhook) -> None:
    """A small body that unpacks to more than a process may have is no reason to repeat the message."""
    body = gzip.compress(bytes(2**24)) * 32
    webhook.answer["/a"] = Answer(headers={"Content-Encoding": "gzip"}, body=body)
    assert _deliver(webhook.apprise_url("/a"), timeout=30) == Delivered()


@pytest.mark.parametrize("status", [200, 204])
def test_a_broken_body_takes_back_no_acknowledgement(
    webhook: Webhook, status: int
) -> None:
    """A 2xx is one however its body reads: else the message would be repeated at every poll."""
    webhook.answer["/a"] = Answer(
        headers={"Content-Encoding": "gzip"}, status=status, body=b"no gzip"
    )
    assert _deliver(webhook.apprise_url("/a")) == Delivered()


def test_a_broken_body_makes_no_acknowledgement(webhook: Webhook) -> None:
    """A refusal is one however its body reads."""
    webhook.answer["/a"] = Answer(
        headers={"Content-Encoding": "gzip"}, status=500, body=b"no gzip"
    )
    assert _deliver(webhook.apprise_url("/a")) == Undelivered(reason="HTTP 500")


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
    assert _deliver(ntfy.url_of(*topics), timeout=1.5, by=odd) == Delivered()
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
    first = _deliver(ntfy.url_of(*bad, *good), timeout=1.0, by=odd)
    assert isinstance(first, Undelivered)
    assert (first.reason, len(first.reached)) == (reason, len(good))
    assert ntfy.got() == bad + good
    ntfy.topic.clear()
    again = replace(REACHED, targets=first.reached)
    assert _deliver(ntfy.url_of(*bad, *good), reached=again, by=odd) == Delivered()
    assert ntfy.got() == bad + good + bad


def test_a_broken_body_of_a_2xx_repeats_nothing_to_a_target(
    ntfy: Topics, odd: Worker
) -> None:
    """Of several targets one whose answer cannot be read has the message too, when it was a 2xx."""
    ntfy.topic = {
        "broken": Answer(headers={"Content-Encoding": "gzip"}, body=b"no gzip"),
        "bad": Answer(status=500),
    }
    first = _deliver(ntfy.url_of("broken", "bad"), by=odd)
    assert isinstance(first, Undelivered)
    assert (first.reason, len(first.reached)) == ("HTTP 500", 1)


# Processes that are killed


def test_what_was_reached_outlives_a_kill(ntfy: Topics, odd: Worker) -> None:
    """A process that is killed in the middle of a message costs what was in flight: what it reached is known."""
    ntfy.topic["bad"] = Answer(hang=True)

    async def killed() -> Outcome:
        delivery = asyncio.create_task(
            odd.deliver(_job(ntfy.url_of("good", "bad"), timeout=60))
        )
        await asyncio.to_thread(ntfy.wait_for, 2)
        for job in _children(_pid(odd)):
            os.kill(job, signal.SIGKILL)
        return await delivery

    first = asyncio.run(killed())
    assert isinstance(first, Undelivered)
    assert (first.reason, len(first.reached)) == (
        "the process that delivers has ended",
        1,
    )
    ntfy.topic.clear()
    assert (
        _deliver(
            ntfy.url_of("good", "bad"),
            reached=replace(REACHED, targets=first.reached),
            by=odd,
        )
        == Delivered()
    )
    assert ntfy.got() == ["good", "bad", "bad"]


def test_a_worker_that_is_killed_is_replaced(webhook: Webhook) -> None:
    """What is under way without it is delivered all the same, and the next message has a new worker."""
    webhook.answer["/slow"] = Answer(delay=0.5)

    async def killed(worker: Worker) -> list[Outcome]:
        delivery = asyncio.create_task(
            worker.deliver(_job(webhook.apprise_url("/slow")))
        )
        await asyncio.to_thread(webhook.wait_for, 1)
        os.kill(_pid(worker), signal.SIGKILL)
        return [
            await delivery,
            await worker.deliver(_job(webhook.apprise_url("/next"))),
        ]

    with Worker() as worker:
        assert asyncio.run(killed(worker)) == [Delivered(), Delivered()]
    assert len(webhook.messages()) == 2


def test_a_worker_that_does_not_start_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While apprise does not load other work goes on, a stop ends the wait, and leaving ends the process."""
    (tmp_path / "never_ready.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("watcher.delivery.process.forking.MODULE", "never_ready")

    async def stopped() -> list[Outcome]:
        deliveries = [
            asyncio.create_task(worker.deliver(_job("json://127.0.0.1/")))
            for _ in range(2)
        ]
        await asyncio.sleep(0.1)  # the loop runs beside the start
        worker.stop_within(0.1)
        return await asyncio.gather(*deliveries)

    began = time.monotonic()
    with Worker() as worker:
        assert [_why(outcome) for outcome in asyncio.run(stopped())] == ["", ""]
        pid = _pid(worker)
    assert not _runs(pid)
    assert time.monotonic() - began < 20


def test_a_worker_that_hangs_is_replaced(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has loaded apprise and does nothing more costs one attempt at a message, and not every one."""
    with Worker() as worker:
        worker.start()
        hung = _pid(worker)
        os.kill(hung, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr("watcher.delivery.client.PATIENCE", 0.5)
            outcome = _deliver(webhook.apprise_url("/a"), by=worker)
        assert outcome == Undelivered(
            reason="the process that delivers could not be started"
        )
        assert not _runs(hung)
        assert _deliver(webhook.apprise_url("/a"), by=worker) == Delivered()


def test_one_process_serves_a_line_while_all_goes_well(webhook: Webhook) -> None:
    """Messages of one channel go out through one process; after a failure, or its end, through another."""
    webhook.answer["/bad"] = 500

    async def served(line: Line, path: str) -> tuple[str, list[int]]:
        outcome = await line.deliver(_job(webhook.apprise_url(path)))
        return _why(outcome), _children(_pid(WORKER))

    async def several() -> None:
        with WORKER.line() as line:
            assert (await served(line, "/a"))[0] == "delivered"
            first = _children(_pid(WORKER))
            assert await served(line, "/b") == ("delivered", first)
            os.kill(first[0], signal.SIGKILL)
            await asyncio.to_thread(_until_there_are_none, first)
            why, second = await served(line, "/c")
            assert (why, len(second), first == second) == ("delivered", 1, False)
            assert (await served(line, "/bad"))[0] == "HTTP 500"
            await asyncio.to_thread(_until_there_are_none, second)
            assert (await served(line, "/d"))[0] == "delivered"
            third = _children(_pid(WORKER))
        await asyncio.to_thread(_until_there_are_none, third)

    WORKER.start()
    asyncio.run(several())
    assert [message.path for message in webhook.messages()] == [
        "/a",
        "/b",
        "/c",
        "/bad",
        "/d",
    ]


def test_a_prepared_message_waits_until_it_may_go_out(webhook: Webhook) -> None:
    """Nothing is asked of the service before `deliver`, and a message that is given up never goes out."""

    async def several() -> list[Outcome]:
        with WORKER.line() as line:
            first = await line.deliver(_job(webhook.apprise_url("/a")))
            line.prepare(job := _job(webhook.apprise_url("/b")))
            [serving] = _children(_pid(WORKER))
            await asyncio.sleep(
                0.1
            )  # in that time a message that did not wait would have come
            assert len(webhook.messages()) == 1
            second = await line.deliver(job)
            assert _children(_pid(WORKER)) == [serving]
            line.prepare(_job(webhook.apprise_url("/never")))
        await asyncio.to_thread(_until_there_are_none, [serving])
        return [first, second]

    WORKER.start()
    assert asyncio.run(several()) == [Delivered(), Delivered()]
    assert [message.path for message in webhook.messages()] == ["/a", "/b"]


def test_a_message_that_needs_nothing_sent_leaves_its_process_in_order(
    ntfy: Topics,
) -> None:
    """Where each target has the message already, the process takes the next one as after any other."""
    url, targets = ntfy.url_of("a", "b"), list[str]()
    assert sent(url, taken=targets) == Delivered()

    async def several() -> list[Outcome]:
        with WORKER.line() as line:
            outcomes = [await line.deliver(_job(ntfy.url_of("c")))]
            serving = _children(_pid(WORKER))
            for job in (
                _job(url, reached=replace(REACHED, targets=frozenset(targets))),
                _job(ntfy.url_of("d")),
            ):
                line.prepare(job)
                outcomes.append(await line.deliver(job))
            assert _children(_pid(WORKER)) == serving
        return outcomes

    assert asyncio.run(several()) == [Delivered()] * 3
    assert [topic for topic in ntfy.got() if topic in "cd"] == ["c", "d"]
    assert len(ntfy.got()) == 4


def test_a_job_keeps_within_the_systems_limit(webhook: Webhook) -> None:
    """A limit on memory that was there before is kept, and delivery works under it."""
    webhook.answer["/a"] = Answer(delay=0.5)
    limit = 2**33

    async def limits_of_a_job(worker: Worker) -> tuple[tuple[int, int], Outcome]:
        delivery = asyncio.create_task(worker.deliver(_job(webhook.apprise_url("/a"))))
        await asyncio.to_thread(webhook.wait_for, 1)
        [job] = _children(_pid(worker))
        return resource.prlimit(job, resource.RLIMIT_AS), await delivery

    with Worker() as worker:
        worker.start()
        resource.prlimit(_pid(worker), resource.RLIMIT_AS, (limit, limit))
        (soft, hard), outcome = asyncio.run(limits_of_a_job(worker))
    assert (hard, outcome) == (limit, Delivered())
    assert soft < limit


_PROGRAM = """
import asyncio, sys
from watcher.alerts.digest import sample
from watcher.delivery.client import Line, Worker
from watcher.delivery.job import Job
job = Job(url=sys.stdin.readline().strip(), events=sample("2026-01-01T00:00:00Z"), timeout=60)
asyncio.run(Worker().deliver(job))
"""


def test_nothing_outlives_a_program_that_is_killed(webhook: Webhook) -> None:
    """With the program its worker ends, and every job; no part of a URL is in what others see of the processes."""
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
        [job] = _children(worker)
        for pid in (worker, job):
            assert os.getsid(pid) != os.getsid(program.pid)
            for file in ("cmdline", "environ"):
                assert b"s3cr3t" not in Path(f"/proc/{pid}/{file}").read_bytes()
        for number in (
            signal.SIGINT,
            signal.SIGTERM,
        ):  # as a service manager sends them to all
            os.kill(worker, number)
            os.kill(job, number)
        assert _runs(worker)
        assert _runs(job)
        program.kill()
    _until_there_are_none([worker, job])


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
    outcomes = [_deliver(url, timeout=0.5) for url in urls]
    assert "s3cr3t" not in json.dumps([repr(outcome) for outcome in outcomes])
    assert [
        outcome.reason.partition(",")[0]
        for outcome in outcomes[:7]
        if isinstance(outcome, Undelivered)
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
