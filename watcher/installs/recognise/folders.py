"""Which pack a folder of `custom_nodes` is, from what was read in it. Pure (docs/behaviour.md, Installed packs)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watcher.installs.recognise import pyproject, texts
from watcher.installs.recognise.pyproject import Project
from watcher.model.pack import Claim, Identity, Pack, PackKind, named_after

OF_COMFYUI = frozenset({"websocket_image_save.py"})
"""Files that come with every ComfyUI."""

_NOT_PACKS = frozenset({"__pycache__", ".disabled"})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was read in the folder of a pack."""

    pyproject: bytes | None = None
    """None if there is none, or none that can be read."""
    tracking: bool = False
    """Whether the Manager's mark is there."""
    tracks_git: bool = False
    """Whether that mark lists `.git`: it came in the archive, and is not of a clone."""
    clone: Clone | None = None
    loadable: bool = True
    """Whether it has what ComfyUI loads."""
    problem: str = ""
    """Why something in it could not be read."""
    damaged: bool = False
    """Whether that is the file's fault."""


def is_disabled(name: str) -> bool:
    """Return whether ComfyUI leaves out a file or folder because of its name."""
    return name.endswith(DISABLED)


def may_be_pack(name: str) -> bool:
    """Return whether a folder's name is one that a pack may have."""
    return name not in _NOT_PACKS


def single_file(folder: str, name: str, *, enabled: bool) -> Pack | None:
    """Return the pack that a file is, as `folder` is to be shown; None for a file that ComfyUI does not load."""
    if name in OF_COMFYUI or not name.removesuffix(DISABLED).endswith(".py"):
        return None
    return Pack(
        folder=texts.valid(folder),
        kind=PackKind.FILE,
        enabled=enabled,
        evidence="a single file",
    )


def pack(folder: str, contents: Contents, *, enabled: bool) -> Pack | None:
    """Return the pack that a folder is; None for a hidden folder that holds none."""
    project, problem, damaged = Project(), contents.problem, contents.damaged
    if contents.pyproject is not None:
        try:
            project = pyproject.read(contents.pyproject)
        except ValueError as refusal:
            problem, damaged = problem or str(refusal), damaged or not problem
    name, clone = texts.valid(folder), contents.clone
    by_folder = Identity(id=named_after(name), by=Claim.FOLDER)
    other = [by_folder] if contents.tracking else []
    if clone is not None and clone.cnr_id:
        other.insert(0, Identity(id=clone.cnr_id, by=Claim.CNR_ID))
    is_clone = clone is not None and not contents.tracks_git
    if (
        clone is not None
        and is_clone
        and (clone.remote or not (contents.tracking and project.id))
    ):
        return _clone(
            name,
            clone,
            project,
            other,
            enabled=enabled,
            problem=problem,
            damaged=damaged,
        )
    if problem:
        return Pack(
            folder=name,
            kind=PackKind.UNKNOWN,
            others=_others(None, other),
            enabled=enabled,
            evidence=problem,
            unreadable=True,
            damaged=damaged,
        )
    if project.id is not None:
        kind = PackKind.REGISTRY if contents.tracking else PackKind.CLAIMED
        mark = "pyproject.toml and .tracking" if contents.tracking else "pyproject.toml"
        mark += "" if contents.tracking or project.comfy else " without [tool.comfy]"
        return Pack(
            folder=name,
            kind=kind,
            id=project.id,
            version=project.version,
            others=_others(project.id, other),
            enabled=enabled,
            repository=project.repository,
            evidence=_joined(mark, project.remark),
        )
    if (
        contents.pyproject is None
        and not contents.tracking
        and not contents.loadable
        and folder.startswith(".")
    ):
        return None
    why = (
        f"pyproject.toml: {project.remark}"
        if contents.pyproject is not None
        else "no .git and no pyproject.toml"
    )
    return Pack(
        folder=name,
        kind=PackKind.UNKNOWN,
        others=_others(None, other),
        enabled=enabled,
        evidence=why,
    )


def _clone(
    folder: str,
    clone: Clone,
    project: Project,
    other: list[Identity],
    *,
    enabled: bool,
    problem: str,
    damaged: bool,
) -> Pack:
    """Return a clone: it has no version, whatever its pyproject says, since that may be of any commit."""
    found = clone.cnr_id or project.id
    named = ".git/.cnr-id" if clone.cnr_id else "pyproject.toml"
    by_file = [Identity(id=project.id, by=Claim.FILE)] if project.id else []
    return Pack(
        folder=folder,
        kind=PackKind.GIT,
        id=found,
        claimed_version=project.version,
        others=_others(found, [*by_file, *other]),
        commit=clone.commit,
        enabled=enabled,
        repository=clone.remote,
        evidence=_joined(
            ".git",
            f"its id from {named}" if found else "without an id",
            clone.remark,
            problem,
        ),
        unreadable=bool(problem),
        damaged=damaged,
    )


def _others(own: str | None, found: Iterable[Identity]) -> tuple[Identity, ...]:
    """Return what a copy may be beside its own id, each once, whatever its case; what can be no id is left out."""
    each: dict[str, Identity] = {}
    for one in found:
        if texts.pack_id(one.id) and one.id.lower() != (own or "").lower():
            each.setdefault(one.id.lower(), one)
    return tuple(each.values())


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
