"""The record of bans: when one begins, when it is over, and that nothing else changes it."""

from __future__ import annotations

from dataclasses import replace

from tests.support.factories import (
    NOW,
    PACK,
    beside,
    compare,
    event,
    known,
    minute,
    version,
)
from watcher.changes.diff import KEPT
from watcher.changes.facts import with_bans
from watcher.model.event import Event, Kind
from watcher.model.snapshot import Ban, Node, Snapshot
from watcher.model.version import in_order

BANNED = version("1.0", "banned")
OPEN = Ban(since=NOW, changed=NOW, reason="steals")


def bans_after(node: Node, *events: Event, at: str = minute(1)) -> dict[str, Ban]:
    """Return the bans of a node after a poll that saw it so."""
    snapshot = Snapshot(nodes={PACK.lower(): node})
    after = with_bans(snapshot, events, at)
    bans = beside(after.nodes[PACK.lower()], "ban")
    assert (after is snapshot) == (bans == beside(node, "ban"))
    return bans


def test_a_ban_has_the_reason_of_its_event() -> None:
    """What is banned has a record, with the reason of `banned`, and never that of an `exposed`."""
    banned = event(
        kind=Kind.BANNED, version="1.0", version_id="id-1.0", reason="steals"
    )
    exposed = event(
        kind=Kind.EXPOSED, version="1.0", version_id="id-1.0", reason="you run it"
    )
    node = known(BANNED, version("2.0", "flagged"))
    assert bans_after(node, banned, exposed, at=NOW) == {"id-1.0": OPEN}
    assert bans_after(node, exposed, at=NOW)["id-1.0"].reason == ""


def test_a_version_that_gets_an_id_keeps_its_ban() -> None:
    """The record goes with its version to the new key, so that it ends when that version is pardoned."""
    node = known(version("1.0", "banned", id=""), version("2.0"))
    bare = known(*node.rows, bans=bans_after(node, at=NOW))
    named = compare(bare, version("1.0", id="a"), version("2.0")).node
    after = bans_after(named)
    assert [(key, ban.until) for key, ban in after.items()] == [("a", minute(1))]


def test_a_version_that_was_banned_is_never_forgotten() -> None:
    """However many came after it: its ban is still published. Of the others the oldest go."""
    old = in_order(version(f"0.{number}") for number in range(KEPT + 3))
    node = known(*old, bans={old[0].key: OPEN, old[1].key: replace(OPEN, until=NOW)})
    after = compare(node).node
    assert beside(after, "ban") == beside(node, "ban")
    assert {*old} - {*after.rows} == {old[2]}
