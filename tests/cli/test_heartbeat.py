"""`heartbeat_url` by the real program: what a monitor hears, and what a monitor that is down changes: nothing."""

from __future__ import annotations

import re
import time

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from watcher.state import files

pytestmark = pytest.mark.measured

NO_LOG = {"CI": "", "GITHUB_ACTIONS": "", "INVOCATION_ID": ""}
"""As under cron."""


@pytest.fixture
def watch(watch: Watcher, webhook: Webhook) -> Watcher:
    """A watcher with a monitor that is the webhook, at a path that is a secret."""
    url = f"{webhook.url}/s3cr3t?k=s3cr3t"
    return watch.but(baseline="summary", heartbeat_url=url)


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
    """Its end; a failure where no node could be read or the state is of no use; nothing of a dry run."""
    watch.check()
    assert heard(webhook) == [""]
    watch.check("--dry-run")
    assert watch.run("check", "--set", "interval=x").code == 2
    assert heard(webhook) == [""]
    inflict(registry, "status_503_json")
    watch.check(code=1)
    assert heard(webhook) == ["", "/fail"]
    (watch.state / "checks.json").write_text("{")
    assert watch.run("check").code == 4
    assert heard(webhook) == ["", "/fail", "/fail"]


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
    webhook.answer["/s3cr3t"] = answer
    watch = watch.but(timeout="1s", alert_urls=[webhook.apprise_url("/alerts")])
    began = time.monotonic()
    done = watch.run("check")
    assert time.monotonic() - began < 20
    assert (done.code, "1 pack checked" in done.out, done.err.count("\n")) == (
        0,
        True,
        1,
    )
    assert re.fullmatch(
        r"warning: heartbeat_url: the ping failed: (HTTP 500|it timed out; .*); polls and alerts go on\n",
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
        "no longer: the pings of heartbeat_url fail",
        "",
    ]


def test_a_service_has_a_heartbeat(watch: Watcher, webhook: Webhook) -> None:
    """`run` pings after each poll; one that fails is a line of its log."""
    with watch.but(interval="100ms").start("run") as started:
        webhook.wait_for(2, "/s3cr3t")
        assert heard(webhook)[:2] == ["", ""]
        webhook.answer["/s3cr3t"] = 500
        started.until_logged("heartbeat failed")
        line = started.log("heartbeat failed")[0]
        assert line["level"] == "warning"
        assert "the ping failed: HTTP 500" in line["message"]
        assert "s3cr3t" not in started.err


def test_the_url_is_shown_nowhere(watch: Watcher) -> None:
    """`config` shows that there is a monitor, and of its address the scheme; a command line is no place for it."""
    done = watch.run("config")
    assert re.search(
        r"^heartbeat_url +http://\*\*\* +environment", done.out, re.MULTILINE
    )
    refused = watch.run("check", "--set", "heartbeat_url=https://h/s3cr3t")
    assert (refused.code, "it is a secret" in refused.err) == (2, True)
    assert "s3cr3t" not in done.out + done.err + refused.err
