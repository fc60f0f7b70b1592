"""Packs that appear in an install: each scan is compared with what the snapshot knows of it. Pure.

Rules: docs/behaviour.md, Events (Appearances).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Installed, KnownInstall, KnownPack
from watcher.model.pack import Copy, Pack, Scanned, named_after


def assess(
    reported: Installed, scans: Mapping[str, Scanned], now: str
) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known of the installs after a poll, and the events.

    `scans` has every configured install: one that is not configured any more is forgotten.
    """
    known: dict[str, KnownInstall] = {}
    events: list[Event] = []
    for key, scan in sorted(scans.items()):
        before = reported.known.get(key)
        if before is not None:
            events += (
                _event(key, scan.name, pack, reported.seen, now)
                for pack in _new(before, scan.packs or ())
            )
        if before is not None or scan.places:
            known[key] = _after(before or KnownInstall(places=()), scan)
    seen = reported.seen + len(events)
    return replace(reported, known=known, seen=seen), tuple(events)


def _new(known: KnownInstall, packs: Iterable[Pack]) -> list[Pack]:
    """Return the packs that are not known, of several copies of one only the first."""
    ids = {one.id for one in known.packs if one.id}
    names = {one.name for one in known.packs}
    nameless = {one.name for one in known.packs if one.id is None}
    found: dict[tuple[str | None, str], Pack] = {}
    for pack in packs:
        one = _known(pack)
        # A folder whose id is lost or found is the same pack.
        is_known = one.name in (nameless if one.id else names) or one.id in ids
        # In a folder that is read for the first time a pack may have been for long, unless all was read once.
        is_first = known.places is not None and pack.place not in known.places
        if not is_known and not is_first:
            found.setdefault((one.id, "" if one.id else one.name), pack)
    return list(found.values())


def _after(known: KnownInstall, scan: Scanned) -> KnownInstall:
    """Return what is known of an install after a scan. What only a part of it did not show may still be there."""
    there = set(map(_known, scan.packs or ()))
    places: tuple[str, ...] | None = None
    if not scan.is_whole:
        there.update(known.packs)
        if known.places is not None:
            places = tuple(sorted(scan.places.union(known.places)))
    packs = sorted(there, key=lambda one: (one.name, one.id or ""))
    return KnownInstall(packs=tuple(packs), places=places)


def _known(pack: Pack) -> KnownPack:
    return KnownPack(
        name=named_after(pack.folder).lower(), id=pack.id.lower() if pack.id else None
    )


def _event(key: str, install: str, pack: Pack, seen: int, now: str) -> Event:
    one = _known(pack)
    copy = Copy(install=install, version=pack.version, enabled=pack.enabled)
    return Event(
        id=event_id("installed", key, one.id, one.name, seen, Kind.APPEARED),
        kind=Kind.APPEARED,
        node=pack.id,
        version=pack.version,
        at=now,
        url=node_url(pack.id),
        install=install,
        folder=pack.folder,
        installed=(copy,),
    )
