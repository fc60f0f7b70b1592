"""Packs that cannot be read in a poll: that is said, and what was known stays."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.comfyui import ComfyUI, pyproject
from tests.support.fakes.manager import FakeManager
from watcher.model.pack import Claim, Identity, Pack, PackKind, Source, SourceKind
from watcher.polling.reading.installs import scan_all
from watcher.streams import silent

_DAMAGE = "pyproject.toml is not valid TOML"


def _scan(
    comfyui: ComfyUI, last: tuple[Pack, ...] = ()
) -> tuple[tuple[Pack, ...], str]:
    """Return the packs that a poll goes by, and why the install counts as one that could not be scanned."""
    source = Source(name="x", kind=SourceKind.PATH, where=str(comfyui.root))
    found = asyncio.run(scan_all({"x": source}, {"x": last}, 10, silent))["x"]
    assert found.packs is not None
    return found.packs, found.error


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI with one pack."""
    made = ComfyUI(tmp_path / "ComfyUI")
    made.registry("my-pack", "1.2.0")
    return made


def test_a_pack_that_was_always_damaged(comfyui: ComfyUI) -> None:
    """A pack whose pyproject never was TOML is unknown, and that is said by every poll."""
    (comfyui.registry("bad", "1.0.0") / "pyproject.toml").write_text("[")
    packs, error = _scan(comfyui)
    assert [(pack.folder, pack.kind) for pack in packs] == [
        ("bad", PackKind.UNKNOWN),
        ("my-pack", PackKind.REGISTRY),
    ]
    assert (error, _scan(comfyui, packs)) == (f"bad: {_DAMAGE}", (packs, error))
    for version in ("1", "2"):
        text = f"[project]\nversion = '{version}'"
        (comfyui.nodes / "bad" / "pyproject.toml").write_text(text)
        packs, _ = _scan(comfyui, packs)
        assert packs[0].version == version


def test_a_pack_that_becomes_damaged(comfyui: ComfyUI) -> None:
    """A pack that was read before keeps its id and version, and the install counts as not scanned."""
    packs, error = _scan(comfyui)
    assert error == ""
    for text in ("[project]\nversion = '1'", "["):
        (comfyui.nodes / "my-pack" / "pyproject.toml").write_text(text)
        after, error = _scan(comfyui, packs)
        assert after == packs
    assert error == f"my-pack: {_DAMAGE}"


@pytest.mark.parametrize(
    ("name", "named"),
    [
        (".git/config", "its-id"),
        (".git/.cnr-id", "its-id"),
        (".git/HEAD", "its-id"),
        (".git/refs/heads/main", "its-id"),
        ("pyproject.toml", "pack"),
    ],
)
@pytest.mark.parametrize("left", [b"", b"\0" * 40, b" \n"])
def test_a_clone_that_lost_what_it_is(
    comfyui: ComfyUI, name: str, named: str, left: bytes
) -> None:
    """A file that a power loss emptied takes nothing away that was known, and is said."""
    url = "https://github.com/ann/pack"
    path = comfyui.clone("clone", url, pack="pack", cnr_id=named)
    (path / ".git" / "packed-refs").write_text(f"{'c' * 40} refs/heads/main\n")
    packs, _ = _scan(comfyui)
    (path / name).write_bytes(left)
    after, error = _scan(comfyui, packs)
    assert (after, f"{name} is " in error) == (packs, True)


def test_a_clone_of_which_a_part_cannot_be_read(comfyui: ComfyUI) -> None:
    """What it is and which version its file names now counts; the rest, and of a lost id all, is as it was."""
    url = "https://github.com/ann/pack"
    path = comfyui.clone("clone", url, pack="pack", version="1.0.0")
    packs, _ = _scan(comfyui)
    head = path / ".git" / "HEAD"
    head.unlink()
    head.mkdir()
    file = path / "pyproject.toml"
    file.write_text(pyproject("pack", "0.9.0"))
    after, error = _scan(comfyui, packs)
    assert error.endswith(".git/HEAD is a folder, not a file")
    (was,) = (pack for pack in packs if pack.folder == "clone")
    assert replace(was, claimed_version="0.9.0") in after
    listed = replace(was, others=(Identity(id="x", by=Claim.REPOSITORY),))
    assert _scan(comfyui, (listed,)) == (after, error)
    file.write_text(pyproject("other", "0.9.0"))
    assert _scan(comfyui, packs) == (packs, error)


def test_a_pack_that_is_out_of_reach(comfyui: ComfyUI, tmp_path: Path) -> None:
    """A pack on a volume that is not there counts at first sight too: it is there for ComfyUI. Three are named."""
    why = "its link leads nowhere"
    for number in range(5):
        (comfyui.nodes / f"{number}").symlink_to(tmp_path / "unmounted")
    assert _scan(comfyui)[1] == f"0: {why}; 1: {why}; 2: {why}; and 2 more"


def test_two_clones_of_one_name(tmp_path: Path) -> None:
    """In a snapshot, which has no folders, two repositories of one name are two packs."""
    urls = [f"https://github.com/{owner}/pack" for owner in ("ann", "bob")]
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps({"git_custom_nodes": {url: {} for url in urls}}))
    source = Source(name="x", kind=SourceKind.SNAPSHOT, where=str(file))
    found = asyncio.run(scan_all({"x": source}, {}, 10, silent))["x"].packs
    assert sorted(pack.repository or "" for pack in found or ()) == urls


def test_a_failure_is_one_line() -> None:
    """Why an install cannot be scanned, and what to do, are one line: it goes to a log and into an alert."""
    with FakeManager(0) as manager:
        source = Source(name="x", kind=SourceKind.URL, where=manager.url)
        error = asyncio.run(scan_all({"x": source}, {}, 10, silent))["x"].error
    assert error.splitlines() == [error]
    assert "; hint: start ComfyUI with --enable-manager" in error
