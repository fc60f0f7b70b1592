"""The packs that a workflow names: a JSON file, or an image that has one in it."""

from __future__ import annotations

import os
from pathlib import Path

from watcher.installs.recognise import images, json_text, workflows
from watcher.installs.safe_files import Folder, UnreadableError
from watcher.installs.unscannable import Unscannable
from watcher.model.pack import Pack

_LIMIT = 64 * 1024 * 1024
"""Bytes of an image; of JSON a quarter."""


def named_by(path: Path) -> tuple[Pack, ...]:
    """Return the packs that a workflow names, each version once; none if it only names what comes with ComfyUI.

    They are `claimed`, or `git` where it names a commit: it does not say what is installed. Unscannable if the file
    holds no workflow.
    """
    named = Path(os.path.realpath(path))
    try:
        data = Folder(str(named.parent)).read(named.name, limit=_LIMIT)
        if data is None:
            raise Unscannable(f"{path} does not exist; looked for a workflow")
        is_json = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}
        text = data if is_json else images.workflow(data)
        if len(text) > images.LIMIT:
            raise Unscannable(f"{path} has a workflow of more than {images.LIMIT // 1024**2} MB, which is not read")
        return workflows.read(json_text.load(text))
    except (UnreadableError, ValueError) as error:
        raise Unscannable(f"{path} {str(error).removeprefix(f'{named.name} ')}") from None
