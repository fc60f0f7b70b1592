"""Every event kind of the contract, found by the real program in a registry that changes between its polls."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.faults import inflict
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher import timestamps
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy
from watcher.model.version import WATCHED_FIELDS
from watcher.state.documents import write_event

PAGE = "https://registry.comfy.org/nodes/alpha"


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher whose baselines are silent, beside a registry with alpha 1.0.0."""
    registry.catalog.publish(
        "alpha", "1.0.0", created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Watcher(tmp_path, registry, fork_server=fork_server, baseline="silent")


def test_new_and_pending(watch: Watcher, registry: FakeRegistry) -> None:
    """A version is new when first seen as active, pending when first seen so, and new once pending became active."""
    assert watch.reported() == []
    key = registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.publish("alpha", "1.2.0", status="pending")
    document = watch.check()
    by_kind = {event["kind"]: event for event in document["events"]}
    assert by_kind.keys() == {"new", "pending"}
    assert by_kind["new"] == {
        "id": by_kind["new"]["id"],
        "kind": "new",
        "node": "alpha",
        "version": "1.1.0",
        "version_id": key,
        "before": None,
        "after": "active",
        "reason": "",
        "changes": [],
        "at": document["started"],
        "published": by_kind["new"]["published"],
        "severity": "info",
        "safe_version": "1.1.0",
        "installed": [],
        "url": PAGE,
    }
    age = timestamps.seconds_between(by_kind["new"]["published"], document["started"])
    assert 0 <= age < 60
    assert (by_kind["pending"]["version"], by_kind["pending"]["after"]) == (
        "1.2.0",
        "pending",
    )
    registry.catalog.set_status("alpha", "1.2.0", "active")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["version"], event["before"], event["after"]) == (
        "new",
        "1.2.0",
        "pending",
        "active",
    )
    assert watch.reported() == []


def test_flagged_banned_deleted_and_back(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Each bad status is an event with its reason, also at first sight unless deleted, and so is the way back."""
    bad = {"2.0.0": "flagged", "3.0.0": "banned", "4.0.0": "deleted"}
    for version in bad:
        registry.catalog.publish("alpha", version)
    watch.check()
    for version, status in bad.items():
        registry.catalog.set_status("alpha", version, status, f"because of {version}")
        registry.catalog.publish(
            "alpha",
            f"{version}-late",
            status=status,
            reason=json.dumps({"message": "seen"}),
        )
    found = {
        (e["version"], e["kind"], e["before"], e["after"], e["reason"])
        for e in watch.check()["events"]
    }
    assert found == {
        ("2.0.0", "flagged", "active", "flagged", "because of 2.0.0"),
        ("3.0.0", "banned", "active", "banned", "because of 3.0.0"),
        ("4.0.0", "deleted", "active", "deleted", "because of 4.0.0"),
        ("2.0.0-late", "flagged", None, "flagged", "seen"),
        ("3.0.0-late", "banned", None, "banned", "seen"),
    }
    for version in bad:
        registry.catalog.set_status("alpha", version, "active")
    assert {
        (e["version"], e["kind"], e["before"], e["after"])
        for e in watch.check()["events"]
    } == {(version, "reinstated", status, "active") for version, status in bad.items()}


def test_large_reasons_of_older_versions_hide_no_new_one(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A newly flagged version has its reason, however large the reasons of older versions are."""
    for number in range(20):
        registry.catalog.publish(
            "alpha", f"2.{number}", status="flagged", reason="x" * 2_000_000
        )
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "because of 1.0.0")
    registry.catalog.publish(
        "alpha", "3.0.0", status="flagged", reason="because of 3.0.0"
    )
    reasons = {event["version"]: event["reason"] for event in watch.check()["events"]}
    assert reasons == {"1.0.0": "because of 1.0.0", "3.0.0": "because of 3.0.0"}


