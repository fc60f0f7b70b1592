"""What a webhook of one's own gets from the real program."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from watcher.cli.commands.schema import document_of

_DOCUMENT = document_of("webhook")
_CHECKER = Draft202012Validator.FORMAT_CHECKER
_SCHEMA = Draft202012Validator(_DOCUMENT, format_checker=_CHECKER)


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of two packs with a channel that gets all."""
    registry.catalog.edit("alpha", "1.0.0", dependencies=["numpy"])
    registry.catalog.publish("bravo", "1.0.0")
    url = f"json://127.0.0.1:{webhook.port}/json"
    channels = [{"name": "json", "url": url, "kinds": "all"}]
    return watch.but(nodes="alpha bravo", channels=channels)


def _eventful(watch: Watcher, registry: FakeRegistry) -> list[dict[str, Any]]:
    """Let most kinds of event happen, and return them as `check --json` shows them, the worst first."""
    watch.check()
    catalog = registry.catalog
    catalog.publish(
        "alpha",
        "1.1.0",
        dependencies=["numpy", "torch"],
    )
    catalog.publish("alpha", "1.2.0", status="pending", created_at="not yet")
    catalog.publish(
        "alpha",
        "1.0.1\u202e<b>",
        status="flagged",
        reason="by jane@comfy.example\x1b[2J",
    )
    catalog.edit(
        "alpha",
        "1.0.0",
        downloadUrl="https://elsewhere.example/node.zip",
        deprecated=True,
    )
    catalog.ban_node("bravo", "Malware")
    document = watch.check()
    order = ["banned", "flagged", "changed", "deprecated", "new", "pending"]
    events: list[dict[str, Any]] = sorted(
        document["events"], key=lambda event: order.index(event["kind"])
    )
    assert [event["kind"] for event in events] == order
    return events


def test_a_webhook_gets_the_events_of_check(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Each message is what the schema says, its events are the objects of `check --json`, and they say what to do."""
    events = _eventful(watch, registry)
    (message,) = webhook.messages("/json")
    _SCHEMA.validate(message.json)
    assert (message.json["events"], message.json["event_count"]) == (events, 6)
    by_kind = {event["kind"]: event for event in events}
    safe = [event["safe_version"] for event in events]
    assert safe == [None, *["1.1.0"] * 5]
    severities = [event["severity"] for event in events]
    assert severities == ["critical", *["warning"] * 3, "info", "info"]
    assert by_kind["flagged"]["reason"] == "by (address removed)[2J"
    assert by_kind["flagged"]["version"] == "1.0.1\\u202e<b>"
    assert by_kind["pending"]["published"] is by_kind["banned"]["published"] is None


def test_a_test_is_valid_too(watch: Watcher, webhook: Webhook) -> None:
    """What `test-alerts` sends is what the schema says, so that a receiver can be tried."""
    assert watch.run("test-alerts", "json").code == 0
    (message,) = webhook.messages("/json")
    _SCHEMA.validate(message.json)
    assert {event["node"] for event in message.json["events"]} == {
        "this-is-only-a-test"
    }


def test_a_url_may_have_fields_of_its_own(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """They replace the program's."""
    url = f"json://127.0.0.1:{webhook.port}/a?:events=none&:team=red"
    watch.but(channels=[], alert_urls=[url], baseline="summary").check()
    (posted,) = webhook.messages("/a")
    assert (posted.json["events"], posted.json["team"]) == ("none", "red")
