"""A file that a person names: the newest of those that a glob names, and a snapshot that settings name."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import json_text, lists
from watcher.installs.result import Unscannable
from watcher.installs.safe_files import Folder, UnreadableError, reason
from watcher.model.pack import Inventory, Pack, Source

LIMIT = 16 * 1024 * 1024
_YAML = (".yaml", ".yml")
_MOST_MATCHES = 5_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def read(source: Source) -> Inventory:
    """Return the packs of a snapshot; Unscannable if there is no such file, or none that can be read."""
    path = newest(source.where)
    packs = packs_in(path, source.where, _of_snapshot)
    return Inventory(install=source.name, packs=packs)


def _of_snapshot(name: str, data: bytes) -> tuple[Pack, ...]:
    return lists.of_snapshot(load(name, data))


def load(name: str, data: bytes) -> object:
    """Return what a JSON or YAML file holds; ValueError with the reason if it cannot be read."""
    is_yaml = name.lower().endswith(_YAML)
    return yaml_text.load(data) if is_yaml else json_text.load(data)


def packs_in(
    path: Path, where: str, read: Callable[[str, bytes], tuple[Pack, ...]]
) -> tuple[Pack, ...]:
    """Return what `read` finds in a file, from its name and what it holds; Unscannable if it cannot be read.

    `where` is what a person named.
    """
    # That may be a link; what lies in a folder of snapshots may not.
    real = Path(os.path.realpath(path)) if str(path) == where else path
    try:
        data = Folder(str(real.parent)).read(real.name, limit=LIMIT)
        if data is None:
            raise Unscannable(f"{path} does not exist")
        return read(path.name, data)
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
