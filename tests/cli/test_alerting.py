"""Alerts from the real program to real channels on loopback: none lost, none invented, each channel for itself."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.ports import Refused
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Reported, Watcher, counts, reported


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of three nodes, whose one channel posts to `/a`."""
    for node in ("bravo", "charlie"):
        registry.catalog.publish(node, "1.0.0")
    return watch.but(nodes="alpha bravo charlie", channels=[_channel(webhook, "a")])


def _channel(webhook: Webhook, name: str, **wishes: Any) -> dict[str, Any]:
    return {"name": name, "url": webhook.apprise_url(f"/{name}"), **wishes}


def _history(watch: Watcher) -> dict[str, Reported]:
    """Return every recorded event by its id."""
    events = watch.history()
    return dict(zip((event["id"] for event in events), reported(events), strict=True))


def test_one_digest_a_poll(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A poll is one message, worst first, with version, reason and link; a quiet poll is none."""
    watch.check()
    assert webhook.messages() == []
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.ban_node("charlie", "Malware")
    document = watch.check()
    watch.check()
    (message,) = webhook.messages()
    assert set(message.event_ids) == {event["id"] for event in document["events"]}
    assert message.json["title"] == "BANNED charlie, the whole pack (+ 1 new)"
    said = message.json["message"]
    parts = ("charlie", "Malware", "https://registry.comfy.org/nodes/charlie", "1.1.0")
    places = [said.index(part) for part in parts]
    assert places == sorted(places)


def test_each_channel_gets_what_it_asked_for(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Kinds, node globs and grouping are the channel's own; by default it gets every kind but `pending`."""
    watch = watch.but(
        channels=[
            _channel(webhook, "plain"),
            _channel(webhook, "everything", kinds="all"),
            _channel(webhook, "globs", nodes=["b*"]),
            _channel(webhook, "by-event", grouping="event"),
            _channel(webhook, "none", nodes="delta"),
        ]
    )
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.publish("alpha", "1.2.0", status="pending")
    registry.catalog.set_status("bravo", "1.0.0", "flagged")
    registry.catalog.deprecate("bravo", "1.0.0")
    watch.check()

    def got(name: str) -> list[str]:
        """Return the kinds of each message, worst first."""
        messages = [message.json["events"] for message in webhook.messages(f"/{name}")]
        return sorted(" ".join(one["kind"] for one in events) for events in messages)

    assert got("plain") == ["flagged deprecated new"]
    assert got("everything") == ["flagged deprecated new pending"]
    assert got("globs") == ["flagged deprecated"]
    assert got("by-event") == ["deprecated", "flagged", "new"]
    assert got("none") == []


def test_a_dead_channel_concerns_no_other(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What one channel refuses or never answers reaches the others once, and waits for that one alone.

    What was refused is merged with what came later; a message of which no answer came goes out first and unchanged.
    """
    webhook.answer |= {"/refuses": 500, "/hangs": Answer(hang=True)}
    names = ("refuses", "a", "hangs")
    watch = watch.but(
        channels=[_channel(webhook, name) for name in names], timeout="2s"
    )
    watch.check()
    for version, pending in (("1.1.0", 2), ("1.2.0", 4)):
        registry.catalog.publish("alpha", version)
        assert watch.check(code=1)["alerts"] == counts(1, pending=pending)
    assert [len(webhook.messages(f"/{name}")) for name in names] == [1, 2, 1]
    owed = [watch.channel(name) for name in names]
    assert [one["undelivered"] for one in owed] == [2, 0, 2]
    assert [one["error"] for one in owed] == ["HTTP 500", None, "timed out"]
    webhook.answer.clear()
    watch.end_backoffs()
    assert watch.check()["alerts"] == counts(4)
    known = _history(watch)
    for name, tries in zip(names, (1, 0, 1), strict=True):
        arrived = [
            known[key]
            for message in webhook.messages(f"/{name}")[tries:]
            for key in message.event_ids
        ]
        assert sorted(arrived) == [("new", "alpha", "1.1.0"), ("new", "alpha", "1.2.0")]
    assert watch.check()["alerts"]["pending"] == 0
    assert [len(webhook.messages(f"/{name}")) for name in names] == [2, 2, 3]
    assert (
        webhook.messages("/hangs")[0].event_ids
        == webhook.messages("/hangs")[1].event_ids
    )


def test_an_alert_outlives_its_poll(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """An undelivered alert survives restarts, its channel's new name and a registry that is gone; it arrives once."""
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    webhook.answer["/a"] = 503
    watch.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "active")
    watch.end_backoffs()
    watch.check(code=1)
    assert len(webhook.messages()) == 2
    renamed = watch.but(channels=[{**_channel(webhook, "a"), "name": "b"}])
    webhook.answer.clear()
    watch.end_backoffs()
    with Refused() as refused:
        document = renamed.but(registry_url=refused.url).check(code=1)
    assert document["alerts"] == counts(2)
    known = _history(watch)
    arrived = [
        known[key][0] for message in webhook.messages()[2:] for key in message.event_ids
    ]
    assert arrived == ["flagged", "reinstated"]


def test_what_is_written_late_holds_no_alert_back(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """With a history that cannot be written the change is saved and reported, and recorded once it can be."""
    watch.check()
    path = watch.state / "history.jsonl"
    path.unlink(missing_ok=True)
    path.mkdir()
    for status in ("flagged", "banned"):
        registry.catalog.set_status("alpha", "1.0.0", status)
        done = watch.run("check")
        assert done.code == 1
        assert "Is a directory (history.jsonl)" in done.err
    assert [len(message.event_ids) for message in webhook.messages()] == [1, 1]
    path.rmdir()
    watch.check()
    assert [kind for kind, _, _ in _history(watch).values()] == ["banned", "flagged"]


def test_a_killed_run_repeats_one_message(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Killed while a message is in flight, that one message comes again, the same, and none is missing or new."""
    watch = watch.but(channels=[_channel(webhook, "a", grouping="event")])
    watch.check()
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
    assert sorted(_history(watch)) == sorted(
        key for message in others for key in message.event_ids
    )
