"""The packs in the folders of a ComfyUI (docs/behaviour.md, Installed packs)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from watcher.installs.node_folders import NodeFolder, node_folders
from watcher.installs.recognise import folders, git, pyproject, texts
from watcher.installs.recognise.folders import Clone, Contents
from watcher.installs.result import Unscannable
from watcher.installs.safe_files import (
    MOST_ENTRIES,
    Entry,
    Folder,
    UnreadableError,
    reason,
)
from watcher.model.failure import ReadFailure
from watcher.model.pack import (
    OWN_FILES,
    Inventory,
    Pack,
    PackKind,
    Source,
    named_after,
)

_IS_IT_MOUNTED = f": is its volume not mounted? If its packs were removed, create {OWN_FILES[0]} in it"
_SMALL = 4096
_CONFIG_LIMIT = 256 * 1024
_PACKED_LIMIT = 8 * 1024 * 1024
_TRACKING_LIMIT = 8 * 1024 * 1024
_SHOWN = 3
"""Failures that are named."""
_MOST_READINGS = 5
"""Of a folder that changes while it is read."""


def read(source: Source, had: Collection[Pack], go_on: Callable[[], None]) -> Inventory:
    """Return the packs of the ComfyUI in a folder. `go_on` is called before each and may raise.

    `had` are the packs of the last good scan: a folder that has none of those that were in it has failed, unless it has
    a file of ComfyUI's own. A folder that cannot be read fails by itself. Unscannable if none could be read.
    """
    there, failed = node_folders(source.where, {pack.place for pack in had})
    packs: list[Pack] = []
    places: set[str] = set()
    for folder in there:
        had_here = [one for one in had if one.place == folder.place]
        try:
            found, failure = _packs_in(folder, had_here, go_on)
        except Unscannable as error:
            failed.append(error.what)
            continue
        packs += found
        if failure:
            failed.append(failure)
        else:
            places.add(folder.place)
    more = f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    why = "; ".join(failed[:_SHOWN]) + more
    if not (places or packs):
        raise Unscannable(why)
    return Inventory(
        install=source.name,
        packs=tuple(packs),
        failure=ReadFailure(install=source.name, error=why) if why else None,
        places=frozenset(places),
    )


def _packs_in(
    folder: NodeFolder, had: Collection[Pack], go_on: Callable[[], None]
) -> tuple[Collection[Pack], str]:
    """Return the packs of one `custom_nodes`, disabled ones too, and why those that it had may not be gone, or "".

    Unscannable if they may not be all.
    """
    hint = _IS_IT_MOUNTED if had else ""
    listed = _listed(folder, hint)
    seen: dict[str, Pack] = {}
    for _ in range(_MOST_READINGS):
        found = _read_packs(folder, listed, go_on)
        last, listed = listed, _listed(folder, hint)
        if listed == last:
            break
        # One that is moved meanwhile, as to disable it, may be in neither list.
        seen |= found
    else:
        found = seen
    has_own_file = any(
        entry.name in OWN_FILES and entry.is_file for entry in listed.enabled
    )
    before, now = (*had, *seen.values()), found.values()
    # Where nothing is left of what it had, it may be another folder, or the place of a volume.
    is_another = bool(before) and not _names(before) & _names(now)
    if not is_another or has_own_file:
        return now, ""
    left = "none of its packs" if now else "no packs"
    return now, f"{folder.shown} has {left} any more{hint}"


def _names(packs: Iterable[Pack]) -> set[str]:
    """Return what packs are known by: their ids, and what their folders are named after."""
    return {
        name.lower()
        for pack in packs
        for name in (pack.id, named_after(pack.folder))
        if name
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What one `custom_nodes` holds."""

    enabled: tuple[Entry, ...]
    disabled: tuple[Entry, ...]
    """What the Manager moved away in it."""


def _listed(folder: NodeFolder, hint: str) -> _Listed:
    """Return the entries of one `custom_nodes`; Unscannable if they may not be all, with a hint if it is not there."""
    enabled = _entries(folder.path, folder.shown, hint)
    has_disabled = any(
        entry.name == folders.DISABLED and entry.is_folder for entry in enabled
    )
    shown = f"{folders.DISABLED} in {folder.shown}"
    disabled = _entries(_disabled_in(folder), shown, hint) if has_disabled else ()
    return _Listed(enabled=enabled, disabled=disabled)


def _entries(place: str, shown: str, hint: str) -> tuple[Entry, ...]:
    """Return the entries of a folder, by name."""
    try:
        found = Folder(place).entries(MOST_ENTRIES + 1)
    except OSError as error:
        hint = hint if isinstance(error, FileNotFoundError) else ""
        raise Unscannable(f"{shown} {reason(error)}{hint}") from None
    if len(found) > MOST_ENTRIES:
        raise Unscannable(
            f"{shown} has more than {MOST_ENTRIES:,} entries; the rest was not looked at"
        )
    return tuple(sorted(found, key=lambda entry: entry.name))


