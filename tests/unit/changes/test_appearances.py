"""What appears in an install and vanishes from it: every pack, once, and never what was only moved or not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW
from watcher.changes import appearances
from watcher.changes.appearances import Scan
from watcher.model.event import Event
from watcher.model.exposure import Installed
from watcher.model.pack import Pack, PackKind, SourceKind

MORE = "extra_model_paths.yaml: more"
GLOW = Pack(folder="glow", kind=PackKind.REGISTRY, id="glow", version="1.0.0")
CLONE = Pack(
    folder="Upscaler", kind=PackKind.GIT, repository="https://github.com/ann/Upscaler"
)
LOOSE = Pack(folder="loose", kind=PackKind.UNKNOWN)
SINGLE = Pack(folder="evil.py", kind=PackKind.FILE)


def _scan(*packs: Pack, **fields: Any) -> Scan:
    given: dict[str, Any] = {
        "install": "studio",
        "source": SourceKind.PATH,
        "places": frozenset({"", MORE}),
        "is_whole": True,
    }
    return Scan(packs=packs, **given | fields)


def _part(*packs: Pack, place: str = "") -> Scan:
    """Return a scan that could read one of the two folders."""
    return _scan(*packs, places=frozenset({place}), is_whole=False)


_FAILED = _scan(places=frozenset(), is_whole=False)


def _said(*scans: Scan) -> list[tuple[str, ...]]:
    """Return what each of several scans of one install in a row reports: kinds with folders."""
    known, said = Installed(), []
    for scan in scans:
        known, events = appearances.assess(known, [scan], NOW)
        said.append(tuple(f"{one.kind} {one.folder}" for one in events))
    return said


def _lived(*scans: Scan) -> list[Event]:
    """Return the events of several scans of one install in a row."""
    known = Installed()
    found: list[Event] = []
    for scan in scans:
        known, events = appearances.assess(known, [scan], NOW)
        found += events
    return found


@pytest.mark.parametrize("pack", [GLOW, CLONE, LOOSE, SINGLE])
@pytest.mark.parametrize("enabled", [True, False])
def test_every_pack_counts(pack: Pack, enabled: bool) -> None:
    """A pack of any kind, also a disabled one, appears once; it vanishes with the second scan without it."""
    pack = replace(pack, enabled=enabled)
    assert _said(_scan(), _scan(pack), _scan(pack), _scan(), _scan(), _scan()) == [
        *((), (f"appeared {pack.folder}",), (), ()),
        *((f"vanished {pack.folder}",), ()),
    ]


def test_an_event_says_where_it_is_and_where_it_came_from() -> None:
    """It has the install, the folder, the kind, the version, the repository and, if there is one, the id."""
    pack = replace(GLOW, folder="Glow-2", repository="https://github.com/ann/glow")
    [came, gone] = _lived(_scan(), _scan(pack), _scan(), _scan())
    for event in (came, gone):
        assert (event.install, event.folder, event.pack_kind) == (
            "studio",
            "Glow-2",
            PackKind.REGISTRY,
        )
        assert (event.node, event.version, event.repository) == (
            "glow",
            "1.0.0",
            pack.repository,
        )
    assert [copy.enabled for copy in came.installed] == [True]
    assert gone.installed == ()
    [loose] = _lived(_scan(), _scan(SINGLE))
    assert (loose.node, loose.version, loose.repository) == (None, None, None)
    assert loose.url == "https://registry.comfy.org"


def test_the_first_scan_makes_none() -> None:
    """Nor does a first scan under another name, or of another kind of source."""
    first = _scan(GLOW, LOOSE)
    assert _said(first, replace(first, install="laptop", packs=(SINGLE,))) == [(), ()]
    assert _said(first, replace(first, source=SourceKind.URL, packs=(SINGLE,))) == [
        (),
        (),
    ]


def test_an_install_that_is_not_configured_is_forgotten() -> None:
    """What it has when it is back is no news."""
    known, _ = appearances.assess(Installed(), [_scan(GLOW)], NOW)
    known, events = appearances.assess(known, [], NOW)
    assert (known.known, events) == ({}, ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(GLOW, replace(GLOW, version="2.0.0"), id="a new version"),
        pytest.param(
            GLOW,
            replace(GLOW, kind=PackKind.GIT, folder="Glow", version=None),
            id="a clone of one id",
        ),
        pytest.param(GLOW, replace(GLOW, id="GLOW", folder="x"), id="another case"),
        pytest.param(GLOW, replace(GLOW, place=MORE), id="another folder of packs"),
        pytest.param(
            GLOW,
            replace(GLOW, folder=".disabled/glow@1_0_0", enabled=False),
            id="disabled",
        ),
        pytest.param(
            LOOSE,
            replace(LOOSE, folder=".disabled/loose", enabled=False),
            id="a folder without an id, disabled",
        ),
        pytest.param(
            SINGLE,
            replace(SINGLE, folder="evil.py.disabled", enabled=False),
            id="a single file, disabled",
        ),
        pytest.param(
            CLONE,
            replace(CLONE, folder=".disabled/upscaler-pack@nightly", enabled=False),
            id="a clone by its repository",
        ),
        pytest.param(
            LOOSE, replace(GLOW, folder="loose"), id="an id that can be read now"
        ),
        pytest.param(
            replace(GLOW, folder="loose"), LOOSE, id="an id that is read no more"
        ),
        pytest.param(
            LOOSE, replace(GLOW, folder="loose", place=MORE), id="moved, with an id now"
        ),
    ],
)
def test_what_is_the_same_pack(before: Pack, after: Pack) -> None:
    """A version, a move and enabling make no event, in either direction, whenever the old copy goes."""
    for one, other in ((before, after), (after, before)):
        scans = (_scan(one), _scan(other), _scan(other), _scan(other))
        assert _said(*scans) == [(), (), (), ()]


def test_two_copies_of_one_id_are_one_pack() -> None:
    """Another copy is no news, nor is the end of one of them; the end of the last one is, once."""
    other = replace(GLOW, folder="Glow-fork", kind=PackKind.GIT, version=None)
    assert _said(_scan(GLOW), _scan(GLOW, other), _scan(other), _scan(other)) == [
        *((), (), (), ()),
    ]
    both = _scan(GLOW, other)
    assert _said(_scan(), both) == [(), ("appeared glow",)]
    assert _said(both, _scan(), _scan()) == [(), (), ("vanished glow",)]
    off = replace(other, enabled=False, folder="a")
    assert _said(_scan(), _scan(off, GLOW)) == [(), ("appeared glow",)]


def test_packs_without_an_id_are_a_pack_each() -> None:
    """One that comes beside another of its name or repository is news, and so is one that goes."""
    beside = replace(LOOSE, place=MORE)
    assert _said(_scan(LOOSE), _scan(LOOSE, beside), _scan(beside), _scan(beside)) == [
        *((), ("appeared loose",), (), ("vanished loose",)),
    ]
    fork = replace(CLONE, folder="Fork")
    assert _said(_scan(CLONE), _scan(CLONE, fork)) == [(), ("appeared Fork",)]
    hidden = replace(LOOSE, folder="glow.disabled", enabled=False)
    assert _said(_scan(GLOW), _scan(GLOW, hidden)) == [(), ("appeared glow.disabled",)]


def test_an_update_that_is_half_done_is_no_news() -> None:
    """The Manager has moved the old copy away, and the new one has no file yet that says its id."""
    first = replace(GLOW, repository="https://github.com/ann/glow")
    old = replace(first, folder=".disabled/glow@1_0_0", enabled=False)
    half, new = replace(LOOSE, folder="glow"), replace(first, version="2.0.0")
    assert _said(_scan(first), _scan(old, half), _scan(old, new), _scan(new)) == [
        *((), (), (), ()),
    ]


def test_another_id_in_one_folder_is_another_pack() -> None:
    """It appears, and the one that was there vanishes."""
    other = replace(GLOW, id="gloom")
    assert _said(_scan(GLOW), _scan(other), _scan(other)) == [
        *((), ("appeared glow",), ("vanished glow",)),
    ]


def test_two_clones_of_one_name_in_a_snapshot_are_told_apart() -> None:
    """A snapshot has no folders: the one whose repository is new is the one that appeared."""
    fork = replace(CLONE, repository="https://github.com/bob/Upscaler")
    [event] = _lived(_scan(CLONE), _scan(fork, CLONE))
    assert event.repository == fork.repository


def test_a_pack_that_is_back_at_the_next_scan_was_never_gone() -> None:
    """An update that takes a pack away and puts it back makes no event, if a poll falls into it."""
    for pack in (GLOW, LOOSE):
        assert _said(_scan(pack), _scan(), _scan(pack), _scan(), _scan(pack)) == [
            *((), (), (), (), ()),
        ]


def test_a_scan_that_fails_makes_none() -> None:
    """It neither takes anything away nor counts as one of the two without the pack, and what came meanwhile is said."""
    assert _said(_FAILED, _scan(GLOW)) == [(), ()]
    assert _said(_scan(GLOW), _FAILED, _FAILED, _scan(GLOW, LOOSE)) == [
        *((), (), (), ("appeared loose",)),
    ]
    assert _said(_scan(GLOW), _scan(), _FAILED, _scan(GLOW)) == [(), (), (), ()]


def test_what_could_not_be_read_says_nothing() -> None:
    """A scan of a part reports what came there, and nothing that may be elsewhere now."""
    inside, outside = GLOW, replace(LOOSE, place=MORE)
    whole = _scan(inside, outside)
    assert _said(whole, _part(inside, SINGLE), _part(inside, SINGLE)) == [
        *((), ("appeared evil.py",), ()),
    ]
    assert _said(whole, _part(), _part(), _part(inside), whole) == [(), (), (), (), ()]
    assert _said(whole, _part(outside, place=MORE), _scan(outside), _scan(outside)) == [
        *((), (), (), ("vanished glow",)),
    ]
    beside = replace(LOOSE, place="")
    assert _said(whole, _part(inside, beside), _scan(inside, beside, outside)) == [
        *((), (), ("appeared loose",)),
    ], "it may have been moved from what could not be read, until that is seen"
    kept = _part(inside, replace(SINGLE, place=MORE))
    assert _said(whole, kept) == [(), ()], "a list from before, of what was not read"


def test_a_folder_that_is_read_for_the_first_time() -> None:
    """Its packs are no news if it could not be read since the first scan; they are if everything was read once."""
    outside = replace(LOOSE, place=MORE)
    later = replace(SINGLE, place=MORE)
    assert _said(_part(GLOW), _scan(GLOW, outside), _scan(GLOW, outside, later)) == [
        *((), (), ("appeared evil.py",)),
    ]
    first = _scan(GLOW, places=frozenset({""}))
    assert _said(first, _part(GLOW), _scan(GLOW, outside)) == [
        *((), (), ("appeared loose",)),
    ]
    assert _said(_part(GLOW), _part(outside, place=MORE), _part(later, place=MORE)) == [
        *((), (), ("appeared evil.py",)),
    ]
    assert _said(_part(), _part(outside, place=MORE), _part(SINGLE)) == [
        *((), (), ("appeared evil.py",)),
    ]


def test_a_folder_that_is_gone_takes_its_packs_along() -> None:
    """They vanish as others do; if it comes back they appear."""
    outside = replace(LOOSE, place=MORE)
    both, one = _scan(GLOW, outside), _scan(GLOW, places=frozenset({""}))
    assert _said(both, one, one, both) == [
        *((), (), ("vanished loose",), ("appeared loose",)),
    ]


def test_each_event_has_an_id_of_its_own() -> None:
    """The same scan after the same ones has the same id, and a later return of a pack has another."""
    scans = (_scan(), _scan(GLOW, LOOSE), _scan(), _scan(), _scan(GLOW, LOOSE))
    ids = [one.id for one in _lived(*scans)]
    assert len({*ids}) == len(ids) == 6
    assert ids == [one.id for one in _lived(*scans)]


@pytest.mark.parametrize("pack", [CLONE, LOOSE, SINGLE])
def test_what_is_moved_out_of_an_unread_folder_is_no_news(pack: Pack) -> None:
    """Nor has it vanished later. If another one like it is still there, that is the one that appears."""
    before = _scan(replace(pack, place=MORE), GLOW)
    meanwhile = _part(pack, GLOW)
    moved = _scan(pack, GLOW)
    assert _said(before, meanwhile, moved, moved) == [(), (), (), ()]
    both = _scan(pack, replace(pack, place=MORE), GLOW)
    assert _said(before, meanwhile, both, both) == [
        *((), (), (f"appeared {pack.folder}",), ())
    ]
