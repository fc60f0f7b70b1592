"""A channel whose address is gone is reported on the others."""

from __future__ import annotations

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, reported


def test_a_channel_that_is_gone_is_reported_on_the_others(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """At the next poll, once, and not to itself; and so is that it takes alerts again."""
    channels = [
        {"name": name, "url": webhook.apprise_url(f"/{name}")} for name in ("a", "b")
    ]
    watch = watch.but(channels=channels)
    watch.check()
    webhook.answer["/a"] = 404
    registry.catalog.publish("alpha", "1.1.0")
    watch.check(code=1)
    assert watch.reported(code=1) == [("failing", None, None)]
    for _ in range(2):
        watch.end_backoffs()
        assert watch.reported(code=1) == []
    assert watch.channel("a")["failing_since"]
    webhook.answer.clear()
    watch.end_backoffs()
    assert watch.check()["alerts"]["delivered"] == 1
    (event,) = watch.check()["events"]
    assert (event["kind"], event["node"], event["channel"]) == ("recovered", None, "a")
    assert watch.reported() == []
    got = [reported(one.json["events"]) for one in webhook.messages("/b")]
    assert got == [
        [("new", "alpha", "1.1.0")],
        [("failing", None, None)],
        [("recovered", None, None)],
    ]
    last = webhook.messages("/a")[-1]
    assert reported(last.json["events"]) == [("new", "alpha", "1.1.0")]
    assert watch.channel("a")["failing_since"] is None
