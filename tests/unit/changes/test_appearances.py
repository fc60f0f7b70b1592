"""What appears in an install: every pack, once, and never what was only moved, renamed or not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW
from watcher.changes import exposure
from watcher.model.event import Event
from watcher.model.finding import Installed
from watcher.model.pack import Pack, PackKind, Scanned

MORE = "extra_model_paths.yaml: more"
GLOW = Pack(folder="glow", kind=PackKind.REGISTRY, id="glow", version="1.0.0")
CLONE = Pack(
    folder="Upscaler", kind=PackKind.GIT, repository="https://github.com/ann/Upscaler"
)
LOOSE = Pack(folder="loose", kind=PackKind.UNKNOWN)
SINGLE = Pack(folder="evil.py", kind=PackKind.FILE)


def _scan(*packs: Pack, **fields: Any) -> Scanned:
    given: dict[str, Any] = {
        "name": "studio",
        "places": frozenset({"", MORE}),
        "is_whole": True,
    }
    return Scanned(packs=packs, **given | fields)


def _part(*packs: Pack) -> Scanned:
    """Return a scan that could read one of the two folders; `packs` has what is known of the other."""
    return _scan(*packs, places=frozenset({""}), is_whole=False)


def _failed(*packs: Pack) -> Scanned:
    """Return a scan that could read nothing."""
    return _scan(*packs, places=frozenset(), is_whole=False)


def _lived(*scans: Scanned) -> list[list[Event]]:
    """Return the events of each of several scans of one install in a row."""
    known, found = Installed(), []
    for number, scan in enumerate(scans):
        known, events = exposure.appear(known, {"studio": scan}, NOW, number)
        found.append([*events])
    return found


def _said(*scans: Scanned) -> list[tuple[str | None, ...]]:
    """Return the folders of what each of several scans reports."""
    return [tuple(one.folder for one in events) for events in _lived(*scans)]


@pytest.mark.parametrize("pack", [GLOW, replace(CLONE, enabled=False), LOOSE, SINGLE])
def test_every_pack_counts(pack: Pack) -> None:
    """A pack of any kind, also a disabled one, appears once, and again when it is back after it was gone."""
    scans = (_scan(), _scan(pack), _scan(pack), _scan(), _scan(pack))
    assert _said(*scans) == [(), (pack.folder,), (), (), (pack.folder,)]
    ids = [one.id for events in _lived(*scans) for one in events]
    assert len({*ids}) == len(ids) == 2


def test_an_event_says_what_appeared_where() -> None:
    """It has the install, the folder, the version, whether it is enabled and, if there is one, the id."""
    pack = replace(GLOW, folder="Glow-2")
    [_, [came, loose]] = _lived(_scan(), _scan(pack, SINGLE))
    assert (came.install, came.folder, came.node, came.version) == (
        *("studio", "Glow-2", "glow", "1.0.0"),
    )
    assert [copy.enabled for copy in came.installed] == [True]
    assert (loose.folder, loose.node, loose.version) == ("evil.py", None, None)
    assert loose.url == "https://registry.comfy.org"


def test_the_first_scan_makes_none() -> None:
    """Nor does a first scan under another name, or of an install that is back in the settings."""
    known, _ = exposure.appear(Installed(), {"studio": _scan(GLOW)}, NOW, 0)
    known, events = exposure.appear(known, {"laptop": _scan(SINGLE)}, NOW, 0)
    assert (list(known.known), events) == (["laptop"], ())
    assert exposure.appear(known, {"studio": _scan(LOOSE)}, NOW, 1)[1] == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(GLOW, replace(GLOW, version="2.0.0"), id="a new version"),
        pytest.param(
            GLOW,
            replace(GLOW, kind=PackKind.GIT, folder="Glow-main", version=None),
            id="a clone of one id",
        ),
        pytest.param(GLOW, replace(GLOW, id="GLOW", folder="x"), id="another case"),
        pytest.param(GLOW, replace(GLOW, place=MORE), id="another folder of packs"),
        pytest.param(
            LOOSE,
            replace(LOOSE, folder=".disabled/loose@1_0_0", enabled=False),
            id="a folder without an id, disabled",
        ),
        pytest.param(
            SINGLE,
            replace(SINGLE, folder="evil.py.disabled", enabled=False),
            id="a single file, disabled",
        ),
        pytest.param(
            LOOSE, replace(GLOW, folder="Loose"), id="an id that can be read now"
        ),
    ],
)
def test_what_is_the_same_pack(before: Pack, after: Pack) -> None:
    """A version, a move, enabling and an id that is found or lost make no event, in either direction."""
    for one, other in ((before, after), (after, before)):
        assert _said(_scan(one), _scan(other), _scan(one, other)) == [(), (), ()]


def test_another_id_in_one_folder_is_another_pack() -> None:
    """Several copies of one id are one pack, of which the first is named."""
    other = replace(GLOW, id="gloom")
    assert _said(_scan(GLOW), _scan(other)) == [(), ("glow",)]
    fork = replace(GLOW, folder="a", enabled=False)
    assert _said(_scan(), _scan(GLOW, fork)) == [(), ("glow",)]


def test_what_could_not_be_read_says_nothing() -> None:
    """A scan of a part reports what came, once; nothing that it misses is news when it can be seen again."""
    outside = replace(LOOSE, place=MORE)
    whole = _scan(GLOW, outside)
    assert _said(_failed(), _scan(GLOW)) == [(), ()]
    assert _said(whole, _failed(GLOW, outside), whole) == [(), (), ()]
    assert _said(whole, _part(GLOW, SINGLE), _part(GLOW), _scan(GLOW, SINGLE)) == [
        *((), ("evil.py",), (), ()),
    ]


def test_a_folder_that_is_read_for_the_first_time() -> None:
    """Its packs are no news if it could not be read since the first scan; they are if everything was read once."""
    outside = replace(LOOSE, place=MORE)
    later = replace(SINGLE, place=MORE)
    assert _said(_part(GLOW), _scan(GLOW, outside), _scan(GLOW, outside, later)) == [
        *((), (), ("evil.py",)),
    ]
    first = _scan(GLOW, places=frozenset({""}))
    assert _said(first, _part(GLOW), _scan(GLOW, outside)) == [(), (), ("loose",)]
