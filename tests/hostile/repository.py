"""A repository whose folders, Dockerfiles, workflows and snapshots are full of hostile texts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

_LONGEST = 120_000
"""Characters of a text: of a larger file nothing would be shown."""
_LONGEST_NAME = 200
"""Bytes of a folder's name, less than a file system takes."""

Mark = Callable[[str, str], str]
"""Gives a text a mark of its own, by the name of its place."""


def plant(root: Path, texts: Sequence[str], mark: Mark) -> None:
    """Fill a folder with files that name packs, each of which has a text in every place that there is."""
    for number, text in enumerate(one for one in texts if len(one) <= _LONGEST):
        # What is nothing but blanks is no name that a person could give on purpose.
        name = folder_name(mark("folder", text)) or f"blank {number}"
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_bytes(_dockerfile(text).encode())
        documents = {"workflow": _workflow(text, mark), "snapshot": _snapshot(text)}
        for kind, document in documents.items():
            (folder / f"{kind}.json").write_text(json.dumps(document), "utf-8")


def folder_name(text: str) -> str:
    """Return as much of a text as can be the name of a folder; "" if nothing can."""
    name = text.replace("/", "").replace("\0", "")
    short = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return "" if short.strip(". \t\n\r\u200b") == "" else short


def _dockerfile(text: str) -> str:
    def listed(*words: str) -> str:
        return json.dumps(["comfy", "node", "install", *words])

    quoted = shlex.quote(text.replace("\n", " "))
    address = f"https://github.com/evil/{text}"
    return "\n".join(
        (
            "FROM evil",
            "ARG LOST",
            f"RUN {listed(text, f'glow@{text}', f'{text}@1.0.0', address)}",
            f"RUN comfy-node-install $LOST{quoted}",
            f"RUN comfy node install {text}",
            f'ENV NAME="{text}"',
            "RUN comfy node install $NAME",
            f"RUN git clone {address}",
            f"ADD {address}.git /tmp/",
            "",
        )
    )


def _workflow(text: str, mark: Mark) -> object:
    return {
        "nodes": [
            {"id": 1, "type": mark("type of a node", text), "properties": {}},
            {"id": 2, "type": "x", "properties": {"cnr_id": text, "ver": text}},
            {"id": 3, "type": "x", "properties": {"cnr_id": "glow", "ver": text}},
            {"id": 4, "type": "x", "properties": {"aux_id": text, "ver": text}},
            {"id": 5, "type": "x", "properties": {"aux_id": f"evil/{text}"}},
        ],
        "links": [],
        "version": 0.4,
    }


def _snapshot(text: str) -> object:
    return {
        "cnr_custom_nodes": {text: text, "glow": text},
        "git_custom_nodes": {
            f"https://github.com/evil/{text}": {"hash": text, "disabled": False}
        },
        "file_custom_nodes": [{"filename": f"{text}.py", "disabled": False}],
    }
