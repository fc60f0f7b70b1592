"""Which folders of packs a ComfyUI has (docs/dev/behaviour.md, Installed packs)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from watcher.installs import safe_files
from watcher.installs.recognise import folders, texts
from watcher.installs.recognise.folders import Clone, Contents
from watcher.installs.recognise.texts import table
from watcher.installs.safe_files import (
    Entry,
    UnreadableError,
    Unscannable,
    in_order,
    joined,
    naming,
    reason,
)
from watcher.model.pack import (
    OWN_FILES,
    Inventory,
    Pack,
    PackKind,
    Source,
    named_after,
)
from watcher.model.reading import ReadFailure
from watcher.values import frozen

NODES = "custom_nodes"
_PORTABLE = "ComfyUI"
"""The folder of a portable install, or of Comfy Desktop, that is the root of its ComfyUI."""
_MORE = "extra_model_paths.yaml"
_MOST = 100
_LONGEST = 4096
"""Characters of a path."""


class NoComfyUI(Unscannable):
    """A folder has no folder of packs, nor anything that should lead to one."""


@frozen
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
    # A mounted folder may have another name than its link; and Windows and macOS know names in any case.
    names = {path.name.lower(), os.path.basename(os.path.realpath(path)).lower()}  # noqa: PTH119 - as it is on disk
    roots = ((path, ""), (path / _PORTABLE, f"{_PORTABLE}/"))
    own = [
        NodeFolder(path=str(root / NODES), shown=str(root / NODES), place=name)
        for root, name in roots
    ]
    # One that had packs is looked for though it is not there: its volume may not be mounted.
    there = [one for one in own if one.place in had or _is_there(one.path)]
    if NODES in names:
        there.insert(0, NodeFolder(path=where, shown=where, place="."))
    failed: list[str] = []
    for root, name in roots:
        try:
            there += _more_folders(root, f"{name}{_MORE}")
        except Unscannable as error:
            failed.append(error.what)
    # Without this error a wrong path would look like a ComfyUI without packs, which is fine.
    if not there and not failed:
        raise NoComfyUI(
            f"no ComfyUI: looked for {NODES} in {where} and {path / _PORTABLE}"
        )
    each: dict[str, NodeFolder] = {}  # two settings may name one folder
    for folder in there:
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
    with naming(root / _MORE):
        data = safe_files.read(str(root), _MORE, limit=texts.YAML_LIMIT)
        sections = texts.load(data, _MORE) if data and data.strip() else None
    found: list[NodeFolder] = []
    for section in map(table, table(sections).values()):
        lines, base = section.get("custom_nodes"), section.get("base_path")
        start, begin = root, ""
        # ComfyUI takes a relative path from the folder of this file, whether a base stands before it or not.
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
    # Any pack can write this file, and each folder costs a scan.
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


_IS_IT_MOUNTED = f": is its volume not mounted? If its packs were removed, create {OWN_FILES[0]} in it"
_DISABLED = f"{folders.DISABLED}/"
_SMALL = 4096
_LARGE = 8 * 1024 * 1024
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
        # Packs of the other folders say nothing about this one: one volume may be there and another not.
        had_here = [one for one in had if one.place == folder.place]
        try:
            found, failure = _packs_in(folder, had_here, go_on)
        except Unscannable as error:
            found, failure = (), error.what
        packs += found
        # Its packs are shown and judged, but it is no place of which all is known.
        if failure:
            failed.append(failure)
        else:
            places.add(folder.place)
    why = joined(failed)
    return Inventory(
        install=source.name,
        packs=in_order(packs),
        failure=ReadFailure(install=source.name, error=why) if why else None,
        places=frozenset(places),
    )


def _packs_in(
    folder: NodeFolder, had: Collection[Pack], go_on: Callable[[], None]
) -> tuple[Collection[Pack], str]:
    """Return the packs of one `custom_nodes`, disabled ones too, and why those that it had may not be gone, or "".

    Unscannable if they may not be all.
    """
    # A folder that never had a pack is not missed: to be empty is fine at a first look.
    hint = _IS_IT_MOUNTED if had else ""
    listed = _listed(folder, hint)
    seen: dict[str, Pack] = {}
    # The Manager moves a pack from one list to the other while both are read: unchanged lists show that it did not.
    for _ in range(_MOST_READINGS):
        found = _read_packs(folder, listed, go_on)
        last, listed = listed, _listed(folder, hint)
        if listed == last:
            break
        # One that is moved meanwhile, as to disable it, may be in neither list.
        seen |= found
    else:
        found = seen
    # Every ComfyUI has such a file and the place of an unmounted volume has none, so it tells emptied from lost.
    has_own_file = any(
        entry.name in OWN_FILES and entry.kind == stat.S_IFREG for entry in listed
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


def _listed(folder: NodeFolder, hint: str) -> list[Entry]:
    """Return the entries of one `custom_nodes`, and of the folder in it to which the Manager moves disabled packs.

    Each by its path below `custom_nodes`. Unscannable if they may not be all, with a hint if it is not there.
    """
    found: list[Entry] = []
    for inside in ("", _DISABLED):
        shown = f"{folders.DISABLED} in {folder.shown}" if inside else folder.shown
        try:
            path = os.path.join(folder.path, inside)  # noqa: PTH118 - names may be bytes that are no text
            entries = safe_files.entries(path, texts.MOST + 1)
        except OSError as error:
            # Most have no disabled packs, and then no such folder. A link that leads nowhere is a pack that says so.
            is_folder = any(
                one.name == folders.DISABLED and one.kind == stat.S_IFDIR
                for one in found
            )
            if inside and not is_folder:
                break
            hint = hint if isinstance(error, FileNotFoundError) else ""
            raise Unscannable(f"{shown} {reason(error)}{hint}") from None
        # To leave out the rest would read as removed, and end what is known of it.
        if len(entries) > texts.MOST:
            raise Unscannable(
                f"{shown} has more than {texts.MOST:,} entries; the rest was not looked at"
            )
        found += [Entry(name=inside + one.name, kind=one.kind) for one in entries]
    return found


def _read_packs(
    folder: NodeFolder, listed: Iterable[Entry], go_on: Callable[[], None]
) -> dict[str, Pack]:
    """Return the packs among the entries of one `custom_nodes`, by their paths."""
    found: dict[str, Pack] = {}
    for entry in listed:
        # Each pack takes some files: on a slow network drive this is where a scan is given up.
        go_on()
        path = os.path.join(folder.path, entry.name)  # noqa: PTH118 - as above
        pack = _pack(path, entry)
        if pack is not None:
            found[path] = replace(pack, place=folder.place)
    return found


def _pack(path: str, entry: Entry) -> Pack | None:
    """Return the pack that an entry of a folder is, if it is one."""
    name = entry.name.removeprefix(_DISABLED)
    enabled = name == entry.name and not name.endswith(folders.DISABLED)
    if entry.kind == stat.S_IFDIR:
        if name in folders.NOT_PACKS:
            return None
        contents = _contents(path)
        pack = folders.pack(entry.name, contents, enabled=enabled)
        # Code scanning shows a result only in a file, and each pack has one of the two.
        own = "__init__.py" if contents.pyproject is None else "pyproject.toml"
        return pack and replace(pack, own_file=os.path.join(path, own))  # noqa: PTH118 - as above
    is_file = entry.kind == stat.S_IFREG
    # Only what ComfyUI loads is a pack, or what may be one: nobody knows where a link leads that is broken now.
    is_code = name.removesuffix(folders.DISABLED).endswith(".py")
    if (is_file and name in OWN_FILES) or not (is_code or entry.kind is None):
        return None
    evidence = {stat.S_IFREG: "a single file", None: "its link leads nowhere"}
    return Pack(
        folder=texts.valid(entry.name),
        kind=PackKind.FILE if is_file else PackKind.UNKNOWN,
        enabled=enabled,
        evidence=evidence.get(entry.kind, "not a regular file"),
        unreadable=not is_file,
        own_file=path,
    )


def _contents(folder: str) -> Contents:
    """Return what a pack's folder has. A file that cannot be read is the pack's problem, not the scan's."""
    project, tracking, tracks_git, clone, loadable = None, False, False, None, True
    flaw = ""
    try:
        tracking = safe_files.kind(folder, ".tracking") == stat.S_IFREG
        loadable = safe_files.kind(folder, "__init__.py") is not None
        dot_git = safe_files.kind(folder, ".git")
        if dot_git == stat.S_IFDIR:
            clone, flaw = _clone(folder)
        # A submodule or a worktree: what its file names lies outside of the pack, where nothing is opened.
        elif dot_git is not None:
            clone = Clone(remark=".git leads to another folder, which is not read")
        if tracking and dot_git is not None:
            listed = safe_files.read(folder, ".tracking", limit=_LARGE) or b""
            # On Windows `.GIT`, `.git.` and `.git ` are the same folder.
            names = re.split(rb"[/\\\s]+", listed.lower())
            tracks_git = any(name.rstrip(b". ") == b".git" for name in names)
    except UnreadableError as error:
        flaw = error.what
    # By itself: what one of the two says counts though the other cannot be read.
    try:
        project = safe_files.read(folder, "pyproject.toml", limit=folders.LIMIT)
    except UnreadableError as error:
        flaw = flaw or error.what
    return Contents(
        pyproject=project,
        tracking=tracking,
        tracks_git=tracks_git,
        clone=clone,
        loadable=loadable,
        flaw=flaw,
    )


