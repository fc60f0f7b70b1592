"""Scans a ComfyUI folder again and again while the programs work in it, as a poll may that comes at any moment."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Self

from watcher.installs.scan import scan
from watcher.model.pack import Pack, PackKind, Source, SourceKind

_PAUSE = 0.01


class Observer:
    """Scans from the start of a `with` block to its end.

    `scans` are the packs of each scan, `failures` the reasons of scans that failed after one that had found packs.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._source = Source(name="install", kind=SourceKind.PATH, where=str(root))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="observer")
        self.scans: list[tuple[Pack, ...]] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()

    def lost(self) -> set[str]:
        """Return the ids of packs that were seen as installed from the registry, and in some later scan not at all.

        One whose pyproject is being replaced has no id for a moment, but is there: by its folder, which has the name.
        """
        known: set[str] = set()
        lost: set[str] = set()
        for packs in self.scans:
            lost |= known - {pack.id or pack.folder for pack in packs}
            known |= {
                pack.id for pack in packs if pack.kind is PackKind.REGISTRY and pack.id
            }
        return lost

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE):
            [found] = asyncio.run(scan(self._source, timeout=10))
            if found.failure is None:
                self.scans.append(found.packs)
            elif self.scans:
                self.failures.append(found.failure.error)
