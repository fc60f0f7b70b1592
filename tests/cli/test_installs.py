"""What is installed is watched: the real program, real folders, a registry and a webhook on loopback."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn


@pytest.fixture
def watch(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, comfyui: LivedIn
) -> Watcher:
    """A watcher of that ComfyUI alone, whose channel gets every kind."""
    registry.catalog.publish("bravo", "1.0.0")
    channel = {"name": "a", "url": webhook.apprise_url("/a"), "kinds": "all"}
    return watch.but(nodes="", installs=[str(comfyui.root)], channels=[channel])


def _said(document: dict[str, Any]) -> list[tuple[str | None, ...]]:
    """Return the events by kind, node, version and what is wrong with it now, in any order."""
    keys = ("kind", "node", "version", "after")
    return sorted(tuple(one[key] for key in keys) for one in document["events"])


def _copies(document: dict[str, Any]) -> list[tuple[str, str | None, bool]]:
    (event,) = document["events"]
    return [
        (copy["install"], copy["version"], copy["enabled"])
        for copy in event["installed"]
    ]


def _fail(registry: FakeRegistry, wrong: Callable[[web.BaseRequest], bool]) -> None:
    """Let the registry fail where a request is `wrong`."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if wrong(request) else None

    registry.respond = respond


def test_the_first_scan_reports_what_is_bad_now(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """With a silent baseline too there is one digest of what is bad, once, with the reason and where it is run.

    An id that is named too, in whatever case, is watched once. What is advised is `minimum_age` old.
    """
    registry.catalog.publish("alpha", "0.9.0", created_at="2026-01-01T00:00:00Z")
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "Reads the clipboard")
    comfyui.put("bravo", "1.0.0")
    watch = watch.but(nodes="ALPHA")
    document = watch.check()
    assert document["nodes"] == {"watched": 2, "checked": 2, "failed": 0}
    assert _said(document) == [("exposed", "ALPHA", "1.0.0", "flagged")]
    (event,) = document["events"]
    assert (event["reason"], event["safe_version"]) == ("Reads the clipboard", "0.9.0")
    assert _copies(document) == [("studio", "1.0.0", True)]
    assert _said(watch.check()) == []
    (message,) = webhook.messages()
    assert message.event_ids == [event["id"]]


