"""What services refuse: no message blocks a channel, and a channel that is gone is reported on the others."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Reported, Watcher
from tests.support.parameters import one_of
from watcher.fake_registry.server import FakeRegistry


class Strict(Webhook):
    """A webhook that answers messages about some packs on the path `/a` with a status, and takes the others."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, int] = {}
        self.taken: list[Message] = []

    def remember(self, message: Message) -> Answer | None:
        text = (
            message.json["title"] + message.json["message"]
            if message.path == "/a"
            else ""
        )
        status = next(
            (status for pack, status in self.refused.items() if pack in text), 200
        )
        if status == 200:
            self.taken.append(message)
        return self.play(message, Answer(status=status))

    def got(self, path: str) -> list[list[Reported]]:
        """Return what each message that was taken on a path reports."""
        return [
            [
                (one["kind"], one["node"] or one.get("channel"), one["version"])
                for one in message.json.get("events", [])
            ]
            for message in self.taken
            if message.path == path
        ]


@pytest.fixture
def service() -> Any:
    """The webhook behind both channels."""
    with Strict() as strict:
        yield strict


@pytest.fixture
def watch(
    tmp_path: Path, registry: FakeRegistry, service: Strict, fork_server: ForkServer
) -> Watcher:
    """A watcher of two packs with the channels `a` and `b`."""
    for node in ("alpha", "bravo"):
        registry.catalog.publish(node, "1.0.0")
    channels = [
        {"name": name, "url": service.apprise_url(f"/{name}")} for name in ("a", "b")
    ]
    watch = Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        baseline="silent",
        nodes="alpha bravo",
        channels=channels,
    )
    watch.check()
    return watch


def _status(watch: Watcher, name: str = "a") -> dict[str, Any]:
    """Return the row of a channel in `status --json`."""
    rows = json.loads(watch.run("status", "--json").out)["channels"]
    return next(row for row in rows if row["name"] == name)


