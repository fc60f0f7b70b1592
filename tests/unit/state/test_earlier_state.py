"""A state that an earlier version of the program left is read, and all that it owes is delivered."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, reported
from tests.support.program import ROOT
from watcher.fake_registry.server import FakeRegistry
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured

_EARLIER = ROOT / "tests" / "states" / "4dcf5e8"
"""Written by that commit: two dead channels with a queue each, a flagged and a deprecated version of alpha, bravo
without a listed version, charlie banned, delta with one removed and one absent version, echo without versions, and
nine packs whose 403 was not believed yet.
"""
_SECOND = ROOT / "tests" / "states" / "0d7c464"
"""Written by that commit, in the second format: a dead channel that is owed two messages, about alpha and bravo."""
_BANNED = [f"banned-{number}" for number in range(9)]
_NODES = ["alpha", "bravo", "charlie", "delta", "echo", *_BANNED]


def _fill(registry: FakeRegistry) -> None:
    """Publish what that registry had, in the same order, so that versions have the same ids."""
    catalog = registry.catalog
    for node in _NODES:
        if node != "echo":
            catalog.publish(node, "1.0.0", created_at="2026-01-01T00:00:00Z")
            catalog.publish(node, "1.1.0", created_at="2026-01-02T00:00:00Z")
    catalog.publish("alpha", "1.2.0", created_at="2026-01-03T00:00:00Z")
    catalog.set_status("alpha", "1.1.0", "flagged", "Rejected by admin")
    catalog.deprecate("alpha", "1.0.0")
    catalog.publish("delta", "1.2.0", created_at="2026-01-04T00:00:00Z")
    for version in ("1.0.0", "1.1.0"):
        catalog.remove("delta", version)
    for node in _BANNED:
        catalog.ban_node(node)


def test_an_earlier_state_is_carried_over(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """Every alert that it owes arrives once on each channel, nothing known is news again, and what differs is."""
    _fill(registry)
    shutil.copytree(_EARLIER, tmp_path / "state")
    channels = [
        {"name": name, "url": webhook.apprise_url(f"/{name}"), "kinds": "all"}
        for name in ("ops", "renamed")
    ]
    settings = {"nodes": " ".join(_NODES), "baseline": "silent", "channels": channels}
    watch = Watcher(tmp_path, registry, fork_server=fork_server, **settings)
    owed = json.loads((_EARLIER / "outbox.json").read_text("utf-8"))["events"]
    document = watch.check()
    assert sorted(reported(document["events"])) == sorted(
        [
            ("reinstated", "bravo", None),
            ("reinstated", "charlie", None),
            ("removed", "delta", "1.1.0"),
            *(("banned", node, None) for node in _BANNED),
        ],
        key=str,
    )
    expected = Counter([*owed, *(event["id"] for event in document["events"])])
    assert set(expected.values()) == {1}
    for channel in ("/ops", "/renamed"):
        assert (
            Counter(
                event
                for message in webhook.messages(channel)
                for event in message.event_ids
            )
            == expected
        )
    assert watch.reported() == []
    history = [
        event["id"]
        for event in json.loads(watch.run("history", "--json").out)["events"]
    ]
    assert Counter(history) == expected


def test_an_earlier_state_is_read_with_all_that_it_holds(tmp_path: Path) -> None:
    """Under new keys nothing is lost: queues with their waits and URLs, what is known of answers, and the journal."""
    shutil.copytree(_EARLIER, tmp_path / "state")
    folder = StateFolder(tmp_path / "state")
    state = folder.load()
    earlier = {
        name: json.loads((_EARLIER / f"{name}.json").read_text("utf-8"))
        for name in ("outbox", "checks")
    }
    for name, queue in earlier["outbox"]["queues"].items():
        kept = state.outbox.queues[name]
        assert [message.id for message in kept.messages] == [
            message["id"] for message in queue["messages"]
        ]
        assert (kept.attempts, kept.retry_at, kept.error) == (
            queue["attempts"],
            queue["not_before"],
            queue["error"],
        )
        assert (kept.url_digest, kept.named) == (queue["address"], True)
    assert state.addresses.url_digests == {
        name: queue.url_digest for name, queue in state.outbox.queues.items()
    }
    assert (state.checks.etag_scope, state.checks.reported) == (
        earlier["checks"]["asked"],
        {},
    )
    assert state.checks.etags == earlier["checks"]["etags"]
    assert not any(failure.untried for failure in state.checks.health.nodes.values())
    ops = earlier["outbox"]["queues"]["ops"]
    entry = {
        "channel": "ops",
        "message": ops["messages"][0]["id"],
        "attempts": ops["attempts"] + 1,
        "error": "HTTP 500",
    }
    line = entry | {
        "at": ops["not_before"],
        "address": ops["address"],
        "reached": ["0" * 32],
        "state": "refused",
    }
    (folder.path / "acks.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    queue = folder.load().outbox.queues["ops"]
    assert (queue.attempts, queue.messages[0].reached) == (
        ops["attempts"] + 1,
        ("0" * 32,),
    )


def test_a_state_of_the_second_format_is_carried_over(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """Its events lack what events have by now, and are delivered all the same; what is new has it."""
    catalog = registry.catalog
    for node in ("alpha", "bravo"):
        catalog.publish(node, "1.0.0", created_at="2026-01-01T00:00:00Z")
        catalog.publish(node, "1.1.0", created_at="2026-01-02T00:00:00Z")
    catalog.publish(
        "alpha", "1.2.0", created_at="2026-01-03T00:00:00Z", dependencies=["numpy"]
    )
    catalog.set_status("alpha", "1.1.0", "flagged", "Rejected by admin")
    catalog.set_status("bravo", "1.0.0", "banned", "Malware")
    shutil.copytree(_SECOND, tmp_path / "state")
    ops = {"name": "ops", "url": webhook.apprise_url("/ops"), "kinds": "all"}
    watch = Watcher(
        tmp_path, registry, fork_server=fork_server, nodes="alpha bravo", channels=[ops]
    )
    owed = json.loads((_SECOND / "outbox.json").read_text("utf-8"))["events"]
    (banned,) = watch.check()["events"]
    assert (banned["kind"], banned["published"], banned["safe_version"]) == (
        "banned",
        "2026-01-01T00:00:00.000Z",
        "1.1.0",
    )
    arrived = {
        event["id"]: event
        for message in webhook.messages("/ops")
        for event in message.json["events"]
    }
    assert arrived.keys() == {*owed, banned["id"]}
    assert arrived[banned["id"]] == banned
    assert all(event["installed"] == [] for event in arrived.values())
    assert all(
        "safe_version" not in arrived[key] and arrived[key]["published"] is None
        for key in owed
    )
    assert (
        json.loads((tmp_path / "state" / "outbox.json").read_text("utf-8"))["format"]
        == 4
    )
