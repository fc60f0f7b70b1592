"""The JSON Schemas of the state: strict, described, and true of what the program really writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.support.factories import NOW, PACK, event, going_out, known, version
from tests.support.fakes.webhook import Webhook
from tests.support.parameters import examples
from tests.support.program import ROOT, Completed
from tests.support.strategies import addresses, checks, installs, outboxes, snapshots
from watcher.alerts.payload import event_objects
from watcher.alerts.queues.channel_identity import Addresses
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import Message, Queue
from watcher.changes.health import FailureStreak, Health
from watcher.changes.verdict import Known, judge
from watcher.cli import report
from watcher.cli.commands.installs.audit_report import Result, as_json
from watcher.cli.commands.versions import report as versions_report
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import BadVersion, Change, Event
from watcher.model.event_form import public_form
from watcher.model.exposure import Exposure, Installed
from watcher.model.failure import ReadFailure
from watcher.model.pack import Pack, PackKind, Verdict
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.model.version import STATUSES, Version
from watcher.polling import audit
from watcher.polling.audit import Finding, Scanned
from watcher.polling.lookup.model import Filters, Found, FoundVersion
from watcher.polling.model import Report
from watcher.state import installs_file, records, schemas, snapshot_file
from watcher.state.model import Checks
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured

FORMATS = {
    "snapshot": 2,
    "outbox": 4,
    "checks": 2,
    "addresses": 2,
    "installs": 1,
    "retry": 1,
}
LAWS = examples(40)


def schema(name: str) -> dict[str, Any]:
    """Read one of the schemas."""
    read: dict[str, Any] = json.loads(schemas.schema(name))
    return read


def valid(name: str, text: bytes | str) -> None:
    """Assert that a document is what its schema says; ValidationError."""
    validator = Draft202012Validator(
        schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(json.loads(text))


def parts(
    given: dict[str, Any], path: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every schema inside a schema, with its place."""
    yield path, given
    for group in ("properties", "$defs"):
        for name, inner in given.get(group, {}).items():
            yield from parts(inner, f"{path}/{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(given.get(word), dict):
            yield from parts(given[word], f"{path}/{word}")
    for inner in given.get("anyOf", []):
        yield from parts(inner, f"{path}/anyOf")


def everything(path: Path) -> dict[str, str]:
    """Assert that every file of a state folder is what its schema says; return the files."""
    found = {file.name: file.read_text() for file in path.iterdir()}
    for name, text in found.items():
        if name.endswith(".json"):
            valid(name.removesuffix(".json"), text)
    for line in found.get("history.jsonl", "").splitlines():
        valid("history", line)
    return found


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_strict_and_described(name: str) -> None:
    """Every object says what may be in it, every property and definition what it means, and each is used."""
    given = schema(name)
    for place, part in parts(given):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False or isinstance(
                part["additionalProperties"], dict
            ), place
            assert set(part.get("required", ())) <= set(part.get("properties", ())), (
                place
            )
        for group in ("properties", "$defs"):
            for inner_name, inner in part.get(group, {}).items():
                target = (
                    given["$defs"][inner["$ref"].split("/")[-1]]
                    if "$ref" in inner
                    else {}
                )
                assert inner.get("description") or target.get("description"), (
                    f"{place}/{inner_name}"
                )
    references = set(re.findall(r'"#/\$defs/([a-z]+)"', json.dumps(given)))
    assert references == given.get("$defs", {}).keys()


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("snapshot", "/node", Node),
        ("snapshot", "/version", Version),
        ("outbox", "/queue", Queue),
        ("outbox", "/message", Message),
        ("outbox", "/event", Event),
        ("checks", "/failure", FailureStreak),
        ("checks", "/health", Health),
        ("history", "", Event),
        ("snapshot", "/installed", Installed),
        ("snapshot", "/exposure", Exposure),
        ("snapshot", "", Snapshot),
        ("outbox", "", Outbox),
        ("checks", "", Checks),
        ("addresses", "", Addresses),
    ],
)
def test_a_schema_knows_every_field(name: str, place: str, value: type) -> None:
    """A field that a value gains must be described, and none is described that it and its document have not."""
    part = dict(parts(schema(name)))[place]
    document = (
        set()
        if place or name == "history"
        else {"format"}
        if name == "addresses"
        else {"format", "revision"}
    )
    assert set(part["properties"]) == {item.name for item in fields(value)} | document


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("audit", "/pack/verdict", set(Verdict)),
        ("snapshot", "/node/marks/additionalProperties", set(Mark)),
        ("snapshot", "/node/statuses/items", set(STATUSES)),
    ],
)
def test_a_schema_knows_every_word(name: str, place: str, expected: set[str]) -> None:
    """Marks, statuses and verdicts are listed completely; of event kinds `tests/unit/test_every_kind.py` says it."""
    assert set(dict(parts(schema(name)))[place]["enum"]) == expected


