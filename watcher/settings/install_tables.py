"""Installs as people name them: a ComfyUI by its folder, its address or a snapshot file; an entry, a TARGET or an
`[[installs]]` table. Pure.

An address may hold a password, so that no error shows more of it than its scheme (docs/behaviour.md, Settings).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from watcher.errors import UsageError
from watcher.model.pack import Source, SourceKind
from watcher.settings import parsing
from watcher.text import mask

SNAPSHOT_SUFFIXES = (".json", ".yaml", ".yml")
"""How the name of a snapshot file, or of a glob over some, ends."""

_LONGEST_NAME = 64
_BETWEEN = re.compile(r"[,\n]")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]{2,}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(?:/.*)?")
"""What is an address without its scheme; a drive's one letter is none."""
_SAYS_NOTHING = frozenset(
    {
        "snapshots",
        "__manager",
        "default",
        "user",
        "comfyui-manager",
        "custom_nodes",
        "comfyui",
    }
)
"""Folders that say nothing about whose snapshots, or whose packs, are in them."""


def _name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if (
        not 0 < len(name) <= _LONGEST_NAME
        or not mask.is_visible(name)
        or mask.find_url(name)
    ):
        raise ValueError(
            f"{mask.describe(value)} is not the name of an install; give up to {_LONGEST_NAME} visible characters"
        )
    return name


