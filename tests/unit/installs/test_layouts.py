"""Which folders of packs are read, whatever lies beside them, and what one that cannot be read means."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, cycle
from pathlib import Path

import pytest

from tests.support.comfyui import pyproject, scanned
from watcher.installs import folder, safe_files
from watcher.model.pack import Inventory, Pack, PackKind, Source, SourceKind
from watcher.polling.reading.installs import scan_all
from watcher.streams import silent

YAML = "extra_model_paths.yaml"
OWN = "custom_nodes"
PORTABLE = "ComfyUI/custom_nodes"
EXAMPLE = "example_node.py.example"


def make(root: Path, *entries: str) -> None:
    """Make the entries below a folder: `x/`, an empty file, `x -> where`, `x: text`; what ends in `*` is a pack."""
    for entry in entries:
        name, _, rest = entry.partition(" -> " if " -> " in entry else ": ")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if " -> " in entry:
            path.symlink_to(rest)
        elif rest:
            path.write_text(rest)
        elif name.endswith("*"):
            path = path.with_name(path.name.rstrip("*"))
            path.mkdir(parents=True)
            (path / "pyproject.toml").write_text(pyproject(path.name, "1.0.0"))
            (path / ".tracking").touch()
        elif name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.touch()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is on disk below a folder, and what a scan of it, or of a folder in it, gives."""

    entries: tuple[str, ...]
    packs: dict[str, str]
    """The place of each pack."""
    target: str = "."
    had: tuple[str, ...] = ()
    failed: str = ""


