"""SIGTERM ends `run` within five seconds, whatever it waits for, and nothing that is owed is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support import program
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.program import Started
from watcher.fake_registry.server import FakeRegistry

_PROMISED = 5.0


@pytest.fixture
def watch(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> Watcher:
    """A watcher that has an alert to deliver with its first poll."""
    registry.catalog.publish("alpha", "1.0.0")
    alerts = webhook.apprise_url("/a")
    return Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        alert_urls=alerts,
        interval="1h",
        timeout="60s",
    )


def _events(started: Started) -> list[str]:
    return [
        json.loads(line)["event"] if line.startswith("{") else line
        for line in started.err.splitlines(keepends=True)
        if line.endswith("\n")
    ]


def _ends_in_time(started: Started) -> None:
    """Send SIGTERM, and see that a line says so at once, that it ends with 0 in time, and that a line says that."""
    began = time.monotonic()
    started.signal(signal.SIGTERM)
    assert started.process.wait(20) == 0
    assert time.monotonic() - began < _PROMISED
    events = _events(started)
    assert events.count("stopping") == 1
    assert events.index("stopped") == len(events) - 1


def _children(pid: int) -> Iterator[int]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        if parent == pid:
            yield int(process.name)


@pytest.mark.bounded
def test_a_channel_that_hangs(watch: Watcher, webhook: Webhook) -> None:
    """A message whose service does not answer gets a short time, and goes out again after the next start."""
    webhook.answer["/a"] = Answer(hang=True)
    with watch.start("run") as started:
        webhook.wait_for(1)
        _ends_in_time(started)
    webhook.answer.clear()
    watch.end_backoffs()
    assert watch.check()["alerts"] == {
        "delivered": 1,
        "unconfirmed": 0,
        "pending": 0,
        "expired": 0,
    }


@pytest.mark.bounded
def test_a_worker_that_hangs(watch: Watcher, webhook: Webhook) -> None:
    """A worker that reacts to nothing is killed."""
    webhook.answer["/a"] = Answer(hang=True)
    with watch.but(interval="10s").real().start("run") as started:
        webhook.wait_for(1, timeout=60)
        (worker,) = _children(started.pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            _ends_in_time(started)
        finally:
            left = False
            with contextlib.suppress(
                FileNotFoundError, ProcessLookupError
            ):  # it has ended
                left = "stopped" in Path(f"/proc/{worker}/status").read_text()
            if left:
                os.kill(worker, signal.SIGKILL)
        assert not left


def test_a_registry_that_drips(watch: Watcher, registry: FakeRegistry) -> None:
    """A poll that reads an answer of which a byte comes now and then is given up."""

    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b" ")
            await asyncio.sleep(0.05)

    registry.respond = drip
    with watch.start("run") as started:
        started.until(lambda it: len(registry.requests) > 0)
        _ends_in_time(started)
    assert watch.contents().keys() <= {"addresses.json"}


def test_a_start_that_takes_long(watch: Watcher, registry: FakeRegistry) -> None:
    """While alert URLs wait for apprise to be loaded it ends too, with nothing done."""
    # It sleeps longer than a stop may take.
    (watch.folder / "apprise.py").write_text(
        "import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n"
    )
    with program.start("run", cwd=watch.folder, env=watch.environment()) as started:
        started.until(lambda it: (watch.folder / "loading").exists())
        _ends_in_time(started)
    assert (registry.requests, watch.contents()) == ([], {})


_SLOW_NAMES = """
import pathlib, socket, time
from watcher.cli.main import main

def hang(*_args, **_options):
    pathlib.Path("asked").touch()
    time.sleep(60)  # longer than a stop may take, as a resolver without an answer

socket.getaddrinfo = hang
main()
"""


@pytest.mark.bounded
def test_a_name_that_is_never_resolved(watch: Watcher) -> None:
    """A resolver that hangs in a thread, which nothing can end, does not keep the process."""
    (watch.folder / "slow_names.py").write_text(_SLOW_NAMES, "utf-8")
    env = {**watch.environment(), "COMFY_WATCH_REGISTRY_URL": "http://registry.example"}
    with program.start(
        "run", cwd=watch.folder, env=env, module="slow_names"
    ) as started:
        started.until(lambda it: (watch.folder / "asked").exists())
        _ends_in_time(started)


@pytest.mark.bounded
def test_a_log_that_nobody_reads(watch: Watcher, registry: FakeRegistry) -> None:
    """A pipe for the log that is full does not keep the process."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - only its descriptor counts
        forked = watch.fork("run", streams=(nothing.fileno(), nothing.fileno(), writer))
        os.close(writer)
        try:
            deadline = time.monotonic() + 20
            while not _handles(forked.pid, signal.SIGTERM):
                assert time.monotonic() < deadline
                time.sleep(0.01)  # between two looks at another process
            began = time.monotonic()
            forked.send_signal(signal.SIGTERM)
            assert forked.wait(20) == 0
            assert time.monotonic() - began < _PROMISED
        finally:
            forked.kill()
            forked.wait()
            forked.wait_for_all()
            os.close(reader)


def _handles(pid: int, number: signal.Signals) -> bool:
    (caught,) = (
        int(line.split()[1], 16)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("SigCgt")
    )
    return bool(caught >> (number - 1) & 1)
