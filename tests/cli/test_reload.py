"""SIGHUP: `run` reads its settings again, and ends where its terminal was closed."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, write_settings
from tests.support.parameters import one_row_of
from tests.support.program import Started


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry) -> Watcher:
    """A watcher of alpha by a settings file, beside a registry with alpha and bravo."""
    registry.catalog.publish("bravo", "1.0.0")
    by_file = watch.but(interval="")
    by_file.settings = {}
    _write(by_file)
    return by_file


def _write(
    watch: Watcher, channels: Sequence[Mapping[str, object]] = (), **changed: Any
) -> None:
    settings = {
        "nodes": ["alpha"],
        "alert_urls": "none",
        "interval": "1h",
        "jitter": 0,
        "baseline": "silent",
    }
    write_settings(
        watch.folder,
        channels,
        **{"registry_url": watch.registry.url, "retries": 0, **settings, **changed},
    )


def _after(started: Started, event: str) -> dict[str, Any]:
    """Send the signal, wait for the next line of an event and return it."""
    count = len(started.log(event))
    started.signal(signal.SIGHUP)
    started.until_logged(event, count + 1)
    return started.log(event)[-1]


def test_the_next_poll_has_the_new_settings(watch: Watcher, webhook: Webhook) -> None:
    """Nodes, channels and the interval are taken over, and a shorter interval ends the wait for the next poll."""
    with watch.start("run") as started:
        started.until_logged("poll")
        _write(
            watch,
            nodes=["alpha", "bravo"],
            alert_urls=[webhook.apprise_url("/a")],
            interval="50ms",
        )
        line = _after(started, "reloaded")
        assert (line["nodes"], line["channels"], line["interval"]) == (2, 1, 0.05)
        started.until_logged("poll", 2)
        assert started.log("poll")[1]["checked"] == 2
        watch.registry.catalog.publish("bravo", "1.1.0")
        webhook.wait_for(1)


def test_what_is_owed_goes_to_the_new_address_at_once(
    watch: Watcher, webhook: Webhook
) -> None:
    """A channel that is mended with a reload gets what it is owed before the next poll."""
    webhook.answer["/dead"] = 404
    _write(
        watch,
        baseline="summary",
        channels=[{"name": "ops", "url": webhook.apprise_url("/dead")}],
    )
    with watch.start("run") as started:
        started.until_logged("poll")
        assert started.log("poll")[0]["pending"] == 1
        _write(
            watch,
            baseline="summary",
            channels=[{"name": "ops", "url": webhook.apprise_url("/ops")}],
        )
        _after(started, "reloaded")
        webhook.wait_for(1, path="/ops")
        assert len(started.log("poll")) == 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    one_row_of(
        ({"alert_urls": ["nosuch://somewhere"], "retries": "many"}, "retries"),
        ({"alert_urls": ["nosuch://somewhere"]}, "alert_urls, entry 1"),
        ({"nodes": []}, "nothing to watch"),
        ({"interval": "1s"}, "interval"),
        fast=2,
    ),
)
def test_wrong_settings_leave_the_old_ones(
    watch: Watcher, wrong: dict[str, Any], named: str
) -> None:
    """One line says what is wrong, the log stays as it was set, and the polls go on with the old settings."""
    if "interval" in wrong:
        watch = watch.real()
    with watch.start("run") as started:
        started.until_logged("poll")
        _write(watch, log_level="error", **wrong)
        line = _after(started, "reload failed: the old settings stay")
        assert line["level"] == "error"
        assert named in line["error"]
        assert "somewhere" not in line["error"]
        _write(watch, interval="20s")
        assert _after(started, "reloaded")["nodes"] == 1


def test_the_state_stays_where_it_is(watch: Watcher) -> None:
    """Another `state_dir` is not taken over, which a warning says; the rest is."""
    with watch.start("run") as started:
        started.until_logged("poll")
        _write(watch, state_dir="elsewhere", interval="50ms")
        assert _after(started, "reloaded")["interval"] == 0.05
        (warning,) = started.log("settings")
        assert (warning["level"], "state_dir" in warning["warning"]) == (
            "warning",
            True,
        )
        started.until_logged("poll", 2)
        assert not (watch.folder / "elsewhere").exists()
        assert str(watch.folder / "state") in warning["warning"]


def test_it_stays_ignored(watch: Watcher) -> None:
    """Where the parent ignored the signal, as `nohup` does, it changes nothing."""
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'watcher', 'run'])\n"
    )
    (watch.folder / "ignoring.py").write_text(script, "utf-8")
    with program.start(cwd=watch.folder, module="ignoring") as started:
        started.until_logged("poll")
        started.signal(signal.SIGHUP)
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
        assert not started.log("reloaded")


def _with_terminal(theirs: int) -> Callable[[], object]:
    """Return what makes a terminal the one that a new session belongs to."""
    return lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)


@pytest.mark.bounded
def test_a_terminal_that_is_closed_ends_it(watch: Watcher) -> None:
    """It ends with 0 as after SIGTERM; while the terminal is there, the signal has the settings read again."""
    ours, theirs = pty.openpty()
    log = watch.folder / "log"
    with log.open("wb") as to_log:
        process = subprocess.Popen(
            [sys.executable, "-m", "watcher", "run"],
            cwd=watch.folder,
            env=program.surroundings(watch.folder),
            stdin=theirs,
            stdout=theirs,
            stderr=to_log,
            start_new_session=True,
            preexec_fn=_with_terminal(theirs),  # noqa: PLW1509 - it makes one system call
        )
    os.close(theirs)
    started = Started(process, log, log, lambda: None)
    try:
        started.until_logged("poll")
        # While the terminal is there it has the settings read again.
        started.signal(signal.SIGHUP)
        started.until_logged("reloaded")
        os.close(ours)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert [
        line["signal"]
        for event in ("stopping", "stopped")
        for line in started.log(event)
    ] == ["SIGHUP"] * 2
