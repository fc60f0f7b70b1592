"""`publishers`, through the real program: all packs of a publisher are watched, and new ones are news."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher, reported
from tests.support.parameters import one_of

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of ann's packs alone, which are alpha and bravo; charlie is somebody else's."""
    for node in ("bravo", "charlie"):
        registry.catalog.publish(node, "1.0.0")
    for node in ("alpha", "bravo"):
        registry.catalog.give(node, "ann")
    return watch.but(
        nodes="",
        publishers="ann",
        baseline="summary",
        channels=[{"name": "a", "url": webhook.apprise_url("/a")}],
    )


def lists_due(watch: Watcher) -> None:
    """Let the list be a day old."""
    with watch.edited("checks.json") as checks:
        checks["listed_at"] = "2026-01-01T00:00:00Z"


def lists(registry: FakeRegistry) -> int:
    """Return how many pages of the list were requested since the last call."""
    requests = list(registry.requests)
    registry.requests.clear()
    return sum(one.path == "/nodes" and "node_id" not in one.query for one in requests)


def publish(registry: FakeRegistry, node: str, publisher: str = "ann") -> None:
    """Let a publisher have a new pack with a first version."""
    registry.catalog.publish(node, "0.1.0")
    registry.catalog.give(node, publisher)


def test_all_packs_of_a_publisher(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """The first list gets baselines, a pack that comes later is news from its first version; a list lasts a day."""
    assert sorted(watch.reported()) == [
        ("baseline", "alpha", None),
        ("baseline", "bravo", None),
    ]
    assert lists(registry) == 1
    registry.catalog.publish("alpha", "1.1.0")
    publish(registry, "delta")
    assert watch.reported() == [("new", "alpha", "1.1.0")]
    assert lists(registry) == 0
    lists_due(watch)
    found = watch.check()
    assert reported(found["events"]) == [("new", "delta", "0.1.0")]
    assert found["nodes"]["watched"] == 3
    assert lists(registry) == 1
    assert [len(one.json["events"]) for one in webhook.messages()] == [2, 1, 1]


def test_a_list_that_cannot_be_read(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What is known stays; it is an error and exit 1, tried by each poll, `failing` at the threshold, and recovers."""
    watch = watch.but(failure_threshold=2)
    watch.check()
    registry.list_of_all = 500
    lists_due(watch)
    registry.requests.clear()
    found = watch.check(code=1)
    said = "the packs of publishers cannot be listed: the registry does not answer GET /nodes (500)"
    assert found["errors"] == [{"node": None, "error": said}]
    assert found["nodes"] == {"watched": 2, "checked": 2, "failed": 0}
    assert lists(registry) == 1
    publish(registry, "delta")
    (event,) = watch.check(code=1)["events"]
    assert (event["kind"], event["node"], event["after"]) == (
        "failing",
        None,
        "unlisted",
    )
    assert (
        "packs of publishers cannot be listed" in webhook.messages()[-1].json["message"]
    )
    assert watch.reported(code=1) == []
    (error,) = watch.document("status")["errors"]
    assert error == said
    registry.list_of_all = 200
    assert sorted(watch.reported(), key=str) == [
        ("new", "delta", "0.1.0"),
        ("recovered", None, None),
    ]
    assert watch.document("status")["errors"] == []


def test_a_publisher_without_packs(watch: Watcher, registry: FakeRegistry) -> None:
    """It is said once and fails nothing; its first pack is news."""
    watch = watch.but(publishers="@Cyd")
    done = watch.run("check")
    said = "warning: publisher Cyd: it has no node packs; is the id right?\n"
    assert (done.code, done.err) == (0, said)
    assert watch.run("check").err == ""
    assert "publisher Cyd: it has no node packs; " in watch.run("status").out
    lists_due(watch)
    publish(registry, "delta", "Cyd")
    assert watch.reported() == [("new", "delta", "0.1.0")]


def test_a_pack_without_versions(watch: Watcher, registry: FakeRegistry) -> None:
    """Nobody doubts its id, also if `nodes` has it; its first version is news, in whichever list the pack was first."""
    registry.catalog.give("empty", "ann")
    watch = watch.but(nodes="empty")
    for _ in range(2):
        done = watch.run("check")
        assert (done.code, done.err) == (0, "")
    registry.catalog.give("later", "ann")
    lists_due(watch)
    assert watch.run("check").err == ""
    assert watch.run("status").out.startswith("4 ok · ")
    for node in ("empty", "later"):
        registry.catalog.publish(node, "0.1.0")
    assert sorted(watch.reported()) == [
        ("new", "empty", "0.1.0"),
        ("new", "later", "0.1.0"),
    ]


@pytest.mark.parametrize("cut", one_of(*(one for one in Cut if one is not Cut.HALF)))
def test_a_new_pack_is_news_once_though_the_poll_is_killed(
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
    cut: Cut,
) -> None:
    """Whether the list was saved or not, the first version is reported once."""
    watch.check()
    publish(registry, "delta")
    lists_due(watch)
    done = watch.cut("rename state/snapshot.json", cut)
    assert done.code != 0
    watch.run("check")
    watch.run("check")
    told = [
        event["id"]
        for message in webhook.messages()
        for event in message.json["events"]
        if event["node"] == "delta"
    ]
    assert len(told) == len(set(told)) == 1


def heard(webhook: Webhook) -> list[tuple[str, str]]:
    """Return kind and node of the events of the last message."""
    events = webhook.messages()[-1].json["events"]
    return sorted((one["kind"], one["node"]) for one in events)


def test_a_publisher_beside_the_whole_registry(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A channel without kinds hears every change of the publisher's packs, also the first version of a new one, and
    nothing is asked twice: the pages have the versions. While `GET /nodes` fails a new pack may be the publisher's.
    """
    watch = watch.but(nodes="*")
    watch.check()
    assert not [one for one in registry.requests if "nodeId" in one.query]
    for node in ("alpha", "charlie"):
        registry.catalog.publish(node, "1.1.0")
    publish(registry, "delta")
    publish(registry, "echo", "bob")
    registry.requests.clear()
    assert len(watch.reported()) == 4
    assert lists(registry) == 0
    assert heard(webhook) == [("new", "alpha"), ("new", "delta")]
    publish(registry, "foxtrot", "bob")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if request.path == "/nodes" else None

    registry.respond = respond
    watch.check()
    assert heard(webhook) == [("new", "foxtrot")]


def test_a_ban_of_the_publisher(watch: Watcher, registry: FakeRegistry) -> None:
    """It is `banned` without a version of each watched pack, with that reason; its end is `reinstated`."""
    watch.check()
    registry.catalog.ban_publisher("ann")
    found = watch.check()
    said = [(one["node"], one["version"], one["reason"]) for one in found["events"]]
    assert sorted(said) == [
        (node, None, "its publisher is banned") for node in ("alpha", "bravo")
    ]
    assert {one["kind"] for one in found["events"]} == {"banned"}
    registry.catalog.ban_publisher("ann", on=False)
    assert sorted(watch.reported()) == [
        ("reinstated", "alpha", None),
        ("reinstated", "bravo", None),
    ]