def _read_packs(
    folder: NodeFolder, listed: _Listed, go_on: Callable[[], None]
) -> dict[str, Pack]:
    """Return the packs among the entries of one `custom_nodes`, by their paths."""
    found: dict[str, Pack] = {}
    disabled = _disabled_in(folder)
    for place, entries in ((folder.path, listed.enabled), (disabled, listed.disabled)):
        for entry in entries:
            go_on()
            path = os.path.join(place, entry.name)  # noqa: PTH118 - as below
            pack = _pack(path, entry, disabled=place == disabled)
            if pack is not None:
                found[path] = replace(pack, place=folder.place)
    return found


def _disabled_in(folder: NodeFolder) -> str:
    return os.path.join(folder.path, folders.DISABLED)  # noqa: PTH118 - names may be bytes that are no text


def _pack(path: str, entry: Entry, *, disabled: bool) -> Pack | None:
    """Return the pack that an entry of a folder is, if it is one; `disabled` says that the whole folder is."""
    enabled = not disabled and not entry.name.endswith(folders.DISABLED)
    folder = f"{folders.DISABLED}/{entry.name}" if disabled else entry.name
    if entry.is_file:
        pack = folders.single_file(folder, entry.name, enabled=enabled)
        return pack and replace(pack, own_file=path)
    if entry.is_folder:
        if entry.name in folders.NOT_PACKS:
            return None
        contents = _contents(Folder(path))
        pack = folders.pack(folder, contents, enabled=enabled)
        own = "__init__.py" if contents.pyproject is None else "pyproject.toml"
        return pack and replace(pack, own_file=os.path.join(path, own))  # noqa: PTH118 - as above
    if entry.is_broken or entry.name.endswith(".py"):
        return Pack(
            folder=texts.valid(folder),
            kind=PackKind.UNKNOWN,
            enabled=enabled,
            evidence="its link leads nowhere"
            if entry.is_broken
            else "not a regular file",
            unreadable=True,
            own_file=path,
        )
    return None


def _contents(folder: Folder) -> Contents:
    """Return what a pack's folder has. A file that cannot be read is the pack's problem, not the scan's."""
    project, tracking, tracks_git, clone, loadable = None, False, False, None, True
    flaw = ""
    try:
        tracking = folder.kind(".tracking") == stat.S_IFREG
        loadable = folder.kind("__init__.py") is not None
        dot_git = folder.kind(".git")
        if dot_git == stat.S_IFDIR:
            clone = _clone(folder)
        elif dot_git is not None:
            clone = Clone(remark=".git leads to another folder, which is not read")
        tracks_git = tracking and dot_git is not None and _tracks_git(folder)
        project = folder.read("pyproject.toml", limit=pyproject.LIMIT)
    except UnreadableError as error:
        flaw = str(error)
    if clone is not None:
        flaw = flaw or clone.flaw
    return Contents(
        pyproject=project,
        tracking=tracking,
        tracks_git=tracks_git,
        clone=clone,
        loadable=loadable,
        flaw=flaw,
    )


def _tracks_git(folder: Folder) -> bool:
    """Return whether the Manager's mark lists a `.git` among the paths of the archive that it unpacked."""
    try:
        listed = folder.read(".tracking", limit=_TRACKING_LIMIT) or b""
    except UnreadableError:
        return False  # a clone then, which says less
    names = re.split(rb"[/\\\s]+", listed.lower())
    return any(name.rstrip(b". ") == b".git" for name in names)


def _clone(folder: Folder) -> Clone:
    """Return what `.git` says, as far as it can be read."""
    flaws: list[str] = []

    def read(*parts: str, limit: int = _SMALL) -> bytes:
        try:
            data = folder.read(".git", *parts, limit=limit)
        except UnreadableError as error:
            flaws.append(str(error))
            return b""
        if data is not None and not data.strip(b"\0 \t\r\n"):
            # As a power loss leaves it.
            flaws.append(f".git/{'/'.join(parts)} is empty")
        return data or b""

    remote = git.remote(read("config", limit=_CONFIG_LIMIT))
    cnr_id = texts.pack_id(read(".cnr-id").decode("utf-8", "replace"))
    commit, ref = git.head(read("HEAD"))
    if ref is not None:
        commit = texts.commit(read(*ref.split("/")).decode("ascii", "replace"))
        if not (commit or flaws):  # what is packed is older than what cannot be read
            commit = git.packed(read("packed-refs", limit=_PACKED_LIMIT), ref)
    return Clone(
        remote=remote,
        commit=commit,
        cnr_id=cnr_id,
        remark="" if remote or flaws else "no remote",
        flaw=flaws[0] if flaws else "",
    )
