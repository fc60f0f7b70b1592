"""The ComfyUIs of this machine, where its installers put them; for a person who names none."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from watcher.installs.folder import NODES
from watcher.installs.recognise import texts
from watcher.installs.safe_files import Folder, UnreadableError
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


@frozen
class Place:
    """A folder that may be a ComfyUI, and who says so."""

    path: Path
    by: str
    """For a person: `the working folder`, `Comfy Desktop`."""


def here(environ: Mapping[str, str], cwd: Path, home: Path) -> tuple[Place, ...]:
    """Return the ComfyUI that the working folder is in; else all that are known here, each once."""
    for folder in (cwd, *cwd.parents):
        if all(os.path.lexists(folder / mark) for mark in _MARKS):
            return (Place(path=folder, by="the working folder"),)
    found: dict[str, Place] = {}
    for place in known(environ, home):
        if any(
            _is_folder(root / NODES) for root in (place.path, place.path / "ComfyUI")
        ):
            found.setdefault(os.path.realpath(place.path), place)
    return tuple(found.values())


def known(environ: Mapping[str, str], home: Path) -> Iterator[Place]:
    """Yield where a ComfyUI is looked for; a folder may be absent, or come twice."""
    if named := environ.get("COMFYUI_PATH"):
        yield Place(path=Path(named), by="COMFYUI_PATH")
    for workspace in _workspaces(home / _CLI):
        yield Place(path=workspace, by="comfy-cli's workspace")
    yield Place(path=home / _CLI_WORKSPACE, by="comfy-cli's usual workspace")
    yield Place(path=home / "ComfyUI", by="the home folder")
    config = texts.table(_document(home / _DESKTOP, "config.json"))
    if isinstance(base := config.get("basePath"), str):
        yield Place(path=Path(base), by="ComfyUI Desktop")
    data = (
        environ.get("XDG_DATA_HOME")
        if sys.platform not in {"win32", "darwin"}
        else None
    )
    folder = Path(data, "comfyui-desktop-2") if data else home / _DESKTOP_2
    for entry in texts.items(_document(folder, "installations.json"))[:_MOST]:
        if isinstance(path := texts.table(entry).get("installPath"), str):
            yield Place(path=Path(path), by="Comfy Desktop")


def _is_folder(path: Path) -> bool:
    return "\0" not in str(path) and os.path.isdir(path)  # noqa: PTH112 - Path's raises where a folder above may not be entered


def _workspaces(folder: Path) -> Iterator[Path]:
    """Yield the workspaces that comfy-cli remembers."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(
            (Folder(str(folder)).read("config.ini", limit=_LIMIT) or b"").decode(
                "utf-8", "replace"
            )
        )
    except (UnreadableError, configparser.Error):
        return
    for name in ("default_workspace", "recent_workspace"):
        if path := parser.defaults().get(name, "").strip():
            yield Path(path)


def _document(folder: Path, name: str) -> object:
    """Return what a JSON file holds; None if there is none that can be read."""
    try:
        data = Folder(str(folder)).read(name, limit=_LIMIT)
        return texts.load(data) if data else None
    except ValueError:
        return None
