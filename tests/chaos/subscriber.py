"""A simple model of what must be reported: the registry's truth, what was last seen of it, and who could not be read.

It is written from docs/dev/behaviour.md (Events) alone and shares no code with the program.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tests.support.fakes.faults import Means

Fact = tuple[str, str, str | None]
"""What an event says at its shortest: kind, pack, version. The registry as a whole is the pack ""."""

_REGISTRY = ""
_NOT_FEW = 3
"""Of fewer nodes one alone is most of them, and says nothing of the registry."""


class Reading(StrEnum):
    """How the reading of one pack ended in one poll."""

    READ = "read"
    """The listing was complete, or the pack is banned."""
    UNREAD = "unread"
    """The pack could not be read, or not completely."""
    NO_WAY = "no way"
    """The way to the registry failed: no connection, 429, 5xx, or a wall's 403."""


def reading_of(means: Means) -> Reading:
    """Return how a reading ends that meets a fault of this meaning."""
    if means in (Means.COMPLETE, Means.BANNED):
        return Reading.READ
    return Reading.NO_WAY if means is Means.REGISTRY else Reading.UNREAD


@dataclass(slots=True)
class Truth:
    """A version as it is."""

    status: str
    created: datetime
    deprecated: bool = False
    archive: str = ""
    """Where it is downloaded from, in lives in which that changes."""


@dataclass(slots=True)
class Seen:
    """A version as it was last seen.

    It was only ever `pending`, it was `bad` since it was active, it `missed` so many listings in a row, or it is
    `gone`. It is `nameless` while no row showed its id.
    """

    status: str
    deprecated: bool
    pending: bool = False
    bad: bool = False
    nameless: bool = False
    missed: int = 0
    gone: bool = False
    archive: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glitch:
    """What is wrong with one answer.

    Versions are `hidden`, which its total counts or not; its page count contradicts its total (`torn`); its rows have
    no ids (`nameless`).
    """

    hidden: frozenset[str] = frozenset()
    counted: bool = False
    torn: bool = False
    nameless: bool = False


@dataclass(slots=True)
class Pack:
    """What was seen of a pack; `based` after the first complete look.

    `emptied` are the versions that went with the whole pack, until it is back.
    """

    seen: dict[int, Seen] = field(default_factory=dict)
    based: bool = False
    banned: bool = False
    emptied: frozenset[int] = frozenset()


