"""The files of a repository that name packs: Dockerfiles, snapshots, workflows (docs/behaviour.md, Installed packs).

A file that a person names may have any name. In a folder the names say what is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path

from watcher.installs import folder, yaml_text
from watcher.installs.document import newest
from watcher.installs.node_folders import NODES, NoComfyUI
from watcher.installs.recognise import (
    dockerfile,
    images,
    json_text,
    lines,
    lists,
    texts,
    workflows,
)
from watcher.installs.recognise.texts import TooMuchError
from watcher.installs.result import Unscannable, failed
from watcher.installs.safe_files import Entry, Folder, UnreadableError, reason
from watcher.model.pack import Inventory, Pack, PackKind, Source, SourceKind

_LOOKED_FOR = "a Dockerfile, a snapshot or a workflow"
_LIMIT = 16 * 1024 * 1024
_IMAGE_LIMIT = 64 * 1024 * 1024
_DOCKERFILE = re.compile(
    r"(?i:dockerfile)|(?:Dockerfile|Containerfile)(?:\..*)?(?<!\.dockerignore)|.+\.[Dd]ockerfile"
)
"""The names of Dockerfiles; beside one may be a list of what its builder leaves out."""
_LIKE_DOCKERFILE = re.compile(r"(?i:.*(?:docker|container)file.*)(?<!\.dockerignore)")
"""The names of what is one if it begins so."""
_JSON, _YAML = (".json",), (".yaml", ".yml")
# What a workflow or a snapshot has in it, however it is written: other files need not be decoded.
_IN_JSON = re.compile(rb'"nodes"|class_type|custom_nodes|customNodes|\\u00[2-7]')
_IN_YAML = re.compile(rb"custom_nodes|customNodes|\\[ux]")
_NEVER = frozenset({".git", NODES, "node_modules", "site-packages"})
_OF_COMFYUI = frozenset({"user", "input", "output", "models", "temp"})
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_NO_VERSION = frozenset({None, "unknown", "nightly", "latest"})
_MOST_ENTRIES = 200_000
_MOST_BYTES = 2 * 1024**3
_DEEPEST = 50
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
    if source.kind is SourceKind.SNAPSHOT or not is_folder:
        return (_of_file(source),)
    nothing = ""
    installed: list[Inventory] = []
    try:
        installed.append(folder.read(source, (), go_on))
    except NoComfyUI as none:
        nothing = none.what
    except Unscannable as error:
        installed.append(failed(source, error))
    if Path(source.where).name.lower() == NODES:
        return tuple(installed)
    walk = _Walk(
        root=source.where, shown=_shown(source, base), until=until, go_on=go_on
    )
    found = list(walk.inventories())
    if walk.left_out:
        left_out = tuple(walk.left_out)
        found.append(Inventory(install=source.name, named=True, unknown=left_out))
    if not installed and not found:
        raise Unscannable(f"{nothing}; nor is there {_LOOKED_FOR} in it")
    return (*installed, *found)


def _of_file(source: Source) -> Inventory:
    """Return what a file names that may have any name; Unscannable if it is none that names packs."""
    path = newest(source.where)
    # What a person names may be a link; what lies in a folder of snapshots may not.
    real = Path(os.path.realpath(path)) if str(path) == source.where else path
    is_image = _has(path.name, images.SUFFIXES)
    limit = _IMAGE_LIMIT if is_image else _LIMIT
    try:
        data = Folder(str(real.parent)).read(real.name, limit=limit)
        if data is None:
            raise Unscannable(f"{path} does not exist; looked for {_LOOKED_FOR}")
        found = _named_by(path.name, data)
    except UnreadableError as error:
        raise Unscannable(f"{path} {error.why}") from None
    except ValueError as error:
        raise Unscannable(f"{path} {error}") from None
    packs = _in_file(found.packs, str(path))
    if found.is_snapshot:
        return Inventory(install=source.name, packs=packs)
    return Inventory(
        install=path.name,
        packs=packs,
        named=True,
        unnamed=found.unnamed,
        unknown=found.unknown,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What a file names."""

    packs: tuple[Pack, ...]
    is_snapshot: bool = False
    unnamed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def _named_by(name: str, data: bytes) -> _Named:
    """Return what a file of any name names; ValueError with what it is instead."""
    if _DOCKERFILE.fullmatch(name):
        return _of_dockerfile(data)
    if _has(name, images.SUFFIXES):
        return _of_workflow(json_text.load(images.workflow(data)), "")
    if _has(name, _YAML):
        document = yaml_text.load(data)
    elif _has(name, _JSON) or data.lstrip().startswith(b"{"):
        document = json_text.load(data)
    elif dockerfile.is_dockerfile(data):
        return _of_dockerfile(data)
    else:
        raise ValueError(f"is not {_LOOKED_FOR}")
    text = data.decode("utf-8-sig", "replace")
    if workflows.is_workflow(document):
        return _of_workflow(document, text)
    return _of_snapshot(document, text)


