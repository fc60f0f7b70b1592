"""What is installed is watched: the real program, real folders, a registry and a webhook on loopback."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.fork_server import CrashPoint, ForkServer
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn
from tests.support.parameters import one_row_of
from watcher.fake_registry.server import FakeRegistry


@pytest.fixture
def comfyui(tmp_path: Path) -> LivedIn:
    """A ComfyUI that runs alpha 1.0.0."""
    installed = LivedIn(tmp_path / "studio")
    installed.put("alpha", "1.0.0")
    return installed


@pytest.fixture
def watch(
    tmp_path: Path,
    registry: FakeRegistry,
    webhook: Webhook,
    fork_server: ForkServer,
    comfyui: LivedIn,
) -> Watcher:
    """A watcher of that ComfyUI alone, with a silent baseline, whose channel gets every kind."""
    for node in ("alpha", "bravo"):
        registry.catalog.publish(node, "1.0.0")
    return Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        baseline="silent",
        nodes="",
        installs=[str(comfyui.root)],
        channels=[{"name": "a", "url": webhook.apprise_url("/a"), "kinds": "all"}],
    )


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


def _state(watch: Watcher, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((watch.state / name).read_text())
    return found


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


def test_what_the_registry_does_is_said_once(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """An event about what is run says where it is run, and no second event says the same; nor when it is well again."""
    watch.check()
    for status, kind in (
        ("flagged", "flagged"),
        ("banned", "banned"),
        ("active", "reinstated"),
    ):
        registry.catalog.set_status("alpha", "1.0.0", status)
        document = watch.check()
        assert _said(document) == [(kind, "alpha", "1.0.0", status)]
        assert _copies(document) == [("studio", "1.0.0", True)]
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
    comfyui.put("bravo", "1.0.0")
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
    ids = [
        one["id"] for one in json.loads(watch.run("history", "--json").out)["events"]
    ]
    assert len(set(ids)) == len(ids) == 4


def test_a_ban_that_only_the_list_of_packs_knows(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """`GET /nodes` is asked once a day; its ban is an event, holds while versions are listed, and ends there."""
    watch.check()
    registry.catalog.edit_pack("alpha", status="banned", status_detail="Steals tokens")
    assert _said(watch.check()) == []
    document = _a_day_later(watch)
    assert _said(document) == [("banned", "alpha", None, "banned")]
    assert document["events"][0]["reason"] == "Steals tokens"
    assert _said(watch.check()) == []
    assert _said(_a_day_later(watch)) == []
    registry.catalog.edit_pack("alpha", status="active")
    assert _said(_a_day_later(watch)) == [("reinstated", "alpha", None, "active")]
    assert _said(_a_day_later(watch)) == []


def test_a_pack_that_is_deleted_as_a_whole(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What you run is exposed with the reason, and no version of it is safe, though the versions are still active."""
    watch.check()
    registry.catalog.edit_pack(
        "alpha", status="deleted", status_detail="Asked for by its author"
    )
    (event,) = _a_day_later(watch)["events"]
    assert (event["kind"], event["after"], event["safe_version"]) == (
        "exposed",
        "deleted",
        None,
    )
    assert event["reason"] == "the whole pack: Asked for by its author"
    (message,) = webhook.messages()
    assert "no safe version: disable or remove it" in message.json["message"]


def _a_day_later(watch: Watcher) -> dict[str, Any]:
    """Poll as if the last poll had been more than a day ago."""
    checks = _state(watch, "checks.json")
    checks["polled_at"] = "2026-01-01T00:00:00.000Z"
    (watch.state / "checks.json").write_text(json.dumps(checks))
    return watch.check()


