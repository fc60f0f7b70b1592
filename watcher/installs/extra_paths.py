"""More `custom_nodes` folders of a ComfyUI: those that its `extra_model_paths.yaml` names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from watcher.installs import yaml_text
from watcher.installs.recognise import texts
from watcher.installs.safe_files import Folder, UnreadableError
from watcher.installs.unscannable import Unscannable

FILE = "extra_model_paths.yaml"
_MOST = 100
_LONGEST = 4096
"""Characters of a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFolder:
    """A folder of packs."""

    path: str
    shown: str
    """As a reason may name it."""
    place: str
    """As `Pack.place` has it."""


def node_folders(root: Path, name: str) -> list[NodeFolder]:
    """Return the folders that the file beside `main.py` names; none without such a file.

    `name` is how a place names the file. Unscannable if it cannot be read. What is shown of a path is what is written:
    a variable in it may hold a secret.
    """
    try:
        data = Folder(str(root)).read(FILE, limit=yaml_text.LIMIT)
        sections = yaml_text.load(data) if data and data.strip() else None
    except (UnreadableError, ValueError) as error:
        why = str(error).removeprefix(f"{FILE} ")
        raise Unscannable(f"{root / FILE} {why}") from None
    found: list[NodeFolder] = []
    for section in sections.values() if isinstance(sections, dict) else ():
        if not isinstance(section, dict) or not isinstance(
            written := section.get("custom_nodes"), str
        ):
            continue
        base = section.get("base_path")
        start = root / _expanded(base) if isinstance(base, str) else root
        found += [
            NodeFolder(
                path=str(start / _expanded(line)),
                shown=f"the folder {line[:100]!r} of {root / FILE}",
                place=texts.valid(
                    f"{name}: {f'{base}/' if isinstance(base, str) else ''}{line}"[
                        :_LONGEST
                    ]
                ),
            )
            for line in filter(None, map(str.strip, written.splitlines()))
        ]
    if len(found) > _MOST:
        raise Unscannable(
            f"{root / FILE} names more than {_MOST} folders; they were not looked at"
        )
    return found


def _expanded(text: str) -> str:
    """Return a path with its variables and `~` replaced, or as it is if it is longer than any is."""
    if len(text) > _LONGEST or "\0" in text or texts.valid(text) != text:
        return "a path that cannot be one"
    return os.path.expanduser(os.path.expandvars(text))  # noqa: PTH111 - Path's raises where a home is not known
