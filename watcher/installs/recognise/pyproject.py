"""What the `pyproject.toml` of a pack says: id, version, repository. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from watcher.installs.recognise import texts

LIMIT = 128 * 1024
"""Bytes; real ones have a tenth of it. The worst of this size take the parser half a second."""

_LONGEST_LINE = 16_384
"""Characters: the parser's time grows with the square of what one key or table name has."""
_MOST_PARTS = 64
"""Of one key; real ones have a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a pyproject says of its pack."""

    id: str | None = None
    """As written; None if there is none, or none that the registry would take."""
    version: str | None = None
    repository: str | None = None
    comfy: bool = False
    """Whether it has the table that publishing to the registry needs."""
    remark: str = ""
    """What is odd about it, for a person."""


def read(data: bytes) -> Project:
    """Return what a pyproject says; ValueError with the reason if it is not one that can be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("pyproject.toml is not UTF-8 text") from None
    if any(map(_is_heavy, text.split("\n"))):
        raise ValueError("pyproject.toml is nested too deeply or has too long a line")
    try:
        document: dict[str, object] = tomllib.loads(text)
    except RecursionError:
        raise ValueError("pyproject.toml is nested too deeply") from None
    except ValueError:
        raise ValueError("pyproject.toml is not valid TOML") from None
    project = _table(document.get("project"))
    name, version = project.get("name"), project.get("version")
    found = texts.pack_id(name)
    remark = ""
    if found is None:
        remark = "its [project] name can be no id" if name else "it has no [project] name"
    elif version is None:
        dynamic = project.get("dynamic")
        is_dynamic = isinstance(dynamic, list) and "version" in dynamic
        remark = "its version is dynamic" if is_dynamic else "it has no version"
    elif texts.version(version) is None:
        remark = "its version cannot be one"
    urls = {key.lower(): value for key, value in _table(project.get("urls")).items()}
    return Project(
        id=found,
        version=texts.version(version),
        repository=texts.address(urls.get("repository")),
        comfy=bool(_table(_table(document.get("tool")).get("comfy"))),
        remark=remark,
    )


def _is_heavy(line: str) -> bool:
    """Return whether a line could take the parser long."""
    return len(line) > _LONGEST_LINE or (
        line.count(".") > _MOST_PARTS
        and not line.lstrip().startswith("#")
        and line.partition("=")[0].count(".") > _MOST_PARTS
    )


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
