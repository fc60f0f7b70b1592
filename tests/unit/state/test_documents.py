"""The files of the state as text: how they are laid out, and what is not one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import CHECKED, NOW, PACK, channel, event, known, version
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, change
from watcher.alerts.queues.ownership import Addresses
from watcher.model.event import About
from watcher.model.snapshot import Mark, Node, Publisher, Snapshot
from watcher.state import documents
from watcher.state.codec import UnreadableFormError
from watcher.state.model import Checks

PICTURE = Snapshot(
    revision=1, nodes={PACK.lower(): known(version("1.0"), version("2.0"))}
)
OWED = documents.write(
    change(
        Outbox(),
        outbox.enqueue(Outbox(), (channel("ops"),), (event("e1"),), 1, NOW),
    ),
    3,
)


def read_owed(text: bytes) -> Outbox:
    """Return what a file says is owed."""
    return documents.owed(documents.read(text), 3)


WRITTEN: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "snapshot": (
        documents.read_snapshot,
        documents.write_snapshot(
            replace(PICTURE, publishers={"ann": Publisher(publisher="Ann")})
        ),
    ),
    "owed": (read_owed, OWED),
    "checks": (
        documents.CHECKS.read,
        documents.CHECKS.write(Checks(polled_at=NOW, revision=3)),
    ),
    "addresses": (
        documents.read_addresses,
        documents.ADDRESSES.write(Addresses(salt="ab", apprise="2.3")),
    ),
    "installs": (
        documents.INSTALLS.read,
        documents.INSTALLS.write(documents.LastScans()),
    ),
}


def test_a_snapshot_is_laid_out_for_people() -> None:
    """Nodes are sorted, a version is a line, and below the top what is empty is left out."""
    node = known(
        version("1", id="x", dependencies=("u",)),
        version("2.0", id=""),
        marks={"x": Mark.ABSENT},
    )
    nodes = {"zeta": Node(node="Zeta"), PACK.lower(): node}
    text = documents.write_snapshot(
        Snapshot(revision=7, failing={About.CHANNEL: {"ops": "failing"}}, nodes=nodes)
    )
    assert text.decode().splitlines() == [
        "{",
        ' "format": 5,',
        ' "revision": 7,',
        ' "failing": {',
        '  "channel": {',
        '   "ops": "failing"',
        "  }",
        " },",
        ' "installed": {},',
        ' "sweep_baseline": {},',
        ' "publishers": {},',
        ' "counts": {},',
        ' "nodes": {',
        '  "some-pack": {',
        '   "node": "Some-Pack",',
        f'   "baseline_at": "{CHECKED}",',
        '   "versions": [',
        (
            '    {"row": {"version": "1", "id": "x", "status": "active", "created_at": "2026-01-01T00:00:00Z", '
            '"dependencies": ["u"]}, "mark": "absent"},'
        ),
        '    {"row": {"version": "2.0", "status": "active", "created_at": "2026-01-01T00:00:00Z"}}',
        "   ]",
        "  },",
        '  "zeta": {',
        '   "node": "Zeta"',
        "  }",
        " }",
        "}",
    ]


def test_no_line_is_made_by_untrusted_text() -> None:
    """Line breaks and quotes in a version's text stay inside its line."""
    hostile = 'a",\n"evil": {\n "node": "evil"}\u2028\x00'
    nodes = {PACK.lower(): known(version(hostile), version("2.0"))}
    text = documents.write_snapshot(replace(PICTURE, nodes=nodes))
    usual = documents.write_snapshot(PICTURE)
    assert len(text.splitlines()) == len(usual.splitlines())
    assert documents.read_snapshot(text).nodes == nodes


@pytest.mark.parametrize("name", sorted(WRITTEN.keys() - {"owed"}))
def test_a_missing_field_is_named(name: str) -> None:
    """A file that lacks a field at its top is refused with the field's name: nothing owed is lost silently."""
    read, text = WRITTEN[name]
    whole = json.loads(text)
    read(text)
    for field in whole:
        less = {key: value for key, value in whole.items() if key != field}
        with pytest.raises(
            UnreadableFormError, match=rf"field required \(at {field}\)"
        ):
            read(json.dumps(less).encode())


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("snapshot", '"some-pack": ', '"other-pack": ', "holds another one"),
        ("snapshot", '"ann": ', '"bob": ', "holds another one"),
        ("snapshot", CHECKED, "soon", "'soon' is no time"),
        ("snapshot", '"status": "active"', '"status": 7', "valid string"),
        ("snapshot", '"revision": 1', '"revision": 1.0', "valid integer"),
        ("owed", f'"queued_at":"{NOW}"', '"queued_at":""', "'' is no time"),
        ("owed", '"events":["e1"]', '"events":["e2"]', "the event e2 is missing"),
        ("owed", '"unrecorded":["e1"]', '"unrecorded":["e2"]', "event e2 is missing"),
        ("owed", '"revision":3', '"revision":"3"', r"valid integer.* \(line 1"),
        ("checks", NOW, "soon", "'soon' is no time"),
        ("addresses", '"ab"', '"xy"', "the salt is not hexadecimal"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    name: str, old: str, new: str, why: str
) -> None:
    """A file is damaged where a value cannot be what it stands for; the reason says which."""
    read, text = WRITTEN[name]
    assert old.encode() in text
    with pytest.raises(UnreadableFormError, match=why):
        read(text.replace(old.encode(), new.encode()))
