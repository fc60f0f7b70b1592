"""The packs that a workflow names, as the editor saves it or as a prompt, and the nodes that name none."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.support.comfyui import COMMIT, looked_at, refused
from watcher.installs.recognise import workflows
from watcher.model.pack import Inventory, Pack, PackKind, SourceKind


def _named_by(path: Path) -> Inventory:
    [found] = looked_at(path, SourceKind.SNAPSHOT)
    return found


def _node(**properties: object) -> dict[str, object]:
    return {"id": 1, "type": "X", "properties": properties}


WORKFLOW = {
    "nodes": [
        _node(cnr_id="comfy-core", ver="0.3.75"),
        _node(cnr_id="My-Pack", ver="1.2.0"),
        _node(cnr_id="my-pack", ver="1.2.0"),
        _node(cnr_id="my-pack", ver="1.1.0"),
        _node(aux_id="ann/ComfyUI-Foo", ver=COMMIT),
        _node(cnr_id="nightly", ver="deadbeef", aux_id="bob/nightly"),
        {"id": 7, "type": "Note"},
        5,
    ],
    "definitions": {
        "subgraphs": [
            {
                "nodes": [_node(cnr_id="inner", ver="unknown")],
                "definitions": {
                    "subgraphs": [{"nodes": [_node(cnr_id="innermost", ver="2.0.0")]}]
                },
            }
        ]
    },
    "extra": {
        "groupNodes": {"G": {"nodes": [_node(cnr_id="grouped", ver="3.0.0")]}},
        "node_versions": {
            "comfy-core": "v0.3.8",
            "listed": "0.1.0",
            "inner": "9.9.9",
            "../x": "1",
        },
    },
    "version": 0.4,
}
GITHUB = "https://github.com"


def _claimed(
    name: str, version: str | None = None, *, is_unpinned: bool = False
) -> Pack:
    return Pack(
        folder=name,
        kind=PackKind.CLAIMED,
        id=name,
        version=version,
        is_unpinned=is_unpinned,
        evidence="the workflow",
    )


def _cloned(repository: str, **fields: Any) -> Pack:
    return Pack(
        folder=repository.rpartition("/")[2],
        kind=PackKind.GIT,
        repository=f"{GITHUB}/{repository}",
        evidence="the workflow" if "id" in fields else "a repository without an id",
        **fields,
    )


NAMED = (
    _cloned("ann/ComfyUI-Foo", commit=COMMIT),
    _claimed("grouped", "3.0.0"),
    _claimed("inner", is_unpinned=True),
    _claimed("innermost", "2.0.0"),
    _claimed("listed", "0.1.0"),
    _claimed("my-pack", "1.1.0"),
    _claimed("My-Pack", "1.2.0"),
    _cloned("bob/nightly", id="nightly"),
)


def test_where_it_is(tmp_path: Path) -> None:
    """Packs are found in all that is nested in it; it is no snapshot."""
    path = tmp_path / "plain.json"
    path.write_text(json.dumps(WORKFLOW))
    found = _named_by(path)
    named = [one for one in found.packs if one.kind is not PackKind.UNKNOWN]
    assert [replace(one, file="") for one in named] == [*NAMED]
    assert {(one.file, one.line) for one in found.packs} == {(str(path), None)}
    assert found.named
    why = "is not a snapshot of the Manager"
    assert refused(path, SourceKind.SNAPSHOT).endswith(why)


@pytest.mark.parametrize(
    "workflow",
    [
        {"nodes": [{"properties": {"cnr_id": "a"}}, {"id": 2}]},
        {"nodes": {"1": {"type": "A", "properties": {"cnr_id": "a"}}}},
        {"nodes": [{"type": "A", "properties": [{"cnr_id": "a"}]}]},
        [{"nodes": [{"type": "A", "properties": {"cnr_id": "a"}}]}],
    ],
)
def test_odd_forms(workflow: object) -> None:
    """Links, a version or a type are not needed: wherever a pack is named, it is found."""
    assert [pack.id for pack in workflows.read(workflow, ()) if pack.id] == ["a"]


def test_a_commit_without_a_repository(tmp_path: Path) -> None:
    """A pack that is named by its id and a commit is no clone whose claim has to be confirmed."""
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"nodes": [_node(cnr_id="my-pack", ver=COMMIT)]}))
    (pack,) = _named_by(path).packs
    assert (pack.kind, pack.version, pack.commit) == (PackKind.CLAIMED, None, COMMIT)


@pytest.mark.parametrize("version", [1.0, ["1.0.0"], "1" * 200, {"a": 1}])
def test_a_version_that_cannot_be_read(tmp_path: Path, version: object) -> None:
    """It stands for no version, so that the pack is not judged by the newest one."""
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"nodes": [_node(cnr_id="my-pack", ver=version)]}))
    (pack,) = _named_by(path).packs
    assert (pack.id, pack.version, pack.is_unpinned) == ("my-pack", None, False)


def _typed(kind: object, **properties: object) -> dict[str, object]:
    return {"type": kind, "properties": properties}


def _prompt(*kinds: object) -> dict[str, object]:
    return {
        str(number): {"class_type": kind, "inputs": {}}
        for number, kind in enumerate(kinds)
    }


_ID = "0c8a3a1e-0000-4000-8000-000000000001"
UNNAMED: dict[str, tuple[object, tuple[str, ...]]] = {
    "each type once, sorted": ({"nodes": [_typed("B"), _typed("A"), _typed("B")]}, ("A", "B")),
    "an id that can be none": ({"nodes": [_typed("A", cnr_id="../x"), _typed("B", aux_id=["x"])]}, ("A", "B")),
    "marked as ComfyUI's own": ({"nodes": [_typed("NewCoreNode", cnr_id="comfy-core")]}, ()),
    "of ComfyUI, without a mark": ({"nodes": [*map(_typed, ("Note", "Video Slice", "ksampler"))]}, ("ksampler",)),
    "a subgraph, and what is in it": (
        {
            "nodes": [_typed(_ID)],
            "definitions": {
                "subgraphs": [{"id": _ID, "nodes": [_typed("Inner"), _typed(_ID)],
                               "definitions": {"subgraphs": [{"id": "x", "nodes": [_typed("Innermost")]}]}}]
            },
        },
        ("Inner", "Innermost"),
    ),
    "groups, and what is in them": (
        {
            "nodes": [_typed("workflow>G"), _typed("workflow/G")],
            "extra": {"groupNodes": {"G": {"nodes": [_typed("Grouped"), _typed("KSampler")]}}},
        },
        ("Grouped",),
    ),
    "a prompt": (_prompt("KSampler", "Theirs", "Other", "Theirs", 5), ("(without a type)", "Other", "Theirs")),
    "a type whose pack another node names": ({"nodes": [_typed("A"), _typed("A", cnr_id="my-pack")]}, ()),
    "an id that is none, of a type that another node names": (
        {"nodes": [_typed("A", cnr_id=["x"]), _typed("A", cnr_id="a"),
                   _typed("B", aux_id=["x"]), _typed("B", cnr_id="b")]},
        ("A", "B"),
    ),
    "a name that is no id": ({"nodes": [], "extra": {"node_versions": {"My \ud800": "1.0.0"}}}, ("My ?",)),
}  # fmt: skip


@pytest.mark.parametrize("case", UNNAMED)
def test_nodes_that_name_no_pack(tmp_path: Path, case: str) -> None:
    """Each type is a row, unless it comes with ComfyUI, is made in the workflow, or its pack is named elsewhere."""
    document, types = UNNAMED[case]
    path = tmp_path / "w.json"
    path.write_text(json.dumps(document))
    unknown = [one for one in _named_by(path).packs if one.kind is PackKind.UNKNOWN]
    assert tuple(sorted(one.folder for one in unknown)) == types
    assert {one.evidence for one in unknown} <= {"a type of nodes that name no pack"}


def test_the_list_of_comfyuis_own_nodes() -> None:
    """It has each type once, and none of the front end's."""
    file = resources.files("watcher.installs").joinpath("comfyui_nodes.txt")
    types = [line for line in file.read_text("utf-8").splitlines() if line[0] != "#"]
    assert types == sorted(set(types))
    assert {"KSampler", "CLIPTextEncode", "SaveImage", "OpenAIGPTImage1"} <= {*types}
    assert not {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"} & {*types}
