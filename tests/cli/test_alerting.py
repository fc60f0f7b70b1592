"""Alerts from the real program to real channels on loopback: none lost, none invented, each channel for itself."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.ports import Refused
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher, counts, reported


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of two nodes that has its baseline, and whose one channel posts to `/a`."""
    registry.catalog.publish("bravo", "1.0.0")
    made = watch.but(nodes="alpha bravo", channels=[_channel(webhook, "a")])
    made.check()
    return made


def _channel(webhook: Webhook, name: str, **wishes: Any) -> dict[str, Any]:
    return {"name": name, "url": webhook.apprise_url(f"/{name}"), **wishes}


def _kinds(webhook: Webhook, path: str) -> list[list[str]]:
    """Return the kinds of events of each message on a path."""
    messages = [one.json["events"] for one in webhook.messages(path)]
    return [[event["kind"] for event in events] for events in messages]


def test_one_digest_a_poll(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A poll is one message, worst first, with version, reason and link; a quiet poll is none."""
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.ban_node("bravo", "Malware")
    document = watch.check()
    watch.check()
    (message,) = webhook.messages()
    assert set(message.event_ids) == {event["id"] for event in document["events"]}
    assert message.json["title"] == "BANNED bravo, the whole pack (+ 1 new)"
    said = message.json["message"]
    parts = ("bravo", "Malware", "https://registry.comfy.org/nodes/bravo", "1.1.0")
    places = [said.index(part) for part in parts]
    assert places == sorted(places)


def test_a_dead_channel_concerns_no_other(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What one channel refuses or never answers reaches the others once, and waits for that one alone.

    What was refused is merged with what came later; a message of which no answer came goes out first and unchanged.
    """
    webhook.answer |= {"/refuses": 500, "/hangs": Answer(hang=True)}
    names = ("refuses", "a", "hangs")
    channels = [_channel(webhook, name) for name in names]
    watch = watch.but(channels=channels, timeout="2s")
    registry.catalog.publish("alpha", "1.1.0")
    assert watch.check(code=1)["alerts"] == counts(1, pending=2)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    assert watch.check(code=1)["alerts"] == counts(1, pending=4)
    assert [len(webhook.messages(f"/{name}")) for name in names] == [1, 2, 1]
    owed = [watch.channel(name) for name in names]
    assert [one["undelivered"] for one in owed] == [2, 0, 2]
    assert [one["error"] for one in owed] == ["HTTP 500", None, "timed out"]
    webhook.answer.clear()
    watch.end_backoffs()
    assert watch.check()["alerts"] == counts(4)
    assert watch.check()["alerts"] == counts()
    assert _kinds(webhook, "/refuses") == [["new"], ["flagged", "new"]]
    assert _kinds(webhook, "/hangs") == [["new"], ["new"], ["flagged"]]
    assert len(webhook.messages("/a")) == 2


def test_an_alert_outlives_its_poll(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """An undelivered alert survives restarts, its channel's new name and a registry that is gone; it arrives once."""
    webhook.answer["/a"] = 503
    for status in ("flagged", "active"):
        registry.catalog.set_status("alpha", "1.0.0", status)
        watch.check(code=1)
    renamed = watch.but(channels=[{**_channel(webhook, "a"), "name": "b"}])
    webhook.answer.clear()
    watch.end_backoffs()
    with Refused() as refused:
        document = renamed.but(registry_url=refused.url).check(code=1)
    assert document["alerts"] == counts(2)
    _, *arrived = _kinds(webhook, "/a")
    assert arrived in ([["flagged"], ["reinstated"]], [["flagged", "reinstated"]])


def test_what_is_written_late_holds_no_alert_back(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """With a history that cannot be written the change is saved and reported, and recorded once it can be."""
    path = watch.state / "history.jsonl"
    path.unlink(missing_ok=True)
    path.mkdir()
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    done = watch.run("check")
    assert (done.code, "Is a directory (history.jsonl)" in done.err) == (1, True)
    assert _kinds(webhook, "/a") == [["flagged"]]
    path.rmdir()
    watch.check()
    assert reported(watch.history()) == [("flagged", "alpha", "1.0.0")]


def test_a_killed_run_repeats_one_message(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Killed while a message is in flight, that one message comes again, the same, and none is missing or new."""
    watch = watch.but(channels=[_channel(webhook, "a", grouping="event")])
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        registry.catalog.publish("alpha", version)
    webhook.answer["/a"] = Answer(hang=True)
    with watch.start("check") as started:
        webhook.wait_for(1)
        started.signal(signal.SIGKILL)
        started.wait()
    webhook.answer.clear()
    assert watch.check()["alerts"] == counts(3)
    first, *others = webhook.messages()
    assert (others[0].event_ids, others[0].json["message"]) == (
        first.event_ids,
        first.json["message"],
    )
    assert sorted(one["id"] for one in watch.history()) == sorted(
        key for message in others for key in message.event_ids
    )