@dataclass(slots=True)
class Subscriber:
    """Truth and sight of all packs. A version is known by a number of its own, as the registry's ids are."""

    _truth: dict[str, dict[int, Truth]] = field(default_factory=dict)
    _named: dict[tuple[str, str], int] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _packs: dict[str, Pack] = field(default_factory=dict)

    def has(self, pack: str, version: str) -> bool:
        """Return whether the registry has the version."""
        return (pack, version) in self._named

    def has_seen(self, pack: str) -> bool:
        """Return whether the pack was ever seen completely, and any version of it."""
        return (
            pack in self._packs
            and self._packs[pack].based
            and bool(self._packs[pack].seen)
        )

    def publish(
        self,
        pack: str,
        version: str,
        status: str,
        *,
        created: datetime,
        archive: str = "",
    ) -> None:
        """A version appears."""
        number = len(self._names)
        self._named[pack, version] = number
        self._names[number] = version
        self._truth.setdefault(pack, {})[number] = Truth(
            status, created, archive=archive
        )

    def move(self, pack: str, version: str, status: str) -> None:
        """A version goes to another status."""
        self._truth[pack][self._named[pack, version]].status = status

    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        self._truth[pack][self._named[pack, version]].deprecated = on

    def replace(self, pack: str, version: str, archive: str) -> None:
        """A version's archive is another one."""
        self._truth[pack][self._named[pack, version]].archive = archive

    def take_away(self, pack: str, version: str) -> None:
        """A version is gone."""
        del self._truth[pack][self._named.pop((pack, version))]

    def look(self, name: str, glitch: Glitch) -> tuple[list[Fact], Reading]:
        """Look at a pack whose answer has a glitch; return what must be reported, and how the reading ended."""
        pack = self._packs.setdefault(name, Pack())
        before = copy.deepcopy(pack)
        found, is_complete = self._list(name, pack, glitch)
        if before.banned and not is_complete:
            # The ban lasts until a complete listing, and while it lasts the rows say nothing.
            self._packs[name] = before
            return [], Reading.UNREAD
        facts: list[Fact] = [
            (kind, name, None if number is None else self._names[number])
            for number, kind in found
        ]
        if not is_complete:
            return facts, Reading.UNREAD
        if not pack.based:
            facts.append(("baseline", name, None))
            pack.based = True
        return facts, Reading.READ

    def _list(
        self, name: str, pack: Pack, glitch: Glitch
    ) -> tuple[list[tuple[int | None, str]], bool]:
        """Take in a listing; return what it reports and whether it is complete."""
        there = self._as_known(name, pack, nameless=glitch.nameless)
        hidden = {number for number in there if self._names[number] in glitch.hidden}
        shown = {
            number: truth for number, truth in there.items() if number not in hidden
        }
        is_complete = not (glitch.torn or (glitch.counted and hidden))
        found: list[tuple[int | None, str]] = []
        # However many reasons kept it away, it is back once.
        is_back = is_complete if pack.banned else bool(pack.emptied and shown)
        if is_back:
            found.append((None, "reinstated"))
        if is_complete:
            pack.banned = False
        if shown:
            for number in pack.emptied:
                pack.seen[number].gone, pack.seen[number].missed = False, 0
            pack.emptied = frozenset()
        found += _sights(pack, shown, nameless=glitch.nameless)
        if is_complete:
            maybe = (
                {self._names[number] for number in shown} if glitch.nameless else set()
            )
            unsure = {number for number in pack.seen if self._names[number] in maybe}
            found += _absences(pack, shown.keys() | unsure)
        return found, is_complete

    def _as_known(self, name: str, pack: Pack, *, nameless: bool) -> dict[int, Truth]:
        """Return the pack's versions by the numbers that they are known by: their own, else that of a like-named one.

        A row without an id is taken for the version of its name that was there last. One that was seen without an id
        gets the first that is shown.
        """
        known: dict[int, Truth] = {}
        for number, truth in self._truth[name].items():
            same = [
                n
                for n, seen in pack.seen.items()
                if self._names[n] == self._names[number]
            ]
            same = [n for n in same if nameless or pack.seen[n].nameless]
            if same and (nameless or number not in pack.seen):
                last = min(
                    same,
                    key=lambda n: (
                        pack.seen[n].gone,
                        pack.seen[n].missed,
                        -n,
                    ),
                )
                if nameless:
                    known[last] = truth
                    continue
                pack.seen[number] = pack.seen.pop(last)
                pack.emptied = frozenset(
                    number if n == last else n for n in pack.emptied
                )
            known[number] = truth
        return known


def _sights(
    pack: Pack, shown: dict[int, Truth], *, nameless: bool
) -> list[tuple[int | None, str]]:
    """Take in what is shown and return what it reports: what was seen counts, of whatever listing."""
    found: list[tuple[int | None, str]] = []
    for number, truth in shown.items():
        seen = pack.seen.get(number)
        is_pending = truth.status == "pending"
        was_bad = truth.status in {"flagged", "banned", "deleted"}
        if seen is None:
            found += [(number, kind) for kind in _at_first_sight(truth) if pack.based]
        elif seen.gone:
            found += [(number, kind) for kind in _at_first_sight(truth)]
        else:
            was_bad = was_bad or (is_pending and seen.bad)
            is_pending = is_pending and seen.pending
            if seen.status != truth.status:
                found += [(number, kind) for kind in _on_arrival(truth.status, seen)]
            if seen.archive != truth.archive:
                found.append((number, "changed"))
            if seen.deprecated != truth.deprecated:
                found.append(
                    (number, "deprecated" if truth.deprecated else "undeprecated")
                )
        is_nameless = nameless and (seen is None or seen.nameless)
        pack.seen[number] = Seen(
            truth.status,
            truth.deprecated,
            pending=is_pending,
            bad=was_bad,
            nameless=is_nameless,
            archive=truth.archive,
        )
    return found


def _absences(pack: Pack, shown: set[int]) -> list[tuple[int | None, str]]:
    """Take in what a complete listing does not show, and return what that reports.

    A row without an id may be any version of its name, so that it says of none that it is missing. Missed twice it is
    gone, and the pack as a whole if nothing else is left.
    """
    missing = {
        number: seen
        for number, seen in pack.seen.items()
        if number not in shown and not seen.gone
    }
    again = [number for number, seen in missing.items() if seen.missed]
    for number, seen in missing.items():
        seen.missed, seen.gone = 1, number in again
    if again and not shown and len(again) == len(missing):
        pack.emptied = frozenset(again)
        return [(None, "removed")]
    return [(number, "removed") for number in again]


