"""The record of bans: when one begins, when it is over, and that nothing else changes it."""

from __future__ import annotations

import pytest

from tests.support.factories import (
    NOW,
    PACK,
    compare,
    event,
    known,
    minute,
    version,
)
from watcher.changes.bans import with_bans
from watcher.changes.matching import KEPT
from watcher.model.event import Event, Kind
from watcher.model.snapshot import Ban, Mark, Node, Snapshot
from watcher.model.version import Version, in_order

BANNED = version("1.0", "banned")
OPEN = Ban(version="1.0", since=NOW, changed=NOW, reason="steals")


def bans_after(node: Node, *events: Event, at: str = minute(1)) -> dict[str, Ban]:
    """Return the bans of a node after a poll that saw it so."""
    snapshot = Snapshot(nodes={PACK.lower(): node})
    after = with_bans(snapshot, events, at)
    bans = after.nodes[PACK.lower()].bans
    assert (after is snapshot) == (bans == node.bans)
    return dict(bans)


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


@pytest.mark.parametrize(
    ("row", "marks"),
    [
        (BANNED, {}),
        (BANNED, {"id-1.0": Mark.ABSENT}),
        (BANNED, {"id-1.0": Mark.REMOVED}),
        (BANNED, {"id-1.0": Mark.LEFT}),
        (version("1.0", "deleted"), {}),
        (version("1.0", "NodeVersionStatusQuarantined"), {}),
    ],
)
def test_nothing_good_was_seen(row: Version, marks: dict[str, Mark]) -> None:
    """A ban stays as it is while its version is banned, deleted, missing or of an unknown status."""
    node = known(row, marks=marks, bans={"id-1.0": OPEN})
    assert bans_after(node) == {"id-1.0": OPEN}


@pytest.mark.parametrize("status", ["active", "pending", "flagged"])
def test_a_ban_is_over(status: str) -> None:
    """A ban ends once when its version is seen under another status, and the record is kept."""
    node = known(version("1.0", status), bans={"id-1.0": OPEN})
    over = Ban(
        version="1.0", since=NOW, until=minute(1), changed=minute(1), reason="steals"
    )
    assert bans_after(node) == {"id-1.0": over}
    again = known(version("1.0", status), bans={"id-1.0": over})
    assert bans_after(again, at=minute(2)) == {"id-1.0": over}


@pytest.mark.parametrize(("said", "reason"), [("", "steals"), ("mines", "mines")])
def test_a_second_ban_opens_the_record_again(said: str, reason: str) -> None:
    """A version that is banned again has the record of the first ban, with the newer reason if that was read."""
    over = Ban(version="1.0", since=NOW, until=NOW, changed=NOW, reason="steals")
    again = event(kind=Kind.BANNED, version="1.0", version_id="id-1.0", reason=said)
    after = bans_after(known(BANNED, bans={"id-1.0": over}), again)
    assert after == {
        "id-1.0": Ban(version="1.0", since=NOW, changed=minute(1), reason=reason)
    }


def test_a_node_as_a_whole() -> None:
    """The ban of a pack has a record of its own, with the key "", which ends when the pack is not banned any more."""
    of_pack = event(kind=Kind.BANNED, version=None, version_id=None, reason="steals")
    node = known(version("1.0"), banned=True)
    begun = bans_after(node, of_pack, at=NOW)
    assert begun == {"": Ban(since=NOW, changed=NOW, reason="steals")}
    pardoned = bans_after(known(version("1.0"), bans=begun))
    assert pardoned[""].until == minute(1)


def test_a_version_that_gets_an_id_keeps_its_ban() -> None:
    """The record goes with its version to the new key, so that it ends when that version is pardoned."""
    node = known(version("1.0", "banned", id=""), version("2.0"))
    bare = known(*node.versions, bans=bans_after(node, at=NOW))
    named = compare(bare, version("1.0", id="a"), version("2.0")).node
    after = bans_after(named)
    assert [(key, ban.until) for key, ban in after.items()] == [("a", minute(1))]


def test_a_version_that_is_forgotten_takes_its_ban_along() -> None:
    """A pack that publishes without end has no more records than versions that are kept."""
    old = [version(f"0.{number}") for number in range(KEPT + 1)]
    first = Ban(version="0.0", since=NOW, changed=NOW)
    node = known(*old, bans={"id-0.0": first, "id-0.1": first})
    assert len(node.versions) == KEPT + 1
    gone = {old[0].key, old[1].key} - compare(node).node.bans.keys()
    assert gone == {in_order(old)[0].key}
