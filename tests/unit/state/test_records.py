"""The JSON forms of the state: how they are laid out, and what is not one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from tests.support.factories import CHECKED, NOW, PACK, event, known, version
from watcher.alerts.queues import outbox
from watcher.alerts.queues.channel_identity import Addresses
from watcher.alerts.queues.outbox import Outbox
from watcher.model.channel import Channel
from watcher.model.event import Kind
from watcher.model.pack import Copy
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.model.version import STATUSES
from watcher.state import records, snapshot_file
from watcher.state.codec import NewerFormError, UnreadableFormError, decode
from watcher.state.model import Checks


@dataclass(frozen=True, kw_only=True)
class _OlderOutbox:
    """As much of an outbox as the last version looked at, which ignored what it did not know."""

    format: Literal[2]
    revision: int
    events: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _OlderSnapshot:
    """As much of a snapshot as the last version looked at."""

    format: int
    revision: int
    registry_failing: bool
    registry_seen: int
    nodes: dict[str, Any]


READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "snapshot": (
        snapshot_file.read_snapshot,
        snapshot_file.write_snapshot(Snapshot(revision=3)),
    ),
    "outbox": (records.read_outbox, records.write_outbox(3, Outbox())),
    "checks": (records.read_checks, records.write_checks(3, Checks())),
    "addresses": (records.read_addresses, records.write_addresses(Addresses())),
}


@pytest.mark.parametrize(("revision", "prepared"), [(0, 0), (7, 3), (12345, 12346)])
def test_an_outbox_in_which_nothing_is_has_the_form_of_all_others(
    revision: int, prepared: int
) -> None:
    """It is written without what encodes the others, to the same bytes, and read as they are."""
    text = records.write_outbox(revision, Outbox(prepared=prepared))
    assert text == records._OUTBOX.write(Outbox(prepared=prepared), revision=revision)
    assert (
        records.read_outbox(text)
        == records._OUTBOX.read(text)
        == (revision, Outbox(prepared=prepared))
    )


@pytest.mark.parametrize(
    ("old", "new"), [(b"3", b"03"), (b"3", b"3.0"), (b"4", b"5"), (b"{}", b"[]")]
)
def test_an_outbox_that_looks_empty_is_decoded_strictly(old: bytes, new: bytes) -> None:
    """What is not written so is judged as every other outbox."""
    text = records.write_outbox(7, Outbox(prepared=3)).replace(old, new, 1)
    with pytest.raises(UnreadableFormError):
        records.read_outbox(text)


def test_a_snapshot_is_laid_out_for_people() -> None:
    """Nodes are sorted, a version is a line, and what is empty is left out."""
    node = known(
        version("1", id="x", tags=("ü",)),
        version("2.0", "flagged", id=""),
        seen={"": 1},
        marks={"x": Mark.LEFT},
    )
    nodes = {"zeta": Node(node="Zeta"), PACK.lower(): node}
    text = snapshot_file.write_snapshot(
        Snapshot(
            revision=7, channels_failing={"ops": "00"}, channels_seen=1, nodes=nodes
        )
    )
    assert text.decode().splitlines() == [
        "{",
        '"format": 2,',
        '"revision": 7,',
        '"registry_failing": false,',
        '"registry_seen": 0,',
        '"channels_failing": {"ops": "00"},',
        '"channels_seen": 1,',
        '"nodes": {',
        '"some-pack": {',
        ' "node": "Some-Pack",',
        f' "baseline_at": "{CHECKED}",',
        f' "statuses": {json.dumps(STATUSES)},',
        ' "seen": {"": 1},',
        ' "marks": {"x": "left"},',
        ' "versions": [',
        '  {"version": "1", "id": "x", "status": "active", "created_at": "2026-01-01T00:00:00Z", "tags": ["\\u00fc"]},',
        '  {"version": "2.0", "status": "flagged", "created_at": "2026-01-01T00:00:00Z"}',
        " ]},",
        '"zeta": {',
        ' "node": "Zeta"}',
        "}",
        "}",
    ]


def test_a_snapshot_of_the_first_format_is_read() -> None:
    """It knew of no channel; the next change writes it in today's format."""
    snapshot = Snapshot(
        revision=1, registry_seen=3, nodes={PACK.lower(): known(version("1.0"))}
    )
    text = snapshot_file.write_snapshot(snapshot)
    first = text.replace(b'"format": 2', b'"format": 1').replace(
        b'"channels_failing": {},\n"channels_seen": 0,\n', b""
    )
    assert first != text
    assert snapshot_file.read_snapshot(first) == snapshot
    assert snapshot_file.write_snapshot(snapshot_file.read_snapshot(first)) == text


