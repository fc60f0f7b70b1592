"""The ComfyUIs of this machine, where its installers put them; for a person who names none."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from watcher.installs import safe_files
from watcher.installs.folder import NODES
from watcher.installs.recognise import texts
from watcher.values import frozen

_MARKS = (NODES, "main.py", "comfy")
"""What makes the folder around the working folder a ComfyUI."""
_LIMIT = 1024 * 1024
_MOST = 100

_CLI, _CLI_WORKSPACE, _DESKTOP, _DESKTOP_2 = {
    "win32": (
        "AppData/Local/comfy-cli",
        "Documents/comfy/ComfyUI",
        "AppData/Roaming/ComfyUI",
        "AppData/Roaming/Comfy Desktop",
    ),
    "darwin": (
        "Library/Application Support/comfy-cli",
        "Documents/comfy/ComfyUI",
        "Library/Application Support/ComfyUI",
        "Library/Application Support/Comfy Desktop",
    ),
}.get(
    sys.platform,
    (
        ".config/comfy-cli",
        "comfy/ComfyUI",
        ".config/ComfyUI",
        ".local/share/comfyui-desktop-2",
    ),
)
_WORKSPACE = re.compile(r"^(?:default|recent)_workspace[ \t]*=(.*\S)", re.MULTILINE)
"""What comfy-cli remembers."""


@frozen
class Place:
    """A folder that may be a ComfyUI, and who says so."""

    path: Path
    by: str
    """For a person: `the working folder`, `Comfy Desktop`."""


def here(environ: Mapping[str, str], cwd: Path, home: Path) -> tuple[Place, ...]:
    """Return the ComfyUI that the working folder is in; else all that are known here, each once."""
    # Who stands in a ComfyUI means that one, also where others are installed.
    for folder in (cwd, *cwd.parents):
        if all(os.path.lexists(folder / mark) for mark in _MARKS):
            return (Place(path=folder, by="the working folder"),)
    found: dict[str, Place] = {}
    for place in known(environ, home):
        roots = (place.path, place.path / "ComfyUI")
        if any(os.path.isdir(root / NODES) for root in roots):  # noqa: PTH112 - Path's raises where a folder above may not be entered
            # Desktop and comfy-cli may know the same ComfyUI; the first that says so names it.
            found.setdefault(os.path.realpath(place.path), place)
    return tuple(found.values())


def known(environ: Mapping[str, str], home: Path) -> Iterator[Place]:
    """Yield where a ComfyUI is looked for; a folder may be absent, or come twice."""
    named = environ.get("COMFYUI_PATH")
    config = _read(home / _CLI, "config.ini").decode("utf-8", "replace")
    # On Linux the newer Desktop keeps its list where the user keeps all data.
    is_linux = sys.platform not in {"win32", "darwin"}
    data = environ.get("XDG_DATA_HOME") if is_linux else None
    desktop = Path(data, "comfyui-desktop-2") if data else home / _DESKTOP_2
    for by, paths in (
        ("COMFYUI_PATH", [named] if named else []),
        ("comfy-cli's workspace", map(str.strip, _WORKSPACE.findall(config))),
        ("comfy-cli's usual workspace", [home / _CLI_WORKSPACE]),
        ("the home folder", [home / "ComfyUI"]),
        ("ComfyUI Desktop", _noted(home / _DESKTOP, "config.json", "basePath")),
        ("Comfy Desktop", _noted(desktop, "installations.json", "installPath")),
    ):
        yield from (Place(path=Path(path), by=by) for path in paths)


def _noted(folder: Path, file: str, key: str) -> list[str]:
    """Return the paths in a file of Desktop, which has one, or a list of installs."""
    document: object = None
    with suppress(ValueError):
        document = texts.load(_read(folder, file))
    # The older Desktop has one ComfyUI in an object, the newer one a list of them.
    installs = texts.items(document) or [document]
    paths = [texts.table(one).get(key) for one in installs[:_MOST]]
    return [path for path in paths if isinstance(path, str)]


def _read(folder: Path, file: str) -> bytes:
    """Return a file's content; nothing if there is none that can be read: others may have broken it."""
    try:
        return safe_files.read(str(folder), file, limit=_LIMIT) or b""
    except ValueError:
        return b""