def test_deprecation_is_a_fact_of_its_own(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Deprecation is an event beside `new`, when it is set or removed, and beside a change of status."""
    watch.check()
    registry.catalog.publish("alpha", "1.1.0", deprecated=True)
    assert watch.reported() == [
        ("new", "alpha", "1.1.0"),
        ("deprecated", "alpha", "1.1.0"),
    ]
    registry.catalog.deprecate("alpha", "1.1.0", on=False)
    registry.catalog.deprecate("alpha", "1.0.0")
    assert watch.reported() == [
        ("deprecated", "alpha", "1.0.0"),
        ("undeprecated", "alpha", "1.1.0"),
    ]
    registry.catalog.deprecate("alpha", "1.1.0")
    registry.catalog.set_status("alpha", "1.1.0", "flagged")
    assert watch.reported() == [
        ("flagged", "alpha", "1.1.0"),
        ("deprecated", "alpha", "1.1.0"),
    ]


def test_changed(watch: Watcher, registry: FakeRegistry) -> None:
    """A watched field or a status nobody knows is a change with before and after; null, absent and empty are one."""
    values: dict[str, Any] = {
        name: f"https://x.example/{name}"
        if name.startswith(("downloadUrl", "supported_comfyui"))
        else [name]
        for name in WATCHED_FIELDS.values()
    }
    for name in values:
        registry.catalog.publish("alpha", f"1-{name}")
    watch.check()
    for name, value in values.items():
        registry.catalog.edit(
            "alpha", f"1-{name}", **{name: value, "changelog": "rewritten"}
        )
    registry.catalog.edit(
        "alpha",
        "1.0.0",
        tags=None,
        dependencies=None,
        supported_os=None,
        tags_admin=None,
    )
    events = {event["version"]: event for event in watch.check()["events"]}
    assert events.keys() == {f"1-{name}" for name in values}
    for name, value in values.items():
        (change,) = events[f"1-{name}"]["changes"]
        after = value if isinstance(value, str) else json.dumps(value)
        before = (
            f"https://cdn.example/alpha/1-{name}/node.zip"
            if name == "downloadUrl"
            else ""
        )
        assert (events[f"1-{name}"]["kind"], change) == (
            "changed",
            {"field": name, "before": before, "after": after},
        )
    registry.catalog.set_status("alpha", "1.0.0", "NodeVersionStatusQuarantined")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["after"]) == (
        "changed",
        "NodeVersionStatusQuarantined",
    )
    assert event["changes"] == [
        {"field": "status", "before": "active", "after": "NodeVersionStatusQuarantined"}
    ]


def test_a_whole_node_is_banned(watch: Watcher, registry: FakeRegistry) -> None:
    """A 403 for a node is one `banned` without a version, once; a pardon is one `reinstated`, its versions as
    they were.
    """
    watch.check()
    registry.catalog.ban_node("alpha", "It stole passwords")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["node"], event["version"], event["version_id"]) == (
        "banned",
        "alpha",
        None,
        None,
    )
    assert (event["reason"], event["url"]) == ("It stole passwords", PAGE)
    assert watch.reported() == []
    assert "banned" in watch.run("status").out
    registry.catalog.pardon_node("alpha")
    assert watch.reported() == [("reinstated", "alpha", None)]
    assert watch.reported() == []


def test_removed_after_two_absences(watch: Watcher, registry: FakeRegistry) -> None:
    """One absence means nothing, a second in a row is `removed`, and a version that comes back later is news."""
    registry.catalog.publish("alpha", "1.1.0", id="one")
    watch.check()
    registry.catalog.remove("alpha", "1.1.0")
    assert watch.reported() == []
    registry.catalog.publish("alpha", "1.1.0", id="one", created_at=datetime.now(UTC))
    watch.check()
    registry.catalog.remove("alpha", "1.1.0")
    assert watch.reported() == []
    assert watch.reported() == [("removed", "alpha", "1.1.0")]
    assert watch.reported() == []
    registry.catalog.publish("alpha", "1.1.0", id="one")
    assert watch.reported() == [("new", "alpha", "1.1.0")]


def test_baselines(tmp_path: Path, watch: Watcher, registry: FakeRegistry) -> None:
    """The first listing is one summary with today's problems, nothing, or every version, as `baseline` says."""
    registry.catalog.publish("alpha", "1.1.0", status="flagged", deprecated=True)
    registry.catalog.publish("alpha", "1.2.0", status="banned")
    (event,) = watch.but(
        baseline="summary", state_dir=str(tmp_path / "summary")
    ).check()["events"]
    assert (event["kind"], event["node"], event["version"]) == (
        "baseline",
        "alpha",
        None,
    )
    said = event["reason"]
    assert all(
        part in said
        for part in (
            "3 versions",
            "newest 1.0.0",
            "1.1.0",
            "flagged",
            "deprecated",
            "banned: 1.2.0",
        )
    )
    assert (
        watch.but(baseline="silent", state_dir=str(tmp_path / "silent")).reported()
        == []
    )
    assert set(
        watch.but(baseline="full", state_dir=str(tmp_path / "full")).reported()
    ) == {
        ("new", "alpha", "1.0.0"),
        ("flagged", "alpha", "1.1.0"),
        ("deprecated", "alpha", "1.1.0"),
        ("banned", "alpha", "1.2.0"),
    }
    registry.catalog.publish("alpha", "1.3.0")
    for kind in ("summary", "silent", "full"):
        assert watch.but(baseline=kind, state_dir=str(tmp_path / kind)).reported() == [
            ("new", "alpha", "1.3.0")
        ]


def test_one_node_fails_and_recovers(watch: Watcher, registry: FakeRegistry) -> None:
    """A node that cannot be read in `failure_threshold` polls is `failing` once, then `recovered` when it can."""
    registry.catalog.publish("bravo", "1.0.0")
    both = watch.but(nodes="alpha bravo", failure_threshold=2)
    both.check()
    inflict(registry, "status_404_json", nodes={"bravo"})
    document = both.check(code=1)
    assert (document["events"], document["nodes"]) == (
        [],
        {"watched": 2, "checked": 1, "failed": 1},
    )
    assert [error["node"] for error in document["errors"]] == ["bravo"]
    assert both.reported(code=1) == [("failing", "bravo", None)]
    assert both.reported(code=1) == []
    registry.respond = None
    registry.catalog.publish("bravo", "1.1.0")
    assert set(both.reported()) == {
        ("recovered", "bravo", None),
        ("new", "bravo", "1.1.0"),
    }
    assert both.reported() == []


def test_ids_are_deterministic(
    tmp_path: Path, watch: Watcher, registry: FakeRegistry
) -> None:
    """The same transition has the same id for every watcher and in a dry run; the same one later has another id."""
    other = watch.but(state_dir=str(tmp_path / "other"))
    ids: list[str] = []
    watch.check()
    other.check()
    for status in ("flagged", "active", "flagged"):
        registry.catalog.set_status("alpha", "1.0.0", status)
        dry = watch.check("--dry-run")["events"][0]["id"]
        assert (
            dry == watch.check()["events"][0]["id"] == other.check()["events"][0]["id"]
        )
        ids.append(dry)
    assert len(set(ids)) == 3


def test_a_node_id_has_no_case(watch: Watcher, registry: FakeRegistry) -> None:
    """A node watched under another case is the same node."""
    watch.check()
    registry.catalog.publish("ALPHA", "1.1.0")
    assert [
        (kind, version) for kind, _, version in watch.but(nodes="Alpha").reported()
    ] == [("new", "1.1.0")]


def test_what_is_installed_is_in_the_history(watch: Watcher) -> None:
    """Events about what somebody runs are found by their kinds, and the table says where it is run."""
    watch.check()
    where = (Copy(install="workstation", version="1.0.0"),)
    page: dict[str, Any] = {"at": "2026-01-31T12:00:00.000Z", "url": PAGE}
    past = [
        Event(
            id="1" * 20,
            kind=Kind.EXPOSED,
            node="alpha",
            version="1.0.0",
            after="flagged",
            installed=where,
            **page,
        ),
        Event(
            id="2" * 20,
            kind=Kind.CLEARED,
            node="alpha",
            version="1.0.0",
            before="flagged",
            **page,
        ),
        Event(
            id="3" * 20,
            kind=Kind.UPDATE,
            node="alpha",
            version="1.1.0",
            installed=where,
            **page,
        ),
        Event(id="4" * 20, kind=Kind.FAILING, node=None, install="laptop", **page),
    ]
    (watch.state / "history.jsonl").write_bytes(b"".join(map(write_event, past)))
    found = json.loads(
        watch.run("history", "--kind", "exposed,cleared,update", "--json").out
    )["events"]
    assert [event["kind"] for event in found] == ["update", "cleared", "exposed"]
    assert found[0]["installed"] == [
        {"install": "workstation", "version": "1.0.0", "enabled": True}
    ]
    said = [
        re.split(r"  +", line, maxsplit=2)[2]
        for line in watch.run("history").out.splitlines()[1:]
    ]
    assert [re.sub(r"  +", " | ", line) for line in said] == [
        "(install laptop) | - | -",
        "alpha | 1.1.0 | you run 1.0.0 on workstation",
        "alpha | 1.0.0 | was flagged",
        "alpha | 1.0.0 | flagged; on workstation",
    ]
