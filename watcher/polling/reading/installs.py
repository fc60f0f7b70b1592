"""What is installed: every install scanned, each within its time.

An install, a folder of it, or a pack that cannot be read stays as the last good scan found it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from watcher.installs.result import in_order
from watcher.installs.scan import scan
from watcher.model.pack import Inventory, Pack, PackKind, Scanned, Source
from watcher.progress import Progress

_FORGOTTEN: dict[str, Any] = {
    "evidence": "",
    "unreadable": False,
    "file": "",
    "line": None,
    "is_unpinned": False,
    "own_file": "",
}
"""What is kept of no pack: it says how it was found."""


async def scan_all(
    sources: Sequence[Source],
    last: Mapping[str, tuple[Pack, ...]],
    patience: float,
    progress: Progress,
) -> dict[str, Scanned]:
    """Scan all installs at once, each within `patience` seconds; return them by name. Failures are values."""
    progress("installs", f"looking into {', '.join(source.name for source in sources)}")
    found = await asyncio.gather(
        *(_scan(source, last.get(source.name), patience) for source in sources)
    )
    progress("installs", "")
    return {source.name: of for source, of in zip(sources, found, strict=True)}


async def _scan(
    source: Source, last: tuple[Pack, ...] | None, patience: float
) -> Scanned:
    """Return an install's packs, or its last list."""
    had = {pack.place for pack in last or ()}
    try:
        found = await scan(source, timeout=patience, had=had)
    except Exception as error:  # noqa: BLE001 - whatever is in one install must not end the poll
        return Scanned(packs=last, error=f"unexpected {type(error).__name__}")
    if found.failure and not found.places:
        return Scanned(packs=last, error=found.failure.line)
    packs, why = _kept(found, last or ())
    is_whole = found.failure is None
    return Scanned(packs=packs, error=why, places=found.places, is_whole=is_whole)


def _kept(scan: Inventory, last: tuple[Pack, ...]) -> tuple[tuple[Pack, ...], str]:
    """Return the packs, those that cannot be read as they were before, and which folders and packs these are."""
    known = {
        (pack.place, pack.folder): pack
        for pack in last
        if pack.kind is not PackKind.UNKNOWN
    }
    unread = [pack for pack in scan.packs if pack.unreadable]
    # What was known before is better than a file that cannot be read.
    found = [
        known.get((pack.place, pack.folder), pack) if pack.unreadable else pack
        for pack in scan.packs
    ]
    failure = scan.failure.line if scan.failure else ""
    if failure:
        found += [pack for pack in last if pack.place not in scan.places]
    error = ""
    if unread:
        first = unread[0]
        error = f"{first.folder}: {first.evidence or 'it cannot be read'}"
    if len(unread) > 1:
        error += f", and {len(unread) - 1} more"
    kept = in_order(replace(pack, **_FORGOTTEN) for pack in found)
    return kept, "; ".join(filter(None, (failure, error)))
