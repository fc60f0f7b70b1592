"""A simple model of what a subscriber has to be told: the registry's truth, and what was last seen of it.

It is written from the contract's section Events alone and shares no code with the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Glitch:
    """What is wrong with one answer: it is `refused` (403), or versions are `hidden`, which its total counts or not."""

    hidden: frozenset[str] = frozenset()
    counted: bool = False
    refused: bool = False


@dataclass(slots=True)
class Pack:
    """What was seen of a pack; `based` after the first complete look. `of` are the statuses the last such covered."""

    seen: dict[int, Seen] = field(default_factory=dict)
    based: bool = False
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

    def is_based(self, pack: str) -> bool:
        """Tell whether the pack was ever seen completely."""
        return pack in self._packs and self._packs[pack].based

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

    def look(
        self,
        packs: Iterable[str],
        statuses: Iterable[str],
        now: datetime,
        *,
        noted: bool,
        glitches: Mapping[str, Glitch] | None = None,
    ) -> list[Fact]:
        """Look at the packs and give what has to be told; `noted` says whether the time of this look is remembered.

        Where a crash cost that time, what came since the look before may be told once it is watched: it was never told.
        Some packs' answers may have `glitches`.
        """
        facts: list[Fact] = []
        for name in packs:
            pack = self._packs.setdefault(name, Pack())
            glitch = (glitches or {}).get(name, Glitch())
            if name in self.banned or glitch.refused:
                if not pack.banned:
                    facts.append(("banned", name, None))
                pack.banned = True
                continue
            listed = {n: t for n, t in self._truth[name].items() if t.status in statuses}
            shown = {n: t for n, t in listed.items() if self._names[n] not in glitch.hidden}
            complete = len(shown) == len(listed) or not (glitch.counted or _contradicts(pack, listed, shown, statuses))
            complete = complete and not self._loses_sight(name, shown, set(statuses), glitch)
            told = self._sights(pack, shown)
            if complete:
                told += _absences(pack, shown, set(statuses), self._truth[name])
            facts += [(kind, name, None if number is None else self._names[number]) for number, kind in told]
            if not complete:
                continue
            if pack.banned:
                facts.append(("reinstated", name, None))
                pack.banned = False
            if not pack.based:
                facts.append(("baseline", name, None))
                pack.based, pack.looked = True, now
            pack.of = frozenset(statuses)
            if noted:
                pack.looked = now
        return facts

    def _loses_sight(self, name: str, shown: dict[int, Truth], statuses: set[str], glitch: Glitch) -> bool:
        """Tell whether nobody knows of a version where it went: the answer for all statuses lacks some it counts."""
        truth, pack = self._truth[name], self._packs[name]
        if statuses >= ALL or not glitch.counted or not any(self._names[n] in glitch.hidden for n in truth):
            return False
        return any(
            number not in truth or self._names[number] in glitch.hidden
            for number, seen in pack.seen.items()
            if number not in shown and seen.status in statuses and not seen.left and seen.missed != 2
        )

    @staticmethod
    def _sights(pack: Pack, shown: dict[int, Truth]) -> list[tuple[int | None, str]]:
        """Take in what is shown, and give what it tells: what was seen counts, of whatever listing."""
        told: list[tuple[int | None, str]] = []
        for number, truth in shown.items():
            seen = pack.seen.get(number)
            if seen is None:
                # Only newly watched, not new, is what was there at the last look among statuses it did not cover.
                is_new = truth.status in pack.of or pack.looked is None or truth.created > pack.looked
                told += [(number, kind) for kind in _at_first_sight(truth) if pack.based and is_new]
            elif seen.missed == 2:
                told += [(number, kind) for kind in _at_first_sight(truth)]
            else:
                if seen.left or seen.status != truth.status:
                    told.append((number, _on_arrival(truth.status, seen.status, left=seen.left)))
                if seen.deprecated != truth.deprecated:
                    told.append((number, "deprecated" if truth.deprecated else "undeprecated"))
            pack.seen[number] = Seen(truth.status, truth.deprecated)
        return told


def _contradicts(pack: Pack, listed: dict[int, Truth], shown: dict[int, Truth], statuses: Iterable[str]) -> bool:
    """Tell whether a listing of some statuses is found out: it hides what the question for all of them then shows."""
    return not set(statuses) >= ALL and any(
        number in listed and number not in shown and seen.status in statuses and not seen.left and seen.missed != 2
        for number, seen in pack.seen.items()
    )


def _absences(
    pack: Pack, shown: dict[int, Truth], statuses: set[str], there: dict[int, Truth]
) -> list[tuple[int | None, str]]:
    """Take in what a complete listing does not show, and give what that tells.

    Missed twice it is gone, from a pack that turned empty all at once; of some statuses only, it has left them, at once
    if it is `there` with another.
    """
    gone = {number: seen for number, seen in pack.seen.items() if number not in shown and seen.missed != 2}
    if not statuses >= ALL:
        for number, seen in gone.items():
            if seen.status in statuses:
                seen.left = seen.left or seen.missed == 1 or number in there
                seen.missed = int(not seen.left)
        return []
    again = [number for number, seen in gone.items() if seen.missed]
    for seen in gone.values():
        seen.left, seen.missed = False, 1
    if not shown and len(again) < len(gone):
        return []
    for number in again:
        pack.seen[number].missed = 2
    if not shown:
        return [(None, "removed")] if again else []
    return [(number, "removed") for number in again]


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
