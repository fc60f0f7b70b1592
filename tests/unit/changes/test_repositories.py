"""Which packs are under a repository, by the list of all packs."""

from __future__ import annotations

from dataclasses import replace

from watcher.changes.packs import ids_under, known_ids, with_packs, without_id
from watcher.model.pack import Claim, Identity, NodeRecord, NodeRecords, Pack, PackKind
from watcher.model.reading import ReadFailure

KEY = "github.com/ann/pack"
CLONE = Pack(folder="pack", kind=PackKind.GIT, repository="git@github.com:Ann/pack.git")


def listed(*records: NodeRecord, is_whole: bool = True) -> NodeRecords:
    """Return a list of all packs."""
    failure = None if is_whole else ReadFailure(error="page 2 is missing")
    return NodeRecords(
        records={one.id.lower(): one for one in records}, failure=failure
    )


def record(
    name: str, repository: str = f"https://{KEY}", status: str = "active"
) -> NodeRecord:
    """Return a row of the list."""
    return NodeRecord(id=name, repository=repository, status=status)


def test_only_a_copy_without_an_id_is_looked_up() -> None:
    """A copy with an id is what it says, and one without a readable address cannot be looked up."""
    named = Pack(folder="x", kind=PackKind.GIT, id="x", repository=CLONE.repository)
    nowhere = Pack(folder="x", kind=PackKind.GIT, repository="/srv/git/x")
    assert without_id([CLONE, named, nowhere]) == {KEY}
    assert with_packs(named, {KEY: ("pack",)}) == named


def test_two_packs_with_one_repository() -> None:
    """A clone may be each of them, a banned one first, of many only ten; what can be no id does not count."""
    many = [record(f"a-{number}") for number in range(20)]
    bad = record("zz", status="banned")
    (found,) = ids_under(
        {KEY}, {}, listed(*many, bad, record("no id", status="banned"))
    ).values()
    assert (found[0], len(found)) == ("zz", 10)
    assert [one.by for one in with_packs(CLONE, {KEY: found}).others] == [
        Claim.REPOSITORY
    ] * 10


def test_none_is_only_what_a_whole_list_does_not_have() -> None:
    """What a list with a missing page does not have was not looked up; what was known of a pack holds until then."""
    part = listed(record("x"), is_whole=False)
    for known in ({}, {KEY: ("Pack",)}):
        assert ids_under({KEY}, known, None) == known
        assert ids_under({KEY}, known, listed(is_whole=False)) == known
    assert ids_under({KEY}, {}, part) == {KEY: ("x",)}
    assert ids_under({KEY}, {}, listed()) == {KEY: ()}


def test_what_was_known_of_a_pack_holds_until_a_list_has_it() -> None:
    """A pack of which it does not say where its source is stays; one that it has under another repository does not."""
    known = {KEY: ("Pack",), "gone": ("x",)}
    for found in ([], [record("Pack")], [record("Pack", "", "banned")]):
        assert ids_under({KEY}, known, listed(*found)) == {KEY: ("Pack",)}
    moved = listed(record("Pack", "https://x.y/z"))
    assert ids_under({KEY}, known, moved) == {KEY: ()}
    # What is bad and run is no better because its publisher says that its source is elsewhere.
    assert ids_under({KEY}, known, moved, {"pack"}) == {KEY: ("Pack",)}
    clone = with_packs(CLONE, known)
    assert with_packs(clone, known) == clone
    assert with_packs(clone, {}) == CLONE
    named = replace(CLONE, others=(Identity(id="pack", by=Claim.FOLDER),))
    assert with_packs(named, known) == named
    assert known_ids([clone, named]) == {KEY: ("Pack",)}
