"""What the scanner found in a version, compared with earlier ones of its pack: what is known, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    ANY_AGE,
    PACK,
    beside,
    event,
    known,
    version,
)
from watcher.changes.facts import (
    MOST_SCANS,
    VersionKey,
    finished,
    with_scans,
)
from watcher.model.event import Event, Grade, Kind, Severity
from watcher.model.scan import MOST_KEPT, Scan
from watcher.model.snapshot import Node, Snapshot
from watcher.text.status_reason import Reason, read_reason

Found = tuple[str, str, str]
"""A rule, a file and a severity."""
FFMPEG: Found = ("runs_ffmpeg", "nodes/video.py", "info")
ENVIRONMENT: Found = ("environment", "nodes/paths.py", "info")


def reason(*found: Found, **fields: Any) -> Reason:
    """Return a reason with findings; each stands on a line of its own."""
    findings = [
        {"issue_type": rule, "file_path": file, "severity": severity, "line": number}
        | fields
        for number, (rule, file, severity) in enumerate(found, 1)
    ]
    return read_reason(json.dumps(findings))


def scan(*found: Found) -> Scan:
    """Return what a reason has."""
    made = reason(*found).scan
    assert made is not None
    return made


def rules(found: Scan | None) -> list[str]:
    """Return the rules of the findings that are there."""
    return [one.rule for one in found.items] if found else []


def pack(*statuses: str, kept: dict[str, Scan] | None = None, **fields: Any) -> Node:
    """Return a node with the versions 1.0, 1.1 and so on, of these statuses, and scans by version text."""
    versions = [version(f"1.{n}", status) for n, status in enumerate(statuses)]
    scans = {f"id-{text}": one for text, one in (kept or {}).items()}
    return known(*versions, scans=scans, **fields)


def flag(text: str, kind: Kind = Kind.FLAGGED, **fields: Any) -> Event:
    """Return an event on a flagged version."""
    return event(kind=kind, version=text, version_id=f"id-{text}", **fields)


def polled(
    node: Node, events: list[Event], reasons: dict[str, Reason]
) -> tuple[Node, list[Event]]:
    """Return the node and the events of a poll that read these reasons, by version text."""
    name = PACK.lower()
    read: dict[VersionKey, Reason] = {
        (name, f"id-{text}"): one for text, one in reasons.items()
    }
    nodes = {name: node} | with_scans({name: node}, events, read)
    after, done = finished(events, Snapshot(nodes=nodes), read, ANY_AGE)
    return after.nodes[name], list(done)


def found_in(node: Node, found: Reason, text: str) -> Scan | None:
    """Return the scan of a version with this reason."""
    name = PACK.lower()
    nodes = with_scans({name: node}, (), {(name, f"id-{text}"): found})
    read = nodes[name].by_key.get(f"id-{text}")
    return read.scan if read else None


@pytest.mark.parametrize(
    "other",
    [
        None,
        ("runs_ffmpeg", "./nodes/video.py", "info"),
        ("RUNS_FFMPEG", "nodes/video.py", "info"),
        ("network", "nodes/video.py", "info"),
    ],
)
def test_what_an_earlier_version_had_is_known(other: Found | None) -> None:
    """The same rule in the same file, on whatever line; what is written in another way is another one."""
    node = pack("flagged", "flagged", kept={"1.0": scan(ENVIRONMENT, FFMPEG)})
    found = found_in(node, reason(FFMPEG, *([other] if other else [])), "1.1")
    assert found is not None
    assert found.is_known is found.is_harmless is (other is None)


def test_any_earlier_version_makes_known() -> None:
    """All earlier versions count together, of whatever status but `banned`; a later one, or its own, does not."""
    everything = reason(FFMPEG, ENVIRONMENT)
    kept = {"1.0": scan(FFMPEG), "1.1": scan(ENVIRONMENT)}
    for status in ("active", "deleted", "flagged", "banned"):
        node = pack(status, "flagged", "flagged", kept=kept)
        found = found_in(node, everything, "1.2")
        assert found is not None
        assert found.is_known is (status != "banned")
    for text in ("1.0", "1.2"):
        later = pack("flagged", "flagged", "flagged", kept={"1.2": scan(FFMPEG)})
        assert found_in(later, reason(FFMPEG), text) == scan(FFMPEG)


@pytest.mark.parametrize(
    ("one", "other"), [("1.1", "1.1.0"), ("1.1", "1.1+build"), ("release", "nightly")]
)
def test_an_equal_version_is_no_earlier_one(one: str, other: str) -> None:
    """Another way to write a version does not make it earlier; nor does a text that says no order, unlike a number."""
    same = version(other, "flagged")
    rows = version(one, "flagged"), same, version("2.0", "flagged")
    node = known(*rows, scans={same.key: scan(FFMPEG)})
    for text, is_known in ((one, False), ("2.0", True)):
        found = found_in(node, reason(FFMPEG), text)
        assert found is not None
        assert found.is_known is is_known


def test_versions_of_one_poll_are_compared_with_each_other() -> None:
    """Of two flagged versions that come at once the later one is compared with the earlier one."""
    node, events = polled(
        pack("flagged", "flagged", "flagged"),
        [flag("1.2"), flag("1.1")],
        {"1.0": reason(FFMPEG), "1.1": reason(FFMPEG), "1.2": reason(ENVIRONMENT)},
    )
    assert [one.scan.is_known for one in events if one.scan] == [False, True]
    assert [one.severity for one in events] == [Severity.WARNING, Severity.INFO]
    assert beside(node, "scan").keys() == {"id-1.0", "id-1.1", "id-1.2"}


@pytest.mark.parametrize("kind", [Kind.FLAGGED, Kind.EXPOSED])
@pytest.mark.parametrize("is_read", [False, True])
def test_what_was_not_read_is_a_warning(kind: Kind, is_read: bool) -> None:
    """Without findings an event has no scan, unless one is kept that may still be true; of a new flag none may."""
    kept = {"1.0": scan(FFMPEG), "1.1": replace(scan(FFMPEG), is_known=True)}
    reasons = {"1.1": read_reason("Flagged by a person")} if is_read else {}
    before = pack("flagged", "flagged", kept=kept)
    node, [done] = polled(before, [flag("1.1", kind)], reasons)
    is_kept = kind is Kind.EXPOSED and not is_read
    assert done.scan == (kept["1.1"] if is_kept else None)
    assert done.severity is (Severity.INFO if is_kept else Severity.WARNING)
    assert beside(node, "scan").keys() == {"id-1.0", *(["id-1.1"] if is_kept else [])}


def test_a_flag_that_was_reported_before_it_was_read_was_a_warning() -> None:
    """What is found later, to compare a later version with it, makes the end of that flag no milder."""
    before = pack("flagged", "flagged", "flagged", kept={"1.0": scan(FFMPEG)})
    read = {"1.1": reason(FFMPEG), "1.2": reason(FFMPEG)}
    node, [done] = polled(before, [flag("1.2")], read)
    assert done.severity is Severity.INFO
    assert beside(node, "scan")["id-1.1"].is_harmless
    assert beside(node, "past") == {"id-1.2": Grade.FLAGGED_INFO}


def test_a_harmless_flag_hides_no_worse_one() -> None:
    """What was worse since the version was active stays how bad its end is."""
    worse = {"id-1.1": Grade.DELETED}
    before = pack("flagged", "flagged", kept={"1.0": scan(FFMPEG)}, past=worse)
    node, [done] = polled(before, [flag("1.1")], {"1.1": reason(FFMPEG)})
    assert done.severity is Severity.INFO
    assert beside(node, "past") == worse


def test_a_ban_has_its_findings_and_keeps_none() -> None:
    """What a reviewer rejected is no excuse for a later version."""
    before = pack("flagged", "banned", kept={"1.0": scan(FFMPEG)})
    banned = flag("1.1", Kind.BANNED, after="banned")
    node, [done] = polled(before, [banned], {"1.1": reason(FFMPEG, ENVIRONMENT)})
    assert done.scan is not None
    assert (done.scan.is_known, len(rules(done.scan))) == (False, 2)
    assert beside(node, "scan").keys() == {"id-1.0"}


def test_a_deletion_has_no_findings() -> None:
    """Only a flag and a ban are explained by findings."""
    one = flag("1.1", Kind.DELETED, after="deleted")
    _, [done] = polled(pack("flagged", "flagged"), [one], {"1.1": reason(FFMPEG)})
    assert done.scan is None


def test_the_newest_scans_are_kept() -> None:
    """A node keeps as many as it may, by semantic versioning; each has as many findings as it may."""
    count = MOST_SCANS + 5
    many = reason(*[("rule", f"{number}.py", "info") for number in range(300)])
    flags = [flag(f"1.{n}") for n in range(count)]
    read = {f"1.{n}": many for n in range(count)}
    node, _ = polled(pack(*["flagged"] * count), flags, read)
    kept = beside(node, "scan")
    assert kept.keys() == {f"id-1.{n}" for n in range(5, count)}
    assert {(len(one.items), one.count) for one in kept.values()} == {(MOST_KEPT, 300)}


def test_a_poll_without_flags_changes_nothing() -> None:
    """The snapshot stays the same object, so that it need not be written."""
    snapshot = Snapshot(nodes={PACK.lower(): pack("active")})
    news = [event(kind=Kind.NEW, after="active")]
    assert with_scans(snapshot.nodes, news, {}) == {}
    after, done = finished(news, snapshot, {}, ANY_AGE)
    assert after is snapshot
    assert [one.scan for one in done] == [None]
