"""Files that name packs, in a folder or by themselves: which are read, and what is said of the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.comfyui import COMMIT, ComfyUI, looked_at
from watcher.installs import references, scan
from watcher.installs.recognise import commands, texts
from watcher.model.pack import Inventory, SourceKind

INSTALLS = "FROM x\nRUN comfy-node-install a@1.0.0 b\n"
WORKFLOW = json.dumps(
    {
        "last_node_id": 2,
        "nodes": [
            {"type": "A", "properties": {"cnr_id": "a", "ver": "1.0.0"}},
            {"type": "B", "properties": {"cnr_id": "b"}},
        ],
        "links": [],
    },
    indent=1,
)
SNAPSHOT = json.dumps(
    {
        "cnr_custom_nodes": {"a": "1.0.0", "b": "unknown"},
        "git_custom_nodes": {"https://github.com/ann/x": {"hash": COMMIT}},
    },
    indent=1,
)
YAML = "custom_nodes:\n  cnr_custom_nodes:\n    a: 1.0.0\n    b:\n"


def _write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def _named(found: tuple[Inventory, ...]) -> dict[str, list[str]]:
    """Return what each inventory names: `id@version:line`, with `*` where it is not pinned."""
    return {
        one.install: [
            f"{pack.id}@{pack.version}:{pack.line}{'*' if pack.is_unpinned else ''}"
            for pack in one.packs
        ]
        for one in found
        if one.failure is None
    }


def _said(found: tuple[Inventory, ...]) -> list[str]:
    """Return what could not be read, which is no part of what was."""
    failed = [(one, one.failure) for one in found if one.failure]
    assert all((one.named, one.places) == (True, frozenset()) for one, _ in failed)
    return [f"{one.install} {failure.error}" for one, failure in failed]


DOCKER = ["a@1.0.0:2", "b@None:2*"]
DOCUMENT = ["a@1.0.0:None", "b@None:None*"]
READ: dict[str, tuple[str | bytes, list[str]]] = {
    **dict.fromkeys(
        (
            *("Dockerfile", "docker/Dockerfile.gpu", "docker/gpu.Dockerfile"),
            *("docker/x.dockerfile", "a/b/c/d/Containerfile"),
        ),
        (INSTALLS, DOCKER),
    ),
    "docker/Dockerfile-cpu": (INSTALLS.encode("utf-16"), DOCKER),
    "docker/dockerfile.dev": (f"# for us\n{INSTALLS}", ["a@1.0.0:3", "b@None:3*"]),
    "flow.json": (WORKFLOW, DOCUMENT),
    "windows.json": (WORKFLOW.encode("utf-16"), DOCUMENT),
    "snapshots/s.json": (SNAPSHOT, [*DOCUMENT, "None@None:None"]),
    "snapshots/s.yaml": (YAML, DOCUMENT),
    "install.sh": ("comfy node install a $1", ["a@None:1*", "None@None:1"]),
}
NOT_READ = {
    "install.bash": "comfy node install a",
    "README.md": INSTALLS,
    "dockerfile.py": f"import re\n{INSTALLS}",
    "package.json": '{"name": "x"}',
    "graph.json": '{"nodes": [{"id": 1}], "links": [{"source": 1}], "version": 1}',
    "n8n.json": '{"nodes": [{"type": "x"}], "connections": {}}',
    "broken.yaml": "custom_nodes: [",
    "prompt.json": '{"1": {"class_type": "Theirs", "inputs": {}}}',
    "flow.png": WORKFLOW,
}


def test_a_folder(tmp_path: Path) -> None:
    """Each file that names packs is one inventory, at any depth; what else lies there is nothing."""
    root = _write(tmp_path / "repo", {name: text for name, (text, _) in READ.items()})
    _write(root, NOT_READ)
    found = looked_at(root)
    assert _named(found) == {f"repo/{name}": named for name, (_, named) in READ.items()}
    assert all(one.named and one.failure is None for one in found)
    assert {pack.file for pack in found[0].packs} == {str(root / "Dockerfile")}


@pytest.mark.parametrize(
    "folder",
    [
        *(
            ".git",
            "node_modules",
            "lib/site-packages",
            "custom_nodes/x",
            "venv",
            "conda",
        ),
        *("ComfyUI/user/default", "ComfyUI/input", "ComfyUI/output", "ComfyUI/models"),
        *("ComfyUI/temp", "ComfyUI/custom_nodes/pack"),
    ],
)
def test_folders_that_are_never_read(tmp_path: Path, folder: str) -> None:
    """Environments, packs, and what a ComfyUI keeps for its user hold files that nobody here wrote."""
    ComfyUI(tmp_path / "ComfyUI")
    files = {f"{folder}/Dockerfile": INSTALLS, f"{folder}/w.json": WORKFLOW}
    marks = {"venv/pyvenv.cfg": "", "conda/conda-meta/history": ""}
    root = _write(tmp_path, {**files, **marks, "Dockerfile": INSTALLS})
    assert [one.packs[0].file for one in looked_at(root) if one.named] == [
        str(root / "Dockerfile")
    ]


def test_folders_of_these_names_elsewhere(tmp_path: Path) -> None:
    """A repository may have folders of these names that are no ComfyUI's."""
    root = _write(tmp_path, {"models/Dockerfile": INSTALLS, "user/w.json": WORKFLOW})
    assert len(looked_at(root)) == 2


