"""What the `pyproject.toml` of a pack says: id, version, repository. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from watcher.installs.recognise import texts
from watcher.installs.recognise.texts import items, table
from watcher.model.pack import Claim, Identity, Pack, PackKind, named_after
from watcher.values import frozen

LIMIT = 256 * 1024
"""Bytes; the worst of this size take a second."""

_MOST_DOTS = 64
"""Of one key: the parser's time grows with their square."""


@frozen
class Project:
    """What a pyproject says of its pack."""

    id: str | None = None
    """As written; None if there is none, or none that the registry would take."""
    version: str | None = None
    is_dynamic: bool = False
    """Whether its version is made when it is built."""
    repository: str | None = None
    remark: str = ""
    """What is odd about it, for a person."""


def read(data: bytes) -> Project:
    """Return what a pyproject says; ValueError with the reason if it is not one that can be read."""
    try:
        # Editors of Windows put a byte order mark first.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("pyproject.toml is not UTF-8 text") from None
    if not text.strip():  # as a power loss leaves it
        raise ValueError("pyproject.toml is empty")
    if any(map(_has_endless_key, text.split("\n"))):
        raise ValueError("pyproject.toml has a key without end")
    try:
        document: dict[str, object] = tomllib.loads(text)
    except RecursionError:
        raise ValueError("pyproject.toml is nested too deeply") from None
    except ValueError:
        raise ValueError("pyproject.toml is not valid TOML") from None
    project = table(document.get("project"))
    name, version = project.get("name"), project.get("version")
    urls = {key.lower(): value for key, value in table(project.get("urls")).items()}
    # An id that the registry would not take cannot be asked about: the pack counts as one without an id.
    found = texts.pack_id(name)
    is_dynamic, remark = "version" in items(project.get("dynamic")), ""
    if found is None:
        remark = (
            "its [project] name cannot be an id" if name else "it has no [project] name"
        )
    elif version is None:
        remark = "its version is dynamic" if is_dynamic else "it has no version"
    elif texts.version(version) is None:
        remark = "its version is not valid"
    return Project(
        id=found,
        version=texts.version(version),
        is_dynamic=is_dynamic,
        repository=texts.address(urls.get("repository")),
        remark=remark,
    )


def _has_endless_key(line: str) -> bool:
    """Return whether a line may have a key of more parts than any has."""
    is_header = line.lstrip().startswith("[")
    keys = [line] if is_header else line.split("=")[:-1]
    return any(key.count(".") > _MOST_DOTS for key in keys)


_SECTION = re.compile(
    r"""\[\s*(?P<name>[A-Za-z0-9.-]+)(?:\s+"(?P<sub>[^"\n]*)")?\s*\]"""
)
_REF = re.compile(r"ref:\s*(?=\S{1,205}$)(refs(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._+@-]+)+)")
"""What `HEAD` has of a branch: no part of the path leads out of `.git`, and an error may name it."""


def remote(config: bytes) -> str | None:
    """Return the address of `origin`, else of the first remote, without a login; None if there is no remote."""
    found: dict[str, str] = {}
    section = None
    for line in config.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if heading := _SECTION.match(line.strip()):
            # Any name of a remote counts: a clone that was renamed from `origin` is still of that repository.
            section = heading["sub"] if heading["name"].lower() == "remote" else None
        elif (
            section is not None
            and key.strip().lower() == "url"
            and (url := texts.address(value.strip().strip('"')))
        ):
            found.setdefault(section, url)
    # What `git pull` would bring is of origin; without it there is nothing to choose by.
    return found.get("origin") or next(iter(found.values()), None)


def head(data: bytes) -> tuple[str | None, str | None]:
    """Return the commit that `HEAD` has, or the ref that it names, whose path is safe to read below `.git`."""
    text = data.decode("ascii", "replace").strip()
    if ref := _REF.fullmatch(text):
        return None, ref[1]
    # A checked-out commit or tag: HEAD is the hash itself.
    return texts.commit(text), None


def packed(data: bytes, ref: str) -> str | None:
    """Return the commit of a ref in `packed-refs`."""
    # `git gc` moves refs from their own files into this one, with `HASH REF` a line.
    ending = f" {ref}"
    lines = data.decode("ascii", "replace").splitlines()
    return next(
        (texts.commit(line[: -len(ending)]) for line in lines if line.endswith(ending)),
        None,
    )


