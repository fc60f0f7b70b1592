"""Which folders of packs a ComfyUI has (docs/behaviour.md, Installed packs)."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import texts
from watcher.installs.recognise.json_text import table
from watcher.installs.result import Unscannable
from watcher.installs.safe_files import Folder, UnreadableError, reason

NODES = "custom_nodes"
_PORTABLE = "ComfyUI"
"""The folder of a portable install, or of Comfy Desktop, that is the root of its ComfyUI."""
_MORE = "extra_model_paths.yaml"
_MOST = 100
_LONGEST = 4096
"""Characters of a path."""


class NoComfyUI(Unscannable):
    """A folder has no folder of packs, nor anything that should lead to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFolder:
    """A folder of packs."""

    path: str
    shown: str
    """As a reason may name it."""
    place: str
    """As `Pack.place` has it."""


def node_folders(
    where: str, had: Collection[str]
) -> tuple[list[NodeFolder], list[str]]:
    """Return the folders of packs of a ComfyUI root, a portable one's, a base directory or a `custom_nodes`.

    They are all that there may be, each once, whatever lies beside them: any pack can make another. The others are
    reasons why it cannot be known what else there is. NoComfyUI if there is none.
    """
    path = Path(where)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Unscannable(f"{where} {reason(error)}") from None
    if not stat.S_ISDIR(mode):
        raise Unscannable(f"{where} is not a folder; give a ComfyUI's folder")
    names = {path.name.lower(), os.path.basename(os.path.realpath(path)).lower()}  # noqa: PTH119 - as it is on disk
    roots = ((path, ""), (path / _PORTABLE, f"{_PORTABLE}/"))
    own = [
        NodeFolder(path=str(root / NODES), shown=str(root / NODES), place=name)
        for root, name in roots
    ]
    there = [folder for folder in own if _is_there(folder.path)]
    if NODES in names:
        there.insert(0, NodeFolder(path=where, shown=where, place="."))
    failed: list[str] = []
    for root, name in roots:
        try:
            there += _more_folders(root, f"{name}{_MORE}")
        except Unscannable as error:
            failed.append(error.what)
    missing = [folder for folder in own if folder.place in had and folder not in there]
    if not there and not failed and not missing:
        raise NoComfyUI(
            f"no ComfyUI: looked for {NODES} in {where} and {path / _PORTABLE}"
        )
    each: dict[str, NodeFolder] = {}  # two settings may name one folder
    for folder in (*there, *missing):
        each.setdefault(os.path.realpath(folder.path), folder)
    return list(each.values()), failed


def _is_there(path: str) -> bool:
    """Return whether there is such a folder, or what may be one: a link that leads nowhere, a place out of reach."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - as below
    except (FileNotFoundError, NotADirectoryError):
        return any(
            os.path.islink(one) and not os.path.exists(one)  # noqa: PTH110, PTH114
            for one in (path, os.path.dirname(path))  # noqa: PTH120
        )
    except OSError:
        return True  # to be out of reach is not to be absent: the scan of it fails and says why


def _more_folders(root: Path, file: str) -> list[NodeFolder]:
    """Return the folders that the file beside `main.py` names; none without such a file.

    `file` is how a place names it. Unscannable if it cannot be read. What is shown of a path is what is written:
    a variable in it may hold a secret.
    """
    try:
        data = Folder(str(root)).read(_MORE, limit=yaml_text.LIMIT)
        sections = yaml_text.load(data) if data and data.strip() else None
    except UnreadableError as error:
        raise Unscannable(f"{root / _MORE} {error.why}") from None
    except ValueError as error:
        raise Unscannable(f"{root / _MORE} {error}") from None
    found: list[NodeFolder] = []
    for section in map(table, table(sections).values()):
        lines, base = section.get("custom_nodes"), section.get("base_path")
        start, begin = root, ""
        if isinstance(base, str):
            start, begin = root / _expanded(base), f"{base}/"
        for line in lines.splitlines() if isinstance(lines, str) else ():
            if name := line.strip():
                folder = NodeFolder(
                    path=str(start / _expanded(name)),
                    shown=f"the folder {name[:100]!r} of {root / _MORE}",
                    place=texts.valid(f"{file}: {begin}{name}"[:_LONGEST]),
                )
                found.append(folder)
    if len(found) > _MOST:
        raise Unscannable(
            f"{root / _MORE} names more than {_MOST} folders; they were not looked at"
        )
    return found


def _expanded(text: str) -> str:
    """Return a path with its variables and `~` replaced, or as it is if it is longer than any is."""
    if len(text) > _LONGEST or "\0" in text or texts.valid(text) != text:
        return "an impossible path"
    return os.path.expanduser(os.path.expandvars(text))  # noqa: PTH111 - Path's raises where a home is not known
