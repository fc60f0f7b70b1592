"""An installation that goes away, or is another one, under a `run` that was started from it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, counts
from tests.support.parameters import one_of

pytestmark = pytest.mark.measured

OFFLINE = program.ROOT / "tests" / "support" / "offline"


class Installed(Watcher):
    """A watcher that runs from a copy of the program, which is in a folder of its own."""

    @property
    def site(self) -> Path:
        """The folder of the installation."""
        return self.folder / "site"

    def install(self) -> None:
        """Put the program there, as a package manager does."""
        shutil.copytree(program.ROOT / "watcher", self.site / "watcher")

    def running(
        self, cwd: Path | None = None
    ) -> contextlib.AbstractContextManager[program.Started]:
        """Start `run` from the copy, in its own folder or another."""
        paths = {
            "PYTHONPATH": f"{self.site}:{OFFLINE}:{program.ROOT}",
            "COMFY_WATCH_STATE_DIR": str(self.state),
        }
        environment = {**self.environment(), **paths}
        return program.start(
            "run", cwd=cwd or self.folder, env=environment, module="tests.support.eager"
        )


@pytest.fixture
def watch(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> Installed:
    """A watcher with a silent baseline that it has, a channel, and an installation of its own."""
    registry.catalog.publish("alpha", "1.0.0")
    url = webhook.apprise_url("/a")
    made = Installed(
        tmp_path,
        registry,
        fork_server=fork_server,
        baseline="silent",
        interval="20ms",
        alert_urls=url,
    )
    made.install()
    made.check()
    return made


def _polls(started: program.Started) -> None:
    """Wait for one more poll."""
    seen = started.err.count('"poll"')
    started.until(lambda it: it.err.count('"poll"') > seen)


def _remove(watch: Installed) -> None:
    watch.site.rename(watch.folder / "removed")


def _replace(watch: Installed) -> None:
    """Put another copy there, whose file may have the number that the first one's had."""
    shutil.rmtree(watch.site)
    watch.install()
    (watch.site / "watcher" / "__init__.py").touch()


@pytest.mark.bounded
@pytest.mark.parametrize("change", one_of(_replace, _remove))
def test_a_replaced_installation_ends_a_run(
    watch: Installed,
    registry: FakeRegistry,
    webhook: Webhook,
    change: Callable[[Installed], None],
) -> None:
    """A `run` whose installation is gone, or another one, says so in one line and ends with 1; what it owes is kept
    for the next one, which delivers it once.
    """
    webhook.answer["/a"] = 500
    registry.catalog.publish("alpha", "1.1.0")
    with watch.running() as started:
        webhook.wait_for(1, timeout=30)
        _polls(started)
        change(watch)
        done = started.wait()
    last = json.loads(done.err.splitlines()[-1])
    assert (done.code, last["event"], last["level"]) == (
        1,
        "stopped: installation",
        "error",
    )
    assert "was replaced or removed while this process ran" in last["message"]
    assert done.err.count("replaced or removed") == 1
    webhook.answer.clear()
    watch.end_backoffs()
    assert watch.check()["alerts"] == counts(1)
    assert len(webhook.messages()) == 2


@pytest.mark.bounded
def test_an_alert_outlives_the_installation_it_was_seen_with(
    watch: Installed, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What is found in the very poll in which the installation goes away is delivered all the same."""
    asked = len(registry.requests)

    async def remove(request: object) -> None:
        if watch.site.exists() and len(registry.requests) > asked + 2:
            registry.catalog.publish(
                "alpha", "1.1.0", status="flagged", reason='[{"severity": "high"}]'
            )
            _remove(watch)

    with watch.running() as started:
        registry.respond = remove
        done = started.wait()
    assert done.code == 1
    assert len(webhook.messages()) == 1
    assert watch.check()["alerts"] == counts()


@pytest.mark.bounded
def test_a_deleted_working_folder_does_not_matter(
    watch: Installed, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A `run` whose working folder is deleted goes on as before: it polls, delivers and ends when it is asked to."""
    cwd = watch.folder / "elsewhere"
    cwd.mkdir()
    with watch.running(cwd) as started:
        _polls(started)
        cwd.rmdir()
        _polls(started)
        registry.catalog.publish("alpha", "1.1.0")
        webhook.wait_for(1)
        _polls(started)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
    assert watch.check()["alerts"]["pending"] == 0


@pytest.mark.bounded
def test_a_broken_apprise_ends_a_run_at_its_start(
    watch: Installed, registry: FakeRegistry
) -> None:
    """Where apprise cannot be loaded `run` does not begin, although its URLs were accepted before, and says why:
    nothing is polled. Without channels it runs.
    """
    broken = watch.site / "apprise"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('half of it is missing')\n")
    asked = len(registry.requests)
    with watch.running() as started:
        done = started.wait()
    assert (done.code, len(registry.requests)) == (1, asked)
    assert (
        "apprise could not be started: ImportError: half of it is missing" in done.err
    )
    watch.settings["alert_urls"] = []
    with watch.running() as started:
        _polls(started)


def test_nothing_is_loaded_with_an_alert(
    webhook: Webhook, mailbox: Mailbox, tmp_path: Path
) -> None:
    """After the start of a `run` neither a delivery of any kind nor a line of the log loads a module more."""
    code = f"""
import sys
from watcher import log
from watcher.cli.commands import run
from watcher.polling import setup
from watcher.delivery import worker
setup.preload(None)
worker.load()
known = set(sys.modules)
import pickle
from watcher.model import channel
import watcher.polling.sending
from watcher.delivery.process import Job
from watcher.delivery.sender import send
from watcher.alerts.digest import sample
urls = ["json://127.0.0.1:{webhook.port}/a", "json://localhost:{webhook.port}/bad", "jsons://127.0.0.1:{webhook.port}/",
        "ntfy://127.0.0.1:{webhook.port}/a", "gotify://127.0.0.1:{webhook.port}/token", "xml://127.0.0.1:9/",
        "matrix://127.0.0.1:{webhook.port}/!r:x", "mmost://127.0.0.1:{webhook.port}/3ccdd113474722377935511fc85d3dd4",
        {mailbox.apprise_url()!r}, "mailtos://127.0.0.1:9/?from=a@example.org&to=b@example.org"]
for url in urls:
    job = Job(url=url, events=sample("2026-01-01T00:00:00Z"), timeout=3)
    print(send(job, print).taken)
log.error("a line", reason="x")
print(sorted(set(sys.modules) - known))
"""
    webhook.answer["/bad"] = 500
    script = tmp_path / "script.py"
    script.write_text(code)
    done = program.run(cwd=tmp_path, module="script")
    assert done.code == 0, done.err
    *outcomes, loaded = done.out.splitlines()
    assert loaded == "[]"
    assert outcomes.count("True") >= 5
