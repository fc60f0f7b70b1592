"""`--version`: the version, and the commit where it can be known without running git."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import watcher

_DISTRIBUTION = "comfy-watch"
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[\w./+-]+")
_SHOWN = 12
"""Characters of a commit, which name it in a repository of any size."""
_LONGEST_CHAIN = 5
"""Symbolic references that name one another; git itself follows as many."""


def line(package: Path | None = None) -> str:
    """Return what `--version` prints; `package` is the folder of the running program, its own by default."""
    commit = find_commit(package or Path(watcher.__file__).resolve().parent)
    return f"comfy-watch, version {watcher.__version__}{f' (commit {commit[:_SHOWN]})' if commit else ''}"


def find_commit(package: Path) -> str | None:
    """Return the commit that a program was installed from or is checked out at, or None where nothing says it.

    What was changed since in a checkout is not seen: only git could find that.
    """
    try:
        return (
            _checked_out(package.parent)
            if _is_source(package.parent)
            else _installed(package)
        )
    except (OSError, ValueError):  # unreadable or no text: nothing is known then
        return None


def _is_source(folder: Path) -> bool:
    """Return whether a folder holds this project: a program that was copied elsewhere has another one's commits."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8")).get(
            "project"
        )
    except (FileNotFoundError, NotADirectoryError):
        return False
    return isinstance(project, dict) and project.get("name") == _DISTRIBUTION


def _installed(package: Path) -> str | None:
    """Return the commit that the installer wrote down (PEP 610) if it was given a git repository."""
    try:
        found = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
    if Path(str(found.locate_file(package.name))).resolve() != package:
        return None  # the program runs from elsewhere
    origin = json.loads(found.read_text("direct_url.json") or "null")
    source = origin.get("vcs_info") if isinstance(origin, dict) else None
    commit = source.get("commit_id") if isinstance(source, dict) else None
    return commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None


def _checked_out(folder: Path) -> str | None:
    """Return the commit of a folder's HEAD, read as gitrepository-layout(5) describes the files."""
    own = folder / ".git"
    if own.is_file():  # a worktree or submodule: its files are elsewhere
        own = folder / own.read_text("utf-8").strip().removeprefix("gitdir: ")
    shared = own
    if (own / "commondir").is_file():
        shared = own / (own / "commondir").read_text("utf-8").strip()
    value = _first_line(own / "HEAD")
    for _ in range(_LONGEST_CHAIN):
        if not value.startswith("ref: "):
            break
        value = _resolve(value.removeprefix("ref: "), own, shared)
    return value if _COMMIT.fullmatch(value) else None


def _resolve(ref: str, own: Path, shared: Path) -> str:
    """Return what a reference holds, "" where there is none: a file of its own counts before the packed ones."""
    if not _REF.fullmatch(ref) or ".." in ref:
        return ""
    for folder in (own, shared):
        if (folder / ref).is_file():
            return _first_line(folder / ref)
    return next(
        (commit for commit, name in _packed(shared / "packed-refs") if name == ref), ""
    )


def _packed(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the references of a `packed-refs` file, which may be absent: commit and name."""
    if path.is_file():
        for row in path.read_text("utf-8").splitlines():
            commit, _, name = row.partition(" ")
            yield commit, name


def _first_line(path: Path) -> str:
    return path.read_text("utf-8").partition("\n")[0].strip()
