"""A simple model of what a subscriber has to be told: the registry's truth, and what was last seen of it.

It is written from the contract's section Events alone and shares no code with the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

Fact = tuple[str, str, str | None]
"""What an event says at its shortest: kind, pack, version."""

ALL = frozenset({"active", "pending", "flagged", "banned", "deleted"})


@dataclass(slots=True)
class Truth:
    """A version as it is."""

    status: str
    created: datetime
    deprecated: bool = False


@dataclass(slots=True)
class Seen:
    """A version as it was last seen, and whether it has `left` the watched statuses, or in how many looks it missed."""

    status: str
    deprecated: bool
    left: bool = False
    missed: int = 0


@dataclass(slots=True)
class Pack:
    """What was seen of a pack: None of `seen` before the first look. `of` are the statuses the last look covered."""

    seen: dict[int, Seen] | None = None
    of: frozenset[str] = ALL
    looked: datetime | None = None
    banned: bool = False


@dataclass(slots=True)
class Subscriber:
    """Truth and sight of all packs. A version is known by a number of its own, as the registry's ids are."""

    banned: set[str] = field(default_factory=set)
    _truth: dict[str, dict[int, Truth]] = field(default_factory=dict)
    _named: dict[tuple[str, str], int] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _packs: dict[str, Pack] = field(default_factory=dict)

    def has(self, pack: str, version: str) -> bool:
        """Tell whether the registry has the version."""
        return (pack, version) in self._named

    def publish(self, pack: str, version: str, status: str, *, created: datetime) -> None:
        """A version appears."""
        number = len(self._names)
        self._named[pack, version] = number
        self._names[number] = version
        self._truth.setdefault(pack, {})[number] = Truth(status, created)

    def move(self, pack: str, version: str, status: str) -> None:
        """A version goes to another status."""
        self._truth[pack][self._named[pack, version]].status = status

    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        self._truth[pack][self._named[pack, version]].deprecated = on

    def take_away(self, pack: str, version: str) -> None:
        """A version is gone."""
        del self._truth[pack][self._named.pop((pack, version))]

    def look(self, packs: Iterable[str], statuses: Iterable[str], now: datetime, *, noted: bool) -> list[Fact]:
        """Look at the packs and give what has to be told; `noted` says whether the time of this look is remembered.

        Where a crash cost that time, what came since the look before may be told once it is watched: it was never told.
        """
        facts: list[Fact] = []
        for name in packs:
            pack = self._packs.setdefault(name, Pack())
            if name in self.banned:
                if not pack.banned:
                    facts.append(("banned", name, None))
                pack.banned = True
                continue
            if pack.banned:
                facts.append(("reinstated", name, None))
                pack.banned = False
            shown = {n: t for n, t in self._truth[name].items() if t.status in statuses}
            if pack.seen is None:
                facts.append(("baseline", name, None))
                pack.looked = now
                pack.seen = {n: Seen(t.status, t.deprecated) for n, t in shown.items()}
            else:
                facts += [(kind, name, self._names[n]) for n, kind in self._differences(pack, shown, set(statuses))]
            pack.of = frozenset(statuses)
            if noted:
                pack.looked = now
        return facts

    def _differences(self, pack: Pack, shown: dict[int, Truth], statuses: set[str]) -> list[tuple[int, str]]:
        assert pack.seen is not None
        told: list[tuple[int, str]] = []
        for number, truth in shown.items():
            seen = pack.seen.get(number)
            if seen is None:
                # Only newly watched, not new, is what was there at the last look among statuses it did not cover.
                if truth.status in pack.of or pack.looked is None or truth.created > pack.looked:
                    told += [(number, kind) for kind in _at_first_sight(truth)]
            elif seen.missed == 2:
                told += [(number, kind) for kind in _at_first_sight(truth)]
            else:
                if seen.left or seen.status != truth.status:
                    told.append((number, _on_arrival(truth.status, seen.status, left=seen.left)))
                if seen.deprecated != truth.deprecated:
                    told.append((number, "deprecated" if truth.deprecated else "undeprecated"))
            pack.seen[number] = Seen(truth.status, truth.deprecated)
        for number, seen in pack.seen.items():
            if number in shown or seen.missed == 2:
                continue
            if statuses >= ALL:
                seen.missed += 1
                seen.left = False
                if seen.missed == 2:
                    told.append((number, "removed"))
            elif seen.status in statuses:
                seen.left, seen.missed = True, 0
        return told


def _at_first_sight(truth: Truth) -> list[str]:
    if truth.status == "deleted":
        return []
    return ["new" if truth.status == "active" else truth.status, *(["deprecated"] if truth.deprecated else [])]


def _on_arrival(status: str, before: str, *, left: bool) -> str:
    if status == "pending" and before in {"flagged", "banned", "deleted"}:
        return "changed"
    if status != "active":
        return status
    return "new" if before == "pending" and not left else "reinstated"