def test_a_newer_snapshot_is_refused() -> None:
    """A program that knows the first format only says that this one is newer, and changes nothing."""
    with pytest.raises(NewerFormError):
        decode(_OlderSnapshot, snapshot_file.write_snapshot(Snapshot(revision=1)), 1)
    with pytest.raises(NewerFormError):
        snapshot_file.read_snapshot(
            snapshot_file.write_snapshot(Snapshot()).replace(
                b'"format": 2', b'"format": 3'
            )
        )


def test_one_changed_version_is_one_changed_line() -> None:
    """A change of one version differs in that version's line and the revision's, so that a diff shows it."""
    before = Snapshot(
        revision=1, nodes={PACK.lower(): known(version("1.0"), version("2.0"))}
    )
    after = Snapshot(
        revision=2,
        nodes={PACK.lower(): known(version("1.0"), version("2.0", "banned"))},
    )
    old, new = (
        snapshot_file.write_snapshot(snapshot).splitlines()
        for snapshot in (before, after)
    )
    assert [line for line in new if line not in old] == [
        b'"revision": 2,',
        b'  {"version": "2.0", "id": "id-2.0", "status": "banned", "created_at": "2026-01-01T00:00:00Z"}',
    ]


def test_no_line_is_made_by_untrusted_text() -> None:
    """Line breaks and quotes in a version's text stay inside its line."""
    hostile = 'a",\n"evil": {\n "node": "evil"}\u2028\x00'
    snapshot = Snapshot(
        revision=1, nodes={PACK.lower(): known(version(hostile, tags=(hostile,)))}
    )
    plain = Snapshot(
        revision=1, nodes={PACK.lower(): known(version("1.0", tags=("x",)))}
    )
    text = snapshot_file.write_snapshot(snapshot)
    assert len(text.splitlines()) == len(
        snapshot_file.write_snapshot(plain).splitlines()
    )
    assert snapshot_file.read_snapshot(text) == snapshot


@pytest.mark.parametrize("name", READERS)
def test_a_missing_field_is_named(name: str) -> None:
    """A file that lacks a field is refused with the field's name, unless earlier versions did not write it."""
    read, text = READERS[name]
    whole = json.loads(text)
    for field in whole.keys() - records.ADDED:
        with pytest.raises(
            UnreadableFormError, match=rf"Field required \(at {field}\)"
        ):
            read(
                json.dumps(
                    {key: value for key, value in whole.items() if key != field}
                ).encode()
            )


def test_an_entry_of_another_node_is_refused() -> None:
    """A node must stand under its own lower-case id."""
    text = snapshot_file.write_snapshot(
        Snapshot(revision=1, nodes={PACK.lower(): known(version("1.0"))})
    )
    with pytest.raises(
        UnreadableFormError, match="the entry 'other-pack' holds another node"
    ):
        snapshot_file.read_snapshot(text.replace(b'"some-pack": ', b'"other-pack": '))


def test_what_is_no_time_is_refused() -> None:
    """A file that has other text in place of a time is damaged."""
    channel = Channel(name="ops", url="json://127.0.0.1/")
    text = records.write_outbox(
        0, outbox.enqueue(Outbox(), (channel,), (event("e1"),), 1, NOW)
    )
    with pytest.raises(UnreadableFormError, match="'soon' is no time"):
        records.read_outbox(
            text.replace(f'"queued_at": "{NOW}"'.encode(), b'"queued_at": "soon"')
        )
    for checks in (
        Checks(polled_at="soon"),
        Checks(polled_at=NOW, polled_before="soon"),
    ):
        with pytest.raises(UnreadableFormError, match="'soon' is no time"):
            records.read_checks(records.write_checks(0, checks))


