"""Installs as people name them: a ComfyUI by its folder, its address or a snapshot file; an entry, a TARGET or an
`[[installs]]` table. Pure.

An address may hold a password, so that no error shows more of it than its scheme (docs/behaviour.md, Settings).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from watcher.settings.channel_tables import unsealed
from watcher.text import mask

SNAPSHOT_SUFFIXES = (".json", ".yaml", ".yml")
"""How the name of a snapshot file, or of a glob over some, ends."""

_LONGEST_NAME = 64
_BETWEEN = re.compile(r"[,\n]")
_ADDRESS = r"(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+:[0-9]{1,5}(?:/.*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?(?:/.*)?"
"""What is an address without its scheme; a drive's one letter is none, since no number follows it."""
_HELD_BY = frozenset(
    {
        "snapshots",
        ".launcher",
        "__manager",
        "default",
        "user",
        "comfyui-manager",
        "custom_nodes",
    }
)
"""Folders that say nothing about whose snapshots, or whose packs, are in them."""


def _name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if (
        not name
        or len(name) > _LONGEST_NAME
        or not mask.is_visible(name)
        or mask.find_url(name)
    ):
        raise ValueError(
            f"{mask.describe(value)} is not the name of an install; give up to {_LONGEST_NAME} visible characters"
        )
    return name


def _path(value: object) -> str:
    return parsing.path(
        _text(value, "a folder; give that of a ComfyUI, e.g. '~/ComfyUI'")
    )


def _snapshot(value: object) -> str:
    expected = f"a snapshot file; give one, or a glob, that ends in {', '.join(SNAPSHOT_SUFFIXES)}"
    text = parsing.path(_text(value, expected))
    if not text.lower().endswith(SNAPSHOT_SUFFIXES):
        raise ValueError(f"{mask.describe(text)} is not {expected}")
    return text


def _url(value: object) -> SecretStr:
    return SecretStr(_address(unsealed(value)))


