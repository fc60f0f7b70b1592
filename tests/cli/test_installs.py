"""What is installed is watched: the real program, real folders, a registry and a webhook on loopback."""

from __future__ import annotations

import json
import signal
import socket
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


def _said(
    document: dict[str, Any],
) -> list[tuple[str, str | None, str | None, str | None]]:
    """Return the events by kind, node, version and what is wrong with it now, in any order."""
    events = document["events"]
    return sorted(
        (one["kind"], one["node"], one["version"], one["after"]) for one in events
    )


def _copies(document: dict[str, Any]) -> list[tuple[str, str | None, bool]]:
    (event,) = document["events"]
    return [
        (copy["install"], copy["version"], copy["enabled"])
        for copy in event["installed"]
    ]


def test_the_first_scan_reports_what_is_bad_now(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """With a silent baseline too there is one digest of what is bad, once, with the reason and where it is run."""
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "Reads the clipboard")
    comfyui.put("bravo", "1.0.0")
    document = watch.check()
    assert document["nodes"] == {"watched": 2, "checked": 2, "failed": 0}
    assert _said(document) == [("exposed", "alpha", "1.0.0", "flagged")]
    (event,) = document["events"]
    assert (event["reason"], event["safe_version"]) == ("Reads the clipboard", "1.1.0")
    assert _copies(document) == [("studio", "1.0.0", True)]
    (message,) = webhook.messages()
    assert message.event_ids == [event["id"]]
    quiet = watch.contents()
    assert _said(watch.check()) == []
    later = watch.contents()
    assert {name for name in quiet if quiet[name] != later[name]} == {"checks.json"}
    assert len(webhook.messages()) == 1