def test_packs_and_files(tmp_path: Path) -> None:
    """A folder with packs and such files has both read."""
    comfyui = ComfyUI(tmp_path / "ComfyUI")
    comfyui.registry("installed", "1.0.0")
    _write(comfyui.root, {"Dockerfile": INSTALLS})
    first, second = looked_at(comfyui.root)
    assert [(pack.id, pack.file) for pack in first.packs] == [("installed", "")]
    assert (first.named, second.named, second.install) == (
        False,
        True,
        "ComfyUI/Dockerfile",
    )
    # Packs bring files of their own.
    _write(comfyui.nodes, {"Dockerfile": INSTALLS})
    assert [one.named for one in looked_at(comfyui.nodes)] == [False]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("build", INSTALLS, DOCKER),
        ("build", f"#!/bin/sh\n{INSTALLS}", ["a@1.0.0:3", "b@None:3*"]),
        ("prompt", '{"1": {"class_type": "Theirs"}}', ["None@None:None"]),
        ("Dockerfile", "", []),
        ("flow", WORKFLOW, DOCUMENT),
        ("flow.json", '{"nodes": []}', []),
        ("README", f"Write this:\n{INSTALLS}", "is not a Dockerfile, a script, a snap"),
        ("empty", "", "is not a Dockerfile, a script, a snapshot or a workflow"),
        ("flow", '{"a": 1}', "is neither a snapshot of the Manager nor a workflow"),
        ("Dockerfile", "#" * commands.LIMIT + "##", "is larger than 256 KB"),
    ],
)
def test_a_file_of_any_name(
    tmp_path: Path, name: str, content: str, expected: list[str] | str
) -> None:
    """A file that is named by itself is read whatever its name is; what names no pack by its form is an error."""
    [found] = looked_at(_write(tmp_path, {name: content}) / name)
    if isinstance(expected, list):
        assert _named((found,)) == {name: expected}
    else:
        assert found.failure is not None
        assert expected in found.failure.error
        assert found.places == frozenset()


def test_a_snapshot_by_itself(tmp_path: Path) -> None:
    """A snapshot that is named by itself is an install, of which a pack without a version is not pinned."""
    path = _write(tmp_path, {"s.json": SNAPSHOT}) / "s.json"
    [found] = looked_at(path, SourceKind.SNAPSHOT)
    assert not found.named
    assert [pack.is_unpinned for pack in found.packs] == [False, True, False]


