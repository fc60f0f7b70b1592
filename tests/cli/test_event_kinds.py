"""Every event kind of the contract, found by the real program in a registry that changes between its polls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.factories import event
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn
from watcher import timestamps
from watcher.model.event import Kind
from watcher.model.pack import Copy
from watcher.state.codec import line_of


def test_new_and_pending(watch: Watcher, registry: FakeRegistry) -> None:
    """A version is new when first seen as active, pending when first seen so, and new once pending became active."""
    assert watch.reported() == []
    key = registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.publish("alpha", "1.2.0", status="pending")
    document = watch.check()
    by_kind = {event["kind"]: event for event in document["events"]}
    assert by_kind.keys() == {"new", "pending"}
    published = by_kind["new"].pop("published")
    assert 0 <= timestamps.seconds_between(published, document["started"]) < 60
    assert by_kind["new"].pop("id")
    assert by_kind["new"] == {
        "kind": "new",
        "node": "alpha",
        "version": "1.1.0",
        "version_id": key,
        "before": None,
        "after": "active",
        "reason": "",
        "changes": [],
        "at": document["started"],
        "severity": "info",
        "safe_version": "1.1.0",
        "installed": [],
        "url": "https://registry.comfy.org/nodes/alpha",
    }
    registry.catalog.set_status("alpha", "1.2.0", "active")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["before"], event["after"]) == (
        "new",
        "pending",
        "active",
    )
    assert watch.reported() == []


def test_flagged_banned_deleted_and_back(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Each bad status is an event with its reason, and so is the way back."""
    bad = {"2.0.0": "flagged", "3.0.0": "banned", "4.0.0": "deleted"}
    for version in bad:
        registry.catalog.publish("alpha", version)
    watch.check()
    for version, status in bad.items():
        registry.catalog.set_status("alpha", version, status, f"because of {version}")
    found = {
        (e["version"], e["kind"], e["after"], e["reason"])
        for e in watch.check()["events"]
    }
    assert found == {(v, kind, kind, f"because of {v}") for v, kind in bad.items()}
    for version in bad:
        registry.catalog.set_status("alpha", version, "active")
    back = {(e["version"], e["kind"], e["before"]) for e in watch.check()["events"]}
    assert back == {(v, "reinstated", status) for v, status in bad.items()}


