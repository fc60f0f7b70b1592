"""`heartbeat_url` by the real program: what a monitor hears, and what a monitor that is down changes: nothing."""

from __future__ import annotations

import re

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from watcher.state import files

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher, webhook: Webhook) -> Watcher:
    """A watcher with a monitor that is the webhook, at a path that is a secret."""
    return watch.but(heartbeat_url=f"{webhook.url}/s3cr3t?k=s3cr3t")


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
    """Its end; a failure where no node could be read or the state is of no use.

    It hears nothing of a dry run, wrong settings, and one that was locked out: who holds the state says how it is.
    """
    watch.check()
    assert heard(webhook) == [""]
    watch.check("--dry-run")
    assert watch.run("check", "--set", "interval=x").code == 2
    with files.lock(watch.state / "lock"):
        assert watch.run("check").code == 4
    assert heard(webhook) == [""]
    inflict(registry, "status_503_json")
    watch.check(code=1)
    assert heard(webhook) == ["", "/fail"]
    (watch.state / "checks.json").write_text("{")
    assert watch.run("check").code == 4
    assert heard(webhook) == ["", "/fail", "/fail"]


def test_a_monitor_that_is_down_changes_nothing(
    watch: Watcher, webhook: Webhook
) -> None:
    """The poll's result, its exit code and its alerts are as ever; it is said when it begins and when it ends."""
    env = {"CI": "", "HOME": str(watch.folder / "home"), "XDG_CACHE_HOME": ""}
    webhook.answer["/s3cr3t"] = Answer(hang=True)
    alerts = [webhook.apprise_url("/alerts")]
    watch = watch.but(timeout="1s", alert_urls=alerts, baseline="summary")
    done = watch.run("check", env=env)
    assert (done.code, "1 pack checked" in done.out) == (0, True)
    assert re.fullmatch(
        r"warning: heartbeat_url: the ping failed: it timed out; .*; polls and alerts go on\n",
        done.err,
    )
    assert len(webhook.messages("/alerts")) == 1
    saved = "".join(text.decode() for text in watch.contents().values())
    assert "s3cr3t" not in done.out + done.err + saved
    assert watch.run("check", env=env).err == ""
    webhook.answer.clear()
    ended = watch.run("check", env=env).err
    assert ended == "no longer: the pings of heartbeat_url fail\n"


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
