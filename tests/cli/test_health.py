"""`health` by the real program: its line, its exit code, and that it neither asks nor touches anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from watcher import timestamps

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher) -> Watcher:
    """A watcher that has an alert for its first poll."""
    return watch.but(baseline="summary")


def health(watch: Watcher, *args: str, code: int) -> str:
    """Return the one line, which is on stdout whatever the exit code is."""
    done = watch.run("health", *args)
    assert (done.code, done.err, done.out.count("\n")) == (code, "", 1), done
    return done.out.rstrip("\n")


def age(watch: Watcher, seconds: float, pause: float = 0) -> None:
    """Let the last poll be so long ago, and the one before it so much longer; 0: there was none."""
    polled_at = datetime.now(UTC) - timedelta(seconds=seconds)
    with watch.edited("checks.json") as checks:
        checks["polled_at"] = timestamps.show(polled_at)
        before = polled_at - timedelta(seconds=pause)
        checks["polled_before"] = timestamps.show(before) if pause else ""


def test_the_last_poll_decides(watch: Watcher, registry: FakeRegistry) -> None:
    """Three times the interval may pass, or three times the last pause if that was longer, or `--max-age`."""
    assert health(watch, code=1) == "unhealthy: no poll has been completed yet"
    watch.check()
    asked, before = len(registry.requests), watch.contents()
    assert health(watch, code=0).startswith("ok: last poll ")
    assert (watch.contents(), len(registry.requests)) == (before, asked)
    age(watch, 44 * 60)
    assert health(watch, code=0) == "ok: last poll 44 minutes ago"
    age(watch, 46 * 60)
    assert (
        health(watch, code=1)
        == "unhealthy: last poll 46 minutes ago, which is late (at most 45 minutes)"
    )
    assert health(watch, "--max-age", "1h", code=0) == "ok: last poll 46 minutes ago"
    assert (
        health(watch, "--set", "interval=20m", code=0) == "ok: last poll 46 minutes ago"
    )
    age(watch, 2.5 * 3600, pause=3600)
    assert health(watch, code=0) == "ok: last poll 2 hours ago"
    assert (
        health(watch, "--max-age", "60", code=1)
        == "unhealthy: last poll 2 hours ago, which is late (at most 1 minute)"
    )


def test_a_poll_of_a_registry_that_is_down_counts(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A poll that read no node has run to its end: to start the container again would mend nothing."""
    inflict(registry, "status_503_json")
    watch.check(code=1)
    assert health(watch, "--strict", code=0).startswith("ok: last poll ")


def test_deliveries_count_if_one_is_strict(watch: Watcher, webhook: Webhook) -> None:
    """A dead channel is in the line; it decides with `--strict` only. A channel that is gone is not this one's."""
    webhook.answer["/dead"] = 500
    watch = watch.but(channels=[{"name": "ops", "url": webhook.apprise_url("/dead")}])
    watch.check(code=1)
    line = health(watch, code=0)
    assert line.startswith("ok: last poll ")
    assert "; 1 alert undelivered, the oldest for " in line
    assert "; channel ops failing for " in line
    assert health(watch, "--strict", code=1).startswith("unhealthy: last poll ")
    assert "alert" not in health(watch.but(channels=[]), "--strict", code=0)


def test_a_poll_in_the_future_is_no_good_sign(watch: Watcher) -> None:
    """A clock that was set back would make the last poll look recent for as long."""
    watch.check()
    age(watch, -60)
    assert health(watch, code=0) == "ok: last poll just now"
    age(watch, -7.5 * 86_400)
    assert (
        health(watch, code=1)
        == "unhealthy: last poll 7 days in the future: is the clock right?"
    )


def test_bad_input_is_one_line(watch: Watcher) -> None:
    """What is wrong with the settings or the state is the line, and the code is theirs; a wrong option is an error."""
    for given in ("soon", "0"):
        refused = watch.run("health", "--max-age", given)
        assert (refused.code, "unhealthy" in refused.out) == (2, False)
        assert refused.err.startswith("error: --max-age")
    assert health(watch.but(interval="x", retries=77), code=2).startswith(
        "unhealthy: interval: 'x'"
    )
    assert "nothing to watch" in health(watch.but(nodes=""), code=2)
    watch.check()
    (watch.state / "checks.json").write_text("{")
    before = watch.contents()
    assert "checks.json" in health(watch, code=4)
    assert watch.contents() == before


def test_the_lock_is_not_needed(watch: Watcher) -> None:
    """It answers while `run` holds the state."""
    with watch.start("run") as started:
        started.until(lambda said: '"event": "poll"' in said.err)
        assert health(watch, code=0).startswith("ok: last poll ")
