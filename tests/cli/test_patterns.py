"""`*` and patterns in `nodes`, through the real program: who hears what, and what the commands say of it."""

from __future__ import annotations

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, reported

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of five packs, of which alpha is named and test-1 left out, with a usual and a picky channel."""
    for node in ("bravo", "charlie", "delta", "test-1"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.set_status("delta", "1.0.0", "flagged")
    channels = [
        {"name": "usual", "url": webhook.apprise_url("/usual")},
        {"name": "picky", "url": webhook.apprise_url("/picky"), "kinds": "new"},
    ]
    return watch.but(baseline="summary", nodes="alpha * !test-*", channels=channels)


def _events(webhook: Webhook, path: str) -> list[tuple[str, str, str]]:
    """Return kind, node and version of the events of the last message."""
    found = reported(webhook.messages(path)[-1].json["events"])
    return sorted((kind, str(node), str(version)) for kind, node, version in found)


def test_who_hears_what(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A channel without kinds hears all usual kinds of a named pack, and of others what warns of them."""
    found = watch.check()
    assert found["nodes"]["watched"] == 4
    [whole] = [event for event in found["events"] if event["node"] is None]
    assert (whole["kind"], whole["after"]) == ("baseline", "flagged")
    assert webhook.messages("/picky") == []
    for node in ("alpha", "bravo", "test-1", "echo"):
        registry.catalog.publish(node, "1.1.0")
    registry.catalog.set_status("charlie", "1.0.0", "banned")
    watch.check()
    assert _events(webhook, "/usual") == [
        ("banned", "charlie", "1.0.0"),
        ("new", "alpha", "1.1.0"),
    ]
    assert _events(webhook, "/picky") == [
        ("new", node, "1.1.0") for node in ("alpha", "bravo", "echo")
    ]