def test_a_ban_of_what_is_run(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """It is to be removed; that another version is not banned is a fact, in the message, in the JSON and in `audit`."""
    watch.check()
    registry.catalog.publish("alpha", "0.9.0", status="banned")
    for version in ("1.0.0", "0.9.0"):
        reason = "A token stealer"
        registry.catalog.set_status("alpha", version, "banned", reason)
    registry.catalog.publish("alpha", "1.1.0")
    document = watch.check()
    known = {
        one["version"]: one.get("safe_version", "absent")
        for one in document["events"]
        if one["kind"] == "banned"
    }
    assert known == {"1.0.0": "1.1.0", "0.9.0": "1.1.0"}
    text = webhook.messages()[-1].json["message"]
    assert (
        "`alpha` `1.0.0`, which you run on `studio`\n"
        "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys"
        " that this machine held. Not banned: `1.1.0`.\n"
        "Reason: `A token stealer`." in text
    )
    assert "good version" not in text
    done = watch.run("audit", str(comfyui.root), "--json")
    (pack,) = json.loads(done.out)["packs"]
    assert (pack["verdict"], pack["safe_version"]) == ("banned", "1.1.0")


def test_what_the_registry_does_is_said_once(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """An event about what is run says where it is run, and no second event says the same; the end is one of its own."""
    watch.check()
    for status, kind in (("flagged", "flagged"), ("banned", "banned")):
        registry.catalog.set_status("alpha", "1.0.0", status)
        document = watch.check()
        assert _said(document) == [(kind, "alpha", "1.0.0", status)]
        assert _copies(document) == [("studio", "1.0.0", True)]
    registry.catalog.set_status("alpha", "1.0.0", "active")
    assert _said(watch.check()) == [
        ("cleared", "alpha", "1.0.0", None),
        ("reinstated", "alpha", "1.0.0", "active"),
    ]
    registry.catalog.edit("alpha", "1.0.0", deprecated=True)
    assert _said(watch.check()) == [("deprecated", "alpha", "1.0.0", "deprecated")]
    assert _said(watch.check()) == []


def test_an_install_that_changes_is_news_if_it_becomes_bad(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A bad version that is installed is `exposed`, one that is gone, disabled or replaced is `cleared`."""
    registry.catalog.publish("alpha", "0.9.0", status="banned")
    registry.catalog.publish("alpha", "1.1.0")
    comfyui.put("alpha", "1.1.0")
    assert _said(watch.check()) == []
    comfyui.put("alpha", "0.9.0")
    assert _said(watch.check()) == [("exposed", "alpha", "0.9.0", "banned")]
    comfyui.put("alpha", "1.1.0")
    assert _said(watch.check()) == [("cleared", "alpha", "0.9.0", None)]
    comfyui.put("alpha", "0.9.0")
    assert _said(watch.check()) == [("exposed", "alpha", "0.9.0", "banned")]
    comfyui.switch_off("alpha")
    document = watch.check()
    assert _said(document) == [("cleared", "alpha", "0.9.0", None)]
    assert _copies(document) == [("studio", "0.9.0", False)]
    ids = [one["id"] for one in watch.history()]
    assert len(set(ids)) == len(ids) == 4


def test_a_ban_that_only_the_list_of_packs_knows(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """`GET /nodes` is asked by every poll; its ban is an event, holds while versions are listed, and ends there."""
    watch.check()
    registry.catalog.edit_pack("alpha", status="banned", status_detail="Steals tokens")
    document = watch.check()
    assert _said(document) == [("banned", "alpha", None, "banned")]
    assert document["events"][0]["reason"] == "Steals tokens"
    assert _said(watch.check()) == []
    registry.catalog.edit_pack("alpha", status="active")
    assert _said(watch.check()) == [
        ("cleared", "alpha", "1.0.0", None),
        ("reinstated", "alpha", None, "active"),
    ]
    assert _said(watch.check()) == []


def test_a_clone_is_watched_as_the_pack_of_its_repository(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A ban of that pack is one of what is run. The list of all is read once a day, and for a clone that is new."""

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
    registry.catalog.edit_pack("Lamp", repository="https://github.com/else/where")
    comfyui.clone("other", "https://github.com/nobody/has-this")
    assert _said(watch.check()) == [("appeared", None, None, None)]
    assert _said(watch.check()) == _said(watch.check()) == []
    assert lists() == 1
    status = json.loads(watch.run("status", "--json").out)
    rows = {one["node"]: one for one in status["nodes"]}
    assert rows["Lamp"]["state"] == "banned"


def test_a_clone_of_a_pack_that_is_pardoned(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """That nobody knows its version keeps no clone bad of whose pack nothing is bad any more."""
    registry.catalog.publish("lamp", "1.0.0")
    comfyui.clone("lamp-nodes", "https://github.com/example/lamp")
    watch.check()
    registry.catalog.edit_pack("lamp", status="banned")
    assert _said(watch.check()) == [("banned", "lamp", None, "banned")]
    registry.catalog.edit_pack("lamp", status="active")
    assert _said(watch.check()) == [
        ("cleared", "lamp", None, None),
        ("reinstated", "lamp", None, "active"),
    ]
    assert "still bad" not in webhook.messages()[-1].json["message"]
    status = json.loads(watch.run("status", "--json").out)
    assert [one["state"] for one in status["nodes"]] == ["ok", "unknown"]


def test_a_clone_of_an_install_that_is_back_is_looked_up(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """What was found before it left the settings may be of long ago."""
    comfyui.clone("lamp-nodes", "https://github.com/example/lamp")
    assert _said(watch.check()) == []
    watch.but(installs=[], nodes="bravo").check()
    registry.catalog.publish("lamp", "1.0.0", status="banned")
    assert ("exposed", "lamp", None, "banned") in _said(watch.check())


def test_a_list_of_repositories_that_is_not_answered(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """It is said once, asked for by every poll, and forgets nothing that an earlier list said."""
    comfyui.clone("bravo-nodes", "https://github.com/example/bravo")
    watch.check()
    registry.list_of_all = 503
    comfyui.clone("lamp-nodes", "https://github.com/example/lamp")
    registry.catalog.publish("lamp", "1.0.0", status="banned")
    done = watch.run("check")
    assert (done.code, "GET /nodes (503)" in done.err) == (0, True)
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    assert ("exposed", "bravo", None, "banned") in _said(watch.check())
    (watch.state / "checks.json").unlink()
    assert _said(watch.check()) == []
    registry.list_of_all = 200
    assert ("exposed", "lamp", None, "banned") in _said(watch.check())


def test_a_new_pack_that_cannot_be_read_yet_is_not_delisted(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A publisher's new pack is news, though its versions do not come; which it has nobody knows by that."""
    watch = watch.but(publishers="ann")
    watch.check()
    registry.catalog.publish("fresh", "1.0.0")
    registry.catalog.give("fresh", "ann")
    comfyui.put("fresh", "1.0.0")
    _fail(registry, lambda request: "fresh" in request.query.getall("nodeId", ()))
    for _ in range(2):
        assert ("exposed", "fresh", "1.0.0", "delisted") not in _said(
            watch.check(code=1)
        )
    registry.respond = None
    assert _said(watch.check()) == [("new", "fresh", "1.0.0", "active")]


def test_without_a_list_of_packs(watch: Watcher, registry: FakeRegistry) -> None:
    """A registry that has no `GET /nodes` is polled as ever; that is said once, and fails nothing."""
    registry.serves_nodes = False
    done = watch.run("check")
    assert done.code == 0
    assert "GET /nodes" in done.err
    again = watch.run("check")
    assert (again.code, again.err) == (0, "")


def test_a_ban_that_was_not_answered_is_asked_for_again(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A pack about which `GET /nodes` fails to answer is asked about again by the next poll."""
    registry.catalog.edit_pack("alpha", status="banned")
    _fail(registry, lambda request: request.path == "/nodes")
    done = watch.run("check", "--json")
    assert (done.code, _said(json.loads(done.out))) == (0, [])
    assert "bans of whole packs may be seen late" in done.err
    assert watch.run("check").err == ""
    registry.respond = None
    assert _said(watch.check()) == [("banned", "alpha", None, "banned")]
    assert _said(watch.check()) == []


def test_a_ban_is_told_though_no_version_can_be_read(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """`GET /nodes` is asked also where `GET /versions` answers nothing; where it fails too, there is one line."""
    dead = {"/versions", "/nodes"}

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path in dead:
            assert request.transport is not None
            request.transport.abort()
        return None

    registry.respond = respond
    done = watch.run("check", "--json")
    assert (done.code, len(done.err.splitlines())) == (1, 1), done.err
    dead.remove("/nodes")
    registry.catalog.edit_pack("alpha", status="banned")
    done = watch.run("check", "--json")
    assert ("banned", "alpha", None, "banned") in _said(json.loads(done.out))


def _fail(registry: FakeRegistry, wrong: Callable[[web.BaseRequest], bool]) -> None:
    """Let the registry fail where a request is `wrong`."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if wrong(request) else None

    registry.respond = respond


def test_a_folder_that_is_named_after_nothing_never_fails(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """That the registry cannot be asked about a folder's name is no failure of a pack: it may be none."""
    comfyui.registry("alpha", "1.0.0", folder="My-Folder-main")
    comfyui.remove("alpha")
    _fail(registry, lambda asked: "my-folder" in asked.query.get("nodeId", "").lower())
    for _ in range(4):
        assert _said(watch.check()) == []
    assert "My-Folder-main" not in watch.run("status").out


def test_an_unknown_id_is_said_once(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """An id that only an install names and the registry does not know is one line, never a failure or an event."""
    comfyui.put("my-own-pack", "1.0.0", mark=False)
    comfyui.put("My Pack!", "1.0.0", mark=False)
    done = watch.run("check")
    assert done.code == 0
    assert "my-own-pack: installed, but the registry does not know it" in done.err
    for _ in range(3):
        again = watch.run("check")
        assert (again.code, again.err) == (0, "")
    assert webhook.messages() == []
    shown = watch.run("status").out
    assert "1 ok, 1 unknown · " in shown
    assert "my-own-pack  unknown" in shown
    registry.catalog.publish("my-own-pack", "1.0.0", status="flagged")
    assert _said(watch.check())[-1] == ("flagged", "my-own-pack", "1.0.0", "flagged")


def test_a_pack_that_the_registry_lost(watch: Watcher, comfyui: LivedIn) -> None:
    """A version or a pack with the Manager's mark that the registry does not list is exposed as delisted.

    Of a pack that it does not know no version is safe.
    """
    comfyui.put("alpha", "0.5.0")
    comfyui.put("ghost", "1.0.0")
    document = watch.check()
    assert _said(document) == [
        ("exposed", "alpha", "0.5.0", "delisted"),
        ("exposed", "ghost", "1.0.0", "delisted"),
    ]
    assert {one["node"]: one["safe_version"] for one in document["events"]} == {
        "alpha": "1.0.0",
        "ghost": None,
    }
    assert _said(watch.check()) == []


def test_what_is_listed_again_under_another_repository(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A copy of another repository is delisted while the registry lacks its version, and unknown once it is back."""
    comfyui.remove("alpha")
    comfyui.registry("alpha", "0.5.0", repository="https://github.com/eve/alpha")
    assert _said(watch.check()) == [("exposed", "alpha", "0.5.0", "delisted")]
    registry.catalog.publish("alpha", "0.5.0")
    document = watch.check()
    assert _said(document) == [
        ("cleared", "alpha", "0.5.0", None),
        ("new", "alpha", "0.5.0", "active"),
    ]
    (copy,) = watch.document("audit", str(comfyui.root))["packs"]
    assert (copy["verdict"], copy["reason"]) == (
        "unknown",
        "claims to be alpha, whose repository is example/alpha",
    )
    assert _said(watch.check()) == []
    registry.catalog.remove("alpha", "0.5.0")
    watch.check()
    assert _said(watch.check()) == [("removed", "alpha", "0.5.0", "removed")]


def test_an_install_that_cannot_be_scanned(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """An unmounted install keeps its packs, says so with exit code 1, is failing after three polls, and recovers."""
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
    (event,) = watch.check(code=1)["events"]
    assert (event["kind"], event["install"], event["node"]) == (
        "failing",
        "studio",
        None,
    )
    health, strict = watch.run("health"), watch.run("health", "--strict")
    assert (health.code, strict.code) == (0, 1)
    assert "install studio failing for" in health.out
    comfyui.mount()
    (event,) = watch.check()["events"]
    assert (event["kind"], event["install"]) == ("recovered", "studio")


def test_a_first_scan_that_fails(watch: Watcher, comfyui: LivedIn) -> None:
    """Of an install that was never scanned nothing is said to be known."""
    comfyui.unmount()
    done = watch.run("check")
    first, _, rest = done.err.partition("\n")
    assert (done.code, rest) == (1, "")
    assert first == f"error: install studio: {comfyui.root} does not exist"


def test_the_empty_place_of_a_volume(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A folder of packs with nothing of what it had clears nothing, poll after poll; what is in it is judged."""
    registry.catalog.publish("bravo", "0.9.0", status="flagged")
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    assert _said(watch.check()) == [("exposed", "alpha", "1.0.0", "banned")]
    comfyui.empty()
    (comfyui.nodes / "lost+found").mkdir()
    for _ in range(2):
        document = watch.check(code=1)
        assert (document["errors"][0]["install"], document["events"]) == ("studio", [])
    comfyui.put("bravo", "0.9.0")
    assert _said(watch.check(code=1)) == [
        ("appeared", "bravo", "0.9.0", None),
        ("exposed", "bravo", "0.9.0", "flagged"),
        ("failing", None, None, "failing"),
    ]
    assert watch.check(code=1)["events"] == []
    bravo = watch.document("status")["nodes"][-1]
    assert [one["version"] for one in bravo["installed"]] == ["0.9.0"]
    comfyui.remove("bravo")
    assert watch.check(code=1)["events"] == []
    (comfyui.nodes / "example_node.py.example").touch()
    assert _said(watch.check()) == [
        ("cleared", "alpha", "1.0.0", None),
        ("cleared", "bravo", "0.9.0", None),
        ("recovered", None, None, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project",
        "[tool.x]",
        "[project]\nname = 5\nversion = '0.9.0'",
        "[project]\nname = 'bravo'",
        "[project]\nname = 'bravo'\nversion = 1",
    ],
)
def test_a_pack_that_cannot_be_read(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, text: str
) -> None:
    """A pyproject that does not say what the Manager installed is an error, of a new pack too; nothing is cleared."""
    registry.catalog.publish("bravo", "0.9.0", status="banned")
    registry.catalog.publish("charlie", "1.0.0")
    watch.check()
    comfyui.put("bravo", "0.9.0")
    kinds = [one["kind"] for one in watch.check()["events"]]
    assert kinds == ["exposed", "appeared"]
    comfyui.put("charlie", "1.0.0")
    for pack in ("bravo", "charlie"):
        (comfyui.nodes / pack / "pyproject.toml").write_text(text)
    document = watch.check(code=1)
    assert [one["kind"] for one in document["events"]] == ["appeared"]
    (error,) = document["errors"]
    assert error["error"].startswith("bravo: pyproject.toml")
    assert "; charlie: pyproject.toml" in error["error"]
    (row,) = watch.document("status")["installs"]
    assert row["error"] in error["error"]
    audited = watch.run("audit", str(comfyui.root))
    assert audited.code in {1, 3}
    assert "bravo: pyproject.toml" in audited.err


def test_a_version_counts_though_the_id_cannot_be_read(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A folder that the Manager named after a pack is judged as that, by the version in its pyproject."""
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    text = "[project]\nname = 'a b'\nversion = '1.0.0'"
    (comfyui.nodes / "alpha" / "pyproject.toml").write_text(text)
    assert _said(watch.check(code=1)) == [("exposed", "alpha", "1.0.0", "banned")]
    assert watch.run("audit", str(comfyui.root)).code == 3


def test_a_clone_whose_git_cannot_be_read(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """What was known of it stays, and every poll says so."""
    comfyui.put_clone("alpha", "1.0.0")
    registry.catalog.edit_pack("alpha", repository="https://github.com/example/alpha")
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    assert _said(watch.check()) == [("exposed", "alpha", None, "banned")]
    config = comfyui.nodes / "alpha" / ".git" / "config"
    config.unlink()
    config.mkdir()
    document = watch.check(code=1)
    assert document["events"] == []
    (error,) = document["errors"]
    assert "pyproject.toml; .git/config is a folder, not a file" in error["error"]


def test_a_poll_that_dies_reports_once(
    watch: Watcher, comfyui: LivedIn, webhook: Webhook
) -> None:
    """Killed between the list of packs and the commit, what is exposed and came is reported once."""
    watch.check()
    watch.registry.catalog.publish("bravo", "0.9.0", status="banned")
    comfyui.put("bravo", "0.9.0")
    comfyui.remove("alpha")
    before = watch.contents()["snapshot.json"]
    done = watch.cut("rename state/installs.json", Cut.AFTER)
    assert done.code == -signal.SIGKILL
    assert watch.contents()["snapshot.json"] == before
    watch.check()
    watch.check()
    (message,) = webhook.messages()
    assert _said(message.json) == [
        ("appeared", "bravo", "0.9.0", None),
        ("exposed", "bravo", "0.9.0", "banned"),
    ]


def test_a_young_version_is_not_advised(
    watch: Watcher, webhook: Webhook, registry: FakeRegistry, comfyui: LivedIn
) -> None:
    """The message, `audit` and the JSON have the old one; where none is good the new one, with its age."""
    registry.catalog.publish("alpha", "0.9.0", created_at="2026-01-01T00:00:00Z")
    registry.catalog.publish("alpha", "1.1.0")
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "[]")
    (event,) = watch.check()["events"]
    assert event["safe_version"] == "0.9.0"
    text = webhook.messages()[-1].json["message"]
    assert "the newest good version is `0.9.0`." in text
    done = watch.run("audit", str(comfyui.root))
    assert "the newest good version is 0.9.0" in done.out
    (row,) = watch.document("status")["nodes"]
    assert (row["newest"], row["state"]) == ("1.1.0", "flagged")
    registry.catalog.set_status("alpha", "0.9.0", "flagged", "[]")
    watch.check()
    advice = "the newest good version is 1.1.0 (out for less than a minute)"
    assert advice in watch.run("audit", str(comfyui.root)).out


def test_an_install_that_does_not_answer_holds_nothing_up(watch: Watcher) -> None:
    """A ComfyUI that takes a connection and says nothing costs its `timeout`; the rest is polled."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://user:hunter2@127.0.0.1:{silent.getsockname()[1]}"
        installs = [{"name": "attic", "url": url}, {"name": "studio", "path": "studio"}]
        both = watch.but(installs=installs, timeout="1s")
        document = both.check(code=1)
    assert [one["install"] for one in document["errors"]] == ["attic"]
    assert document["nodes"]["checked"] == 1
    assert "hunter2" not in json.dumps(document) + str(both.contents())


def test_ids_that_differ_by_case_are_one_node(watch: Watcher, comfyui: LivedIn) -> None:
    """A pack that is installed and named, each in its own spelling, is watched once, as the settings spell it."""
    comfyui.put("BRAVO", "1.0.0")
    named = watch.but(nodes="Bravo")
    assert named.check()["nodes"]["watched"] == 2
    nodes = named.document("status")["nodes"]
    assert [one["node"] for one in nodes] == ["Bravo", "alpha"]
