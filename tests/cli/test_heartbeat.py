"""`heartbeat_url` by the real program: what a monitor hears, and what a monitor that is down changes: nothing."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.fake_registry.server import FakeRegistry
from watcher.state import files

pytestmark = pytest.mark.measured

NO_LOG = {"CI": "", "GITHUB_ACTIONS": "", "INVOCATION_ID": ""}
"""As under cron."""


@pytest.fixture
def watch(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> Watcher:
    """A watcher of alpha 1.0.0 with a monitor that is the webhook, at a path that is a secret."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        heartbeat_url=f"{webhook.url}/s3cr3t?k=s3cr3t",
    )


def heard(webhook: Webhook) -> list[str]:
    """Return the paths of the pings that came, without the secret."""
    return [
        message.path.removeprefix("/s3cr3t")
        for message in webhook.messages()
        if message.method == "GET"
    ]


def test_a_monitor_hears_of_each_poll(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A start and an end; a failure where no node could be read or the state is of no use; nothing of a dry run."""
    watch.check()
    assert heard(webhook) == ["/start", ""]
    watch.check("--dry-run")
    assert watch.run("check", "--set", "interval=x").code == 2
    assert heard(webhook) == ["/start", ""]
    inflict(registry, "status_503_json")
    watch.check(code=1)
    assert heard(webhook)[2:] == ["/start", "/fail"]
    (watch.state / "checks.json").write_text("{")
    assert watch.run("check").code == 4
    assert heard(webhook)[4:] in (["/fail"], ["/start", "/fail"])


def test_a_check_that_is_locked_out_is_no_failure(
    watch: Watcher, webhook: Webhook
) -> None:
    """The run that holds the state says how it is; the one that was locked out sends nothing."""
    watch.check()
    before = heard(webhook)
    with files.lock(watch.state / "lock"):
        assert watch.run("check").code == 4
    assert heard(webhook) == before


@pytest.mark.parametrize("answer", [500, Answer(hang=True)], ids=["500", "hang"])
def test_a_monitor_that_is_down_changes_nothing(
    watch: Watcher, webhook: Webhook, answer: int | Answer
) -> None:
    """The poll's result, its exit code and its alerts are as ever, the delay is bounded, and one line says why."""
    for path in ("/s3cr3t", "/s3cr3t/start"):
        webhook.answer[path] = answer
    watch = watch.but(timeout="1s", alert_urls=[webhook.apprise_url("/alerts")])
    began = time.monotonic()
    done = watch.run("check")
    assert time.monotonic() - began < 20
    assert (done.code, "1 node checked" in done.out, done.err.count("\n")) == (
        0,
        True,
        1,
    )
    assert re.fullmatch(
        r"warning: heartbeat_url: the ping failed: (HTTP 500|it timed out); polls and alerts go on\n",
        done.err,
    )
    assert len(webhook.messages("/alerts")) == 1
    assert "s3cr3t" not in done.out + done.err + "".join(
        text.decode() for text in watch.contents().values()
    )


def test_where_each_run_has_no_log_it_is_said_once(
    watch: Watcher, webhook: Webhook
) -> None:
    """A monitor that is down is mailed when it begins and when it ends, as other lasting problems are."""
    env = {**NO_LOG, "XDG_CACHE_HOME": str(watch.state.parent / "cache")}
    webhook.answer["/s3cr3t"] = 500
    said = [watch.run("check", env=env).err for _ in range(2)]
    webhook.answer.clear()
    said += [watch.run("check", env=env).err for _ in range(2)]
    assert [text.partition(";")[0].strip() for text in said] == [
        "warning: heartbeat_url: the ping failed: HTTP 500",
        "",
        "heartbeat_url: pings arrive again",
        "",
    ]


def test_a_state_of_no_use_and_a_dead_monitor_are_said_once(
    watch: Watcher, webhook: Webhook
) -> None:
    """Where each run has no log, both are mailed with the first poll, and neither with the next one."""
    watch.check()
    webhook.answer["/s3cr3t/fail"] = 500
    (watch.state / "checks.json").write_text("{")
    env = {**NO_LOG, "XDG_CACHE_HOME": str(watch.state.parent / "cache")}
    first, second = (watch.run("check", env=env) for _ in range(2))
    assert (first.code, second.code) == (4, 4)
    assert "error: heartbeat_url: the ping failed: HTTP 500\n" in first.err
    assert second.err == ""
    assert second.out == first.err


@pytest.mark.bounded
def test_a_service_has_a_heartbeat(watch: Watcher, webhook: Webhook) -> None:
    """`run` pings around each poll; a monitor that is down is one line of its log, and a hanging one no delay."""
    watch = watch.but(interval="100ms", jitter=0, timeout="2s").real()
    with watch.start("run") as started:
        webhook.wait_for(2, "/s3cr3t")
        assert heard(webhook)[:4] == ["/start", "", "/start", ""]
        webhook.answer["/s3cr3t"] = 500
        started.until(lambda it: "heartbeat failed" in it.err)
        for path in ("/s3cr3t", "/s3cr3t/start"):
            webhook.answer[path] = Answer(hang=True)
        polls = started.err.count('"event": "poll"')
        started.until(lambda it: it.err.count('"event": "poll"') > polls + 5)
        started.signal(signal.SIGTERM)
        done = started.wait(10)
    assert done.code == 0
    failed = [
        line
        for line in map(json.loads, done.err.splitlines())
        if line["event"] == "heartbeat failed"
    ]
    assert [(line["level"], line["error"]) for line in failed] == [
        ("warning", "HTTP 500")
    ]
    assert "s3cr3t" not in done.err


def test_the_url_is_shown_nowhere(watch: Watcher) -> None:
    """`config` shows that there is a monitor, and of its address the scheme; a command line is no place for it."""
    done = watch.run("config")
    assert re.search(
        r"^heartbeat_url +http://\*\*\* +environment", done.out, re.MULTILINE
    )
    document = json.loads(watch.run("config", "--json").out)
    assert document["settings"]["heartbeat_url"]["value"] == "http://***"
    refused = watch.run("check", "--set", "heartbeat_url=https://h/s3cr3t")
    assert (refused.code, "it is a secret" in refused.err) == (2, True)
    assert "s3cr3t" not in done.out + done.err + json.dumps(document) + refused.err
