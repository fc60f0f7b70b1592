"""Files in the style of real ones, and a repository of them: every reference is recognised, and none is invented."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.repository.listed import (
    FILES,
    Listed,
    Place,
    is_of_lines,
    listed,
    repository_of,
)
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from watcher.installs.recognise import commands
from watcher.model.pack import Pack, PackKind

LISTED = listed()
DOCKERFILES = [path for path in LISTED if is_of_lines(path)]
BANNED = "quillwork", "0.4.0"
NEWEST = "9.0.0"
HIDDEN = "RUN comfy-node-install hidden-nodes\n"


def _place(pack: Pack) -> Place:
    if pack.kind is PackKind.UNKNOWN:
        return pack.line or 0, f"? {pack.folder}"
    named = "@".join(filter(None, (pack.id or pack.folder, pack.version)))
    if pack.repository and pack.version is None:
        named = repository_of(pack.repository)
    return pack.line or 0, named


def test_there_are_nearly_fifty() -> None:
    """The list has 49 files, each of which is there, and the tree has others, which name nothing."""
    files = {
        str(path.relative_to(FILES)) for path in FILES.rglob("*") if path.is_file()
    }
    assert len(LISTED) == 49
    assert LISTED.keys() < files


@pytest.mark.parametrize("path", DOCKERFILES)
def test_a_dockerfile(path: str) -> None:
    """Each reference is found on its line, no other is, and what cannot be known is a row with its line."""
    data = (FILES / path).read_bytes()
    packs = commands.read(data, is_script=path.endswith(".sh"))
    assert Counter(map(_place, packs)) == LISTED[path].packs


def _versions() -> set[tuple[str, str]]:
    """Return each pack of the list with its versions, and with one that is newer than all."""
    found: set[tuple[str, str]] = set()
    for expected in LISTED.values():
        for _, what in expected.packs:
            name, _, version = what.lower().partition("@")
            if "/" not in name and not name.endswith(".py") and name[0] != "?":
                found |= {(name, version.removeprefix("v") or NEWEST), (name, NEWEST)}
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of all files, with what is never looked into beside them."""
    root = tmp_path / "repository"
    shutil.copytree(FILES, root)
    comfyui = root / "app" / "ComfyUI"
    (comfyui / "comfy").mkdir(parents=True)
    (comfyui / "main.py").touch()
    of_comfyui = [
        comfyui / name for name in ("user/default", "input", "output", "models")
    ]
    of_tools = [
        root / name
        for name in (".git/hooks", "venv/share", "app/ComfyUI/custom_nodes/x")
    ]
    for folder in (*of_comfyui, *of_tools):
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(HIDDEN)
        shutil.copy(FILES / "workflows/minified.json", folder)
    (root / "venv" / "pyvenv.cfg").touch()
    return root


@pytest.fixture
def audited(
    repository: Path,
    registry: FakeRegistry,
    run: Callable[..., program.Completed],
) -> dict[str, Any]:
    """What `audit --json` says of the whole repository, with a registry that has every pack."""
    for name, version in sorted(_versions()):
        registry.catalog.publish(name, version)
    registry.catalog.set_status(*BANNED, "banned")
    done = run(
        "audit",
        repository.name,
        "--json",
        cwd=repository.parent,
        env={"COMFY_WATCH_REGISTRY_URL": registry.url, "COMFY_WATCH_RETRIES": "0"},
    )
    assert done.code == 3, done
    document: dict[str, Any] = json.loads(done.out)
    return document


def _shown(expected: Listed) -> Counter[Place]:
    """Return what a file names as the document has it: without an id by the last part of a repository."""
    shown: Counter[Place] = Counter()
    for (line, what), count in expected.packs.items():
        shown[line, what.rpartition("/")[2]] += count
    return shown


def test_a_whole_repository(audited: dict[str, Any]) -> None:
    """`audit` of the folder has each reference once, with its file and line, and nothing of any other file."""
    found: dict[str, Counter[Place]] = {path: Counter() for path in LISTED}
    for row in audited["packs"]:
        path = row["file"].removeprefix("repository/")
        named = row["id"] if row["kind"] != "git" else row["folder"]
        if named is None:
            mark = "? " if row["kind"] == "unknown" else ""
            named = f"{mark}{row['folder']}"
        named = "@".join(filter(None, (named, row["version"])))
        found.setdefault(path, Counter())[row["line"] or 0, named] += 1
    assert found == {path: _shown(expected) for path, expected in LISTED.items()}


def test_nothing_of_a_repository_is_left_out(audited: dict[str, Any]) -> None:
    """What cannot be known is a row, and no error."""
    assert audited["errors"] == []


def test_the_verdicts_of_a_repository(audited: dict[str, Any]) -> None:
    """A banned version is bad in each file that names it, and what is not pinned says so."""
    name, version = BANNED
    banned = {
        path
        for path, expected in LISTED.items()
        for _, what in expected.packs
        if what == f"{name}@{version}"
    }
    rows = audited["packs"]
    assert {
        row["file"].removeprefix("repository/")
        for row in rows
        if row["verdict"] == "banned"
    } >= banned
    for row in rows:
        is_unpinned = row["id"] is not None and row["version"] is None
        if row["kind"] != "git" and row["id"] is not None:
            assert ("not pinned" in (row["reason"] or "")) is is_unpinned, row
