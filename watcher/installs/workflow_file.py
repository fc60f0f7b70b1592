"""What the nodes of a workflow come from: a JSON file, or an image that has one in it."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

from watcher.installs.recognise import images, json_text, workflows
from watcher.installs.recognise.workflows import Named
from watcher.installs.safe_files import Folder, UnreadableError
from watcher.installs.unscannable import Unscannable

_LIMIT = 64 * 1024 * 1024
"""Bytes of an image; of JSON a quarter."""


def named_by(path: Path) -> Named:
    """Return the packs that a workflow names, and its nodes that name none; Unscannable if the file holds no workflow.

    It does not say what is installed.
    """
    named = Path(os.path.realpath(path))
    try:
        data = Folder(str(named.parent)).read(named.name, limit=_LIMIT)
        if data is None:
            raise Unscannable(f"{path} does not exist; looked for a workflow")
        is_json = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}
        text = data if is_json else images.workflow(data)
        if len(text) > images.LIMIT:
            raise Unscannable(
                f"{path} has a workflow of more than {images.LIMIT // 1024**2} MB, which is not read"
            )
        return workflows.read(json_text.load(text), _of_comfyui())
    except (UnreadableError, ValueError) as error:
        raise Unscannable(
            f"{path} {str(error).removeprefix(f'{named.name} ')}"
        ) from None


@cache
def _of_comfyui() -> frozenset[str]:
    """Return the types of ComfyUI's own nodes. The head of the list says how it is made again."""
    text = (
        resources.files("watcher.installs")
        .joinpath("comfyui_nodes.txt")
        .read_text("utf-8")
    )
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
