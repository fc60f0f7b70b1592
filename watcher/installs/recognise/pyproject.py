"""What the `pyproject.toml` of a pack says: id, version, repository. Pure.

Whatever else is in the file is passed over by a scan that takes one step for each of its characters, and only the few
statements that count are parsed: what is large, deep or wrong beside them neither holds a scan up nor hides a pack.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

from watcher.installs.recognise import texts

LIMIT = 1024 * 1024
"""Bytes; the worst of this size take a second."""

_MOST_PARTS = 64
"""Of one key; the parser's time grows with the square of it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TOKEN = re.compile(
    r"""
      \"""  (?: [^"\\]++ | \\. | "(?!"") )*+  "{3,5}
    | \'''  (?: [^']++ | '(?!'') )*+  '{3,5}
    | "(?!"")  (?: [^"\\\n]++ | \\[^\n] )*+  "
    | '(?!'')  [^'\n]*+  '
    | \#[^\n]*+
    | [\[\]{}\n]
    | [^"'\#\[\]{}\n]++
    """,
    re.DOTALL | re.VERBOSE,
)
"""Strings, which may hold anything; comments; brackets; line ends; and all between them."""
_PART = re.compile(
    r"""\s*("(?:[^"\\\n]|\\[^\n])*+"|'[^'\n]*+'|[A-Za-z0-9_-]++)\s*([.=\]])"""
)
"""One part of a key, and what comes after it."""

_NO_TOML = "pyproject.toml is not valid TOML"
_TABLES = frozenset({(), ("project",), ("project", "urls")})
_OF_PROJECT = frozenset({"name", "version", "dynamic", "urls"})
_COMFY = ("tool", "comfy")
_LONGEST_PATH = 3
"""Parts of a key that are looked at."""


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
    found = _found(_CONTROL.sub("", text))
    try:
        document: dict[str, object] = tomllib.loads("\n".join(found.wanted))
    except RecursionError:
        raise ValueError("pyproject.toml is nested too deeply") from None
    except ValueError:
        raise ValueError(_NO_TOML) from None
    project = _table(document.get("project"))
    if "name" not in project and found.is_odd:
        raise ValueError(_NO_TOML)
    return of_table(project, comfy=found.comfy)


def of_table(project: dict[str, object], *, comfy: bool) -> Project:
    """Return what the table `[project]` says."""
    name, version = project.get("name"), project.get("version")
    found = texts.pack_id(name)
    remark = ""
    if found is None:
        remark = (
            "its [project] name can be no id" if name else "it has no [project] name"
        )
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
        comfy=comfy,
        remark=remark,
    )


@dataclass(slots=True, kw_only=True)
class _Found:
    """What a scan of a pyproject found."""

    wanted: list[str] = field(default_factory=list)
    """The statements about the pack."""
    comfy: bool = False
    is_odd: bool = False
    """Whether something in it is no TOML at all."""


def _found(text: str) -> _Found:
    """Return the statements about the pack; ValueError for what has no end, and for what could take the parser long."""
    found = _Found()
    table: tuple[str, ...] = ()
    for statement, parts in _statements(text):
        is_header = statement.startswith("[")
        key = _key(statement.lstrip("[") if is_header else statement)
        if is_header:
            # What follows the header of an array of tables is none of ours.
            table = ("", *key) if statement.startswith("[[") else key
        path = table if is_header else (*table, *key)
        found.comfy = found.comfy or path[:2] == _COMFY
        found.is_odd = found.is_odd or not key
        if table in _TABLES and key and (is_header or _is_about_the_pack(path)):
            if parts > _MOST_PARTS:
                raise ValueError("pyproject.toml is nested too deeply")
            found.wanted.append(statement)
    return found


def _is_about_the_pack(path: tuple[str, ...]) -> bool:
    return path[:1] == ("project",) and (len(path) == 1 or path[1] in _OF_PROJECT)


def _statements(text: str) -> Iterator[tuple[str, int]]:
    """Yield each header, and each key with its value, without comments, and how many parts a key in it may have.

    ValueError if a string or a bracket does not end.
    """
    said: list[str] = []
    depth, parts = 0, 1
    for part in _tokens(f"{text}\n"):
        if part == "\n" and depth <= 0:
            if statement := "".join(said).strip():
                yield statement, parts
            said, depth, parts = [], 0, 1
        elif not part.startswith("#"):
            said.append(part)
            depth += (part in {"[", "{"}) - (part in {"]", "}"})
            parts += 0 if part[0] in "\"'" else part.count(".")
    if depth > 0:
        raise ValueError(_NO_TOML)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(_NO_TOML)
        yield token[0]
        at = token.end()


def _key(text: str) -> tuple[str, ...]:
    """Return the first parts of the key that a text begins with; () if it begins with none."""
    parts: list[str] = []
    at = 0
    while len(parts) < _LONGEST_PATH:
        part = _PART.match(text, at)
        if part is None:
            return ()
        parts.append(_name(part[1]))
        at = part.end()
        if part[2] != ".":
            break
    return tuple(parts)


def _name(part: str) -> str:
    """Return what a part of a key stands for."""
    if "\\" not in part or part.startswith("'"):
        return part.strip("\"'")
    try:
        (name,) = tomllib.loads(f"{part} = 1")
    except ValueError:
        return ""
    return name


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