def test_deprecation_is_a_fact_of_its_own(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Deprecation is an event beside `new`, and when it is removed."""
    watch.check()
    registry.catalog.publish("alpha", "1.1.0", deprecated=True)
    assert watch.reported() == [
        ("new", "alpha", "1.1.0"),
        ("deprecated", "alpha", "1.1.0"),
    ]
    registry.catalog.deprecate("alpha", "1.1.0", on=False)
    assert watch.reported() == [("undeprecated", "alpha", "1.1.0")]


def test_changed(watch: Watcher, registry: FakeRegistry) -> None:
    """A watched field, or a status nobody knows, is a change with before and after."""
    watch.check()
    registry.catalog.edit("alpha", "1.0.0", dependencies=["x"])
    registry.catalog.set_status("alpha", "1.0.0", "NodeVersionStatusQuarantined")
    (event,) = watch.check()["events"]
    assert event["kind"] == "changed"
    assert event["changes"] == [
        {
            "field": "status",
            "before": "active",
            "after": "NodeVersionStatusQuarantined",
        },
        {"field": "dependencies", "before": "", "after": '["x"]'},
    ]


def test_a_whole_node_is_banned(watch: Watcher, registry: FakeRegistry) -> None:
    """A 403 for a node is one `banned` without a version, once; a pardon is one `reinstated`, its versions as
    they were.
    """
    watch.check()
    registry.catalog.ban_node("alpha", "It stole passwords")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["version"]) == ("banned", None)
    assert event["reason"] == "It stole passwords"
    assert watch.reported() == []
    assert "banned" in watch.run("status").out
    registry.catalog.pardon_node("alpha")
    assert watch.reported() == [("reinstated", "alpha", None)]
    assert watch.reported() == []


def test_a_listing_ends_no_ban_that_the_list_of_packs_still_has(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Where both said it, the ban is over once `GET /nodes` says so too: neither it nor its end is reported twice."""
    catalog = registry.catalog
    watch.check()
    catalog.ban_node("alpha")
    catalog.edit_pack("alpha", status="banned")
    assert watch.reported() == [("banned", "alpha", None)]
    catalog.pardon_node("alpha")
    assert watch.reported() == watch.reported() == []
    catalog.edit_pack("alpha", status="active")
    assert watch.reported() == [("reinstated", "alpha", None)]
    assert watch.reported() == []


def test_the_rows_of_a_banned_pack_make_no_event(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """While `GET /nodes` has the ban, what a listing shows is no event; all of it is, once the ban has ended."""
    catalog = registry.catalog
    watch.check()
    catalog.edit_pack("alpha", status="banned")
    assert watch.reported() == [("banned", "alpha", None)]
    catalog.set_status("alpha", "1.0.0", "flagged")
    catalog.publish("alpha", "2.0.0")
    assert watch.reported() == []
    catalog.edit_pack("alpha", status="active")
    assert sorted(watch.reported(), key=str) == [
        ("flagged", "alpha", "1.0.0"),
        ("new", "alpha", "2.0.0"),
        ("reinstated", "alpha", None),
    ]


def test_removed_after_two_absences(watch: Watcher, registry: FakeRegistry) -> None:
    """One absence means nothing, a second in a row is `removed`, and a version that comes back later is news."""
    registry.catalog.publish("alpha", "1.1.0", id="one")
    watch.check()
    registry.catalog.remove("alpha", "1.1.0")
    assert watch.reported() == []
    assert watch.reported() == [("removed", "alpha", "1.1.0")]
    registry.catalog.publish("alpha", "1.1.0", id="one")
    assert watch.reported() == [("new", "alpha", "1.1.0")]


@pytest.mark.parametrize(
    ("baseline", "kinds"),
    [
        ("summary", ["baseline"]),
        ("silent", []),
    ],
)
def test_baselines(
    watch: Watcher, registry: FakeRegistry, baseline: str, kinds: list[str]
) -> None:
    """The first listing is one summary with today's problems, or nothing, as `baseline` says."""
    registry.catalog.publish("alpha", "1.1.0", status="flagged", deprecated=True)
    one = watch.but(baseline=baseline)
    assert sorted(kind for kind, _, _ in one.reported()) == sorted(kinds)
    registry.catalog.publish("alpha", "1.3.0")
    assert one.reported() == [("new", "alpha", "1.3.0")]


def test_one_node_fails_and_recovers(watch: Watcher, registry: FakeRegistry) -> None:
    """A node that cannot be read in `failure_threshold` polls is `failing` once, then `recovered` when it can."""
    registry.catalog.publish("bravo", "1.0.0")
    both = watch.but(nodes="alpha bravo", failure_threshold=2)
    both.check()
    inflict(registry, "status_404_json", nodes={"bravo"})
    assert both.reported(code=1) == []
    assert both.reported(code=1) == [("failing", "bravo", None)]
    assert both.reported(code=1) == []
    registry.respond = None
    assert both.reported() == [("recovered", "bravo", None)]
    assert both.reported() == []


def test_what_is_installed_is_in_the_history(watch: Watcher) -> None:
    """Events about what somebody runs are found by their kinds, the worst first; the table says where it is run."""
    watch.check()
    copy = Copy(install="workstation", version="1.0.0", enabled=True)
    past = [
        event("1", Kind.EXPOSED, node="alpha", installed=(copy,)),
        event("2", Kind.CLEARED, node="alpha", before="flagged", after=None),
    ]
    (watch.state / "history.jsonl").write_bytes(b"".join(map(line_of, past)))
    found = watch.history("--kind", "exposed,cleared")
    assert [one["kind"] for one in found] == ["exposed", "cleared"]
    assert found[0]["installed"] == [
        {"install": "workstation", "version": "1.0.0", "enabled": True}
    ]
    said = watch.run("history").out
    assert "you run flagged alpha 1.0.0 on workstation" in said


def test_packs_come_to_an_install(watch: Watcher, tmp_path: Path) -> None:
    """A pack that was not there is `appeared` at once; one that is gone, or disabled, is no event."""
    comfyui = LivedIn(tmp_path / "studio")
    comfyui.single("before.py")
    watch = watch.but(installs=[str(comfyui.root)])
    watch.check()
    assert watch.reported() == []
    comfyui.put("alpha", "1.0.0")
    evil = comfyui.single("evil.py")
    assert watch.reported() == [
        ("appeared", "alpha", "1.0.0"),
        ("appeared", None, None),
    ]
    evil.unlink()
    assert watch.reported() == []
    comfyui.put("alpha", "1.1.0")
    comfyui.switch_off("alpha")
    assert watch.reported() == []
