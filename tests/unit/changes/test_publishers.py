"""What a list of a publisher's packs means: a later pack is news, and none is ever taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import CHECKED, NOW, known
from watcher.changes.packs import take_packs
from watcher.model.pack import NodeRecord
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Publisher, Snapshot

FIRST = "2026-03-01T09:00:00.000Z"


def taken(
    snapshot: Snapshot,
    *packs: str,
    globs: tuple[str, ...] = (),
    whole: bool = True,
    at: str = NOW,
) -> Snapshot:
    """Take a list with ann's packs, and with one of somebody else."""
    records = [NodeRecord(id=pack, publisher="Ann") for pack in packs]
    return take_packs(
        snapshot,
        ("ann",),
        [*records, NodeRecord(id="other", publisher="bob"), NodeRecord(id="delta")],
        Selection(globs=globs),
        whole_at=at if whole else None,
    )


@pytest.fixture
def first() -> Snapshot:
    """What is known after a first list of two packs."""
    return taken(Snapshot(), "Beta", "alpha", at=FIRST)


def test_the_first_list(first: Snapshot) -> None:
    """Its packs are remembered in order, and have no node: their first listing is a baseline as any other."""
    assert first.publishers == {
        "ann": Publisher(publisher="ann", baseline_at=FIRST, packs=("alpha", "Beta"))
    }
    assert first.nodes == {}


def test_a_later_pack_is_news(first: Snapshot) -> None:
    """It has its node, with the baseline of the first list, before anything is read of it; a known one has its own."""
    pack = known(node="Delta", baseline_at=CHECKED)
    before = replace(first, nodes={"delta": pack})
    after = taken(before, "alpha", "Beta", "gamma", "Delta", whole=False)
    assert after.publishers["ann"].packs == ("alpha", "Beta", "Delta", "gamma")
    assert after.publishers["ann"].baseline_at == FIRST
    new = Node(node="gamma", baseline_at=FIRST)
    assert after.nodes == {"delta": pack, "gamma": new}


def test_a_pack_that_is_left_out_gets_no_node(first: Snapshot) -> None:
    """If it is watched later, that begins with a baseline."""
    after = taken(first, "gamma", "delta", globs=("!g*",))
    assert after.nodes.keys() == {"delta"}
    assert "gamma" in after.publishers["ann"].packs


@pytest.mark.parametrize("packs", [("ALPHA", "beta"), ("alpha",), ()])
def test_the_same_list_or_less_changes_nothing(
    first: Snapshot, packs: tuple[str, ...]
) -> None:
    """The very same object comes back, so that nothing is written; a pack that left stays."""
    assert taken(first, *packs) is first
    assert taken(first, *packs, whole=False) is first


def test_an_incomplete_first_list_is_no_baseline() -> None:
    """What it shows is watched; what comes with the first whole list belongs to that."""
    part = taken(Snapshot(), "alpha", whole=False, at=FIRST)
    assert part.publishers["ann"] == Publisher(publisher="ann", packs=("alpha",))
    whole = taken(part, "alpha", "beta")
    assert whole.publishers["ann"].baseline_at == NOW
    assert whole.nodes == {}
    nothing = Snapshot()
    assert taken(nothing, whole=False) is nothing


def test_after_an_empty_first_list_each_pack_is_news() -> None:
    """A list without a pack of theirs is a first list too."""
    empty = taken(Snapshot(), at=FIRST)
    assert empty.publishers["ann"] == Publisher(publisher="ann", baseline_at=FIRST)
    assert taken(empty) is empty
    assert taken(empty, "alpha").nodes == {
        "alpha": Node(node="alpha", baseline_at=FIRST)
    }


def test_what_can_be_no_id_is_no_pack(first: Snapshot) -> None:
    """A pack that nobody can ask about is passed over."""
    assert taken(first, "*", "a b", "!x") is first


def test_the_packs_of_some_publishers(first: Snapshot) -> None:
    """Only those of the publishers that are asked for, in any case."""
    assert tuple(first.packs_of(("ANN", "bob"))) == ("alpha", "Beta")
    assert tuple(first.packs_of(())) == ()