def _found_in(name: str, data: bytes) -> _Named | None:
    """Return what a file in a repository names; None if it is any other file. ValueError if it cannot be read whole."""
    if _DOCKERFILE.fullmatch(name):
        return _of_dockerfile(data)
    if _is_like_a_dockerfile(name):
        return _of_dockerfile(data) if dockerfile.is_dockerfile(data) else None
    is_image, is_yaml = _has(name, images.SUFFIXES), _has(name, _YAML)
    if not is_image and not (_IN_YAML if is_yaml else _IN_JSON).search(data):
        return None
    try:
        if is_image:
            document = json_text.load(images.workflow(data))
        else:
            document = yaml_text.load(data) if is_yaml else json_text.load(data)
    except TooMuchError:
        raise
    except ValueError:
        return None
    text = "" if is_image else data.decode("utf-8-sig", "replace")
    if workflows.is_surely_workflow(document):
        return _of_workflow(document, text)
    return _of_snapshot(document, text) if lists.is_snapshot(document) else None


def _of_dockerfile(data: bytes) -> _Named:
    if len(data) > dockerfile.LIMIT:
        limit = dockerfile.LIMIT // 1024
        raise TooMuchError(f"is larger than {limit} KB, which is not read")
    found = dockerfile.read(data)
    return _Named(packs=found.packs, unknown=found.unknown)


def _of_workflow(document: object, text: str) -> _Named:
    packs, unnamed = workflows.read(document, _of_comfyui())
    return _Named(packs=lines.with_lines(packs, text), unnamed=unnamed)


def _of_snapshot(document: object, text: str) -> _Named:
    packs = (_pinned_or_not(pack) for pack in lists.of_snapshot(document))
    return _Named(packs=lines.with_lines(packs, text), is_snapshot=True)


def _pinned_or_not(pack: Pack) -> Pack:
    """Return a pack of a snapshot, from which somebody may install: without a version that is the newest."""
    is_unpinned = pack.kind is PackKind.REGISTRY and pack.version in _NO_VERSION
    return replace(pack, version=None, is_unpinned=True) if is_unpinned else pack