def _clone(folder: str) -> tuple[Clone, str]:
    """Return what `.git` says, as far as it can be read, and why something in it cannot."""
    flaws: list[str] = []

    def read(*parts: str, limit: int = _SMALL) -> bytes:
        try:
            data = safe_files.read(folder, ".git", *parts, limit=limit)
        except UnreadableError as error:
            flaws.append(error.what)
            return b""
        if data is not None and not data.strip(b"\0 \t\r\n"):
            # As a power loss leaves it.
            flaws.append(f".git/{'/'.join(parts)} is empty")
        return data or b""

    remote = folders.remote(read("config", limit=folders.LIMIT))
    cnr_id = texts.pack_id(read(".cnr-id").decode("utf-8", "replace"))
    # Only the text of these files is read: to run git in a folder of others can run their code.
    commit, ref = folders.head(read("HEAD"))
    if ref is not None:
        commit = texts.commit(read(*ref.split("/")).decode("ascii", "replace"))
        if not (commit or flaws):  # what is packed is older than what cannot be read
            commit = folders.packed(read("packed-refs", limit=_LARGE), ref)
    remark = "" if remote or flaws else "no remote"
    clone = Clone(remote=remote, commit=commit, cnr_id=cnr_id, remark=remark)
    return clone, flaws[0] if flaws else ""
