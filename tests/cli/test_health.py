"""`health` by the real program: its line, its exit code, and that it neither asks nor touches anything."""

from __future__ import annotations

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher

pytestmark = pytest.mark.measured


def health(watch: Watcher, *args: str, code: int) -> str:
    """Return the one line, which is on stdout whatever the exit code is."""
    done = watch.run("health", *args)
    assert (done.code, done.err, done.out.count("\n")) == (code, "", 1), done
    return done.out.rstrip("\n")


def test_the_last_poll_decides(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """One that read nothing counts: to start the container again would mend nothing. A dead channel does if strict."""
    webhook.answer["/dead"] = 500
    watch = watch.but(alert_urls=webhook.apprise_url("/dead"), baseline="summary")
    assert health(watch, code=1) == "unhealthy: no poll has been completed yet"
    watch.check(code=1)
    inflict(registry, "status_503_json")
    watch.check(code=1)
    asked, before = len(registry.requests), watch.contents()
    line = health(watch, code=0)
    assert line.startswith("ok: last poll ")
    assert "; 1 alert undelivered, the oldest for " in line
    assert "; channel json failing for " in line
    assert health(watch, "--strict", code=1).startswith("unhealthy: last poll ")
    assert (watch.contents(), len(registry.requests)) == (before, asked)
    with watch.edited("checks.json") as checks:
        checks["polled_at"] = "2026-01-01T00:00:00.000Z"
    assert "(at most 45 minutes)" in health(watch, code=1)
    assert "(at most 1 hour)" in health(watch, "--set", "interval=20m", code=1)
    assert "(at most 24 hours)" in health(watch, "--max-age", "1d", code=1)


def test_bad_input_is_one_line(watch: Watcher) -> None:
    """What is wrong with the settings or the state is the line, and the code is theirs; a wrong option is an error."""
    for given in ("soon", "0"):
        refused = watch.run("health", "--max-age", given)
        assert (refused.code, "unhealthy" in refused.out) == (2, False)
        assert refused.err.startswith("error: --max-age")
    wrong = watch.but(interval="x", retries=77)
    assert health(wrong, code=2).startswith("unhealthy: interval: 'x'")
    assert "nothing to watch" in health(watch.but(nodes=""), code=2)
    watch.check()
    (watch.state / "checks.json").write_text("{")
    before = watch.contents()
    assert "checks.json" in health(watch, code=4)
    assert watch.contents() == before
