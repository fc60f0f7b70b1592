"""The packs that a workflow names: JSON as the editor saves it, PNG and WebP, and traps in each."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.support.comfyui import COMMIT, refused, scanned
from watcher.installs.recognise import images
from watcher.installs.recognise.json_text import table
from watcher.model.pack import Inventory, Pack, PackKind, SourceKind


def _kind(path: Path) -> SourceKind:
    """Return what such a name is taken for."""
    return SourceKind.SNAPSHOT if path.suffix == ".json" else SourceKind.PATH


def _named_by(path: Path) -> Inventory:
    return scanned(path, _kind(path), workflows=True)


def _refused(path: Path) -> str:
    return refused(path, _kind(path), workflows=True)


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
        evidence="the workflow",
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
TEXT = json.dumps(WORKFLOW).encode()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of chunks, each with its type."""
    parts = [
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _webp(*texts: bytes, order: str = "<", prefix: bytes = b"") -> bytes:
    start = 8 + 2 + 12 * len(texts)
    head = (
        (b"II" if order == "<" else b"MM")
        + struct.pack(f"{order}HI", 42, 8)
        + struct.pack(f"{order}H", len(texts))
    )
    body = b""
    for number, text in enumerate(texts):
        head += struct.pack(
            f"{order}HHII", 0x0110 - number, 2, len(text) + 1, start + len(body)
        )
        body += text + b"\0"
    exif = prefix + head + body
    chunks = (
        b"VP8 "
        + struct.pack("<I", 3)
        + b"abc\0"
        + b"EXIF"
        + struct.pack("<I", len(exif))
        + exif
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


FILES = {
    "plain.json": TEXT,
    "text.png": png(
        (b"IHDR", b"x" * 13), (b"tEXt", b"prompt\0{}"), (b"tEXt", b"workflow\0" + TEXT)
    ),
    "packed.png": png((b"zTXt", b"workflow\0\0" + zlib.compress(TEXT))),
    "international.png": png((b"iTXt", b"workflow\0\0\0en\0translated\0" + TEXT)),
    "international-packed.png": png(
        (b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(TEXT))
    ),
    "little.webp": _webp(b"prompt:{}", b"workflow:" + TEXT),
    "big.webp": _webp(b"prompt:{}", b"Workflow:" + TEXT, order=">", prefix=b"Exif\0\0"),
}


@pytest.mark.parametrize("name", FILES)
def test_where_it_is(tmp_path: Path, name: str) -> None:
    """A workflow is found in JSON and in what ComfyUI writes into images, with all that is nested in it."""
    (tmp_path / name).write_bytes(FILES[name])
    found = _named_by(tmp_path / name)
    assert {replace(one, file="", line=None) for one in found.packs} == set(NAMED)
    assert {one.file for one in found.packs} == {str(tmp_path / name)}
    assert {one.line for one in found.packs} == {1 if name == "plain.json" else None}
    assert (found.named, found.unnamed, len(found.packs)) == (True, (), len(NAMED))
    what = "a workflow" if name == "plain.json" else "an image"
    assert refused(tmp_path / name, _kind(tmp_path / name)).endswith(
        f"is {what}, not a snapshot"
    )


def test_a_commit_without_a_repository(tmp_path: Path) -> None:
    """A pack that is named by its id and a commit is no clone whose claim has to be confirmed."""
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"nodes": [_node(cnr_id="my-pack", ver=COMMIT)]}))
    (pack,) = _named_by(path).packs
    assert (pack.kind, pack.version, pack.commit) == (PackKind.CLAIMED, None, COMMIT)


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
    "what names a pack": ({"nodes": [_typed("A", cnr_id="my-pack"), _typed("B", aux_id="ann/b")]}, ()),
    "an id that can be none": ({"nodes": [_typed("A", cnr_id="../x"), _typed("B", aux_id=["x"])]}, ("A", "B")),
    "marked as ComfyUI's own": ({"nodes": [_typed("NewCoreNode", cnr_id="comfy-core")]}, ()),
    "of ComfyUI, without a mark": ({"nodes": [*map(_typed, ("KSampler", "Video Slice", "ksampler"))]}, ("ksampler",)),
    "of the front end": ({"nodes": [*map(_typed, ("Note", "MarkdownNote", "Reroute", "PrimitiveNode"))]}, ()),
    "a subgraph, and what is in it": (
        {
            "nodes": [_typed(_ID)],
            "definitions": {
                "subgraphs": [{"id": _ID, "nodes": [_typed("Inner"), _typed("deeper")],
                               "definitions": {"subgraphs": [{"id": "deeper", "nodes": [_typed("Innermost")]}]}}]
            },
        },
        ("Inner", "Innermost"),
    ),
    "a subgraph that is not there": ({"nodes": [_typed(_ID)], "definitions": {"subgraphs": []}}, (_ID,)),
    "groups, and what is in them": (
        {
            "nodes": [_typed("workflow>G"), _typed("workflow/G"), _typed("workflow>Gone")],
            "extra": {"groupNodes": {"G": {"nodes": [_typed("Grouped"), _typed("KSampler")]}}},
        },
        ("Grouped", "workflow>Gone"),
    ),
    "a type that is no text": ({"nodes": [_typed(5), _typed(None), _typed(["x"])]}, ("(without a type)",)),
    "a long type": ({"nodes": [_typed("x" * 9_000), _typed("\ud800")]}, ("?", "x" * 200)),
    "a prompt": (_prompt("KSampler", "Theirs", "Other", "Theirs", 5), ("(without a type)", "Other", "Theirs")),
    "a prompt of ComfyUI's own": (_prompt("KSampler", "VAEDecode", "SaveImageWebsocket"), ()),
}  # fmt: skip


