"""What Comfy Watch says of the folder, of snapshots of it, and of the Manager that runs in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from watcher.installs.scan import scan
from watcher.model.pack import Source, SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pack of an install; where it was found and by what is left out."""

    folder: str
    kind: str
    id: str | None = None
    version: str | None = None
    commit: str | None = None
    enabled: bool = True
    repository: str | None = None

    @property
    def three(self) -> str | None:
        """Its version as the Manager writes it: of three numbers at least."""
        if self.version is None or not self.version.replace(".", "").isdigit():
            return self.version
        return ".".join([*self.version.split("."), "0", "0"][: max(3, self.version.count(".") + 1)])


def installed(target: str | Path) -> list[Row]:
    """Return what a scan finds."""
    where = str(target)
    kind = SourceKind.SNAPSHOT if where.endswith((".json", ".yaml")) else SourceKind.PATH
    kind = SourceKind.URL if where.startswith("http:") else kind
    packs = asyncio.run(scan(Source(name="install", kind=kind, where=where), timeout=10))
    return [Row(**{name: getattr(pack, name) for name in Row.__dataclass_fields__}) for pack in packs]