LAYOUTS = {
    # Whatever any pack can create beside it, the real folder is read.
    "a root": Layout(entries=(f"{OWN}/a*",), packs={"a": ""}),
    "custom_nodes itself": Layout(entries=(f"{OWN}/a*",), target=OWN, packs={"a": "."}),
    "custom_nodes in capitals": Layout(entries=("Custom_Nodes/a*",), target="Custom_Nodes", packs={"a": "."}),
    "a link to custom_nodes": Layout(entries=(f"{OWN}/a*", f"to -> {OWN}"), target="to", packs={"a": "."}),
    "a portable one": Layout(entries=(f"{PORTABLE}/a*",), packs={"a": "ComfyUI/"}),
    "one with a pack": Layout(entries=(f"{PORTABLE}/a*", f"{OWN}/b*"), packs={"a": "ComfyUI/", "b": ""}),
    "a ComfyUI without packs": Layout(entries=(f"{OWN}/a*", "ComfyUI/main.py"), packs={"a": ""}),
    "custom_nodes in custom_nodes": Layout(
        entries=(f"{OWN}/a*", f"{OWN}/{OWN}/b*"), target=OWN, packs={"a": ".", OWN: ".", "b": ""}
    ),
    "nothing deeper": Layout(entries=(f"{OWN}/a*", f"{OWN}/a/{OWN}/b*", f"x/{OWN}/c*"), packs={"a": ""}),
    "a file of that name": Layout(entries=(f"{PORTABLE}/a*", OWN), packs={"a": "ComfyUI/"}),
    "two names of one folder": Layout(entries=(f"{OWN}/a*", "ComfyUI -> ."), packs={"a": ""}),
    "an unmounted root": Layout(entries=(), packs={}, failed="no ComfyUI: looked for custom_nodes in "),
    # The folders that a file names, of each root that has one.
    "more folders": Layout(
        entries=(f"{OWN}/a*", "m/b*", "ComfyUI/n/c*", f"{YAML}: x: {{custom_nodes: m}}",
                 f"ComfyUI/{YAML}: x: {{base_path: n, custom_nodes: .}}"),
        packs={"a": "", "b": f"{YAML}: m", "c": f"ComfyUI/{YAML}: n/."},
    ),
    "only more folders": Layout(entries=("m/b*", f"{YAML}: x: {{custom_nodes: m}}"), packs={"b": f"{YAML}: m"}),
    "one of more is missing": Layout(
        entries=(f"{OWN}/a*", "n/c*", f"{YAML}: x: {{custom_nodes: m}}\ny: {{custom_nodes: n}}"),
        packs={"a": "", "c": f"{YAML}: n"}, failed="the folder 'm' of .* does not exist",
    ),
    # A link that leads nowhere is a volume that is not there.
    "custom_nodes leads nowhere": Layout(
        entries=(f"{OWN} -> gone", f"{PORTABLE}/a*"), packs={"a": "ComfyUI/"}, failed="custom_nodes does not exist"
    ),
    "ComfyUI leads nowhere": Layout(
        entries=(f"{OWN}/a*", "ComfyUI -> gone"), packs={"a": ""}, failed=f"{PORTABLE} does not exist"
    ),
    # A folder that had packs.
    "empty at a first look": Layout(entries=(f"{OWN}/",), packs={}),
    "empty, and never had any": Layout(
        entries=(f"{OWN}/", f"{PORTABLE}/a*"), had=("ComfyUI/",), packs={"a": "ComfyUI/"}
    ),
    "empty, and had some": Layout(
        entries=(f"{OWN}/",), had=("",), packs={},
        failed=f"{OWN} has no packs any more: is its volume not mounted. If .* create {EXAMPLE} in it",
    ),
    "empty but for what is no pack": Layout(
        entries=(f"{OWN}/__pycache__/", f"{OWN}/notes.txt", f"{OWN}/lost+found/"), had=("",), packs={},
        failed="has no packs any more",
    ),
    "empty but for the example": Layout(entries=(f"{OWN}/{EXAMPLE}",), had=("",), packs={}),
    "empty but for a folder of that name": Layout(
        entries=(f"{OWN}/{EXAMPLE}/{EXAMPLE}",), had=("",), packs={EXAMPLE: ""},
        failed="has none of its packs any more: is its volume not mounted",
    ),
    "others are there, and the example": Layout(
        entries=(f"{OWN}/b*", f"{OWN}/websocket_image_save.py"), had=("",), packs={"b": ""}
    ),
    "the other one has packs": Layout(
        entries=(f"{OWN}/", f"{PORTABLE}/a*"), had=("", "ComfyUI/"), packs={"a": "ComfyUI/"},
        failed="has no packs any more",
    ),
    "gone, and had some": Layout(
        entries=(f"{OWN}/a*",), had=("", "ComfyUI/"), packs={"a": ""},
        failed=f"{PORTABLE} does not exist: is its volume not mounted",
    ),
    "one of more that is named no longer": Layout(entries=(f"{OWN}/a*",), had=("", f"{YAML}: m"), packs={"a": ""}),
    "only disabled ones are left": Layout(entries=(f"{OWN}/.disabled/a*",), had=("",), packs={".disabled/a": ""}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(tmp_path: Path, name: str) -> None:
    """All folders that may have packs are read, each once; one that cannot be read hides no other."""
    layout = LAYOUTS[name]
    make(tmp_path, *layout.entries)
    for where, own in (("A", None), ("x", "A")):
        last = Pack(folder=where, id=own, kind=PackKind.UNKNOWN)
        had = [replace(last, place=one) for one in layout.had]
        found = scanned(tmp_path / layout.target, had=had)
        assert {pack.folder: pack.place for pack in found.packs} == layout.packs
        assert len(found.packs) == len(layout.packs)
        failed = found.failure.error if found.failure else ""
        assert re.search(layout.failed, failed), failed
        assert bool(failed) is bool(layout.failed)


def _poll(
    root: Path, last: tuple[Pack, ...] | None
) -> tuple[tuple[Pack, ...] | None, str]:
    source = Source(name="x", kind=SourceKind.PATH, where=str(root))
    found = asyncio.run(
        scan_all({"x": source}, {} if last is None else {"x": last}, 10, silent)
    )
    return found["x"].packs, found["x"].error


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, tuple[Pack, ...]]:
    """A portable install with a pack in each of three folders, and its first good scan; two have the same name."""
    root = tmp_path / "portable"
    make(root, f"{OWN}/a*", f"{PORTABLE}/a*", "m/c*", f"{YAML}: x: {{custom_nodes: m}}")
    packs, error = _poll(root, None)
    assert error == ""
    assert packs is not None
    assert [pack.folder for pack in packs] == ["a", "a", "c"]
    return root, packs


@pytest.mark.parametrize("gone", [OWN, "m"])
def test_a_folder_that_cannot_be_read_keeps_its_packs(
    both: tuple[Path, tuple[Pack, ...]], gone: str
) -> None:
    """What was known of it stays, also at the next poll; what changed in the others is seen; its return ends it."""
    root, packs = both
    (root / gone).rename(root / "unmounted")
    (root / gone).mkdir()
    make(root, f"{PORTABLE}/new*")
    known: tuple[Pack, ...] | None = packs
    for _ in range(2):
        known, error = _poll(root, known)
        assert "is its volume not mounted" in error
        assert known is not None
        assert {*packs} < {*known}
        assert len(known) == 4
    (root / gone).rmdir()
    (root / "unmounted").rename(root / gone)
    assert _poll(root, known) == (known, "")


def test_a_folder_that_is_meant_to_be_empty(
    both: tuple[Path, tuple[Pack, ...]],
) -> None:
    """Creating a file of ComfyUI's own confirms it, as the failure says: its packs are gone, and those alone."""
    root, packs = both
    shutil.rmtree(root / OWN / "a")
    known, error = _poll(root, packs)
    assert known == packs
    assert f"create {EXAMPLE} in it" in error
    make(root, f"{OWN}/{EXAMPLE}")
    known, error = _poll(root, known)
    assert error == ""
    assert known == tuple(pack for pack in packs if pack.place)


def test_a_file_of_more_folders_that_cannot_be_read(
    both: tuple[Path, tuple[Pack, ...]],
) -> None:
    """While it cannot be read, the packs of the folders that it named are kept; without it they are gone."""
    root, packs = both
    (root / YAML).write_text("[")
    known, error = _poll(root, packs)
    assert known == packs
    assert error.endswith(f"{YAML} is not YAML that can be read")
    (root / YAML).unlink()
    known, error = _poll(root, packs)
    assert (known, error) == (tuple(pack for pack in packs if pack.folder == "a"), "")


def test_two_packs_of_one_name(both: tuple[Path, tuple[Pack, ...]]) -> None:
    """A pack that cannot be read stays as it was in its own folder."""
    root, packs = both
    (root / PORTABLE / "a" / "pyproject.toml").write_text(pyproject("a", "2.0.0"))
    (root / OWN / "a" / "pyproject.toml").write_text("[")
    known, error = _poll(root, packs)
    assert error == "a: pyproject.toml is not valid TOML"
    assert known is not None
    assert {pack.place: pack.version for pack in known} == {
        "": "1.0.0",
        "ComfyUI/": "2.0.0",
        f"{YAML}: m": "1.0.0",
    }


@pytest.mark.parametrize("follows", [False, True])
def test_what_is_gone_since_its_folder_was_listed(
    tmp_path: Path, follows: bool
) -> None:
    """It is not there, and no pack that cannot be read."""
    (tmp_path / "gone").touch()
    with os.scandir(tmp_path) as listed:
        [entry] = listed
    (tmp_path / "gone").unlink()
    assert safe_files._entry(entry, follows=follows) is None


def test_packs_that_are_moved_away_during_a_scan(tmp_path: Path) -> None:
    """Each of them is read whole or is not there: none is a folder in which nothing was found."""
    make(
        tmp_path,
        f"{OWN}/stays*",
        *(f"{OWN}/pack-{number}*" for number in range(300)),
        "away/",
    )

    def move() -> None:
        for pack in sorted((tmp_path / OWN).glob("pack-*")):
            pack.rename(tmp_path / "away" / pack.name)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        while thread.is_alive():
            assert {pack.kind for pack in scanned(tmp_path).packs} == {
                PackKind.REGISTRY
            }
    finally:
        thread.join()


def _while_read(root: Path, step: Callable[[], None], when: int = 2) -> Inventory:
    """Scan, and do something before a pack of that number is read."""
    source = Source(name="x", kind=SourceKind.PATH, where=str(root))
    numbers = count(1)

    def go_on() -> None:
        if next(numbers) == when:
            step()

    return folder.read(source, (), go_on)


@pytest.mark.parametrize("when", range(1, 4))
def test_a_pack_that_is_disabled_during_a_scan(tmp_path: Path, when: int) -> None:
    """It is found once, as it is now, although it was in neither folder when that was listed."""
    make(tmp_path, f"{OWN}/first*", f"{OWN}/moved*", f"{OWN}/stays*")

    def disable() -> None:
        (tmp_path / OWN / ".disabled").mkdir()
        (tmp_path / OWN / "moved").rename(tmp_path / OWN / ".disabled" / "moved")

    found = _while_read(tmp_path, disable, when).packs
    expected = [("first", True), ("stays", True), (".disabled/moved", False)]
    assert [(pack.folder, pack.enabled) for pack in found] == expected


def test_a_pack_that_is_moved_all_the_time(tmp_path: Path) -> None:
    """A scan that never sees the folder at rest still has every pack."""
    make(tmp_path, f"{OWN}/moved*", f"{OWN}/stays*", f"{OWN}/.disabled/")
    source = Source(name="x", kind=SourceKind.PATH, where=str(tmp_path))
    places = cycle((f"{OWN}/moved", f"{OWN}/.disabled/moved"))
    there = next(places)

    def move() -> None:
        nonlocal there
        before, there = there, next(places)
        (tmp_path / before).rename(tmp_path / there)

    found = folder.read(source, (), move).packs
    assert {pack.folder.removeprefix(".disabled/") for pack in found} == {
        "moved",
        "stays",
    }


def test_a_folder_that_is_replaced_during_a_scan(tmp_path: Path) -> None:
    """A folder that goes away in the middle of a scan, as a volume does, has not lost its packs."""
    make(tmp_path, *(f"{OWN}/pack-{number}*" for number in range(3)))

    def swap() -> None:
        (tmp_path / OWN).rename(tmp_path / "away")
        (tmp_path / OWN).mkdir()

    failure = _while_read(tmp_path, swap).failure
    assert failure is not None
    assert "has no packs any more" in failure.error