def test_a_clone_is_watched_as_the_pack_of_its_repository(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A ban of that pack is one of what is run. The list of all is read once a day, and for a clone that is new.

    If it is not answered that is said, every poll asks again, and nothing is forgotten.
    """

    def lists() -> int:
        found = [one for one in registry.requests if one.path == "/nodes"]
        registry.requests.clear()
        return sum("node_id" not in one.query for one in found)

    registry.catalog.publish("Lamp", "1.0.0")
    comfyui.clone("lamp-nodes", "git@github.com:Example/lamp.git")
    assert _said(watch.check()) == []
    registry.catalog.edit_pack("Lamp", status="banned")
    document = watch.check()
    assert _said(document) == [("banned", "Lamp", None, "banned")]
    assert _copies(document) == [("studio", None, True)]
    assert lists() == 1
    registry.list_of_all = 503
    registry.catalog.publish("torch", "1.0.0", status="banned")
    comfyui.clone("torch-nodes", "https://github.com/example/torch")
    done = watch.run("check")
    assert (done.code, "GET /nodes (503)" in done.err) == (0, True)
    registry.list_of_all = 200
    assert _said(watch.check()) == [("exposed", "torch", None, "banned")]
    assert _said(watch.check()) == []
    assert lists() == 2


def test_a_clone_of_an_install_that_is_back_is_looked_up(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """What was found before it left the settings may be of long ago."""
    comfyui.clone("lamp-nodes", "https://github.com/example/lamp")
    watch.check()
    watch.but(installs=[], nodes="bravo").check()
    registry.catalog.publish("lamp", "1.0.0", status="banned")
    assert ("exposed", "lamp", None, "banned") in _said(watch.check())


def test_without_a_list_of_packs(watch: Watcher, registry: FakeRegistry) -> None:
    """Where `GET /nodes` is missing or fails, that is said once and fails nothing; it is asked again by every poll."""
    registry.serves_nodes = False
    done = watch.run("check")
    assert (done.code, "GET /nodes" in done.err) == (0, True)
    again = watch.run("check")
    assert (again.code, again.err) == (0, "")
    registry.serves_nodes = True
    watch.check()
    registry.catalog.edit_pack("alpha", status="banned")
    _fail(registry, lambda request: request.path == "/nodes")
    done = watch.run("check")
    assert (done.code, "bans of whole packs may be seen late" in done.err) == (0, True)
    assert watch.run("check").err == ""
    _fail(registry, lambda request: request.path == "/versions")
    document = watch.check(code=1)
    assert ("banned", "alpha", None, "banned") in _said(document)


def test_what_the_registry_does_not_know(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """An id that only an install names is said once and never fails, and is watched; a folder's name is no id."""
    comfyui.put("my-own-pack", "1.0.0", mark=False)
    comfyui.registry("bravo", "1.0.0", folder="My-Folder-main")
    _fail(registry, lambda asked: "my-folder" in asked.query.get("nodeId", "").lower())
    done = watch.run("check")
    assert done.code == 0
    assert "my-own-pack: installed, but the registry does not know it" in done.err
    for _ in range(3):
        again = watch.run("check")
        assert (again.code, again.err) == (0, "")
    assert webhook.messages() == []
    shown = watch.run("status").out
    assert "my-own-pack  unknown" in shown
    assert "My-Folder-main" not in shown
    registry.catalog.publish("my-own-pack", "1.0.0", status="flagged")
    assert _said(watch.check())[-1] == ("flagged", "my-own-pack", "1.0.0", "flagged")


def test_a_new_pack_that_cannot_be_read_yet_is_not_delisted(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """While a publisher's new pack cannot be read it is not delisted; then its first version is news."""
    watch = watch.but(publishers="ann")
    watch.check()
    registry.catalog.publish("fresh", "1.0.0")
    registry.catalog.give("fresh", "ann")
    comfyui.put("fresh", "1.0.0")
    _fail(registry, lambda request: "fresh" in request.query.getall("nodeId", ()))
    for _ in range(2):
        delisted = ("exposed", "fresh", "1.0.0", "delisted")
        assert delisted not in _said(watch.check(code=1))
    registry.respond = None
    assert _said(watch.check()) == [("new", "fresh", "1.0.0", "active")]


def test_an_install_that_cannot_be_scanned(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """An unmounted install keeps its packs, and says so with exit code 1."""
    watch.check()
    (before,) = watch.document("status")["installs"]
    comfyui.unmount()
    document = watch.check(code=1)
    (after,) = watch.document("status")["installs"]
    assert after["scanned_at"] == before["scanned_at"]
    (error,) = document["errors"]
    assert (error["install"], document["events"]) == ("studio", [])
    assert error["error"].endswith("; what was known of its packs still counts")
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    assert _copies(watch.check(code=1)) == [("studio", "1.0.0", True)]


@pytest.mark.parametrize(
    ("cut", "code"), [(Cut.AFTER, -signal.SIGKILL), (Cut.ERROR, 4)]
)
def test_a_poll_that_dies_reports_once(
    watch: Watcher, comfyui: LivedIn, webhook: Webhook, cut: Cut, code: int
) -> None:
    """Killed between the list of packs and the commit, or without that list, a poll leaves its alerts to the next."""
    watch.check()
    watch.registry.catalog.publish("bravo", "0.9.0", status="banned")
    comfyui.put("bravo", "0.9.0")
    comfyui.remove("alpha")
    before = watch.contents()["snapshot.json"]
    done = watch.cut("rename state/installs.json", cut)
    assert done.code == code
    assert watch.contents()["snapshot.json"] == before
    watch.check()
    watch.check()
    (message,) = webhook.messages()
    assert _said(message.json) == [
        ("appeared", "bravo", "0.9.0", None),
        ("exposed", "bravo", "0.9.0", "banned"),
    ]
