"""What an event says besides the transition: when it was published, what is new in it, and which version is safe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import (
    ANY_AGE,
    NOW,
    PACK,
    event,
    known,
    minute,
    version,
)
from watcher.changes.facts import finished, safe_version
from watcher.durations import DAY
from watcher.model.event import Kind
from watcher.model.snapshot import Mark, Snapshot
from watcher.model.version import (
    MinimumAge,
    SafeVersion,
    Version,
)
from watcher.text.status_reason import read_reason

NONE = SafeVersion(None)


@pytest.mark.parametrize(
    ("versions", "safe"),
    [
        ([version("1.9"), version("1.10"), version("1.2")], "1.10"),
        ([version("1.0"), version("2.0-rc.1"), version("2.0", "flagged")], "1.0"),
        (
            [version("2.0-rc.2"), version("2.0-rc.10"), version("3.0", "banned")],
            "2.0-rc.10",
        ),
        ([version("1.0", "pending"), version("1.1", deprecated=True)], None),
        ([version("0.9"), version("1.0"), version("v1.0.0", "banned")], "0.9"),
        ([version("2; run it", created_at=NOW), version("1.0-rc.1")], "1.0-rc.1"),
        ([], None),
    ],
)
def test_the_newest_good_version_is_safe(
    versions: list[Version], safe: str | None
) -> None:
    """It is active and not deprecated, newest by semantic versioning, and a pre-release only for want of a release."""
    assert safe_version(known(*versions), ANY_AGE) == SafeVersion(safe)


def test_a_text_that_is_no_version_number_is_never_advised() -> None:
    """Where nothing else is good the newest good version is not known, and not said to be none."""
    odd = known(version("nightly"), version("1.0", "banned"))
    assert safe_version(odd, ANY_AGE) is None


A_DAY = MinimumAge(seconds=DAY, now=NOW)


def aged(text: str, hours: float, status: str = "active") -> Version:
    """Make a version that was created so many hours ago."""
    return version(text, status, created_at=minute(-hours * 60))


@pytest.mark.parametrize(
    ("versions", "safe", "newest"),
    [
        ([aged("1.0", 24), aged("1.1", 23.9)], "1.0", "1.1"),
        # A younger version that is older by its number is no reason to wait.
        ([aged("1.0", 3), aged("2.0", 99)], "2.0", "2.0"),
        ([aged("2.0-rc.1", 99), aged("1.0", 3)], "2.0-rc.1", "1.0"),
    ],
)
def test_a_version_that_is_old_enough_is_advised(
    versions: list[Version], safe: str, newest: str
) -> None:
    """It is the newest good one of that age; without a minimum it is the newest of all good ones."""
    node = known(*versions)
    assert safe_version(node, A_DAY) == SafeVersion(safe)
    assert safe_version(node, ANY_AGE) == SafeVersion(newest)


def test_a_young_version_is_advised_for_want_of_an_older_one() -> None:
    """It is the newest good one, with the time at which it was created."""
    node = known(aged("0.9", 99, "banned"), aged("1.0", 3), aged("1.1", 1))
    young = safe_version(node, A_DAY)
    assert young == SafeVersion("1.1", minute(-60))
    assert young.is_young


@pytest.mark.parametrize("created", ["", "soon", "2026-13-01T00:00:00Z", minute(1)])
def test_what_has_no_age_is_not_old(created: str) -> None:
    """A date that is none, or in the future, makes no version old: it is advised only for want of another."""
    odd = version("1.1", created_at=created)
    node = known(version("1.0"), odd)
    assert safe_version(node, A_DAY) == SafeVersion("1.0")
    alone = safe_version(known(odd), A_DAY)
    assert alone
    assert (alone.version, alone.is_young) == ("1.1", True)
    assert safe_version(node, ANY_AGE) == SafeVersion("1.1")


def test_a_version_that_is_gone_is_not_safe() -> None:
    """One that was reported removed is not named, one that was missing once still is; none of a banned pack is."""
    marks = {"id-1.1": Mark.ABSENT, "id-1.2": Mark.REMOVED}
    node = known(version("1.0"), version("1.1"), version("1.2"), marks=marks)
    assert safe_version(node, ANY_AGE) == SafeVersion("1.1")
    assert safe_version(replace(node, banned=True), ANY_AGE) == NONE
    assert safe_version(replace(node, baseline_at=""), ANY_AGE) is None


def test_a_finished_event_has_its_safe_version_and_reason() -> None:
    """One about the registry, a channel or an unknown node has none."""
    snapshot = Snapshot(nodes={PACK.lower(): known(version("1.0"))})
    events = (
        event("a"),
        event("b", version=None, version_id=None),
        event("f", Kind.DEPRECATED, after="deprecated"),
        event("c", node="other"),
        event("d", node=None),
        event("e", safe_version=NONE),
    )
    reasons = {(PACK.lower(), "id-1.0.0"): read_reason("1 finding")}
    _, done = finished(events, snapshot, reasons, ANY_AGE)
    assert [(one.safe_version, one.reason) for one in done] == [
        (SafeVersion("1.0"), "1 finding"),
        (SafeVersion("1.0"), ""),
        (SafeVersion("1.0"), ""),
        (None, ""),
        (None, ""),
        (NONE, "1 finding"),
    ]
