"""A snapshot file, or the newest of those that a glob names."""

from __future__ import annotations

import glob
import os
import re
from itertools import islice
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import json_text, snapshots
from watcher.installs.safe_files import Folder, UnreadableError, reason
from watcher.installs.unscannable import IsWorkflow, Unscannable
from watcher.model.pack import Pack

LIMIT = 16 * 1024 * 1024
_MOST_MATCHES = 5_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def packs(where: str) -> tuple[Pack, ...]:
    """Return the packs of a snapshot; of several that match a glob, of the newest.

    Unscannable if there is none, or none that can be read.
    """
    path = newest(where)
    # What a person names may be a link; what lies in a folder of snapshots may not.
    real = Path(os.path.realpath(path)) if str(path) == where else path
    folder, name = Folder(str(real.parent)), real.name
    try:
        data = folder.read(name, limit=LIMIT)
        if data is None:
            raise Unscannable(
                f"{path} does not exist; looked for a snapshot of the Manager or of Comfy Desktop"
            )
        is_json = path.suffix.lower() == ".json"
        return snapshots.read(json_text.load(data) if is_json else yaml_text.load(data))
    except snapshots.WorkflowGivenError as error:
        raise IsWorkflow(f"{path} {error}") from None
    except (UnreadableError, ValueError) as error:
        raise Unscannable(f"{path} {str(error).removeprefix(f'{name} ')}") from None


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
