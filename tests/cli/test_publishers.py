"""`publishers`, through the real program: all packs of a publisher are watched, and new ones are news."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher, reported
from tests.support.lived_in import LivedIn
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
    """The first list gets baselines, a pack that comes later is news from its first version."""
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
    quiet = watch.contents()
    assert watch.reported() == []
    later = watch.contents()
    assert {name for name in quiet if quiet[name] != later[name]} == {"checks.json"}


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


def test_no_list_yet(watch: Watcher, registry: FakeRegistry) -> None:
    """Where a first list fails, the poll does all else; what it then shows is a baseline."""
    registry.list_of_all = 404
    watch = watch.but(nodes="charlie")
    found = watch.check(code=1)
    assert reported(found["events"]) == [("baseline", "charlie", None)]
    assert len(found["errors"]) == 1
    (error,) = watch.document("status")["errors"]
    assert error.startswith("the packs of publishers cannot be listed: ")
    alone = watch.but(nodes="", failure_threshold=3)
    assert alone.check(code=1)["nodes"] == {"watched": 0, "checked": 0, "failed": 0}
    registry.list_of_all = 200
    assert sorted(watch.reported()) == [
        ("baseline", "alpha", None),
        ("baseline", "bravo", None),
    ]


def test_a_page_that_fails(watch: Watcher, registry: FakeRegistry) -> None:
    """A first list with a hole is no baseline: what the next one adds is no news, and what comes after it is."""
    for number in range(150):
        publish(registry, f"p-{number:03}")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        is_second = request.path == "/nodes" and request.query["page"] == "2"
        is_list = "node_id" not in request.query
        return web.Response(status=500) if is_second and is_list else None

    registry.respond = respond
    watch = watch.but(baseline="silent")
    found = watch.check(code=1)
    assert (found["nodes"]["watched"], found["events"]) == (99, [])
    (error,) = watch.document("status")["errors"]
    assert "page 2: " in error
    registry.respond = None
    found = watch.check()
    assert (found["nodes"]["watched"], found["events"]) == (152, [])
    publish(registry, "q")
    lists_due(watch)
    assert watch.reported() == [("new", "q", "0.1.0")]


def test_rows_without_a_publisher(watch: Watcher, registry: FakeRegistry) -> None:
    """A list that does not say whose any pack is cannot show that nobody has packs."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        rows = [{"id": "alpha", "status": "NodeStatusActive"}]
        is_list = request.path == "/nodes" and "node_id" not in request.query
        return web.json_response({"nodes": rows, "total": 1}) if is_list else None

    registry.respond = respond
    (error,) = watch.check(code=1)["errors"]
    assert error["error"].endswith("GET /nodes does not say whose the packs are")


