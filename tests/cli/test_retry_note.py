"""A channel that `test-alerts` has just reached need not wait: what it is owed goes out at the watcher's next turn."""

from __future__ import annotations

import signal

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, counts
from tests.support.parameters import one_of

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher whose two channels, `ops` and `mail`, have failed at an alert; their next backoff is an hour."""
    channels = [
        {"name": name, "url": webhook.apprise_url(f"/{name}")}
        for name in ("ops", "mail")
    ]
    made = watch.but(interval="1h", channels=channels)
    made.check()
    webhook.answer |= {"/ops": 500, "/mail": 500}
    registry.catalog.publish("alpha", "1.1.0")
    made.check(code=1)
    with made.edited("outbox.json") as outbox:
        for queue in outbox["queues"].values():
            queue["attempts"] = 10
    return made


def _alerts(webhook: Webhook, path: str) -> int:
    """Count the messages that are about the real event."""
    return sum("1.1.0" in message.json["message"] for message in webhook.messages(path))


def test_the_next_poll_delivers(watch: Watcher, webhook: Webhook) -> None:
    """No poll tries a channel that backs off until `test-alerts` has reached it; the other one still backs off."""
    webhook.answer.clear()
    assert watch.check(code=1)["alerts"] == counts(pending=2)
    assert watch.run("test-alerts", "ops").code == 0
    assert watch.check(code=1)["alerts"] == counts(1, pending=1)
    assert (_alerts(webhook, "/ops"), _alerts(webhook, "/mail")) == (2, 1)
    assert "retry.json" not in watch.contents()


def test_a_run_beside_it_delivers_at_once(watch: Watcher, webhook: Webhook) -> None:
    """A `run` whose channel backs off for an hour delivers its alerts once `test-alerts` has reached the channel."""
    watch.end_backoffs()
    with watch.start("run") as started:
        webhook.wait_for(2, "/ops")
        started.until_logged("poll")
        webhook.answer.clear()
        assert watch.run("test-alerts", "ops").code == 0
        webhook.wait_for(4, "/ops", timeout=30)
        started.until_logged("delivery")
        started.signal(signal.SIGTERM)
        assert started.wait().code == 0
    assert (_alerts(webhook, "/ops"), _alerts(webhook, "/mail")) == (3, 2)
    assert "retry.json" not in watch.contents()


def test_a_later_failure_makes_it_void(watch: Watcher, webhook: Webhook) -> None:
    """A channel that was reached and then fails again backs off as ever, even if the note is still there."""
    webhook.answer.clear()
    assert watch.run("test-alerts").code == 0
    note = watch.contents()["retry.json"]
    webhook.answer |= {"/ops": 500, "/mail": 500}
    watch.check(code=1)
    (watch.state / "retry.json").write_bytes(note)
    webhook.answer.clear()
    assert watch.check(code=1)["alerts"] == counts(pending=2)
    assert (_alerts(webhook, "/ops"), _alerts(webhook, "/mail")) == (2, 2)
    assert "retry.json" not in watch.contents()


@pytest.mark.parametrize(
    "damaged",
    one_of(
        b'{"format": 1, "queues": {"op', b"", b'{"format": 2, "queues": {}}', b"[1]\xff"
    ),
)
def test_a_damaged_note_says_nothing(
    watch: Watcher, webhook: Webhook, damaged: bytes
) -> None:
    """A note that cannot be read is ignored: the channels back off, and a new note takes its place."""
    webhook.answer.clear()
    (watch.state / "retry.json").write_bytes(damaged)
    assert watch.check(code=1)["alerts"] == counts(pending=2)
    (watch.state / "retry.json").write_bytes(damaged)
    assert watch.run("test-alerts").code == 0
    assert watch.check()["alerts"] == counts(2)


def test_a_note_that_cannot_be_left_is_said(watch: Watcher, webhook: Webhook) -> None:
    """Where the state folder takes no note `test-alerts` says that what is owed waits, and the channel passes."""
    webhook.answer.clear()
    (watch.state / "retry.json").mkdir()
    done = watch.run("test-alerts", "ops")
    assert (done.code, done.out) == (0, "ops: delivered\n")
    assert done.err.startswith(
        "warning: channel ops: its undelivered alerts wait for the next retry: "
    )
    assert watch.check(code=1)["alerts"]["pending"] == 2
