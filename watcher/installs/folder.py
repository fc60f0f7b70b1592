"""The packs in the folders of a ComfyUI (docs/behaviour.md, Installed packs)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from watcher.installs import extra_paths
from watcher.installs.extra_paths import NodeFolder
from watcher.installs.recognise import folders, git, pyproject, texts
from watcher.installs.recognise.folders import Clone, Contents
from watcher.installs.safe_files import MOST_ENTRIES, Entry, Folder, TooManyError, UnreadableError, reason
from watcher.installs.unscannable import IsWorkflow, Unscannable
from watcher.model.pack import Pack, PackKind

NODES = "custom_nodes"

_IMAGES = (".png", ".webp")
_SMALL = 4096
_CONFIG_LIMIT = 256 * 1024
_PACKED_LIMIT = 8 * 1024 * 1024
_TRACKING_LIMIT = 8 * 1024 * 1024
_SHOWN = 4
"""Names that an error shows of what was found instead."""


def packs(where: str, go_on: Callable[[], None]) -> tuple[Pack, ...]:
    """Return the packs of the ComfyUI in a folder. `go_on` is called before each and may raise.

    Unscannable if it is no ComfyUI, or if some of its packs would be missing from the list.
    """
    found: list[Pack] = []
    for folder in node_folders(where):
        found += _packs_in(folder, go_on)
    return tuple(found)


def node_folders(where: str) -> list[NodeFolder]:
    """Return the `custom_nodes` of a ComfyUI root, a portable one's or a base directory, and those it names elsewhere.

    A folder of that name stands for itself. Unscannable with what was found instead.
    """
    path = Path(where)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Unscannable(f"{where} {reason(error)}") from None
    if not stat.S_ISDIR(mode):
        kind = IsWorkflow if where.lower().endswith(_IMAGES) else Unscannable
        raise kind(f"{where} is not a folder; looked for that of a ComfyUI")
    if path.name.lower() == NODES or any(
        os.path.lexists(path / name) for name in (*folders.OF_COMFYUI, folders.DISABLED)
    ):
        return [NodeFolder(path=where, shown=where)]
    for root in (path, path / "ComfyUI"):
        if _is_folder(root / NODES):
            own = NodeFolder(path=str(root / NODES), shown=str(root / NODES))
            each = {os.path.realpath(folder.path): folder for folder in (*extra_paths.node_folders(root), own)}
            return list(each.values())
    raise Unscannable(f"no ComfyUI: looked for {NODES} in {where} and {path / 'ComfyUI'}, {_instead(path)}")


def _is_folder(path: Path) -> bool:
    """Return whether there is such a folder; Unscannable if that cannot be seen."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Unscannable(f"{path} {reason(error)}") from None


def _instead(path: Path) -> str:
    """Return what a folder has instead of what was looked for."""
    try:
        names = sorted(entry.name for entry in Folder(str(path)).entries())
    except (OSError, TooManyError):
        return "found neither"
    if not names:
        return "found an empty folder; is a volume not mounted?"
    shown = ", ".join(map(repr, names[:_SHOWN]))
    return f"found {shown}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}"


def _packs_in(folder: NodeFolder, go_on: Callable[[], None]) -> Iterator[Pack]:
    """Yield the packs of one `custom_nodes`, disabled ones too."""
    where = folder.path
    entries = _entries(where, folder.shown)
    if not entries:
        raise Unscannable(
            f"{folder.shown} is empty: is its volume not mounted? If nothing is meant to be there, put any file into it"
        )
    disabled = os.path.join(where, folders.DISABLED)  # noqa: PTH118 - names may be bytes that are no text
    has_disabled = any(entry.name == folders.DISABLED and entry.is_folder for entry in entries)
    aside = _entries(disabled, f"{folders.DISABLED} in {folder.shown}") if has_disabled else []
    for place, found in ((where, entries), (disabled, aside)):
        for entry in found:
            go_on()
            if (pack := _pack(place, entry, disabled=place != where)) is not None:
                yield pack


