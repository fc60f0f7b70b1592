"""`metrics` by the real program: what it prints of a state, and what it leaves alone."""

from __future__ import annotations

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.figures import Figures, of, read
from tests.support.harness import Watcher

pytestmark = pytest.mark.measured


def figures(watch: Watcher) -> Figures:
    """Return the figures, which come with nothing else."""
    done = watch.run("metrics")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\n# EOF\n")
    return read(done.out)


def test_a_watched_pack_in_figures(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """They are those of the state, also without the history; nothing is asked, written or sent."""
    webhook.answer["/dead"] = 500
    watch = watch.but(
        nodes="alpha bravo",
        baseline="summary",
        alert_urls=webhook.apprise_url("/dead"),
    )
    assert of(figures(watch), "packs") == {"unread": 2}
    registry.catalog.publish("bravo", "1.0.0")
    watch.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    watch.check(code=1)
    (watch.state / "history.jsonl").write_text("{")
    asked, kept = len(registry.requests), watch.contents()
    found = figures(watch)
    assert (len(registry.requests), watch.contents()) == (asked, kept)
    assert of(found, "packs") == {"ok": 1, "flagged": 1}
    assert of(found, "events") == {"baseline": 2, "flagged": 1}
    assert of(found, "undelivered_alerts") == {"1": 3}


def test_a_state_that_cannot_be_used(watch: Watcher) -> None:
    """It is exit code 4, and nothing on standard output that a collector could take for figures."""
    watch.check()
    (watch.state / "snapshot.json").write_text("{")
    done = watch.run("metrics")
    assert (done.code, done.out) == (4, "")
    assert "snapshot.json" in done.err