def test_a_webhooks_schema_knows_every_key_of_an_event() -> None:
    """Those that are always there are required."""
    described = schema("webhook")["$defs"]["event"]
    assert set(described["required"]) == public_form(event()).keys()
    bad = (BadVersion(node="pack", version="1.0.0", status="banned"),)
    whole = event(safe_version=None, channel="ops", install="a", bad_versions=bad)
    assert set(described["properties"]) == public_form(whole).keys()


def test_an_event_has_one_form() -> None:
    """The history and the outbox describe an event alike, and the version of the format is the program's."""
    history = schema("history")
    assert {key: history[key] for key in schema("outbox")["$defs"]["event"]} == schema(
        "outbox"
    )["$defs"]["event"]
    assert {
        name: schema(name)["properties"]["format"]["const"] for name in FORMATS
    } == FORMATS
    assert {name: _samples()[name]["format"] for name in FORMATS} == FORMATS


MADE_UP = {
    "snapshot": snapshots().map(snapshot_file.write_snapshot),
    "outbox": outboxes().map(
        lambda waiting: _with_long_ids(records.write_outbox(7, waiting))
    ),
    "checks": checks().map(lambda done: records.write_checks(7, done)),
    "addresses": addresses().map(records.write_addresses),
    "installs": installs().map(installs_file.write_installs),
}


def _with_long_ids(text: bytes) -> bytes:
    """Return an outbox whose events, made up by tests, have ids as the program makes them."""
    return re.sub(rb'"id": "e[0-9]"', b'"id": "' + b"0" * 20 + b'"', text)


@pytest.mark.parametrize("name", MADE_UP)
@LAWS
@given(data=st.data())
def test_whatever_is_written_is_valid(name: str, data: st.DataObject) -> None:
    """Any value's document is what its schema says."""
    valid(name, data.draw(MADE_UP[name]))


def _printed() -> str:
    """Return what `audit --json` prints of one pack and one failure."""
    pack = Pack(folder="a", kind=PackKind.REGISTRY, id=PACK, version="1.0")
    finding = Finding(
        install="studio", pack=pack, judgement=judge(pack, lambda _: Known()), url=""
    )
    problems = (
        ReadFailure(error="x", node="b"),
        ReadFailure(error="x"),
        ReadFailure(error="x", install="a"),
    )
    found = audit.Audit(findings=(finding,), problems=problems)
    scanned = (Scanned(install="laptop", error="x"),)
    return as_json(
        Result(started=NOW, finished=NOW, scanned=scanned, audit=found),
        only_problems=False,
    )


def _looked_up() -> str:
    """Return what `versions --json` prints of one version and one failure."""
    one = FoundVersion(node=PACK, version=version("1.0"), changelog="")
    found = Found(
        versions=(one,),
        total=2,
        packs=1,
        by_status={"active": 2},
        problems=(ReadFailure(error="x"),),
    )
    return versions_report.as_json(
        versions_report.VersionsReport(
            started=NOW, finished=NOW, filters=Filters(statuses=STATUSES), found=found
        )
    )


def _polled(one: Event) -> Report:
    """Return the report of a poll with one event, an unread node and an install that could not be scanned."""
    counts: dict[str, Any] = {
        "watched": 2,
        "checked": 1,
        "delivered": 0,
        "unconfirmed": 0,
        "pending": 1,
        "way": "each",
    }
    failed: dict[str, Any] = {
        "errors": (("b", "x"),),
        "unscanned": (("laptop", "x"),),
        "empty": (),
    }
    events = (one, replace(one, node=None, install="laptop"))
    return Report(
        started=NOW,
        finished=NOW,
        events=events,
        expired_by_channel={},
        channel_errors={},
        **counts,
        **failed,
    )


def _posted(one: Event) -> str:
    """Return a message as a webhook gets it."""
    said = {
        "version": "1.0",
        "title": "",
        "message": "",
        "attachments": [],
        "type": "warning",
    }
    return json.dumps(said | {"events": event_objects([one]), "event_count": 1})