def _text(value: object, expected: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not mask.is_visible(text):
        raise ValueError(f"{mask.describe(value)} is not {expected}")
    return text


def _address(value: object) -> str:
    """Return the address of a ComfyUI, without the fragment that a browser shows; errors show no part of it."""
    text = value.strip().partition("#")[0] if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        usable = (
            parts.scheme in {"http", "https"}
            and parts.port != 0
            and mask.is_visible(text)
            and " " not in text
        )
        usable = usable and bool((parts.hostname or "").encode("idna"))
    except ValueError:  # of a port, of brackets, or of a host's part that is too long
        usable = False
    if not usable:
        raise ValueError(
            "the value (not shown) is not the address of a ComfyUI; give one such as http://127.0.0.1:8188"
        )
    return text


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
        description="The install's name in every output."
    )
    path: Annotated[str, BeforeValidator(_path)] = Field(
        "",
        description="The folder of a ComfyUI, its base directory or its `custom_nodes`.",
    )
    url: Annotated[SecretStr, BeforeValidator(_url, json_schema_input_type=str)] = (
        Field(
            SecretStr(""),
            description="The address of a running ComfyUI with the Manager; secret.",
        )
    )
    snapshot: Annotated[str, BeforeValidator(_snapshot)] = Field(
        "",
        description="A snapshot file of the Manager or of Comfy Desktop, or a glob, of which the newest counts.",
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
        return str(unsealed(getattr(self, self.kind)))

    @property
    def shown(self) -> str:
        """Where it is, without what is secret."""
        return (
            f"{mask.scheme(self.where)}://***"
            if self.kind is SourceKind.URL
            else self.where
        )


def read_installs(value: object) -> tuple[object, ...]:
    """Return the tables of a value that may be sealed: of a list, of JSON, or of text split at commas and line ends.

    An entry that is a string becomes a table without a name. ValueError if the value is no list, EntriesError for what
    is no install.
    """
    items = unsealed(value)
    if isinstance(items, str):
        text = items.strip()
        items = (
            parsing.from_json(text)
            if text.startswith("[")
            else [*filter(str.strip, _BETWEEN.split(text))]
        )
    if not isinstance(items, (list, tuple)):
        raise ValueError(
            'the value is not a list of installs; write installs = ["~/ComfyUI"], or [[installs]] with two brackets'
        )
    return tuple(
        parsing.read_each(
            items,
            lambda item: (
                item if isinstance(item, (dict, InstallTable)) else entry(item)
            ),
        )
    )


def entry(value: object) -> InstallTable:
    """Return the install that a string names: an address, a snapshot file or glob, else a folder."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or not mask.is_visible(text) or re.fullmatch(_ADDRESS, text):
        hint = ", and an address begins with http://" if text else ""
        raise ValueError(
            f"{mask.describe(value)} is not an install; give a ComfyUI's folder, its address or a snapshot file{hint}"
        )
    made = partial(InstallTable.model_construct, name="")
    if found := mask.find_url(text):
        if (found[1] or "").lower() not in {"http", "https"} or found.start():
            raise ValueError(
                f"{mask.describe(text)} is not an install; an address begins with http:// or https://"
            )
        return made({"url"}, url=SecretStr(_address(text)))
    if text.lower().endswith(SNAPSHOT_SUFFIXES):
        return made({"snapshot"}, snapshot=text)
    return made({"path"}, path=text)


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
    """Return a table whose path is absolute, as `place` makes it so."""
    if table.kind is SourceKind.URL:
        return table
    return table.model_copy(update={table.kind.value: str(place(Path(table.where)))})


def sources(tables: Iterable[InstallTable]) -> tuple[Source, ...]:
    """Return the installs of absolute tables. One without a name gets that of its folder or host, a second one `-2`."""
    found = list(tables)
    taken = {table.name.lower() for table in found}
    made: list[Source] = []
    for table in found:
        name = table.name or _unique_name(_usual_name(table), taken)
        taken.add(name.lower())
        made.append(Source(name=name, kind=table.kind, where=table.where))
    return tuple(made)


def targets(given: Sequence[str], place: Callable[[Path], Path]) -> tuple[Source, ...]:
    """Return the installs that a command line names, as entries of `installs`; `place` makes a path absolute.

    UsageError with a line for each that is none.
    """
    try:
        return sources(
            parsing.read_each(given, lambda text: placed(entry(text), place))
        )
    except parsing.EntriesError as error:
        lines = [f"TARGET {number}: {why}" for number, why in error.refused.items()]
        raise UsageError("\n".join(lines)) from None


def of_folders(folders: Iterable[Path]) -> tuple[Source, ...]:
    """Return the installs in absolute folders, named as entries of `installs`."""
    return sources(
        InstallTable.model_construct({"path"}, name="", path=str(folder))
        for folder in folders
    )


def table_names(value: object) -> list[object]:
    """Return what each item of `installs` has as its name."""
    items = unsealed(value)
    try:
        return [
            item.get("name") if isinstance(item, Mapping) else None
            for item in read_installs(items)
        ]
    except ValueError:
        return []


def _usual_name(table: InstallTable) -> str:
    if table.kind is SourceKind.URL:
        parts = urlsplit(table.where)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    path = PurePath(table.where)
    if (
        table.kind is SourceKind.SNAPSHOT
        and path.parent.name.lower() not in _HELD_BY
        and not set("*?[") & set(path.name)
    ):
        return path.stem
    parts_up = [path, *path.parents] if table.kind is SourceKind.PATH else path.parents
    telling = (
        part.name for part in parts_up if part.name and not set("*?[") & set(part.name)
    )
    return next((name for name in telling if name.lower() not in _HELD_BY), "ComfyUI")


def _unique_name(usual: str, taken: set[str]) -> str:
    name = usual[:_LONGEST_NAME]
    number = 1
    while name.lower() in taken:
        number += 1
        name = f"{usual[: _LONGEST_NAME - 6]}-{number}"
    return name
