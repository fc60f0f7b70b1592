"""Snapshots of the Manager: each form, the newest of several, and what is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.comfyui import COMMIT, refused, scanned
from watcher.model.pack import Pack, PackKind, SourceKind

MANAGER = {
    "comfyui": COMMIT,
    "git_custom_nodes": {
        "https://me:hunter2@github.com/ann/ComfyUI-Foo.git": {
            "hash": COMMIT,
            "disabled": False,
        },
        "git@github.com:bob/bar": {"hash": "-", "disabled": True},
    },
    "cnr_custom_nodes": {"my-pack": "1.10"},
    "file_custom_nodes": [
        {"filename": "x.py", "disabled": True},
        {"filename": "y.py", "disabled": False},
        {"filename": "websocket_image_save.py", "disabled": False},
    ],
    "pips": {"numpy==2.0.0": ""},
}
OF_MANAGER = "a snapshot of the Manager"


def _scan(where: Path | str) -> tuple[Pack, ...]:
    return scanned(where, SourceKind.SNAPSHOT).packs


def _refused(where: Path | str) -> str:
    return refused(where, SourceKind.SNAPSHOT)


def _write(path: Path, document: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document), "utf-8")
    return path


OF_THE_MANAGER = (
    Pack(
        folder="ComfyUI-Foo",
        kind=PackKind.GIT,
        commit=COMMIT,
        repository="https://github.com/ann/ComfyUI-Foo.git",
        evidence=f"{OF_MANAGER}; without an id",
    ),
    Pack(
        folder="my-pack",
        kind=PackKind.REGISTRY,
        id="my-pack",
        version="1.10",
        evidence=OF_MANAGER,
    ),
    Pack(folder="y.py", kind=PackKind.FILE, evidence=OF_MANAGER),
    Pack(
        folder="bar",
        kind=PackKind.GIT,
        enabled=False,
        repository="git@github.com:bob/bar",
        evidence=f"{OF_MANAGER}; without an id",
    ),
    Pack(folder="x.py", kind=PackKind.FILE, enabled=False, evidence=OF_MANAGER),
)


def test_of_the_manager(tmp_path: Path) -> None:
    """JSON has the packs of the registry, clones and files; no login of a remote is kept."""
    assert _scan(_write(tmp_path / "s.json", MANAGER)) == OF_THE_MANAGER


def test_yaml(tmp_path: Path) -> None:
    """The YAML of cm-cli, below one key, gives the same; a version stays the text that it is."""
    path = tmp_path / "s.yaml"
    path.write_text(
        f"""custom_nodes:
  git_custom_nodes:
    https://me:hunter2@github.com/ann/ComfyUI-Foo.git: {{hash: {COMMIT}, disabled: false}}
    git@github.com:bob/bar: {{hash: '-', disabled: true}}
  cnr_custom_nodes:
    my-pack: 1.10
  file_custom_nodes:
  - filename: x.py
    disabled: true
  - filename: y.py
    disabled: false
  pips: null
"""
    )
    assert _scan(path) == OF_THE_MANAGER


def test_an_old_one(tmp_path: Path) -> None:
    """One from before the registry has clones only, also one whose address was not known."""
    (pack,) = _scan(_write(tmp_path / "s.json", {"git_custom_nodes": {"null": None}}))
    assert (pack.kind, pack.commit) == (PackKind.GIT, None)


def test_the_newest(tmp_path: Path) -> None:
    """A glob takes the newest by the moment in the names, or, where one has none, by its last change."""

    def newest(name: str, version: str, changed: int, pattern: str = "*.json") -> bool:
        path = tmp_path / "s" / name
        os.utime(_write(path, {"cnr_custom_nodes": {"p": version}}), (changed, changed))
        return _scan(tmp_path / "s" / pattern)[0].version == version

    assert newest("2026-01-02_03-04-05_snapshot.json", "1.0.0", 10)
    assert newest("2026-02-02_03-04-05_autosave.json", "2.0.0", 5)
    assert not newest("2025-12-31_03-04-05_snapshot.json", "0.9.0", 20)
    assert newest("mine.json", "3.0.0", 30)
    assert newest("[a].json", "4.0.0", 1, "[a].json")


def test_links(tmp_path: Path) -> None:
    """A file that is named may be a link; one that a glob finds may not, since anybody may have put it there."""
    target = _write(tmp_path / "far" / "s.json", MANAGER)
    (tmp_path / "near.json").symlink_to(target)
    assert _scan(tmp_path / "near.json") == OF_THE_MANAGER
    why = "near.json is a link, which is not followed"
    assert _refused(tmp_path / "n*.json").endswith(why)


REFUSED = [
    ('{"custom_nodes": {"x": {"state": "installed"}}}', "is not a snapshot of the"),
    ("[]", "is not a snapshot of the Manager"),
    ("{", "is not valid JSON"),
    ("[" * 100_000, "is not valid JSON"),
    (f"[{'[],' * 400_000}0]", "holds too many values"),
    ('{"cnr_custom_nodes": "new"}', "has a cnr_custom_nodes of an unknown form: was"),
    ('{"git_custom_nodes": ["https://h/x"]}', "has a git_custom_nodes of an unknown"),
    ('{"file_custom_nodes": ["x.py"]}', "has a file_custom_nodes of an unknown form"),
    ('{"cnr_custom_nodes": {"a": ["1"]}}', "has a cnr_custom_nodes of an unknown form"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_snapshot(tmp_path: Path, text: str, why: str) -> None:
    """A file that is something else, or has another form, is one line that says so."""
    path = tmp_path / "s.json"
    path.write_text(text)
    assert _refused(path).startswith(f"{path} {why}")


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 {x: y}\n"
        + "".join(
            f"a{n + 1}: &a{n + 1} {{<<: [{f'*a{n}, ' * 9}]}}\n" for n in range(20)
        ),
        "? [x]\n: y\n",
        "- " * 2000,
        "#" * 300_000,
    ],
    ids=range(4),
)
def test_yaml_that_is_a_trap(tmp_path: Path, text: str) -> None:
    """Aliases that would fill the memory, deep nesting and a huge file are refused."""
    path = tmp_path / "s.yaml"
    path.write_text(text)
    assert _refused(path)


def test_yaml_runs_nothing(tmp_path: Path) -> None:
    """A tag that would make an object is a text."""
    path = tmp_path / "s.yaml"
    path.write_text(
        f"cnr_custom_nodes: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n"
    )
    assert _scan(path) == ()
    assert not (tmp_path / "made").exists()


def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and a glob without a match are said."""
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name, why in (
        ("absent.json", "does not exist"),
        ("absent-*.json", "no file matches "),
        ("folder.json", "is a folder, not a file"),
        ("pipe.json", "is not a regular file"),
    ):
        assert why in _refused(tmp_path / name)
