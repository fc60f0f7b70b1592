"""What is installed: every install scanned, each within its time.

An install, a folder of it, or a pack that cannot be read stays as the last good scan found it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from watcher.changes.verdict import identities
from watcher.installs.safe_files import failed, in_order, joined
from watcher.installs.scan import scan
from watcher.model.pack import Claim, Inventory, Pack, Scanned, Source
from watcher.streams import Progress


async def scan_all(
    sources: Mapping[str, Source],
    last: Mapping[str, tuple[Pack, ...]],
    patience: float,
    progress: Progress,
) -> dict[str, Scanned]:
    """Scan all installs at once, each within `patience` seconds. Failures are values.

    `last` are the lists of the last good scans; all are by what the state knows an install by.
    """
    names = ", ".join(source.name for source in sources.values())
    progress("installs", f"looking into {names}")
    found = await asyncio.gather(
        *(_scan(source, last.get(key), patience) for key, source in sources.items())
    )
    progress("installs", "")
    return dict(zip(sources, found, strict=True))


async def _scan(
    source: Source, last: tuple[Pack, ...] | None, patience: float
) -> Scanned:
    """Return an install's packs, or its last list."""
    # What lies in the place of another volume is not what this folder had: else the volume could never come back.
    had = [one for one in last or () if not one.is_stray]
    try:
        [found] = await scan(source, timeout=patience, had=had)
    except Exception as error:  # noqa: BLE001 - whatever is in one install must not end the poll
        found = failed(source.name, f"unexpected {type(error).__name__}")
    unread = [f"{one.folder}: {one.evidence}" for one in found.packs if one.unreadable]
    failure = [found.failure.line] if found.failure else []
    is_read = bool(found.places or found.packs)
    return Scanned(
        name=source.name,
        packs=_kept(found, last or ()) if is_read else last,
        error=joined([*failure, *unread]),
        places=found.places,
        is_whole=found.failure is None,
    )


def _kept(scan: Inventory, last: tuple[Pack, ...]) -> tuple[Pack, ...]:
    """Return the packs, those that cannot be read as they were before."""
    known = {(pack.place, pack.folder): pack for pack in last}
    found: list[Pack] = []
    for pack in scan.packs:
        # Two folders may have a pack of one name.
        had = known.get((pack.place, pack.folder), pack)
        best = _as_known(pack, had) if pack.unreadable else pack
        found.append(replace(best, is_stray=pack.place not in scan.places))
    # A folder that could not be read has not lost its packs; one that the settings of ComfyUI no longer name has.
    if scan.failure:
        there = {(pack.place, pack.folder) for pack in scan.packs}
        found += [
            pack
            for key, pack in known.items()
            if pack.place not in scan.places and key not in there
        ]
    # How a pack was found is of the scan: what is kept of it would differ with each.
    return in_order(
        replace(pack, evidence="", unreadable=False, own_file="") for pack in found
    )


def _as_known(pack: Pack, had: Pack) -> Pack:
    """Return a pack with a file that cannot be read: as it was, unless its other files say its id and its version."""
    version = pack.claimed_version or pack.version
    ids = {one.id for one in identities(pack)}
    was = {one.id for one in identities(had) if one.by is not Claim.REPOSITORY}
    # Judged by half of its files it could pass for another pack, or for a good version, and what is known would end.
    if version is None or pack.kind is not had.kind or not was <= ids:
        return had
    return replace(
        pack,
        commit=pack.commit or had.commit,
        repository=pack.repository or had.repository,
    )