def _in_file(packs: Iterable[Pack], path: str) -> tuple[Pack, ...]:
    return tuple(replace(pack, file=texts.valid(path)) for pack in packs)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """A walk through the folders of a repository. No link is followed."""

    root: str
    shown: str
    """What is shown before the paths of files."""
    until: float
    go_on: Callable[[], None]
    left_out: list[str] = field(default_factory=list)
    """What was not read, for a person."""
    files: list[tuple[str, ...]] = field(default_factory=list)
    """The paths of those that were looked into."""
    links: list[tuple[str, ...]] = field(default_factory=list)
    """The paths of those that may name packs."""
    looked_at: int = 0
    bytes_read: int = 0
    is_over: bool = False

    def inventories(self) -> Iterator[Inventory]:
        """Yield what each file names."""
        packs = 0
        for parts in self._files():
            self.files.append(parts)
            found = self._read(parts)
            if found is None:
                continue
            packs += len(found.packs)
            if packs > texts.MOST:
                self._end(f"more than {texts.MOST:,} packs are named")
                return
            yield Inventory(
                install=self._name(parts),
                packs=_in_file(found.packs, os.path.join(self.root, *parts)),  # noqa: PTH118 - names may be bytes that are no text
                named=True,
                unnamed=found.unnamed,
                unknown=found.unknown,
            )
        self._say_links()

    def _read(self, parts: tuple[str, ...]) -> _Named | None:
        """Return what a file names; None if that is nothing, or it cannot be read, which is said."""
        name = parts[-1]
        limit = _IMAGE_LIMIT if _has(name, images.SUFFIXES) else _LIMIT
        try:
            data = Folder(self.root).read(*parts, limit=limit) or b""
            self.bytes_read += len(data)
            return _found_in(name, data)
        except UnreadableError as error:
            self.left_out.append(f"{self._name(parts)} {error.why}")
        except ValueError as error:
            self.left_out.append(f"{self._name(parts)} {error}")
        return None

    def _files(self) -> Iterator[tuple[str, ...]]:
        """Yield the paths of files that may name packs, folder by folder, until something is too much."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting and not self.is_over:
            parts = waiting.pop()
            entries = self._entries(parts)
            names = {entry.name for entry in entries}
            if parts and _ENVIRONMENT & names:
                continue
            is_comfyui = NODES in names or {"main.py", "comfy"} <= names
            never = _NEVER | _OF_COMFYUI if is_comfyui else _NEVER
            below: list[tuple[str, ...]] = []
            for entry in entries:
                if self._is_too_much():
                    return
                path = (*parts, entry.name)
                if entry.is_folder and entry.name.lower() not in never:
                    below.append(path)
                elif entry.is_file and _may_name_packs(entry.name):
                    yield path
                elif entry.is_link and _is_text_that_may(entry.name):
                    self.links.append(path)
            waiting += reversed(below)

    def _entries(self, parts: tuple[str, ...]) -> list[Entry]:
        """Return the entries of a folder, by name; none if it cannot be read, which is said."""
        if len(parts) > _DEEPEST:
            self.left_out.append(f"{self._name(parts)} lies too deep to be read")
            return []
        left = _MOST_ENTRIES - self.looked_at
        try:
            path = os.path.join(self.root, *parts)  # noqa: PTH118 - as above
            entries = Folder(path).own_entries(left + 1)
        except OSError as error:
            self.left_out.append(f"{self._name(parts) or '.'} {reason(error)}")
            return []
        self.looked_at += len(entries)
        if len(entries) > left:
            self._end(f"there are more than {_MOST_ENTRIES:,} files")
        return sorted(entries, key=lambda entry: entry.name)

    def _is_too_much(self) -> bool:
        """Return whether nothing more is read, and say why."""
        self.go_on()
        if self.bytes_read > _MOST_BYTES:
            self._end(f"there are more than {_MOST_BYTES // 1024**3} GB to read")
        elif time.monotonic() > self.until:
            self._end("it takes too long")
        return self.is_over

    def _end(self, why: str) -> None:
        self.is_over = True
        self.left_out.append(f"not all of it was read: {why}")

    def _say_links(self) -> None:
        """Say which links are not followed, but for those that lead to a file that was read anyway."""
        root = os.path.realpath(self.root)
        files = {os.path.join(root, *parts) for parts in self.files}  # noqa: PTH118 - as above
        for parts in self.links:
            target = os.path.realpath(os.path.join(self.root, *parts))  # noqa: PTH118 - as above
            if target not in files:
                self.left_out.append(
                    f"{self._name(parts)} is a link, which is not followed"
                )

    def _name(self, parts: tuple[str, ...]) -> str:
        return texts.valid("/".join(filter(None, (self.shown, *parts))))


def _may_name_packs(name: str) -> bool:
    return _is_text_that_may(name) or _has(name, images.SUFFIXES)


def _is_text_that_may(name: str) -> bool:
    is_dockerfile = _DOCKERFILE.fullmatch(name) is not None
    return is_dockerfile or _is_like_a_dockerfile(name) or _has(name, (*_JSON, *_YAML))


def _is_like_a_dockerfile(name: str) -> bool:
    is_other = _has(name, (*_JSON, *_YAML, *images.SUFFIXES))
    return _LIKE_DOCKERFILE.fullmatch(name) is not None and not is_other


def _has(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes)


def _shown(source: Source, base: str) -> str:
    """Return what is shown before the paths of files: the folder as seen from `base`, else the name of the TARGET."""
    path = os.path.relpath(source.where, base) if base else ".."
    if path == os.curdir:
        return ""
    is_outside = Path(path).parts[0] == os.pardir
    return source.name if is_outside else path.replace(os.sep, "/")


@cache
def _of_comfyui() -> frozenset[str]:
    """Return the types of ComfyUI's own nodes. The head of the list says how it is made again."""
    text = (
        resources.files("watcher.installs")
        .joinpath("comfyui_nodes.txt")
        .read_text("utf-8")
    )
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
