"""The record of bans: when one begins, when it is over, and that nothing else changes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import (
    NOW,
    beside,
    compare,
    known,
    minute,
    reported,
    version,
)
from watcher.changes.diff import KEPT
from watcher.model.snapshot import Ban
from watcher.model.version import in_order

BANNED = version("1.0", "banned")
OPEN = Ban(since=NOW, changed=NOW, reason="steals")


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        ("active", True),
        ("pending", True),
        ("flagged", True),
        ("deleted", False),
        ("novel", False),
    ],
)
def test_what_ends_a_ban(status: str, ends: bool) -> None:
    """A version is banned no more once it is seen as one that can be installed, or waits for its scan."""
    banned = compare(None, BANNED).node
    after = compare(banned, version("1.0", status), now=minute(1)).node
    [ban] = beside(after, "ban").values()
    assert ban.until == (minute(1) if ends else "")


def test_an_incomplete_listing_ends_no_ban_of_a_pack() -> None:
    """What it shows of a pack that is banned says nothing; a complete one ends the ban, and what changed is news."""
    banned = replace(known(version("1.0")), banned=True, ban=OPEN)
    rows = version("1.0"), version("2.0")
    assert compare(banned, *rows, incomplete="1 page is missing") == (banned, ())
    assert reported(compare(banned, *rows)) == [
        ("reinstated", None, "banned", "active"),
        ("new", "2.0", None, "active"),
    ]


def test_a_version_that_was_banned_is_never_forgotten() -> None:
    """However many came after it: its ban is still published. Of the others the oldest go."""
    old = in_order(version(f"0.{number}") for number in range(KEPT + 3))
    node = known(*old, bans={old[0].key: OPEN, old[1].key: replace(OPEN, until=NOW)})
    after = compare(node).node
    assert beside(after, "ban") == beside(node, "ban")
    assert {*old} - {*after.rows} == {old[2]}
