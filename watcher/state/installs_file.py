"""`installs.json`: what the last good scan of each install found, one pack a line. No files here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from watcher.model.pack import Pack
from watcher.state.codec import FIRST_FORMAT, decode

_UNKEPT = {"evidence", "unreadable"}
"""Fields of a pack that are about one scan."""
_FIELDS = tuple(item for item in fields(Pack) if item.name not in _UNKEPT)


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _InstallsForm:
    """What the file holds."""

    format: int
    installs: dict[str, tuple[Pack, ...]]


def read_installs(text: bytes) -> Mapping[str, tuple[Pack, ...]]:
    """Decode `installs.json`: the packs of each install, by its name; raises UnreadableFormError."""
    return decode(_InstallsForm, text).installs


def write_installs(installs: Mapping[str, tuple[Pack, ...]]) -> bytes:
    """Encode `installs.json`: sorted, fields that have their default left out."""
    blocks = [
        f"\n{json.dumps(name)}: {_packs(packs)}"
        for name, packs in sorted(installs.items())
    ]
    return f'{{\n"format": {FIRST_FORMAT},\n"installs": {{{",".join(blocks)}\n}}\n}}\n'.encode()


def _packs(packs: tuple[Pack, ...]) -> str:
    rows = [f"\n {json.dumps(_row(pack))}" for pack in packs]
    return "[" + ",".join(rows) + ("\n]" if rows else "]")


def _row(pack: Pack) -> dict[str, object]:
    values, defaults = asdict(pack), {item.name: item.default for item in _FIELDS}
    return {
        name: values[name]
        for name, default in defaults.items()
        if values[name] != default
    }
