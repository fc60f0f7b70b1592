"""What a webhook of one's own gets from the real program."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from watcher.cli.commands.schema import document_of

_DOCUMENT = document_of("webhook")
_CHECKER = Draft202012Validator.FORMAT_CHECKER
_SCHEMA = Draft202012Validator(_DOCUMENT, format_checker=_CHECKER)


def test_a_webhook_gets_the_events_of_check(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Each message is what the schema says, a sample too; its events are the objects of `check --json`."""
    url = f"json://127.0.0.1:{webhook.port}/json?:team=red"
    watch = watch.but(channels=[{"name": "json", "url": url, "kinds": "all"}])
    assert watch.run("test-alerts", "json").code == 0
    watch.check()
    catalog = registry.catalog
    catalog.publish("alpha", "1.2.0", status="pending", created_at="not yet")
    hostile = "by jane@comfy.example\x1b[2J"
    catalog.publish("alpha", "1.0.1\u202e<b>", status="flagged", reason=hostile)
    elsewhere = "https://elsewhere.example/node.zip"
    catalog.edit("alpha", "1.0.0", downloadUrl=elsewhere, deprecated=True)
    events = watch.check()["events"]
    sample, posted = (message.json for message in webhook.messages("/json"))
    for message in (sample, posted):
        assert message.pop("team") == "red"
        _SCHEMA.validate(message)
    assert {one["node"] for one in sample["events"]} == {"this-is-only-a-test"}
    assert posted["event_count"] == 4
    by_kind = {event["kind"]: event for event in posted["events"]}
    assert {event["kind"]: event for event in events} == by_kind
    assert by_kind["flagged"]["reason"] == "by (address removed)[2J"
    assert by_kind["flagged"]["version"] == "1.0.1\\u202e<b>"
    assert by_kind["pending"]["published"] is None