CONFLICT = f"<<<<<<< HEAD\n{SNAPSHOT}\n=======\n>>>>>>> b\n"
COUNTS: dict[str, tuple[str | bytes, str]] = {
    "conflict.json": (CONFLICT, "is not valid JSON"),
    "conflict.yaml": (f"<<<<<<< HEAD\n{YAML}", "is not YAML that can be read"),
    "named.json": ('{"nodes": [], "node_versions": ["a"]}', "has node_versions of an"),
    "spelled.json": ('{"c\\u006Er\\u005fid": [', "is not valid JSON"),
    "other.json": ('{"text": "aux_id"}', "is neither a snapshot of the Manager nor"),
    "cut.json": (WORKFLOW.encode("utf-16")[:-9], "is not valid JSON"),
    "map.yaml": ('x: {y: {"git_custom_nodes": {}}}', "is neither a snapshot"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_what_counts_and_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A file that names packs in a form that is not read is said, by its name, and all else is read."""
    content, why = COUNTS[name]
    root = _write(tmp_path / "repo", {name: content, "Dockerfile": INSTALLS})
    found = looked_at(root)
    [said] = _said(found)
    assert said.startswith(f"repo/{name} {why}")
    assert [len(one.packs) for one in found] == [2, 0]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link leads nowhere, and one is said that may name packs and leads to no file that is read."""
    outside = _write(tmp_path / "outside", {"Dockerfile": INSTALLS})
    root = _write(tmp_path / "repo", {"x/Dockerfile": INSTALLS})
    for name, target in {
        "folder": outside,
        "up": root,
        "Dockerfile": outside / "Dockerfile",
        "Dockerfile.same": root / "x" / "Dockerfile",
        "flow.json": outside / "flow.json",
    }.items():
        (root / name).symlink_to(target)
    found = looked_at(root)
    assert [one.install for one in found if one.packs] == ["repo/x/Dockerfile"]
    why = "is a link, which is not followed"
    assert _said(found) == [f"repo/Dockerfile {why}", f"repo/flow.json {why}"]


def test_what_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not read for its size is said, and all else is read."""
    monkeypatch.setattr(scan, "LIMIT", 2_000)
    root = _write(
        tmp_path,
        {
            "Dockerfile": "#" * 2_001,
            "large.json": WORKFLOW + " " * 2_000,
            "fine/Dockerfile": INSTALLS,
            "/".join(["d"] * 52) + "/Dockerfile": INSTALLS,
        },
    )
    found = looked_at(root)
    assert [len(one.packs) for one in found if one.packs] == [2]
    assert sorted(what.split("/", 1)[1] for what in _said(found)) == [
        "Dockerfile is larger than 1 KB, which is not read",
        "/".join(["d"] * 51) + " lies too deep to be read",
        "large.json is larger than 1 KB, which is not read",
    ]


def test_aliases_of_yaml(tmp_path: Path) -> None:
    """What each of them stands for is looked at once, however often they are multiplied."""
    lines = ["x: {cnr_custom_nodes: 1}", "a0: &a0 {cnr_id: a, ver: '1.0.0'}"]
    lines += [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 10}]" for n in range(1, 40)]
    root = _write(tmp_path / "repo", {"x.yaml": "\n".join(lines)})
    assert _named(looked_at(root)) == {"repo/x.yaml": ["a@1.0.0:None"]}


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        ("_MOST_ENTRIES", "there are more than 2 files"),
        ("_SHARE", "it takes too long"),
    ],
)
def test_too_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, why: str
) -> None:
    """A walk ends at its bounds, says so once, and keeps what it found until then."""
    monkeypatch.setattr(references, bound, 0 if bound == "_SHARE" else 2)
    root = _write(tmp_path, {f"{number}/Dockerfile": INSTALLS for number in range(9)})
    found = looked_at(root)
    assert _said(found) == [f"{tmp_path.name} not all of it was read: {why}"]
    assert sum(bool(one.packs) for one in found) < 9


def test_too_many_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository names no more packs than an install has."""
    monkeypatch.setattr(texts, "MOST", 3)
    root = _write(tmp_path, {"Dockerfile": INSTALLS, "Dockerfile.2": INSTALLS})
    found = looked_at(root)
    assert [len(one.packs) for one in found] == [2, 0]
    assert "not all of it was read: more than " in _said(found)[0]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A folder's name may be bytes that are no text, or hold escapes: the files in it are still read."""
    folder = os.fsencode(tmp_path) + b"/\xff\x1b[31m"
    os.mkdir(folder)  # noqa: PTH102 - bytes
    with open(folder + b"/Dockerfile", "wb") as file:  # noqa: PTH123 - as above
        file.write(INSTALLS.encode())
    [found] = looked_at(tmp_path)
    assert len(found.packs) == 2
    found.install.encode()
    found.packs[0].file.encode()