def _samples() -> dict[str, Any]:
    node = known(version("1.0"), marks={"id-1.0": Mark.ABSENT}, seen={"": 1})
    run = {f"{PACK.lower()}@1.0": Exposure(verdict="flagged", installs=("studio",))}
    pack = Pack(folder="a", kind=PackKind.REGISTRY, enabled=False)
    one = event("0" * 20)
    message = Message(
        id="1" * 20,
        revision=1,
        queued_at=NOW,
        events=(one.id,),
        reached=("2" * 16, "3" * 32),
    )
    waiting = Outbox(
        queues={"ops": Queue(messages=(message,))},
        events={one.id: one},
        unrecorded={one.id: 1},
        prepared=1,
    )
    failing = Checks(
        polled_at=NOW,
        health=Health(nodes={"a": FailureStreak(count=1, since=NOW, error="")}),
    )
    written: dict[str, str | bytes] = {
        "snapshot": snapshot_file.write_snapshot(
            Snapshot(
                revision=1,
                nodes={PACK.lower(): node},
                installed=Installed(exposures=run),
            )
        ),
        "outbox": records.write_outbox(1, waiting),
        "checks": records.write_checks(1, failing),
        "addresses": records.write_addresses(
            Addresses(salt="a" * 32, apprise="2.3", url_digests={"ops": "b" * 32})
        ),
        "installs": installs_file.write_installs({"studio": (pack,)}),
        "retry": records.write_retry({"ops": NOW}),
        "history": records.write_event(one),
        "check": report.as_json(_polled(one)),
        "audit": _printed(),
        "versions": _looked_up(),
        "webhook": _posted(
            replace(one, changes=(Change(field="tags", before="", after="x"),))
        ),
    }
    return {name: json.loads(text) for name, text in written.items()}


def _objects(given: Any) -> Iterator[dict[str, Any]]:
    if isinstance(given, dict):
        yield given
        for inner in given.values():
            yield from _objects(inner)
    elif isinstance(given, list):
        for inner in given:
            yield from _objects(inner)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_an_unknown_key_is_invalid_wherever_it_is(name: str) -> None:
    """No object of any file takes a key that is not described, but those that are maps by name."""
    sample = _samples()[name]
    valid(name, json.dumps(sample))
    refused = 0
    for one in list(_objects(sample)):
        one["Surprise!"] = {"unknown": True}
        with pytest.raises(ValidationError):
            valid(name, json.dumps(sample))
        del one["Surprise!"]
        refused += 1
    assert refused


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("snapshot", '"format": 2', '"format": 3'),
        ("snapshot", '"status": "active"', '"status": null'),
        ("snapshot", '"absent"', '"vanished"'),
        ("snapshot", '"active", "pending"', '"active", "active"'),
        ("snapshot", '"revision": 1', '"revision": -1'),
        ("outbox", "flagged", "flogged"),
        ("outbox", NOW, "yesterday"),
        ("outbox", '"0000', '"json://token@host'),
        ("checks", '"count": 1', '"count": -1'),
        ("addresses", "aaaa", "json://token@host"),
        ("installs", '"registry"', '"pip"'),
        ("installs", '"enabled": false', '"enabled": null'),
        ("snapshot", '"verdict": "flagged"', '"verdict": "outdated"'),
        ("retry", NOW, "yesterday"),
        ("history", "https://registry.comfy.org", "https://elsewhere.example"),
        ("webhook", "https://registry.comfy.org", "https://elsewhere.example"),
        ("webhook", '"severity": "warning"', '"severity": "odd"'),
        ("webhook", NOW, "yesterday"),
    ],
)
def test_a_wrong_value_is_invalid(name: str, old: str, new: str) -> None:
    """A schema refuses what the program would never write."""
    text = json.dumps(_samples()[name])
    assert old in text
    with pytest.raises(ValidationError):
        valid(name, text.replace(old, new))


def test_the_programs_own_files_are_valid(
    registry: FakeRegistry, webhook: Webhook, run: Callable[..., Completed], state: Path
) -> None:
    """What `comfy-watch check` leaves is valid, its URLs' digests and the registry's tags of answers included."""
    registry.catalog.publish(PACK, "1.0")
    webhook.answer["/a"] = 500
    env = {
        "COMFY_WATCH_ALERT_URLS": webhook.apprise_url("/a"),
        "COMFY_WATCH_REGISTRY_URL": registry.url,
    }
    done = run("check", "--node", PACK, "--state-dir", str(state), env=env)
    assert done.code == 1
    found = everything(state)
    assert {
        "snapshot.json",
        "outbox.json",
        "checks.json",
        "addresses.json",
        "history.jsonl",
    } <= found.keys()
    assert webhook.url.removeprefix("http://") not in "".join(found.values())


def test_the_readme_knows_every_file(registry: FakeRegistry, state: Path) -> None:
    """Every file that the program keeps is in the state's README, and every schema too."""
    readme = (ROOT / "state" / "README.md").read_text()
    state.mkdir()
    registry.catalog.publish(PACK, "1.0")
    folder = StateFolder(state)
    with folder.locked():
        folder.save_addresses(Addresses(salt="ab" * 16, apprise="2.3"))
        folder.reserve_acks([going_out()])
        folder.prepare(Outbox(), 0)
        folder.commit(Snapshot(revision=1))
        folder.save_checks(Checks(), 1)
        folder.record((event(),))
        folder.end_backoffs({"ops": NOW})
        folder.save_installs({"studio": ()})
    rows = set(re.findall(r"^\| `([^`]+)`", readme, re.MULTILINE))
    assert rows == {path.name for path in state.iterdir()}
    assert set(re.findall(r"`([a-z]+)` \|$", readme, re.MULTILINE)) == set(
        schemas.FILES
    )
