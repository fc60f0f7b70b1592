"""What services refuse: no message blocks a channel, and a channel that is gone is reported on the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.harness import Reported, Watcher, counts
from tests.support.parameters import one_of


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
def watch(watch: Watcher, registry: FakeRegistry, service: Strict) -> Watcher:
    """A watcher of two packs with the channels `a` and `b`."""
    registry.catalog.publish("bravo", "1.0.0")
    channels = [
        {"name": name, "url": service.apprise_url(f"/{name}")} for name in ("a", "b")
    ]
    both = watch.but(nodes="alpha bravo", channels=channels)
    both.check()
    return both


@pytest.mark.bounded
def test_no_message_blocks_the_ones_behind_it(
    watch: Watcher, registry: FakeRegistry, service: Strict
) -> None:
    """A message refused in both forms lets a ban of another pack pass, is shown, and goes out as it was."""
    service.refused = {"alpha": 400}
    registry.catalog.edit("alpha", "1.0.0", dependencies=["torch"])
    document = watch.check(code=1)
    assert document["alerts"] == counts(1, pending=1)
    assert len(service.messages("/a")) == 2
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    watch.end_backoffs()
    assert watch.check(code=1)["alerts"]["delivered"] == 2
    assert service.got("/a") == [[("banned", "bravo", "1.0.0")]]
    row = watch.channel("a")
    assert (row["undelivered"], row["aside"], row["aside_error"]) == (1, 1, "HTTP 400")
    said = watch.run("status").out
    assert (
        "1 alert refused also in the plainest form (HTTP 400); tried until alert_expiry"
        in said
    )
    done = watch.run("check", env={"CI": "1"})
    assert (
        done.code,
        "channel a: refused also in the plainest form: HTTP 400" in done.err,
    ) == (1, True)
    assert len(service.messages("/a")) == 5  # twice as it is and plain, and the ban
    service.refused = {}
    watch.end_backoffs()
    assert watch.check()["alerts"] == counts(1)
    assert service.got("/a")[1:] == [[("changed", "alpha", "1.0.0")]]
    assert not service.taken[-1].json["message"].isascii()


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
    assert watch.channel("a")["failing_since"]
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
    assert "alerts reach a again" in watch.run("history").out
    assert watch.channel("a")["failing_since"] is None