def _entries(place: str, shown: str) -> list[Entry]:
    """Return the entries of a folder; Unscannable if it cannot be read whole."""
    try:
        return list(Folder(place).entries())
    except TooManyError:
        raise Unscannable(f"{shown} has more than {MOST_ENTRIES:,} entries; the rest was not looked at") from None
    except OSError as error:
        raise Unscannable(f"{shown} {reason(error)}") from None


def _pack(place: str, entry: Entry, *, disabled: bool) -> Pack | None:
    """Return the pack that an entry of a folder is, if it is one; `disabled` says that the whole folder is."""
    enabled = not disabled and not folders.is_disabled(entry.name)
    folder = f"{folders.DISABLED}/{entry.name}" if disabled else entry.name
    if entry.is_folder:
        path = os.path.join(place, entry.name)  # noqa: PTH118 - as above
        return (
            folders.pack(folder, _contents(Folder(path)), enabled=enabled) if folders.may_be_pack(entry.name) else None
        )
    if entry.is_file:
        return folders.single_file(folder, entry.name, enabled=enabled)
    if entry.is_broken or entry.name.endswith(".py"):
        why = "its link leads nowhere" if entry.is_broken else "not a regular file"
        return Pack(folder=texts.valid(folder), kind=PackKind.UNKNOWN, enabled=enabled, evidence=why, unreadable=True)
    return None


def _contents(folder: Folder) -> Contents:
    """Return what a pack's folder has. A file that cannot be read is the pack's problem, not the scan's."""
    project, tracking, tracks_git, clone, loadable = None, False, False, None, True
    problem, damaged = "", False
    try:
        tracking = folder.kind(".tracking") == stat.S_IFREG
        loadable = folder.kind("__init__.py") is not None
        dot_git = folder.kind(".git")
        if dot_git == stat.S_IFDIR:
            clone = _clone(folder)
        elif dot_git is not None:
            clone = Clone(remark=".git leads to another folder, which is not read")
        tracks_git = tracking and dot_git is not None and _tracks_git(folder)
    except UnreadableError as error:
        problem = str(error)
    try:
        project = folder.read("pyproject.toml", limit=pyproject.LIMIT)
    except UnreadableError as error:
        problem, damaged = problem or str(error), error.damaged and not problem
    return Contents(
        pyproject=project,
        tracking=tracking,
        tracks_git=tracks_git,
        clone=clone,
        loadable=loadable,
        problem=problem,
        damaged=damaged,
    )


def _tracks_git(folder: Folder) -> bool:
    """Return whether the Manager's mark lists a `.git`: the paths of the archive that it unpacked, one a line."""
    try:
        listed = folder.read(".tracking", limit=_TRACKING_LIMIT) or b""
    except UnreadableError:
        return False  # a clone then, which says less
    return any(re.match(rb"(?:\./)?\.git(?:/|$)", line) for line in listed.splitlines())


def _clone(folder: Folder) -> Clone:
    """Return what `.git` says; what cannot be read in it is a remark."""
    remark, remote, commit, cnr_id = "", None, None, None
    try:
        remote = git.remote(folder.read(".git", "config", limit=_CONFIG_LIMIT) or b"")
        written = folder.read(".git", ".cnr-id", limit=_SMALL)
        cnr_id = texts.pack_id(written.decode("utf-8", "replace")) if written else None
        commit, ref = git.head(folder.read(".git", "HEAD", limit=_SMALL) or b"")
        if ref is not None:
            loose = folder.read(".git", *ref.split("/"), limit=_SMALL)
            commit = texts.commit(loose.decode("ascii", "replace")) if loose else None
            commit = commit or git.packed(folder.read(".git", "packed-refs", limit=_PACKED_LIMIT) or b"", ref)
    except UnreadableError as error:
        remark = str(error)
    return Clone(remote=remote, commit=commit, cnr_id=cnr_id, remark=remark or ("" if remote else "no remote"))
