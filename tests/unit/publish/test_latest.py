"""What other programs read: the newest good version of each pack, and the badge."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    BEFORE,
    NOW,
    PACK,
    event,
    known,
    minute,
    public,
    version,
)
from watcher.durations import DAY
from watcher.model.event import Kind
from watcher.model.snapshot import Ban, Node
from watcher.publish.latest import badge, latest
from watcher.publish.public import Public


def packs(shown: Public) -> dict[str, Any]:
    """Return the packs that have a good version."""
    found: dict[str, Any] = json.loads(latest(shown))["packs"]
    return found


def test_the_newest_good_version() -> None:
    """It is the newest that is active and not deprecated, with when it was published and its page."""
    node = known(
        version("1.0"),
        version("1.1", created_at="2026-02-01T10:00:00.5Z"),
        version("1.2", deprecated=True),
        version("1.3", "banned"),
    )
    assert packs(public(node)) == {
        "Some-Pack": {
            "version": "1.1",
            "published": "2026-02-01T10:00:00.500Z",
            "url": "https://registry.comfy.org/nodes/Some-Pack",
        }
    }


def test_a_young_version_waits() -> None:
    """A version that is younger than `minimum_age` counts only where no other is good."""
    old, young = version("1.0"), version("1.1", created_at=minute(-60))
    both = packs(public(known(old, young), minimum_age=DAY))
    alone = packs(public(known(young), minimum_age=DAY))
    assert (both["Some-Pack"]["version"], alone["Some-Pack"]["version"]) == (
        "1.0",
        "1.1",
    )


@pytest.mark.parametrize(
    "node",
    [
        known(version("1.0", "flagged")),
        known(version("1.0"), banned=True),
        known(version("1.0"), baseline_at=""),
        known(version("1.0"), statuses=("banned",)),
        known(version("1.0"), emptied=True),
    ],
)
def test_a_pack_without_a_good_version_is_left_out(node: Node) -> None:
    """So is a pack of which none is known."""
    assert packs(public(node)) == {}


@pytest.mark.parametrize(("until", "is_left_out"), [("", True), (NOW, False)])
def test_malware_is_left_out(until: str, is_left_out: bool) -> None:
    """A pack of which a version is banned for malware has no good version, until that ban ends."""
    ban = Ban(since=BEFORE, changed=NOW, until=until, reason="Steals passwords")
    node = known(version("1.0"), bans={"id-0.9": ban})
    assert (packs(public(node)) == {}) is is_left_out


@pytest.mark.parametrize(
    ("status", "is_left_out"), [("banned", True), ("active", False)]
)
def test_malware_that_only_an_event_names(status: str, is_left_out: bool) -> None:
    """So is one whose ban was there before it was watched: of that only what is run has the reason, in an event."""
    said = event(
        kind=Kind.EXPOSED, after="banned", reason="Steals passwords", node=PACK
    )
    shown = public(known(version("1.0"), version("0.9", status)))
    assert (packs(replace(shown, events=(said,))) == {}) is is_left_out


def test_one_pack_a_line() -> None:
    """Packs are sorted, and each has a line, so that a difference shows which pack has another version."""
    nodes = [known(version("1.0"), node=name) for name in ("b", "a", "C")]
    lines = latest(public(*nodes)).splitlines()
    assert [line.split('"')[1] for line in lines[1:-1]] == ["C", "a", "b"]


def test_hostile_texts() -> None:
    """A version is JSON's text, with escapes instead of what is invisible; a time that is none is null."""
    odd = version('1.0"\u202e', created_at="yesterday")
    text = latest(public(known(odd)))
    assert text.isascii()
    found = json.loads(text)["packs"]["Some-Pack"]
    assert (found["version"], found["published"]) == ('1.0"\\u202e', None)


@pytest.mark.parametrize(
    ("shown", "message", "colour"),
    [
        (public(at=""), "no poll yet", "lightgrey"),
        (public(), "no packs", "lightgrey"),
        (public(known(version("1.0"))), "ok", "brightgreen"),
        (public(known(version("1.0")), failing="some-pack"), "not read", "lightgrey"),
        (
            public(known(version("1.0", "flagged")), failing="some-pack"),
            "1 flagged",
            "orange",
        ),
        (
            public(known(version("1.0", "banned"), version("2", "flagged"))),
            "1 banned, 1 flagged",
            "red",
        ),
        (public(known(version("1.0", "banned"), banned=True)), "2 banned", "red"),
        (public(known(version("1.0", deprecated=True))), "ok", "brightgreen"),
    ],
)
def test_the_badge(shown: Public, message: str, colour: str) -> None:
    """It counts what is banned and flagged, and says "ok" only of what was read."""
    assert json.loads(badge(shown)) == {
        "schemaVersion": 1,
        "label": "Comfy Registry",
        "message": message,
        "color": colour,
    }


def test_time_alone_changes_nothing() -> None:
    """After a quiet poll both are as they were."""
    node = known(version("1.0"), version("2.0", "flagged", created_at=BEFORE))
    now, later = public(node, at=NOW), public(node, at=minute(60))
    assert (latest(now), badge(now)) == (latest(later), badge(later))