def _at_first_sight(truth: Truth) -> list[str]:
    if truth.status == "deleted":
        return []
    return [
        "new" if truth.status == "active" else truth.status,
        *(["deprecated"] if truth.deprecated else []),
    ]


def _on_arrival(status: str, before: Seen) -> list[str]:
    if status == "pending":
        return []
    if status != "active":
        return [status]
    if before.bad:
        return ["reinstated"]
    return ["new"] if before.pending else []


# Failing and recovered


@dataclass(slots=True)
class Trouble:
    """Who is reported failing and recovered: a node, or the registry as a whole, by how readings end.

    One event comes for the registry, not one per node, when it could not be read `threshold` polls in a row.
    """

    threshold: int
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _failing: set[str] = field(default_factory=set)

    def poll(
        self, readings: Mapping[str, Reading], *, noted: bool = True
    ) -> list[Fact]:
        """Take how one poll's readings ended, by node, and return what must be reported.

        `noted` says whether the poll is remembered. Where a crash cost that, what was reported is still known, and
        the poll does not count.
        """
        unread = {
            node for node, reading in readings.items() if reading is not Reading.READ
        }
        in_a_row = Counter(self._in_a_row)
        is_down = is_outage(readings)
        for who in readings:
            in_a_row[who] = in_a_row[who] + 1 if who in unread else 0
        found: list[Fact] = []
        if not is_down and len(unread) < len(readings):
            found += self._recovers(_REGISTRY)
        if _REGISTRY not in self._failing:
            due = {
                node
                for node in unread - self._failing
                if in_a_row[node] >= self.threshold
            }
            # One outage is reported once, whatever the reasons were in the polls before.
            is_all = bool(due) and unread <= due | self._failing
            for who in (
                {_REGISTRY} if is_down and (is_all or len(due) >= _NOT_FEW) else due
            ):
                self._failing.add(who)
                found.append(("failing", who, None))
        for node in readings.keys() - unread:
            found += self._recovers(node)
        if noted:
            self._in_a_row = in_a_row
        return found

    @property
    def is_down(self) -> bool:
        """Whether the registry as a whole is reported failing."""
        return _REGISTRY in self._failing

    def is_failing(self, who: str) -> bool:
        """Return whether a node is reported failing by itself."""
        return who in self._failing

    def has_failed(self, who: str) -> bool:
        """Return whether a node could not be read when it was asked last."""
        return self._in_a_row[who] > 0

    def forget(self, who: str) -> None:
        """Nobody asks about a node any more."""
        del self._in_a_row[who]

    def _recovers(self, who: str) -> list[Fact]:
        if who not in self._failing:
            return []
        self._failing.remove(who)
        return [("recovered", who, None)]


@dataclass(slots=True)
class Sweeps:
    """Whether it is reported that the pages of all packs lack something, `threshold` polls in a row."""

    threshold: int
    _in_a_row: int = 0
    _failing: bool = False

    def poll(self, *, lacks: bool, is_down: bool, noted: bool = True) -> list[Fact]:
        """Take one poll's pages, and return what must be reported; nothing new while the registry `is_down`.

        `noted` as for `Trouble`.
        """
        in_a_row = self._in_a_row + 1 if lacks else 0
        found: list[Fact] = []
        if lacks and not self._failing and in_a_row >= self.threshold and not is_down:
            self._failing = True
            found.append(("failing", _REGISTRY, None))
        elif not lacks and self._failing:
            self._failing = False
            found.append(("recovered", _REGISTRY, None))
        if noted:
            self._in_a_row = in_a_row
        return found

    def end(self, *, noted: bool) -> None:
        """Nobody watches all packs any more."""
        self._failing = False
        if noted:
            self._in_a_row = 0


def is_outage(readings: Mapping[str, Reading]) -> bool:
    """Return whether a poll's failures are the registry's: it was out of reach for all or most, or no node was read."""
    asked = len(readings)
    no_way = sum(reading is Reading.NO_WAY for reading in readings.values())
    if asked >= _NOT_FEW and (
        no_way * 2 > asked or Reading.READ not in readings.values()
    ):
        return True
    return 0 < asked == no_way
