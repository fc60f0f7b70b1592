"""The files of a repository that name packs: Dockerfiles, scripts, snapshots, workflows.

A file that a person names may have any name. In a folder the names say what is read (docs/dev/behaviour.md, Installed
packs).
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

from watcher.installs import folder, safe_files, scan
from watcher.installs.folder import NODES, NoComfyUI
from watcher.installs.recognise import commands, lists, texts, workflows
from watcher.installs.safe_files import (
    Unscannable,
    failed,
    in_order,
    naming,
    reason,
)
from watcher.model.pack import Inventory, Pack, PackKind, Source, SourceKind

_LOOKED_FOR = "a Dockerfile, a script, a snapshot or a workflow"
_DOCKERFILE = re.compile(
    r"(?i:dockerfile)|(?:Dockerfile|Containerfile)(?:\..*)?(?<!\.dockerignore)|.+\.[Dd]ockerfile"
)
"""The names of Dockerfiles; beside one may be a list of what its builder leaves out."""
_LIKE_DOCKERFILE = re.compile(r"(?i:.*(?:docker|container)file.*)(?<!\.dockerignore)")
"""The names of what is one if it begins so."""
# Possessive, as what is matched is never given back: to remember each of a million lines would fill the memory.
_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?+(?:[ \t\r]*+(?:#.*+)?+\n)*+[ \t]*+(?:FROM|ARG)\s",
    re.IGNORECASE,
)
_SCRIPT, _DOCUMENT = (".sh",), (".json", *texts.YAML)
# What names packs has one of these in it: other files need not be decoded.
_IN_JSON = re.compile(rb"cnr_id|aux_id|node_versions|cnr_custom_nodes|git_custom_nodes")
_ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")
"""A character of ASCII as JSON may write it."""
_IN_YAML = re.compile(rb"(?:cnr|git)_custom_nodes[\"']?\s*:")
_NEVER = frozenset({".git", NODES, "node_modules", "site-packages"})
_OF_COMFYUI = frozenset({"user", "input", "output", "models", "temp"})
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_MOST_ENTRIES = 200_000
_DEEPEST = 50
_Parts = tuple[str, ...]
"""A path below the folder that is read."""
_PARTLY = "not all of it was read"
_LINK = "is a link, which is not followed"
_SHARE = 0.8
"""Of the time for a scan: what was read until then is still shown."""


def read(
    source: Source, base: str, seconds: float, go_on: Callable[[], None]
) -> tuple[Inventory, ...]:
    """Return what a TARGET has: the packs of a ComfyUI, and what files name, each file by itself.

    `base` is the folder from which paths are shown. `go_on` is called now and then and may raise. Unscannable if there
    is nothing of all that.
    """
    until = time.monotonic() + _SHARE * seconds
    is_folder = os.path.isdir(source.where)  # noqa: PTH112 - Path's raises where a folder above may not be entered
    # What a person names is read whatever its name: `audit build.txt` has a reason.
    if source.kind is SourceKind.SNAPSHOT or not is_folder:
        return (_of_file(source),)
    nothing = ""
    installed: list[Inventory] = []
    try:
        installed.append(folder.read(source, (), go_on))
    except NoComfyUI as none:
        nothing = none.what
    except Unscannable as error:
        # The files beside a ComfyUI that cannot be read are still worth a look.
        installed.append(failed(source.name, error.what))
    # Packs bring their own Dockerfiles and workflows, which install nothing here.
    if Path(source.where).name.lower() == NODES:
        return tuple(installed)
    found = [*_named_in(source.where, _shown(source, base), until, go_on)]
    if not installed and not found:
        raise Unscannable(f"{nothing}; nor is there {_LOOKED_FOR} in it")
    return (*installed, *found)


def _of_file(source: Source) -> Inventory:
    """Return what a file names that may have any name; Unscannable if it is none that names packs.

    A snapshot is an install.
    """
    path, data = scan.content(source.where)
    name = f"{path.name}.sh" if data.startswith(b"#!") else path.name
    is_snapshot = False
    with naming(path):
        packs = _in_lines(name, data)
        if packs is None:
            if not (_has(name, _DOCUMENT) or data.lstrip().startswith(b"{")):
                raise ValueError(f"is not {_LOOKED_FOR}")
            document = texts.load(data, name)
            is_snapshot = lists.is_snapshot(document)
            packs = _in_document(document)
    packs = _in_file(packs, str(path))
    if is_snapshot:
        return Inventory(install=source.name, packs=in_order(packs))
    return Inventory(install=path.name, packs=packs, named=True)


def _found_in(name: str, data: bytes) -> tuple[Pack, ...] | None:
    """Return what a file in a repository names; None if it is any other file. ValueError if it cannot be read whole."""
    packs = _in_lines(name, data)
    if packs is not None:
        return packs
    counts = _IN_YAML if _has(name, texts.YAML) else _IN_JSON
    plain = data.replace(b"\0", b"")  # UTF-16 too
    plain = _ESCAPED.sub(lambda one: bytes.fromhex(one[1].decode()), plain)
    if not (_has(name, _DOCUMENT) and counts.search(plain)):
        return None
    return _in_document(texts.load(data, name))


def _in_lines(name: str, data: bytes) -> tuple[Pack, ...] | None:
    """Return what a Dockerfile or a script installs; None if the file is neither."""
    # A document is no Dockerfile however it begins: YAML can have `FROM` as its first key.
    may_be = _LIKE_DOCKERFILE.fullmatch(name) or not _has(name, _DOCUMENT)
    begins = may_be and _BEGINS.match(data.replace(b"\0", b""))
    if begins or _DOCKERFILE.fullmatch(name):
        return commands.read(data, is_script=False)
    if _has(name, _SCRIPT):
        return commands.read(data, is_script=True)
    return None


def _in_document(document: object) -> tuple[Pack, ...]:
    """Return the packs that a snapshot or a workflow names; ValueError if it is neither."""
    if lists.is_snapshot(document):
        return tuple(map(_pinned_or_not, lists.of_snapshot(document)))
    return workflows.read(document, _of_comfyui())


def _pinned_or_not(pack: Pack) -> Pack:
    """Return a pack of a snapshot, from which somebody may install: without a version that is the newest."""
    if pack.kind is not PackKind.REGISTRY:
        return pack
    version, is_unpinned = texts.wanted(pack.version)
    return replace(pack, version=version, is_unpinned=is_unpinned)


def _in_file(packs: tuple[Pack, ...], path: str) -> tuple[Pack, ...]:
    return tuple(replace(pack, file=texts.valid(path)) for pack in packs)


def _named_in(
    root: str, shown: str, until: float, go_on: Callable[[], None]
) -> Iterator[Inventory]:
    """Yield what each file in a folder names, and then what was not read; `shown` stands before their paths."""
    count = 0
    files: set[str] = set()
    unread: list[tuple[_Parts, str]] = []
    for parts, why in _walk(root, until, go_on):
        path = os.path.join(root, *parts)  # noqa: PTH118 - names may be bytes that are no text
        if why:
            unread.append((parts, why))
            continue
        files.add(os.path.realpath(path))
        try:
            data = safe_files.read(root, *parts, limit=scan.LIMIT) or b""
            packs = _found_in(parts[-1], data)
        except ValueError as error:
            unread.append((parts, str(error)))
            continue
        count += len(packs or ())
        # Each pack is asked about, so that a repository made for it would cost thousands of requests.
        if count > texts.MOST:
            unread.append(((), f"{_PARTLY}: more than {texts.MOST:,} packs are named"))
            break
        if packs is not None:
            name, named = _name(shown, parts), _in_file(packs, path)
            yield Inventory(install=name, packs=named, named=True)
    for parts, why in unread:
        path = os.path.join(root, *parts)  # noqa: PTH118 - as above
        # A link to a file that was read anyway leaves nothing unread.
        if why != _LINK or os.path.realpath(path) not in files:
            yield failed(_name(shown, parts), why, named=True)


def _walk(
    root: str, until: float, go_on: Callable[[], None]
) -> Iterator[tuple[_Parts, str]]:
    """Yield the paths of files that may name packs, folder by folder, each with ""; of what is not read, with why.

    No link is followed.
    """
    waiting: list[_Parts] = [()]
    left = _MOST_ENTRIES
    while waiting:
        parts = waiting.pop()
        # Each entry costs by its depth: a chain of folders made for it would fill the memory, and take all of the time.
        if len(parts) > _DEEPEST:
            yield parts, "lies too deep to be read"
            continue
        try:
            path = os.path.join(root, *parts)  # noqa: PTH118 - as above
            entries = safe_files.entries(path, left + 1, follows=False)
        except OSError as error:
            yield parts, reason(error)
            continue
        left -= len(entries)
        if left < 0:
            yield (), f"{_PARTLY}: there are more than {_MOST_ENTRIES:,} files"
            return
        names = {entry.name for entry in entries}
        # Not at the top: who names an environment wants it read.
        if parts and _ENVIRONMENT & names:
            continue
        # Elsewhere folders of these names are a project's own.
        is_comfyui = NODES in names or {"main.py", "comfy"} <= names
        never = _NEVER | _OF_COMFYUI if is_comfyui else _NEVER
        below: list[_Parts] = []
        for entry in entries:
            go_on()
            if time.monotonic() > until:
                yield (), f"{_PARTLY}: it takes too long"
                return
            inner = (*parts, entry.name)
            if entry.kind == stat.S_IFDIR and entry.name.lower() not in never:
                below.append(inner)
            elif _may_name_packs(entry.name):
                if entry.kind == stat.S_IFREG:
                    yield inner, ""
                elif entry.kind == stat.S_IFLNK:
                    yield inner, _LINK
        # The last one is taken next, so that folders come in the order of their names.
        waiting += reversed(below)


def _name(shown: str, parts: _Parts) -> str:
    return texts.valid("/".join(filter(None, (shown, *parts)))) or "."


def _may_name_packs(name: str) -> bool:
    is_like = _LIKE_DOCKERFILE.fullmatch(name) is not None
    return is_like or _has(name, (*_SCRIPT, *_DOCUMENT))


def _has(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes)


def _shown(source: Source, base: str) -> str:
    """Return what is shown before the paths of files: the folder as seen from `base`, else the name of the TARGET."""
    path = Path(os.path.abspath(source.where))  # noqa: PTH100 - Path's would follow links
    if not path.is_relative_to(base):
        return source.name
    return "/".join(path.relative_to(base).parts)


@cache
def _of_comfyui() -> frozenset[str]:
    """Return the types of ComfyUI's own nodes. The head of the list says how it is made again."""
    text = (
        resources.files("watcher.installs")
        .joinpath("comfyui_nodes.txt")
        .read_text("utf-8")
    )
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