NOT_PACKS = frozenset({"__pycache__", ".disabled"})
DISABLED = ".disabled"
"""The folder that the Manager moves disabled packs to; older ones got it as a suffix."""


@frozen
class Clone:
    """What the text files of a `.git` say."""

    remote: str | None = None
    commit: str | None = None
    cnr_id: str | None = None
    """The id that the Manager wrote down for it."""
    remark: str = ""
    """What is odd about it, for a person."""


@frozen
class Contents:
    """What was read in the folder of a pack."""

    pyproject: bytes | None
    """None if there is none, or none that can be read."""
    tracking: bool
    """Whether the Manager's mark is there."""
    tracks_git: bool
    """Whether that mark lists `.git`: it came in the archive, and is not of a clone."""
    clone: Clone | None
    loadable: bool
    """Whether it has what ComfyUI loads."""
    flaw: str
    """Why something in it could not be read."""


def pack(folder: str, contents: Contents, *, enabled: bool) -> Pack | None:
    """Return the pack that a folder is; None for a hidden folder, or that of a file system, that holds none."""
    project, clone = Project(), contents.clone
    flaw = contents.flaw
    if contents.pyproject is not None:
        try:
            project = read(contents.pyproject)
        except ValueError as refusal:
            # The first that was found says enough, and the others may follow from it.
            flaw = flaw or str(refusal)
    # The Manager installs packs whose version is dynamic, so that to lack one is no damage then.
    has_version = project.version is not None or project.is_dynamic
    if contents.tracking and not (project.id and has_version):
        # Nothing comes from the registry without both.
        flaw = flaw or f"pyproject.toml: {project.remark or 'there is none'}"
    name = texts.valid(folder)
    may_be = {
        # Also of a `.git` from the archive: its author may add an identity, and never take one away.
        Claim.CNR_ID: clone.cnr_id if clone else None,
        Claim.FILE: project.id,
        Claim.FOLDER: texts.pack_id(named_after(name)) if contents.tracking else None,
    }
    own, version, claimed = project.id, project.version, None
    commit, repository = None, project.repository
    # A `.git` that came in the archive makes no clone, nor does one that leads nowhere in what the Manager installed.
    is_installed = contents.tracking and project.id is not None
    may_be_clone = not contents.tracks_git
    if clone is not None and may_be_clone and (clone.remote or not is_installed):
        kind, own = PackKind.GIT, clone.cnr_id or project.id
        # The Manager's word comes first: the pyproject of a clone is whatever its author wrote.
        by = ".git/.cnr-id" if clone.cnr_id else "pyproject.toml"
        found = f"its id from {by}" if own else "without an id"
        # It has no version, whatever its pyproject says, since that may be of any commit.
        version, claimed = None, project.version
        commit, repository = clone.commit, clone.remote
        evidence = _joined(".git", found, clone.remark, flaw)
    elif flaw:  # what cannot be read may name any pack
        kind, own, evidence = PackKind.UNKNOWN, None, flaw
    elif own is not None:
        kind = PackKind.REGISTRY if contents.tracking else PackKind.CLAIMED
        mark = "pyproject.toml and .tracking" if contents.tracking else "pyproject.toml"
        evidence = _joined(mark, project.remark)
    else:
        # What tools and file systems leave (`.git`, `.vscode`, `lost+found`) is no pack, unless ComfyUI would load it.
        is_hidden = folder.startswith(".") or folder == "lost+found"
        if is_hidden and contents.pyproject is None and not contents.loadable:
            return None
        kind, version = PackKind.UNKNOWN, None
        evidence = "no .git and no pyproject.toml"
        if contents.pyproject is not None:
            evidence = f"pyproject.toml: {project.remark}"
    return Pack(
        folder=name,
        kind=kind,
        id=own,
        version=version,
        claimed_version=claimed,
        others=_others(own, may_be),
        commit=commit,
        enabled=enabled,
        repository=repository,
        evidence=evidence,
        unreadable=bool(flaw),
    )


def _others(
    own: str | None, may_be: Mapping[Claim, str | None]
) -> tuple[Identity, ...]:
    """Return what a copy may be beside its own id, each once, whatever its case."""
    each: dict[str, Identity] = {}
    for by, name in may_be.items():
        # The registry finds ids in any case.
        if name and name.lower() != (own or "").lower():
            each.setdefault(name.lower(), Identity(id=name, by=by))
    return tuple(each.values())


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
