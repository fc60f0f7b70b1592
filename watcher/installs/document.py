"""A file that a person names: a snapshot, the newest of those that a glob names, or a workflow, also in an image."""

from __future__ import annotations

import glob
import os
import re
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import images, json_text, lists, workflows
from watcher.installs.result import Unscannable
from watcher.installs.safe_files import Folder, UnreadableError, reason
from watcher.model.pack import Inventory, Source

_LOOKED_FOR = "a snapshot of the Manager or of Comfy Desktop, or a workflow"
_LIMIT = 16 * 1024 * 1024
_IMAGE_LIMIT = 64 * 1024 * 1024
_MOST_MATCHES = 5_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def read(source: Source, *, may_be_workflow: bool) -> Inventory:
    """Return the packs of a snapshot, or what a workflow names, which says nothing about what is installed.

    Unscannable if there is no such file, or none that can be read; for a workflow unless it `may_be_workflow`.
    """
    path = _newest(source.where)
    is_image = path.suffix.lower() in images.SUFFIXES
    # What a person names may be a link; what lies in a folder of snapshots may not.
    real = Path(os.path.realpath(path)) if str(path) == source.where else path
    limit = _IMAGE_LIMIT if is_image else _LIMIT
    try:
        data = Folder(str(real.parent)).read(real.name, limit=limit)
        if data is None:
            raise Unscannable(f"{path} does not exist; looked for {_LOOKED_FOR}")
        if is_image:
            document = json_text.load(images.workflow(data))
        elif path.suffix.lower() == ".json":
            document = json_text.load(data)
        else:
            document = yaml_text.load(data)
        is_workflow = is_image or workflows.is_workflow(document)
        if is_workflow and may_be_workflow:
            packs, unnamed = workflows.read(document, _of_comfyui())
            return Inventory(
                install=path.name, packs=packs, named=True, unnamed=unnamed
            )
        if not is_workflow:
            packs = lists.of_snapshot(document)
            return Inventory(install=source.name, packs=packs)
    except UnreadableError as error:
        raise Unscannable(f"{path} {error.why}") from None
    except ValueError as error:
        raise Unscannable(f"{path} {error}") from None
    raise Unscannable(f"{path} is a workflow, not a snapshot")


def _newest(where: str) -> Path:
    """Return the file, or the newest match of a glob: by the moment in their names if all have one, else by change.

    Unscannable if nothing matches, or more than is looked at.
    """
    if Path(where).exists() or not glob.has_magic(where):
        return Path(where)
    found = [Path(match) for match in islice(glob.iglob(where), _MOST_MATCHES + 1)]  # noqa: PTH207 - the pattern is whole
    if not found:
        raise Unscannable(f"no file matches {where}")
    if len(found) > _MOST_MATCHES:
        raise Unscannable(f"more than {_MOST_MATCHES:,} files match {where}")
    if all(_MOMENT.match(path.name) for path in found):
        return max(found, key=lambda path: path.name)
    try:
        return max(found, key=lambda path: (path.lstat().st_mtime, path.name))
    except OSError as error:
        raise Unscannable(f"a file that matches {where} {reason(error)}") from None


@cache
def _of_comfyui() -> frozenset[str]:
    """Return the types of ComfyUI's own nodes. The head of the list says how it is made again."""
    text = (
        resources.files("watcher.installs")
        .joinpath("comfyui_nodes.txt")
        .read_text("utf-8")
    )
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