@pytest.mark.bounded
def test_no_message_blocks_the_ones_behind_it(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """A refused message lets a ban of another pack pass, steps aside, is shown, and goes out once it is taken."""
    service.refused = {"alpha": 400}
    registry.catalog.edit("alpha", "1.0.0", dependencies=["torch"])
    document = watch.check(code=1)
    assert document["alerts"] == {
        "delivered": 1,
        "unconfirmed": 0,
        "pending": 1,
        "expired": 0,
    }
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    assert watch.check(code=1)["alerts"]["delivered"] == 2
    assert service.got("/a") == [[("banned", "bravo", "1.0.0")]]
    watch.end_backoffs()
    watch.check(code=1)
    row = _status(watch)
    assert (row["undelivered"], row["aside"], row["aside_error"]) == (1, 1, "HTTP 400")
    said = watch.run("status").out
    assert (
        "a: 1 alert refused also in the plainest form (HTTP 400); tried once a day until alert_expiry"
        in said
    )
    done = watch.run("check", env={"CI": "1"})
    assert (
        done.code,
        "channel a: refused also in the plainest form: HTTP 400" in done.err,
    ) == (1, True)
    assert len(service.messages("/a")) == 3  # as it is, plain, and the ban
    service.refused = {}
    watch.end_backoffs()
    assert watch.check()["alerts"] == {
        "delivered": 1,
        "unconfirmed": 0,
        "pending": 0,
        "expired": 0,
    }
    taken = service.taken[-1].json
    assert all(
        part in taken["title"] + taken["message"] for part in ("alpha", "1.0.0", "ref ")
    )


def test_a_lost_salt_repeats_no_report(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """A channel from `alert_urls` that was reported `failing` is not news again because `addresses.json` is gone."""
    listed = watch.but(
        channels=[], alert_urls=[service.apprise_url("/a"), service.apprise_url("/b")]
    )
    service.refused = {"alpha": 404}
    registry.catalog.publish("alpha", "1.1.0")
    listed.check(code=1)
    assert listed.reported(code=1) == [("failing", None, None)]
    (listed.state / "addresses.json").unlink()
    assert listed.reported(code=1) == []
    assert listed.reported(code=1) == []


@pytest.mark.parametrize("status", one_of(404, 401, 410))
def test_a_channel_that_is_gone_is_reported_on_the_others(
    watch: Watcher, registry: FakeRegistry, service: Strict, status: int
) -> None:
    """At the next poll, once, and not to itself; and so is that it takes alerts again."""
    service.refused = {"alpha": status}
    registry.catalog.publish("alpha", "1.1.0")
    watch.check(code=1)
    assert watch.reported(code=1) == [("failing", None, None)]
    for _ in range(2):
        watch.end_backoffs()
        assert watch.reported(code=1) == []
    assert _status(watch)["failing_since"]
    service.refused = {}
    watch.end_backoffs()
    assert watch.check()["alerts"]["delivered"] == 1
    (event,) = watch.check()["events"]
    assert (event["kind"], event["node"], event["channel"]) == ("recovered", None, "a")
    assert watch.reported() == []
    assert service.got("/a") == [[("new", "alpha", "1.1.0")]]
    assert service.got("/b") == [
        [("new", "alpha", "1.1.0")],
        [("failing", "a", None)],
        [("recovered", "a", None)],
    ]
    assert "(channel a)" in watch.run("history").out
    assert _status(watch)["failing_since"] is None


def test_a_channel_that_takes_nothing_for_a_day_is_reported(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """Whatever the reason; and not before."""
    service.refused = {"alpha": 503}
    registry.catalog.publish("alpha", "1.1.0")
    watch.check(code=1)
    assert watch.reported(code=1) == []
    path = watch.state / "outbox.json"
    outbox = json.loads(path.read_bytes())
    outbox["queues"]["a"]["failing_since"] = "2026-01-01T00:00:00.000Z"
    path.write_text(json.dumps(outbox), "utf-8")
    (event,) = watch.check(code=1)["events"]
    assert (event["kind"], event["channel"]) == ("failing", "a")
    assert (
        event["reason"] == "HTTP 503; no alert was delivered since 2026-01-01 00:00 UTC"
    )
    assert watch.reported(code=1) == []


def test_a_dead_channel_alone_is_in_the_history(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """Where there is no other channel to report it on, the poll and the history do."""
    watch = watch.but(channels=[{"name": "a", "url": service.apprise_url("/a")}])
    service.refused = {"alpha": 404}
    registry.catalog.publish("alpha", "1.1.0")
    watch.check(code=1)
    done = watch.run("check")
    assert (done.code, "failing" in done.out, "(channel a)" in done.out) == (
        1,
        True,
        True,
    )
    assert _status(watch)["undelivered"] == 1


def test_a_backlog_is_one_message(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """What waited during an outage comes worst first, with the ban at its head."""
    service.refused = {"alpha": 500, "bravo": 500}
    for number in range(1, 4):
        registry.catalog.publish("alpha", f"1.{number}.0")
        watch.check(code=1)
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    watch.check(code=1)
    service.refused = {}
    watch.end_backoffs()
    assert watch.check()["alerts"]["delivered"] == 4
    ((first, *others),) = service.got("/a")
    assert first == ("banned", "bravo", "1.0.0")
    assert [kind for kind, _, _ in others] == ["new"] * 3


class Paced(Webhook):
    """A webhook with a limit: one message every `pace` seconds; an earlier one is asked to wait a second."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self.taken: list[Message] = []
        self._pace, self._last = pace, -pace

    def remember(self, message: Message) -> Answer | None:
        now = time.monotonic()
        if now - self._last < self._pace:
            return self.play(message, Answer(status=429, headers={"Retry-After": "1"}))
        self._last = now
        self.taken.append(message)
        return self.play(message, Answer())


_MANY = 4


@pytest.mark.bounded
def test_a_queue_leaves_at_the_pace_of_its_service(
    watch: Watcher, registry: FakeRegistry, service: Strict, fork_server: ForkServer
) -> None:
    """Messages that a service takes one a second all go out in one `check`, each once and in order, without a word."""
    with Paced(1.0) as paced:
        channel = {"name": "a", "url": paced.apprise_url("/a"), "grouping": "event"}
        for number in range(_MANY):
            registry.catalog.publish("alpha", f"2.{number}.0")
        done = watch.but(channels=[channel]).run("check", "--json")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out)["alerts"] == {
            "delivered": _MANY,
            "unconfirmed": 0,
            "pending": 0,
            "expired": 0,
        }
        versions = [message.json["events"][0]["version"] for message in paced.taken]
        assert versions == [f"2.{number}.0" for number in range(_MANY)]
