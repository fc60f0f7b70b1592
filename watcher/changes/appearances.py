"""Packs that appear in an install or vanish from it (docs/behaviour.md, Events (Appearances)). Pure.

A scan is compared with what the snapshot knows of the install, which is saved in one step with the events.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Installed, KnownInstall, KnownPack
from watcher.model.pack import Copy, Pack, SourceKind, named_after

_Packs = list[KnownPack]
_SOURCE = attrgetter("repository")
_PLACE = attrgetter("place", "folder")
_PLACE_AND_SOURCE = attrgetter("place", "folder", "repository")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scan found in one install."""

    install: str
    """Its name."""
    source: SourceKind
    packs: tuple[Pack, ...]
    """A pack that cannot be read is as the last good scan found it."""
    places: frozenset[str]
    """The folders that could be read, as `Pack.place` has them; none if the scan failed."""
    is_whole: bool
    """Whether these are all that the install has."""


def assess(
    reported: Installed, scans: Iterable[Scan], now: str
) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known of the installs after a poll, and the events.

    `scans` has every configured install: one that is not configured any more is forgotten.
    """
    known: dict[str, KnownInstall] = {}
    events: list[Event] = []
    for scan in sorted(scans, key=lambda one: one.install):
        before = reported.known.get(scan.install)
        if before is None or before.source is not scan.source:
            before = KnownInstall(source=scan.source)  # it shows other packs
        known[scan.install], changed = _compared(before, scan)
        for kind, pack in changed:
            events.append(_event(kind, scan.install, pack, reported.seen, now))
    seen = reported.seen + len(events)
    return replace(reported, known=known, seen=seen), tuple(events)


def _compared(
    known: KnownInstall, scan: Scan
) -> tuple[KnownInstall, list[tuple[Kind, KnownPack]]]:
    """Return what is known of an install after a scan, and the packs that appeared or vanished."""
    there = [_known(pack) for pack in scan.packs if pack.place in scan.places]
    # Where a folder could not be read, its packs may still be there.
    unread = [
        one for one in known.packs if not scan.is_whole and one.place not in scan.places
    ]
    gone, new, unread = _differing(known, there, unread)
    # A pack that is missing may have been moved to what could not be read.
    missing, vanished = gone, []
    if scan.is_whole:
        missing = [replace(one, missing=True) for one in gone if not one.missing]
        vanished = [one for one in gone if one.missing]
    # In a folder that is read for the first time a pack may have been for long, unless all was read once.
    appeared = [one for one in new if known.is_whole or one.place in known.places]
    is_whole = known.is_whole or scan.is_whole
    places = () if is_whole else sorted(scan.places.union(known.places))
    packs = sorted([*there, *unread, *missing], key=_order)
    after = replace(known, packs=tuple(packs), places=tuple(places), is_whole=is_whole)
    changed = [(Kind.APPEARED, pack) for pack in _each_id(appeared)]
    changed += [(Kind.VANISHED, pack) for pack in _each_id(vanished)]
    return after, changed


def _differing(
    known: KnownInstall, there: _Packs, unread: _Packs
) -> tuple[_Packs, _Packs, _Packs]:
    """Return the known packs that are gone, the packs that are new, and what is left of the `unread` ones.

    Two packs with an id are one pack if it is the same id. Else it is one pack if it is where it was; if it is gone
    from there, and another clone of its repository has come; or another one of its name, as when it is disabled.
    """
    gone = [one for one in known.packs if one not in {*unread}]
    gone, new = _unpaired(gone, there, _PLACE_AND_SOURCE)
    gone, new = _unpaired(gone, new, _PLACE)
    known_ids, ids = _ids(known.packs), _ids(there)
    gone = [one for one in gone if _id(one) not in ids]
    new = [one for one in new if _id(one) not in known_ids]
    gone, new = _unpaired(gone, new, _SOURCE)
    gone, new = _unpaired(gone, new, _name)
    # It may have been moved from where nobody can look: if one like it is still there, the scan that sees it tells so.
    unread, new = _unpaired(unread, new, _SOURCE)
    unread, new = _unpaired(unread, new, _name)
    return gone, new, unread


def _unpaired(
    known: _Packs, found: _Packs, key: Callable[[KnownPack], Hashable]
) -> tuple[_Packs, _Packs]:
    """Return both lists without the pairs with an equal key: a known pack and a found one that may be the same."""
    left: dict[Hashable, _Packs] = {}
    for one in known:
        left.setdefault(key(one), []).append(one)
    new: _Packs = []
    for one in found:
        same = left.get(key(one), []) if key(one) is not None else []
        # Two ids are two packs.
        pair = next((other for other in same if len(_ids([other, one])) < 2), None)
        if pair is None:
            new.append(one)
        else:
            same.remove(pair)
    return [one for others in left.values() for one in others], new


def _name(pack: KnownPack) -> Hashable:
    return named_after(pack.folder).lower()


def _id(pack: KnownPack) -> str | None:
    return pack.id.lower() if pack.id else None


def _ids(packs: Iterable[KnownPack]) -> set[str | None]:
    return {_id(one) for one in packs} - {None}


def _each_id(packs: _Packs) -> _Packs:
    """Return the packs, of several copies with one id only one: the enabled one if there is one."""
    enabled_first = sorted(packs, key=lambda one: (not one.enabled, *_order(one)))
    chosen = {
        _id(one) or _PLACE_AND_SOURCE(one): one for one in reversed(enabled_first)
    }
    return sorted(chosen.values(), key=_order)


def _order(pack: KnownPack) -> tuple[str, str, str, str]:
    return pack.folder.lower(), pack.folder, pack.place, pack.repository or ""


def _known(pack: Pack) -> KnownPack:
    return KnownPack(
        folder=pack.folder,
        place=pack.place,
        kind=pack.kind,
        id=pack.id,
        version=pack.version,
        repository=pack.repository,
        enabled=pack.enabled,
    )


def _event(kind: Kind, install: str, pack: KnownPack, seen: int, now: str) -> Event:
    copy = Copy(install=install, version=pack.version, enabled=pack.enabled)
    return Event(
        id=event_id(
            "installed", install, *_PLACE_AND_SOURCE(pack), pack.id, seen, kind
        ),
        kind=kind,
        node=pack.id,
        version=pack.version,
        at=now,
        url=node_url(pack.id),
        install=install,
        folder=pack.folder,
        pack_kind=pack.kind,
        repository=pack.repository,
        installed=(copy,) if kind is Kind.APPEARED else (),
    )
