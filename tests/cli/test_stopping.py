"""SIGTERM ends `run` and `check` soon, whatever they wait for: what hangs here does so for a minute."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from tests.support.program import Started


@pytest.fixture
def watch(watch: Watcher, webhook: Webhook) -> Watcher:
    """A watcher that has an alert to deliver with its first poll."""
    alerts = webhook.apprise_url("/a")
    return watch.but(
        baseline="summary", alert_urls=alerts, interval="1h", timeout="60s"
    )


def _ends_in_time(started: Started) -> None:
    """Send SIGTERM, and see that a line says so, that it ends with 0 before what hangs does, and a line says that."""
    started.signal(signal.SIGTERM)
    assert started.process.wait(50) == 0
    assert len(started.log("stopping")) == 1
    assert started.log()[-1]["event"] == "stopped"


def test_a_registry_that_drips(watch: Watcher, registry: FakeRegistry) -> None:
    """A poll that reads an answer of which a byte comes now and then is given up."""
    inflict(registry, "drip")
    with watch.start("run") as started:
        started.until(lambda it: len(registry.requests) > 0)
        _ends_in_time(started)
    assert watch.contents().keys() <= {"addresses.json"}


def test_a_check_that_delivers(watch: Watcher, webhook: Webhook) -> None:
    """The exit code names the signal, and the alert that got no answer is owed."""
    webhook.answer["/a"] = Answer(hang=True)
    with watch.start("check") as started:
        webhook.wait_for(1, "/a")
        started.signal(signal.SIGTERM)
        assert started.process.wait(50) == 128 + signal.SIGTERM
    webhook.answer.clear()
    assert watch.check()["alerts"]["delivered"] == 1


# It sleeps longer than a stop may take.
_SLOW_APPRISE = (
    "import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n"
)


def test_a_start_that_takes_long(watch: Watcher, registry: FakeRegistry) -> None:
    """While alert URLs wait for apprise to be loaded it ends too, with nothing done."""
    (watch.folder / "apprise.py").write_text(_SLOW_APPRISE)
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


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads, and that takes nothing any more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    yield writer
    os.close(writer)
    os.close(reader)


def test_a_start_whose_log_nobody_reads(watch: Watcher, full_pipe: int) -> None:
    """A full pipe for the log keeps no process."""
    (watch.folder / "apprise.py").write_text(_SLOW_APPRISE)
    with subprocess.Popen(
        [sys.executable, "-m", "watcher", "run"],
        cwd=watch.folder,
        env=program.surroundings(watch.folder, watch.environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=full_pipe,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (watch.folder / "loading").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)  # between two looks at what another process does
            process.terminate()
            assert process.wait(50) == 0
        finally:
            process.kill()
