"""What is known of a pack after one reading of the registry, for `audit` and for the watch of installs."""

from __future__ import annotations

from tests.support.factories import ANY_AGE, PACK, known, version
from watcher.changes.verdict import Knowledge, judge_each
from watcher.model.pack import NodeRecord, NodeRecords, Pack, PackKind
from watcher.model.reading import Fault, ReadFailure
from watcher.model.snapshot import Node, Snapshot
from watcher.polling.reading.compare import PollChange
from watcher.polling.reading.plan import Seen
from watcher.polling.reading.read import Answers

KEY = PACK.lower()


def knowledge(
    *seen: Seen, absent: bool = False, banned: bool = False, node: Node | None = None
) -> Knowledge:
    """Return what is known of the pack; `banned`: `GET /nodes` said so before."""
    record = NodeRecord(id=PACK, status="banned")
    failure = ReadFailure(error="HTTP 404", fault=Fault.NOT_FOUND)
    change = PollChange(
        answers=Answers(seen=dict.fromkeys([KEY], seen[0]) if seen else {}),
        polled={},
        records=NodeRecords(
            records={KEY: record} if banned else {}, failure=failure if absent else None
        ),
        minimum_age=ANY_AGE,
        snapshot=Snapshot(nodes={KEY: node} if node else {}),
    )
    return change.known_of(PACK)


def test_a_pack_that_is_not_there_was_read() -> None:
    """A 404 that says so is an answer: the pack has no version, and nothing is missing."""
    failure = ReadFailure(node=PACK, error="HTTP 404", fault=Fault.NOT_FOUND)
    about = knowledge(Seen(name=PACK, failure=failure))
    assert (about.is_complete, about.is_in_registry) == (True, False)
    assert about.unread is None
    elsewhere = knowledge(Seen(name=PACK, failure=failure), absent=True)
    assert elsewhere.unread == failure


def test_a_ban_that_a_listing_ended_is_over() -> None:
    """What `GET /nodes` said before does not count against the node as it is known now."""
    ended = knowledge(node=known(version("1.0")), banned=True)
    lasting = knowledge(node=known(version("1.0"), banned=True), banned=True)
    pack = Pack(folder="x", kind=PackKind.CLAIMED, id=PACK, version="1.0")
    for about, grade in ((ended, "ok"), (lasting, "banned")):
        (found,) = judge_each("home", pack, {PACK: about}.__getitem__)
        assert found.grade == grade