@pytest.mark.parametrize("case", UNNAMED)
@pytest.mark.parametrize("form", ["json", "png"])
def test_nodes_that_name_no_pack(tmp_path: Path, case: str, form: str) -> None:
    """Their types are listed, unless they come with ComfyUI or its front end, or are made in the workflow itself."""
    document, types = UNNAMED[case]
    text = json.dumps(document).encode()
    key = b"workflow" if "nodes" in table(document) else b"prompt"
    path = tmp_path / f"w.{form}"
    path.write_bytes(text if form == "json" else png((b"tEXt", key + b"\0" + text)))
    assert _named_by(path).unnamed == types


def test_too_many_types(tmp_path: Path) -> None:
    """More types than any workflow has are refused."""
    path = tmp_path / "w.json"
    path.write_text(
        json.dumps({"nodes": [_typed(str(number)) for number in range(5_001)]})
    )
    assert _refused(path).endswith(
        "has more than 5,000 types of nodes that name no pack"
    )


def test_the_list_of_comfyuis_own_nodes() -> None:
    """It is sorted, has each type once and none of the front end's, and its head says what it is made of."""
    lines = (
        resources.files("watcher.installs")
        .joinpath("comfyui_nodes.txt")
        .read_text("utf-8")
        .splitlines()
    )
    types = [line for line in lines if not line.startswith("#")]
    assert types == sorted(set(types))
    assert {
        "KSampler",
        "CheckpointLoaderSimple",
        "CLIPTextEncode",
        "SaveImage",
        "OpenAIGPTImage1",
    } <= set(types)
    assert not {"", "Note", "MarkdownNote", "Reroute", "PrimitiveNode"} & set(types)
    assert lines[0].startswith("# The types of the nodes that come with ComfyUI")


REFUSED = {
    "other.json": (b'{"a": 1}', "is not a snapshot of the Manager"),
    "deep.json": (b'{"nodes": ' + b"[" * 100_000, "is not valid JSON"),
    "empty.png": (png((b"IEND", b"")), "holds no workflow"),
    "cut.png": (
        png((b"tEXt", b"workflow\0" + TEXT))[:9] + b"\xff\xff\xff",
        "holds no workflow",
    ),
    "damaged.png": (
        png((b"zTXt", b"workflow\0\0" + b"x" * 9)),
        "holds a text that is damaged",
    ),
    "bomb.png": (
        png((b"zTXt", b"workflow\0\0" + zlib.compress(b"[" * (images.LIMIT + 1)))),
        "holds a text of more than 16 MB, which is not unpacked",
    ),
    "none.webp": (
        b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xffII*\0\xff\xff\xff\xff",
        "holds no workflow",
    ),
    "jpeg.png": (b"\xff\xd8\xff", "is neither a PNG nor a WebP"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_names_nothing(tmp_path: Path, name: str) -> None:
    """What is no workflow, or a trap, is one line with the reason."""
    data, why = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    assert _refused(tmp_path / name).startswith(f"{tmp_path / name} {why}")
