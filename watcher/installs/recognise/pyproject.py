"""What the `pyproject.toml` of a pack says: id, version, repository. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from watcher.installs.recognise import texts
from watcher.installs.recognise.json_text import items, table

LIMIT = 256 * 1024
"""Bytes; the worst of this size take a second."""

_MOST_DOTS = 64
"""Of one key: the parser's time grows with their square."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
