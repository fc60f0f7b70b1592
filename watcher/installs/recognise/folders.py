"""Which pack a folder of `custom_nodes` is, from what was read in it. Pure (docs/behaviour.md, Installed packs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from watcher.installs.recognise import pyproject, texts
from watcher.installs.recognise.pyproject import Project
from watcher.model.pack import OWN_FILES, Claim, Identity, Pack, PackKind, named_after

NOT_PACKS = frozenset({"__pycache__", ".disabled"})
DISABLED = ".disabled"
"""The folder that the Manager moves disabled packs to; older ones got it as a suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """What the text files of a `.git` say."""

    remote: str | None = None
    commit: str | None = None
    cnr_id: str | None = None
    """The id that the Manager wrote down for it."""
    remark: str = ""
    """What is odd about it, for a person."""
    flaw: str = ""
    """Why something in it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


def single_file(folder: str, name: str, *, enabled: bool) -> Pack | None:
    """Return the pack that a file is, as `folder` is to be shown; None for a file that ComfyUI does not load."""
    if name in OWN_FILES or not name.removesuffix(DISABLED).endswith(".py"):
        return None
    return Pack(
        folder=texts.valid(folder),
        kind=PackKind.FILE,
        enabled=enabled,
        evidence="a single file",
    )


def pack(folder: str, contents: Contents, *, enabled: bool) -> Pack | None:
    """Return the pack that a folder is; None for a hidden folder, or that of a file system, that holds none."""
    project, clone = Project(), contents.clone
    flaw = contents.flaw
    if contents.pyproject is not None:
        try:
            project = pyproject.read(contents.pyproject)
        except ValueError as refusal:
            flaw = flaw or str(refusal)
    has_version = project.version is not None or project.is_dynamic
    if contents.tracking and not (project.id and has_version):
        # Nothing comes from the registry without both.
        flaw = flaw or f"pyproject.toml: {project.remark or 'there is none'}"
    name = texts.valid(folder)
    may_be = {
        Claim.CNR_ID: clone.cnr_id if clone else None,
        Claim.FILE: project.id,
        Claim.FOLDER: named_after(name) if contents.tracking else None,
    }
    build = partial(
        Pack,
        folder=name,
        enabled=enabled,
        unreadable=bool(flaw),
    )
    if clone is not None and _is_clone(clone, contents, project):
        own = clone.cnr_id or project.id
        by = ".git/.cnr-id" if clone.cnr_id else "pyproject.toml"
        found = f"its id from {by}" if own else "without an id"
        # It has no version, whatever its pyproject says, since that may be of any commit.
        return build(
            kind=PackKind.GIT,
            id=own,
            claimed_version=project.version,
            others=_others(own, may_be),
            commit=clone.commit,
            repository=clone.remote,
            evidence=_joined(".git", found, clone.remark, flaw),
        )
    if flaw:  # what cannot be read may name any pack
        return build(
            kind=PackKind.UNKNOWN,
            version=project.version,
            others=_others(None, may_be),
            repository=project.repository,
            evidence=flaw,
        )
    if project.id is not None:
        mark = "pyproject.toml and .tracking" if contents.tracking else "pyproject.toml"
        return build(
            kind=PackKind.REGISTRY if contents.tracking else PackKind.CLAIMED,
            id=project.id,
            version=project.version,
            others=_others(project.id, may_be),
            repository=project.repository,
            evidence=_joined(mark, project.remark),
        )
    is_hidden = folder.startswith(".") or folder == "lost+found"
    if is_hidden and contents.pyproject is None and not contents.loadable:
        return None
    why = "no .git and no pyproject.toml"
    if contents.pyproject is not None:
        why = f"pyproject.toml: {project.remark}"
    return build(
        kind=PackKind.UNKNOWN,
        others=_others(None, may_be),
        repository=project.repository,
        evidence=why,
    )


def _is_clone(clone: Clone, contents: Contents, project: Project) -> bool:
    """Return whether a `.git` makes a pack a clone: it did not come in the archive, and leads somewhere."""
    if contents.tracks_git:
        return False
    return clone.remote is not None or not (contents.tracking and project.id)


def _others(
    own: str | None, may_be: Mapping[Claim, str | None]
) -> tuple[Identity, ...]:
    """Return what a copy may be beside its own id, each once, whatever its case; what can be no id is left out."""
    each: dict[str, Identity] = {}
    for by, name in may_be.items():
        if name and texts.pack_id(name) and name.lower() != (own or "").lower():
            each.setdefault(name.lower(), Identity(id=name, by=by))
    return tuple(each.values())


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