def _path(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not mask.is_visible(text) or _ADDRESS.fullmatch(text):
        raise ValueError(
            f"{mask.describe(value)} is not a folder or file; an address begins with http:// or https://"
        )
    return parsing.path(text)


def _snapshot(value: object) -> str:
    text = _path(value)
    if not text.lower().endswith(SNAPSHOT_SUFFIXES):
        raise ValueError(
            f"{mask.describe(text)} is not a snapshot file; give one, or a glob, that ends in"
            f" {', '.join(SNAPSHOT_SUFFIXES)}"
        )
    return text


def _url(value: object) -> SecretStr:
    """Return the address of a ComfyUI, without the fragment that a browser shows; errors show no part of it."""
    text = value.strip().partition("#")[0] if isinstance(value, str) else ""
    if parsing.web_address(text) is None:
        raise ValueError(
            "the value (not shown) is not the address of a ComfyUI; give one such as http://127.0.0.1:8188"
        )
    return SecretStr(text)


class InstallTable(BaseModel):
    """One ComfyUI whose packs are watched. Exactly one of `path`, `url` and `snapshot` is given."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "oneOf": [{"required": [kind.value]} for kind in SourceKind]
        },
    )

    name: Annotated[str, BeforeValidator(_name)] = Field(
        "",
        description="The install's name in every output. Default: that of its folder or host.",
    )
    path: Annotated[str, BeforeValidator(_path)] = Field(
        "",
        description="The folder of a ComfyUI, its base directory or its `custom_nodes`.",
    )
    url: Annotated[SecretStr, BeforeValidator(_url)] = Field(
        SecretStr(""),
        description="The address of a running ComfyUI with the Manager; secret.",
    )
    snapshot: Annotated[str, BeforeValidator(_snapshot)] = Field(
        "",
        description="A snapshot file of the Manager, or a glob, of which the newest counts.",
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        """Return it; ValueError unless it says where it is read from, once."""
        if len(self.model_fields_set & {*SourceKind}) != 1:
            raise ValueError("give one of path, url and snapshot")
        return self

    @property
    def kind(self) -> SourceKind:
        """What it is read from."""
        return next(kind for kind in SourceKind if kind.value in self.model_fields_set)

    @property
    def where(self) -> str:
        """The folder, file or glob; the address in the clear."""
        value = getattr(self, self.kind)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    @property
    def shown(self) -> str:
        """Where it is, without what is secret."""
        return (
            f"{mask.scheme(self.where)}://***"
            if self.kind is SourceKind.URL
            else self.where
        )


def read_installs(value: object) -> list[object]:
    """Return the tables of a list, of JSON, or of text split at commas and line ends; entries become tables too."""
    items = value
    if isinstance(value, str):
        is_json = value.lstrip().startswith("[")
        items = (
            parsing.from_json(value)
            if is_json
            else [*filter(str.strip, _BETWEEN.split(value))]
        )
    if not isinstance(items, (list, tuple)):
        raise ValueError(
            'the value is not a list of installs; write installs = ["~/ComfyUI"], or [[installs]] with two brackets'
        )
    return parsing.read_each(
        items, lambda item: entry(item) if isinstance(item, str) else item
    )


def entry(text: str) -> InstallTable:
    """Return the install that a string names: an address, a snapshot file or glob, else a folder."""
    made = partial(InstallTable.model_construct, name="")
    if text.strip().lower().startswith(("http://", "https://")):
        return made({"url"}, url=_url(text))
    if text.strip().lower().endswith(SNAPSHOT_SUFFIXES):
        return made({"snapshot"}, snapshot=_snapshot(text))
    return made({"path"}, path=_path(text))


def unique(tables: tuple[InstallTable, ...]) -> tuple[InstallTable, ...]:
    """Return the tables; ValueError if two of them were given one name."""
    names: set[str] = set()
    for table in tables:
        if table.name and table.name.lower() in names:
            raise ValueError(
                f"two installs have the name {table.name!r}; give each its own"
            )
        names.add(table.name.lower())
    return tables


def placed(table: InstallTable, place: Callable[[Path], Path]) -> InstallTable:
    """Return a table whose path is absolute, as `place` makes it so, and written in one way.

    No link in it is followed, as what that leads to comes and goes.
    """
    if table.kind is SourceKind.URL:
        return table
    path = os.path.normpath(place(Path(table.where)))
    return table.model_copy(update={table.kind.value: path})


def sources(tables: Iterable[InstallTable]) -> tuple[Source, ...]:
    """Return the installs of absolute tables.

    One without a name gets that of its folder or host, with more of its path if that is another's too.
    """
    found = list(tables)
    return tuple(
        Source(name=name, is_named=bool(table.name), kind=table.kind, where=table.where)
        for name, table in zip(_names(found), found, strict=True)
    )


def twice(tables: Sequence[InstallTable]) -> Iterator[str]:
    """Yield which of some absolute tables are one install."""
    seen: dict[str, int] = {}
    for number, source in enumerate(sources(tables), 1):
        first = seen.setdefault(source.identity, number)
        if first != number:
            shown = tables[number - 1].shown
            yield f"entries {first} and {number} are one install: {shown}"


def _names(tables: Sequence[InstallTable]) -> list[str]:
    """Return the name that each table has, or the shortest of its usual ones that no other may have."""
    usual = [[table.name] if table.name else _usual_names(table) for table in tables]
    may_have = Counter(name for each in usual for name in {*map(str.lower, each)})
    names = [
        next((name for name in each if may_have[name.lower()] == 1), each[-1])
        for each in usual
    ]
    taken = {table.name.lower() for table in tables if table.name}
    for place, table in enumerate(tables):
        if not table.name:
            names[place] = _unique_name(names[place], taken)
            taken.add(names[place].lower())
    return names


def targets(given: Sequence[str], place: Callable[[Path], Path]) -> tuple[Source, ...]:
    """Return the installs that a command line names, each once, as entries of `installs`.

    `place` makes a path absolute. UsageError for what is none.
    """
    try:
        tables = [placed(entry(text), place) for text in given]
    except ValueError as error:
        raise UsageError(f"TARGET: {error}") from None
    each = {
        source.identity: table
        for source, table in zip(sources(tables), tables, strict=True)
    }
    return sources(each.values())


def of_folders(folders: Iterable[Path]) -> tuple[Source, ...]:
    """Return the installs in absolute folders, named as entries of `installs`."""
    return sources(
        InstallTable.model_construct({"path"}, name="", path=str(folder))
        for folder in folders
    )


def _usual_names(table: InstallTable) -> list[str]:
    """Return what an install may be called: its host, or the last folder that says something, then more of the path."""
    if table.kind is SourceKind.URL:
        url = urlsplit(table.where)
        host = f"{url.hostname}:{url.port}" if url.port else str(url.hostname)
        return [host, f"{host}{url.path}"[:_LONGEST_NAME]]
    path = PurePath(table.where)
    parts = [one for one in path.parts if not set("*?[") & set(one)]
    if table.kind is SourceKind.SNAPSHOT and parts[-1] == path.name:
        is_telling = path.parent.name.lower() not in _SAYS_NOTHING
        parts[-1:] = [path.stem] if is_telling else []
    while parts[-1].lower() in _SAYS_NOTHING:
        parts.pop()
    if len(parts) == 1:
        return ["ComfyUI", table.where[-_LONGEST_NAME:]]
    names = ["/".join(parts[start:]) for start in range(len(parts) - 1, 0, -1)]
    return [name[-_LONGEST_NAME:] for name in (*names, table.where)]


def _unique_name(usual: str, taken: Collection[str]) -> str:
    """Return a name, or that and a number."""
    name, number = usual, 1
    while name.lower() in taken:
        number += 1
        name = f"{usual[: _LONGEST_NAME - 6]}-{number}"
    return name
