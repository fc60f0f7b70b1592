"""A snapshot that settings name: a file, or the newest of those that a glob names."""

from __future__ import annotations

import glob
import os
import re
from itertools import islice
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import images, json_text, lists, workflows
from watcher.installs.result import Unscannable
from watcher.installs.safe_files import Folder, UnreadableError, reason
from watcher.model.pack import Inventory, Source

_LOOKED_FOR = "a snapshot of the Manager or of Comfy Desktop"
_LIMIT = 16 * 1024 * 1024
_MOST_MATCHES = 5_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def read(source: Source) -> Inventory:
    """Return the packs of a snapshot; Unscannable if there is no such file, or none that can be read.

    A workflow is refused: it says nothing about what is installed.
    """
    path = newest(source.where)
    # What a person names may be a link; what lies in a folder of snapshots may not.
    real = Path(os.path.realpath(path)) if str(path) == source.where else path
    if path.suffix.lower() in images.SUFFIXES:
        raise Unscannable(f"{path} is an image, not a snapshot")
    try:
        data = Folder(str(real.parent)).read(real.name, limit=_LIMIT)
        if data is None:
            raise Unscannable(f"{path} does not exist; looked for {_LOOKED_FOR}")
        is_json = path.suffix.lower() == ".json"
        document = json_text.load(data) if is_json else yaml_text.load(data)
        if workflows.is_workflow(document):
            raise Unscannable(f"{path} is a workflow, not a snapshot")
        return Inventory(install=source.name, packs=lists.of_snapshot(document))
    except UnreadableError as error:
        raise Unscannable(f"{path} {error.why}") from None
    except ValueError as error:
        raise Unscannable(f"{path} {error}") from None


def newest(where: str) -> Path:
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