def test_a_ban_of_a_pack_that_the_manager_spells_in_lower_case(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """The list of packs is asked for the registry's own spelling, at once and a day later."""
    registry.catalog.publish("Mixed-Case", "1.0.0")
    comfyui.put("mixed-case", "1.0.0")
    assert _said(watch.check()) == []
    assert _state(watch, "checks.json")["packs"]["mixed-case"]["id"] == "Mixed-Case"
    registry.catalog.edit_pack("mixed-case", status="banned")
    (event,) = _a_day_later(watch)["events"]
    assert (event["kind"], event["node"].lower(), event["version"]) == (
        "banned",
        "mixed-case",
        None,
    )


def test_without_a_list_of_packs(watch: Watcher, registry: FakeRegistry) -> None:
    """A registry that has no `GET /nodes` is polled as ever; that is said once, and fails nothing."""
    registry.serves_nodes = False
    done = watch.run("check")
    assert done.code == 0
    assert "GET /nodes" in done.err
    again = watch.run("check")
    assert (again.code, again.err) == (0, "")


def test_a_clone_is_judged_by_what_its_file_says(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A clone is exposed by the version that its file names, as no version that is run, whatever its repository is."""
    comfyui.clone("bravo", "git@github.com:example/bravo.git", pack="bravo")
    comfyui.clone("charlie", "https://github.com/somebody/charlie", pack="charlie")
    registry.catalog.publish("charlie", "1.0.0", status="flagged")
    document = watch.check()
    assert _said(document) == [("exposed", "charlie", None, "flagged")]
    assert document["events"][0]["reason"] == "a clone whose file says 1.0.0"
    assert _copies(document) == [("studio", None, True)]
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    assert _said(watch.check()) == [
        ("banned", "bravo", "1.0.0", "banned"),
        ("exposed", "bravo", None, "banned"),
    ]
    registry.catalog.set_status("bravo", "1.0.0", "active")
    registry.catalog.set_status("charlie", "1.0.0", "active")
    assert ("cleared", "bravo", None, None) in _said(watch.check())
    registry.catalog.ban_node("bravo", "Malware")
    registry.catalog.ban_node("charlie", "Malware")
    document = watch.check()
    assert _said(document) == [
        ("banned", "bravo", None, "banned"),
        ("banned", "charlie", None, "banned"),
    ]
    assert all(one["installed"] for one in document["events"])


def test_what_was_damaged_from_the_first_is_no_failure(
    watch: Watcher, comfyui: LivedIn
) -> None:
    """A pack whose file nobody could ever read is no failing install, a clone neither; one that could be read is."""
    path = comfyui.clone(
        "bravo", "https://github.com/example/bravo", pack="bravo", cnr_id="bravo"
    )
    (path / "pyproject.toml").write_text("[project\n")
    quick = watch.but(failure_threshold=1)
    for _ in range(2):
        assert quick.run("check").code == 0
    comfyui.spoil("alpha")
    assert quick.run("check").code == 1
    comfyui.mend("alpha")
    assert quick.run("check").code == 0


def test_what_hides_its_version_is_not_cleared(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A banned copy that becomes a clone without a version is not said to be gone; if it is back, it is news."""
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    registry.catalog.publish("alpha", "0.9.0")
    assert _said(watch.check()) == [("exposed", "alpha", "1.0.0", "banned")]
    comfyui.remove("alpha")
    comfyui.clone("alpha", "https://mirror.example/alpha", cnr_id="alpha")
    assert _said(watch.check()) == []
    comfyui.remove("alpha")
    comfyui.put("alpha", "1.0.0")
    assert _said(watch.check()) == [("exposed", "alpha", "1.0.0", "banned")]
    comfyui.put("alpha", "0.9.0")
    assert _said(watch.check()) == [("cleared", "alpha", "1.0.0", None)]


def test_the_folder_says_what_the_file_hides(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A pack that the Manager installed as one and that calls itself another is watched as both."""
    registry.catalog.publish("evil", "1.0.0")
    registry.catalog.publish("popular", "1.0.0")
    comfyui.registry("popular", "1.0.0", folder="evil")
    comfyui.registry("popular", "1.0.0", folder="my-own-name")
    assert _said(watch.check()) == []
    registry.catalog.set_status("evil", "1.0.0", "banned")
    document = watch.check()
    assert _said(document) == [("banned", "evil", "1.0.0", "banned")]
    assert _copies(document) == [("studio", "1.0.0", True)]
    assert "my-own-name" not in watch.run("status").out


@pytest.mark.parametrize("hidden", ["row", "answer", "status"])
def test_a_ban_that_was_not_answered_is_asked_for_again(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, hidden: str
) -> None:
    """A pack that `GET /nodes` leaves out, fails to answer or gives no status is asked about again by the next poll."""
    registry.catalog.edit_pack("alpha", status="banned")
    inflict_on_nodes(registry, hidden)
    done = watch.run("check", "--json")
    assert (done.code, _said(json.loads(done.out))) == (0, [])
    assert "bans of whole packs may show later" in done.err
    assert watch.run("check").err == ""
    registry.respond = None
    assert _said(watch.check()) == [("banned", "alpha", None, "banned")]
    before = len(registry.requests)
    assert _said(watch.check()) == []
    assert not any(asked.path == "/nodes" for asked in registry.requests[before:])


def test_a_folder_that_is_named_after_nothing_never_fails(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """That the registry cannot be asked about a folder's name is no failure of a pack: it may be none."""
    comfyui.registry("alpha", "1.0.0", folder="My-Folder-main")
    comfyui.remove("alpha")

    async def refuse(request: web.BaseRequest) -> web.StreamResponse | None:
        return (
            web.Response(status=500)
            if request.query.get("nodeId", "").lower() == "my-folder-main"
            else None
        )

    registry.respond = refuse
    for _ in range(4):
        assert _said(watch.check()) == []
    assert "My-Folder-main" not in watch.run("status").out


def inflict_on_nodes(registry: FakeRegistry, hidden: str) -> None:
    """Let `GET /nodes` hide every row, fail, or give a status that is not known."""
    answers = {
        "row": {"nodes": [], "total": 0},
        "status": {
            "nodes": [
                {"id": name, "status": "NodeStatusAsleep"}
                for name in ("alpha", "bravo")
            ],
            "total": 2,
        },
    }

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path != "/nodes":
            return None
        return (
            web.json_response(answers[hidden])
            if hidden in answers
            else web.Response(status=500)
        )

    registry.respond = respond


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
    assert " 1 unknown to the registry · " in shown
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


@pytest.mark.parametrize("lost", [False, pytest.param(True, marks=pytest.mark.bounded)])
def test_an_install_that_cannot_be_scanned(
    watch: Watcher,
    comfyui: LivedIn,
    registry: FakeRegistry,
    webhook: Webhook,
    *,
    lost: bool,
) -> None:
    """An unmounted install keeps its packs, says so with exit code 1, is failing after three polls, and recovers.

    That holds without the last good list too: nothing is cleared that is not seen to be gone.
    """
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    assert _said(watch.check()) == [("exposed", "alpha", "1.0.0", "flagged")]
    comfyui.unmount()
    if lost:
        (watch.state / "installs.json").unlink()
    document = watch.check(code=1)
    (error,) = document["errors"]
    assert (error["install"], document["events"]) == ("studio", [])
    assert document["nodes"]["watched"] == (0 if lost else 1)
    if not lost:
        registry.catalog.set_status("alpha", "1.0.0", "banned")
        assert _copies(watch.check(code=1)) == [("studio", "1.0.0", True)]
    else:
        watch.check(code=1)
    failing = watch.check(code=1)
    (event,) = failing["events"]
    assert (event["kind"], event["install"], event["node"]) == (
        "failing",
        "studio",
        None,
    )
    assert "could not be scanned in 3 polls in a row" in event["reason"]
    health, strict = watch.run("health"), watch.run("health", "--strict")
    assert (health.code, strict.code) == (0, 1)
    assert "install studio failing for" in health.out
    comfyui.mount()
    (event,) = watch.check()["events"]
    assert (event["kind"], event["install"]) == ("recovered", "studio")
    assert [len(message.event_ids) for message in webhook.messages()] == [1] * len(
        webhook.messages()
    )


def test_a_pack_that_cannot_be_read_stays_as_it_was(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """One unreadable pack hides neither the others nor what it was; the install counts as failing."""
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    watch.check()
    comfyui.spoil("alpha")
    registry.catalog.set_status("bravo", "1.0.0", "banned")
    comfyui.put("bravo", "1.0.0")
    document = watch.check(code=1)
    assert _said(document) == [("exposed", "bravo", "1.0.0", "banned")]
    assert "alpha" in document["errors"][0]["error"]
    watch.check(code=1)
    assert [one["install"] for one in watch.check(code=1)["events"]] == ["studio"]
    comfyui.mend("alpha")
    assert [one["kind"] for one in watch.check()["events"]] == ["recovered"]


def test_an_install_that_is_no_longer_configured_is_forgotten(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """What it ran is neither cleared nor failing any more, and nothing of it stays in the state."""
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    watch.check()
    comfyui.unmount()
    for _ in range(3):
        watch.check(code=1)
    bare = watch.but(installs=[], nodes="bravo")
    assert _said(bare.check()) == []
    assert _state(watch, "installs.json")["installs"] == {}
    found = _state(watch, "snapshot.json")["installed"]
    assert not {"exposures", "failing"} & found.keys()


@pytest.mark.parametrize(
    ("label", "cut", "code"),
    one_row_of(
        ("rename state/installs.json", Cut.AFTER, -signal.SIGKILL),
        ("rename state/snapshot.json", Cut.BEFORE, -signal.SIGKILL),
        ("rename state/snapshot.json", Cut.AFTER, -signal.SIGKILL),
        ("write state/.installs.json.tmp", Cut.FULL, 4),
    ),
)
def test_a_poll_that_dies_reports_once(
    watch: Watcher,
    comfyui: LivedIn,
    webhook: Webhook,
    fork_server: ForkServer,
    label: str,
    cut: Cut,
    code: int,
) -> None:
    """Killed beside the list of packs or the commit, or without room for them, what is exposed is reported once."""
    watch.check()
    watch.registry.catalog.publish("bravo", "0.9.0", status="banned")
    comfyui.put("bravo", "0.9.0")
    comfyui.remove("alpha")
    before = watch.contents()["snapshot.json"]
    point = CrashPoint(
        folder=watch.state, trace=watch.folder / "trace", label=label, at=1, cut=cut
    )
    done = fork_server.run(
        "check", "--json", cwd=watch.folder, env=watch.environment(), point=point
    )
    assert done.code == code, done
    assert (watch.contents()["snapshot.json"] == before) is (
        label != "rename state/snapshot.json" or cut is Cut.BEFORE
    )
    watch.check()
    watch.check()
    events = [
        event for message in webhook.messages() for event in message.json["events"]
    ]
    assert sorted((event["kind"], event["version"]) for event in events) == [
        ("exposed", "0.9.0")
    ]
    assert [copy["version"] for copy in events[0]["installed"]] == ["0.9.0"]
    assert set(_state(watch, "installs.json")["installs"]) == {"studio"}


def test_an_install_that_does_not_answer_holds_nothing_up(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A ComfyUI that takes a connection and says nothing costs its `timeout`; the rest is polled, a stop is quick."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://user:hunter2@127.0.0.1:{silent.getsockname()[1]}"
        both = watch.but(
            installs=[
                {"name": "attic", "url": url},
                *watch.settings["installs"],  # type: ignore[misc]  # any setting; this is a list
            ],
            timeout="1s",
        )
        began = time.monotonic()
        document = both.check(code=1)
        while tried := _accepted(silent, within=0.1):
            tried.close()
        assert time.monotonic() - began < 10
        assert [one["install"] for one in document["errors"]] == ["attic"]
        assert document["nodes"]["checked"] == 1
        assert "hunter2" not in json.dumps(document) + str(both.contents())
        with both.but(timeout="60s").start("run") as started:
            held = _accepted(silent)
            assert held is not None
            began = time.monotonic()
            started.signal(signal.SIGTERM)
            assert started.wait().code == 0
            assert time.monotonic() - began < 5
            held.close()


def _accepted(listener: socket.socket, within: float = 20) -> socket.socket | None:
    """Return the connection that comes within so many seconds; None if none does."""
    listener.settimeout(within)
    try:
        return listener.accept()[0]
    except TimeoutError:
        return None


@pytest.mark.bounded  # the parts have tests of their own, which cost less
def test_cron_hears_of_an_install_once(watch: Watcher, comfyui: LivedIn) -> None:
    """Without a log of its own `check` says that an install cannot be scanned when it begins, and when it ends."""
    watch.check()
    comfyui.unmount()
    cron = {"CI": "", "XDG_CACHE_HOME": str(watch.folder / "cache")}
    first, second = watch.run("check", env=cron), watch.run("check", env=cron)
    assert first.err.startswith("error: install studio: ")
    assert (first.code, second.code, second.err) == (1, 1, "")
    comfyui.mount()
    assert watch.run("check", env=cron).err == "install studio: can be read again\n"


def test_ids_that_differ_by_case_are_one_node(watch: Watcher, comfyui: LivedIn) -> None:
    """A pack that is installed and named, each in its own spelling, is watched once, as the settings spell it."""
    comfyui.put("BRAVO", "1.0.0")
    named = watch.but(nodes="Bravo")
    assert named.check()["nodes"]["watched"] == 2
    assert [
        one["node"] for one in json.loads(named.run("status", "--json").out)["nodes"]
    ] == ["Bravo", "alpha"]


def test_nothing_of_it_is_loaded_without_installs(watch: Watcher) -> None:
    """A poll that has no installs, and had none, loads no code that reads them."""
    script = (
        "import sys\nfrom watcher.cli.main import cli\n"
        "try:\n    cli(['check'])\nexcept SystemExit as end:\n    print(end.code)\n"
        "print([name for name in sys.argv[1:] if any(one.startswith(name) for one in sys.modules)])"
    )
    parts = ("installs", "polling.reading.installs")
    (watch.folder / "modules.py").write_text(script)
    names = " ".join(["yaml", *(f"watcher.{part}" for part in parts)])
    bare = watch.but(installs=[], nodes="alpha").shell(f'exec "$1" modules.py {names}')
    assert bare.out.splitlines()[-2:] == ["0", "[]"]
    loaded = watch.shell(f'exec "$1" modules.py {names}').out.splitlines()[-1]
    assert loaded == str([f"watcher.{part}" for part in parts])