def test_a_list_that_has_less_takes_nothing_away(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A pack that leaves the publisher stays watched; `!pack` in `nodes` ends that, and its end is no event."""
    watch.check()
    registry.catalog.give("bravo", "bob")
    lists_due(watch)
    assert watch.check()["nodes"]["watched"] == 2
    registry.catalog.publish("bravo", "2.0.0")
    assert watch.reported() == [("new", "bravo", "2.0.0")]
    without = watch.but(nodes="!bravo")
    assert without.check()["nodes"]["watched"] == 1
    registry.catalog.publish("bravo", "3.0.0")
    assert without.reported() == []
    assert "!bravo" not in without.run("status").out
    # When it is no longer left out, what changed meanwhile is reported, as of a pack in `nodes`.
    assert watch.reported() == [("new", "bravo", "3.0.0")]


def test_another_registry(watch: Watcher, registry: FakeRegistry) -> None:
    """What another registry says of a publisher is asked for at once, not a day later."""
    watch.check()
    with FakeRegistry() as other:
        other.catalog.publish("delta", "0.1.0")
        other.catalog.give("delta", "ann")
        other.list_of_all = 500
        moved = watch.but(registry_url=other.url)
        assert "the packs of publishers cannot be listed" in moved.run("check").err
        other.list_of_all = 200
        assert ("new", "delta", "0.1.0") in moved.reported()


def test_packs_that_patterns_leave_out(watch: Watcher, registry: FakeRegistry) -> None:
    """A pattern leaves a publisher's packs out, new ones too, but not those that are named; alone it is refused."""
    publish(registry, "test-1")
    watch = watch.but(nodes="!test-* !bravo test-1")
    assert {node for _, node, _ in watch.reported()} == {"alpha", "test-1"}
    publish(registry, "test-2")
    lists_due(watch)
    assert watch.reported() == []
    done = watch.but(publishers="", nodes="!test-*").run("check")
    assert done.code == 2
    assert "leaves out packs, but nothing includes any" in done.err


def test_from_the_whole_registry_to_a_publisher(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Patterns that only leave out keep no baseline of all: a later `*` begins with one."""
    watch.but(nodes="*").check()
    watch.but(nodes="!bravo").check()
    publish(registry, "echo", "bob")
    again = watch.but(nodes="*").reported()
    assert again == [("baseline", None, None)]


def test_a_publisher_without_packs(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """It is said once and fails nothing; its first pack is news."""
    watch = watch.but(publishers="@Cyd")
    done = watch.run("check")
    assert (done.code, done.err) == (
        0,
        "warning: publisher Cyd: it has no node packs; is the id right?\n",
    )
    assert done.out.startswith("0 packs checked, 0 events ")
    again = watch.run("check")
    assert (again.code, again.err) == (0, "")
    assert (
        "publisher Cyd: it has no node packs; is the id right?\n"
        in watch.run("status").out
    )
    lists_due(watch)
    publish(registry, "delta", "Cyd")
    assert watch.reported() == [("new", "delta", "0.1.0")]
    assert len(webhook.messages()) == 1


def test_a_pack_without_versions(watch: Watcher, registry: FakeRegistry) -> None:
    """Nobody doubts its id, also if `nodes` has it; its first version is news, in whichever list the pack was first."""
    registry.catalog.give("empty", "ann")
    watch = watch.but(nodes="empty")
    for _ in range(4):
        done = watch.run("check")
        assert (done.code, done.err) == (0, "")
    registry.catalog.give("later", "ann")
    lists_due(watch)
    assert watch.run("check").err == ""
    said = watch.run("status").out.splitlines()
    assert said[0].startswith("4 ok · ")
    assert watch.run("status", "--problems").out.count("empty") == 0
    for node in ("empty", "later"):
        registry.catalog.publish(node, "0.1.0")
    assert sorted(watch.reported()) == [
        ("new", "empty", "0.1.0"),
        ("new", "later", "0.1.0"),
    ]


def test_an_installed_pack_that_a_publisher_has(
    watch: Watcher, registry: FakeRegistry, tmp_path: Path
) -> None:
    """It is not unknown to the registry though it has no version yet, as another one is; and each is watched once."""
    registry.catalog.give("Empty", "ann")
    comfyui = LivedIn(tmp_path / "studio")
    for node in ("alpha", "empty", "private"):
        comfyui.put(node, "1.0.0")
    done = watch.but(installs=[str(comfyui.root)]).run("check")
    assert done.code == 0
    assert done.err == (
        "warning: private: installed, but the registry does not know it\n"
    )
    assert done.out.splitlines()[-1].startswith("4 packs checked, ")


def test_a_new_pack_that_cannot_be_read_yet(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """It is news by the poll that reads it, also after a restart: no baseline takes it in."""
    watch.check()
    publish(registry, "delta")
    lists_due(watch)

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        is_delta = request.query.get("nodeId") == "delta"
        return web.Response(status=500) if is_delta else None

    registry.respond = respond
    found = watch.check(code=1)
    assert ([one["node"] for one in found["errors"]], found["events"]) == (
        ["delta"],
        [],
    )
    registry.respond = None
    assert watch.reported() == [("new", "delta", "0.1.0")]


@pytest.mark.parametrize(
    "label", ["rename state/snapshot.json", "rename state/checks.json"]
)
@pytest.mark.parametrize("cut", one_of(*(one for one in Cut if one is not Cut.HALF)))
def test_a_new_pack_is_news_once_though_the_poll_is_killed(
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
    label: str,
    cut: Cut,
) -> None:
    """Whether the list was saved or not, the first version is reported once."""
    watch.check()
    publish(registry, "delta")
    lists_due(watch)
    done = watch.cut(label, cut)
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


def test_another_publisher_in_the_settings(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A new one is read at once and begins with baselines; one that is gone is not watched; back, it missed nothing."""
    watch.check()
    registry.catalog.give("charlie", "bob")
    both = watch.but(publishers="ann bob")
    registry.requests.clear()
    assert both.reported() == [("baseline", "charlie", None)]
    assert lists(registry) == 1
    only = watch.but(publishers="bob")
    registry.catalog.publish("alpha", "1.1.0")
    publish(registry, "delta")
    assert only.check()["nodes"]["watched"] == 1
    lists_due(watch)
    assert sorted(both.reported()) == [
        ("new", "alpha", "1.1.0"),
        ("new", "delta", "0.1.0"),
    ]


def test_a_publisher_beside_the_whole_registry(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A channel without kinds hears every change of the publisher's packs, also the first version of a new one, and
    nothing is asked twice: the pages have the versions.
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
    told = [(one["kind"], one["node"]) for one in webhook.messages()[-1].json["events"]]
    assert sorted(told) == [("new", "alpha"), ("new", "delta")]


def test_a_new_pack_of_which_nobody_says_whose_it_is(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """While `GET /nodes` fails it may be the publisher's, so that channels hear of it."""
    watch = watch.but(nodes="*")
    watch.check()
    publish(registry, "delta")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if request.path == "/nodes" else None

    registry.respond = respond
    watch.check()
    told = [(one["kind"], one["node"]) for one in webhook.messages()[-1].json["events"]]
    assert told == [("new", "delta")]


def test_a_ban_of_the_publisher(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """It is `banned` without a version of each watched pack, with that reason; its end is `reinstated`."""
    watch.check()
    registry.catalog.ban_publisher("ann")
    found = watch.check()
    said = [(one["node"], one["version"], one["reason"]) for one in found["events"]]
    assert sorted(said) == [
        (node, None, "its publisher is banned") for node in ("alpha", "bravo")
    ]
    assert {one["kind"] for one in found["events"]} == {"banned"}
    assert "its publisher is banned" in webhook.messages()[-1].json["message"]
    assert watch.reported() == []
    registry.catalog.edit_pack("alpha", status="banned", status_detail="malware")
    assert watch.reported() == []
    registry.catalog.edit_pack("alpha", status="active")
    registry.catalog.ban_publisher("ann", on=False)
    assert sorted(watch.reported()) == [
        ("reinstated", "alpha", None),
        ("reinstated", "bravo", None),
    ]


def test_the_publisher_of_a_new_pack_is_banned_already(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """At the first poll too the ban of each pack is said."""
    registry.catalog.ban_publisher("ann")
    found = [one for one in watch.check()["events"] if one["kind"] == "banned"]
    assert sorted(one["node"] for one in found) == ["alpha", "bravo"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"packs": ["alpha", "bravo"]', '"packs": "alpha"'),
        ('"publisher": "ann"', '"publisher": "bob"'),
        ('"publisher": "ann", ', ""),
    ],
)
def test_a_wrong_state_is_refused(watch: Watcher, old: str, new: str) -> None:
    """What no version writes about a publisher is exit code 4, and the file is left as it is."""
    watch.check()
    path = watch.state / "snapshot.json"
    text = json.dumps(json.loads(path.read_text("utf-8")))
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    before = watch.contents()
    assert watch.run("check").code == 4
    assert watch.contents() == before


def test_what_the_commands_say(watch: Watcher) -> None:
    """`config` shows the setting, `status` the publisher before and after the first poll, `run` how many there are."""
    shown = watch.run("config").out
    assert re.search(r'^publishers +\["ann"\] ', shown, re.MULTILINE)
    assert re.search(r'^interval +"15m" ', shown, re.MULTILINE)
    assert "no poll has been completed yet" in watch.run("status").out
    watch.check()
    assert watch.run("status").out.startswith("2 ok · ")
    assert watch.but(publishers="").run("check").code == 2
    with watch.but(interval="1h").start("run") as started:
        started.until_logged("started")
        assert started.log("started")[0]["publishers"] == 1