def test_checks_may_lack_the_poll_before_the_last() -> None:
    """What an earlier version wrote is read; only that text may be missing."""
    written = json.loads(
        records.write_checks(3, Checks(polled_at=NOW, polled_before=NOW))
    )
    older = {key: value for key, value in written.items() if key != "polled_before"}
    assert records.read_checks(json.dumps(older).encode()) == (3, Checks(polled_at=NOW))
    del older["polled_at"]
    with pytest.raises(UnreadableFormError, match="polled_at"):
        records.read_checks(json.dumps(older).encode())


def test_a_salt_that_is_not_hexadecimal_is_refused() -> None:
    """Digests could not be made with it."""
    text = records.write_addresses(Addresses(salt="ab", apprise="2.3"))
    with pytest.raises(UnreadableFormError, match="the salt is not hexadecimal"):
        records.read_addresses(text.replace(b'"ab"', b'"xy"'))


@pytest.mark.parametrize("recorded", [False, True])
def test_an_event_that_is_missing_is_refused(*, recorded: bool) -> None:
    """An outbox is damaged if it owes an event that it does not hold, to a channel or to the history."""
    channels = (Channel(name="ops", url="json://127.0.0.1/"),) if recorded else ()
    waiting = outbox.enqueue(Outbox(), channels, (event("e1"),), 1, NOW)
    written = json.loads(
        records.write_outbox(0, outbox.recorded(waiting) if recorded else waiting)
    )
    with pytest.raises(UnreadableFormError, match="the event e1 is missing"):
        records.read_outbox(json.dumps(written | {"events": {}}).encode())


def test_no_address_of_a_channel_is_in_the_outbox() -> None:
    """Channels are known by name in the file; nothing of a URL is there."""
    secret = Channel(name="ops", url="json://user:s3cret@host.example/token")
    text = records.write_outbox(
        0, outbox.enqueue(Outbox(), (secret,), (event(),), 1, NOW)
    )
    assert b'"ops"' in text
    assert not any(
        part in text for part in (b"s3cret", b"host.example", b"token", b"json://")
    )


def test_a_recorded_event_is_read_again() -> None:
    """A line of the history is the event, with what is not known of it too."""
    for one in (
        event(),
        event(safe_version=None, published=NOW, changelog="fixes"),
        event(node=None, channel="ops"),
        event(kind=Kind.FAILING, node=None, install="laptop"),
        event(
            kind=Kind.EXPOSED,
            installed=(Copy(install="laptop", version=None, enabled=False),),
        ),
    ):
        assert records.read_event(records.write_event(one)) == one


@pytest.mark.parametrize("earlier", [2, 3])
def test_an_event_of_an_earlier_version_is_read(earlier: int) -> None:
    """An event that was written before it could have these fields has nothing in them."""
    waiting = outbox.enqueue(
        Outbox(),
        (Channel(name="ops", url="json://127.0.0.1/"),),
        (event("e1"),),
        1,
        NOW,
    )
    document = json.loads(records.write_outbox(1, waiting))
    for field in (
        "published",
        "safe_version",
        "changelog",
        "channel",
        "install",
        "installed",
    ):
        del document["events"]["e1"][field]
    assert records.read_outbox(json.dumps(document | {"format": earlier}).encode()) == (
        1,
        waiting,
    )
    assert records.read_event(json.dumps(document["events"]["e1"]).encode()) == event(
        "e1"
    )


@pytest.mark.parametrize(
    ("about", "known"), [({"channel": "ops"}, 2), ({"install": "laptop"}, 3)]
)
def test_an_older_program_refuses_an_outbox_that_may_owe_what_it_misreads(
    about: dict[str, Any], known: int
) -> None:
    """It would report that the registry cannot be read: to it, an event without a node is the registry's."""
    waiting = outbox.enqueue(
        Outbox(), (), (event("e1", Kind.FAILING, node=None, **about),), 1, NOW
    )
    with pytest.raises(NewerFormError):
        decode(_OlderOutbox, records.write_outbox(1, waiting), known)


@pytest.mark.parametrize(
    "queues", [None, [], "", {"ops": None}, {"ops": []}, {"ops": {"messages": None}}]
)
def test_a_damaged_outbox_of_the_first_format_is_refused(queues: object) -> None:
    """Carrying it over never makes an empty queue of one that cannot be read."""
    first = json.loads(records.write_outbox(1, Outbox())) | {
        "format": 1,
        "queues": queues,
    }
    with pytest.raises(UnreadableFormError):
        records.read_outbox(json.dumps(first).encode())
