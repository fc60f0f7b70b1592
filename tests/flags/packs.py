"""Packs and what becomes of them, made up from a seed: the truth that only the scanner knows, week by week.

A pack has habits: places in its code that a rule of the scanner matches, such as `os.environ` in `nodes.py`. Each of
its versions is flagged with findings at those places, on lines that move. `Shares` says how often something else
happens. The rules are those of docs/dev/registry.md, as often as their descriptions let expect.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING

START = datetime(2026, 3, 1, tzinfo=UTC)
_WEEK = timedelta(weeks=1)
_YOUNG = 9 * _WEEK
_APART = 10 * _WEEK
"""Between two versions of a pack from before the first poll."""

Place = tuple[str, str]
"""A rule, and the file in which it matched."""
Number = tuple[int, int, int]
"""Of a version, as semantic versioning orders them."""
Key = tuple[str, Number]
"""A pack's name, and a version's number."""

INFO, CRITICAL = "info", "critical"

_RULES: Mapping[str, int] = {
    "python_environment_manipulation": 30,
    "python_command_injection_risk": 24,
    "python_network_operations": 14,
    "vendored_unknown": 10,
    "python_sensitive_file_access": 7,
    "python_bytecode_manipulation": 5,
    "python_url_command_execution": 4,
    "python_dynamic_execution": 3,
    "python_database_connections": 2,
    "windows_process_manipulation": 1,
}
_FILES = (
    *(
        "__init__.py",
        "nodes.py",
        "utils.py",
        "server.py",
        "install.py",
        "api/routes.py",
    ),
    *(
        "nodes/image.py",
        "nodes/video.py",
        "nodes/audio.py",
        "lib/ffmpeg.py",
        "py/models.py",
    ),
)
_BUNDLE = "web/dist/index.js"
_STOLEN: tuple[Place, ...] = (
    ("python_network_operations", "nodes/glow.py"),
    ("python_sensitive_file_access", "nodes/glow.py"),
    ("windows_process_manipulation", "lib/_native.py"),
)
"""What an attacker's version has that the pack never had; the scanner calls it informational too."""
_MOST_KEPT = 100
"""Places of a version that are certain to be remembered."""


class Told(Enum):
    """How the registry tells a version's findings, whenever it is asked."""

    WHOLE = "a list of all"
    OLDER = "a list of all, under the older names"
    IN_MESSAGE = "a list of all, as text inside an object's message"
    IN_HISTORY = "a list of all, as text inside an object's history"
    EMPTY = "nothing"
    IN_WORDS = "a sentence"
    CUT_OFF = "a list that ends in the middle"
    TOO_LARGE = "more than is read"
    TOO_MANY = "more items than are read"


READABLE = frozenset({Told.WHOLE, Told.OLDER, Told.IN_MESSAGE, Told.IN_HISTORY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often things happen: a share of packs, of releases, or of versions in a week."""

    with_habits: float = 0.62
    """Of versions, that are flagged: those of packs with habits."""
    severe: float = 0.004
    """Of those packs, that have a finding of another severity, or of none, in each version."""
    hashed: float = 0.0
    """Of those packs, that bundle a file whose name differs in each version."""
    earlier_pardoned: float = 0.1
    """Of the flagged versions from before the first poll, that a person has let pass."""
    releases: float = 0.09
    """Of packs in a week: about 55 versions a day of 4,348 packs."""
    newcomers: float = 0.015
    """Of releases, that are the first of a pack that nobody knew."""
    grown: float = 0.025
    """Of releases, that have a finding in another place."""
    taken_over: float = 0.004
    """Of releases, that are an attacker's."""
    backports: float = 0.04
    """Of releases, that belong to an older line."""
    unreadable: float = 0.008
    """Of releases, whose reason cannot be read in full, ever."""
    failing: float = 0.004
    """Of packs with habits, whose reasons cannot be requested at a poll."""
    pardoned: float = 0.0005
    """Of flagged versions in a week, that a person lets pass."""
    pardoned_soon: float = 0.03
    """The same of those that are younger than two months: their publishers ask for it."""
    banned: float = 0.0004
    """Of flagged versions, that a person bans; of active ones a tenth of that."""
    scanned_again: float = 0.0005
    """Of flagged versions, that are pending for a week."""
    flagged_late: float = 0.0005
    """Of active versions of packs with habits, that are flagged after all."""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of the scanner."""

    rule: str
    file: str
    line: int
    severity: str | None


@dataclass(slots=True, eq=False)
class Release:
    """A version, what the scanner found in it, and how it stands."""

    key: Key
    found: tuple[Found, ...]
    told: Told
    status: str
    created: datetime

    @property
    def text(self) -> str:
        """The version as text."""
        return ".".join(map(str, self.key[1]))

    @property
    def places(self) -> frozenset[Place]:
        """Where what was found."""
        return frozenset((one.rule, one.file) for one in self.found)

    @property
    def is_info(self) -> bool:
        """Whether every finding is called informational."""
        return all(one.severity == INFO for one in self.found)

    @property
    def is_kept_whole(self) -> bool:
        """Whether it has no more places than are certain to be remembered."""
        return len(self.places) <= _MOST_KEPT

    @property
    def verdict(self) -> str:
        """What the scanner makes of it."""
        return FLAGGED if self.found else ACTIVE


@dataclass(slots=True, eq=False)
class MadePack:
    """A pack, with the places where the scanner finds something in each of its versions, and their severities."""

    name: str
    habits: dict[Place, str | None]
    releases: dict[Number, Release] = field(default_factory=dict)
    is_hashed: bool = False
    is_banned: bool = False
    """As a whole; nothing happens to it any more."""

    @property
    def newest(self) -> Number:
        """Its highest number."""
        return max(self.releases)


class Packs:
    """All packs of a registry, of which `step` lets some weeks pass; the same arguments give the same lives.

    `number` packs exist before the first poll, with 6 to 7 versions each. `failing` are the packs whose reasons cannot
    be requested after the last step.
    """

    def __init__(self, number: int, seed: int, shares: Shares) -> None:
        self.dice = random.Random(seed)
        self.shares = shares
        self.now = START
        self.failing: frozenset[str] = frozenset()
        self.packs: dict[str, MadePack] = {}
        self._settled = self._flagged = 0
        """Versions from before the first poll, and those of them that are flagged."""
        for _ in range(number):
            self._settled_pack()

    @property
    def releases(self) -> Iterator[Release]:
        """Every version of every pack."""
        for pack in self.packs.values():
            yield from pack.releases.values()

    def step(self, weeks: float) -> list[Release]:
        """Let some weeks pass, and return the versions that are new or stand otherwise, each once."""
        self.now += weeks * _WEEK
        touched = list(self._moved(weeks))
        living = [one for one in self.packs.values() if not one.is_banned]
        touched += [
            self._released(pack)
            for pack in living
            if self._happens(self.shares.releases * weeks)
        ]
        self.failing = frozenset(
            one.name
            for one in living
            if one.habits and self._happens(self.shares.failing)
        )
        return touched

    def ban_one(self, *, besides: Iterable[Release]) -> MadePack:
        """Ban a pack as a whole, none that these versions are of."""
        spared = {one.key[0] for one in besides}
        pack = self.dice.choice(
            [
                one
                for one in self.packs.values()
                if not (one.is_banned or one.name in spared)
            ]
        )
        pack.is_banned = True
        return pack

    # Before the first poll

    def _settled_pack(self) -> None:
        # Few packs have most of the versions: dice would make the share of flagged ones differ much.
        pack = self._pack(
            has_habits=self._flagged <= self.shares.with_habits * self._settled
        )
        # By a Pareto distribution: the median is 3 where the mean is 6.5, and one in a hundred has 60.
        count = min(1 + int(self.dice.paretovariate(1.16) * 1.6), 60)
        for before in range(count, 0, -1):
            release = self._release(
                pack, self._next(pack), created=START - before * _APART
            )
            is_pardoned = release.found and self._happens(self.shares.earlier_pardoned)
            release.status = ACTIVE if is_pardoned else release.verdict
        self._settled += count
        self._flagged += count if pack.habits else 0

    def _pack(self, *, has_habits: bool) -> MadePack:
        name = f"pack-{len(self.packs)}"
        pack = self.packs[name] = MadePack(name, habits={})
        if not has_habits:
            return pack
        for _ in range(min(1 + int(self.dice.expovariate(0.5)), 30)):
            pack.habits[self._place()] = INFO
        if self._happens(self.shares.severe):
            pack.habits["prohibited-string", "nodes.py"] = self.dice.choice(
                (CRITICAL, None)
            )
        if self._happens(0.005):
            # One scan can have 158 findings, all informational.
            pack.habits |= {
                ("vendored_unknown", f"web/lib/{at}.js"): INFO for at in range(130)
            }
        pack.is_hashed = self._happens(self.shares.hashed)
        return pack

    def _place(self) -> Place:
        [rule] = self.dice.choices([*_RULES], [*_RULES.values()])
        return rule, _BUNDLE if rule == "vendored_unknown" else self.dice.choice(_FILES)

    # Some weeks

    def _moved(self, weeks: float) -> Iterator[Release]:
        """Yield versions that come to stand otherwise."""
        for pack in [one for one in self.packs.values() if not one.is_banned]:
            for release in pack.releases.values():
                if (
                    status := self._status_after(pack, release, weeks)
                ) != release.status:
                    release.status = status
                    yield release

    def _status_after(self, pack: MadePack, release: Release, weeks: float) -> str:
        shares = self.shares
        match release.status:
            case "pending":
                return release.verdict
            case "flagged":
                is_young = self.now - release.created < _YOUNG
                turns = {
                    ACTIVE: shares.pardoned_soon if is_young else shares.pardoned,
                    BANNED: shares.banned,
                    DELETED: shares.banned,
                    PENDING: shares.scanned_again,
                }
            case "active":
                is_late = bool(pack.habits and release.found)
                turns = {
                    BANNED: shares.banned / 10,
                    FLAGGED: shares.flagged_late if is_late else 0.0,
                }
            case "banned":
                turns = {ACTIVE: 0.1, FLAGGED: 0.1}
            case _:
                turns = {ACTIVE: 0.1}
        drawn = self.dice.random()
        for status, share in turns.items():
            if drawn < share * weeks:
                return status
            drawn -= share * weeks
        return release.status

    def _released(self, pack: MadePack) -> Release:
        """Publish one more version: of the pack, or of one that nobody knew."""
        if self._happens(self.shares.newcomers):
            pack = self._pack(has_habits=self._happens(self.shares.with_habits))
        if pack.releases and self._happens(
            self.shares.grown if pack.habits else self.shares.grown / 10
        ):
            pack.habits[self._place()] = INFO
        if pack.releases and self._happens(self.shares.taken_over):
            pack.habits |= dict.fromkeys(self.dice.sample(_STOLEN, 2), INFO)
        is_backport = bool(pack.releases) and self._happens(self.shares.backports)
        release = self._release(
            pack,
            self._patch(pack) if is_backport else self._next(pack),
            created=self.now,
        )
        # A scan takes half an hour: the poll comes before its end once in a while.
        release.status = PENDING if self._happens(0.05) else release.verdict
        return release

    def _next(self, pack: MadePack) -> Number:
        if not pack.releases:
            return 1, self.dice.randint(7, 9), 0
        major, minor, patch = pack.newest
        return (
            (major, minor, patch + 1) if self._happens(0.6) else (major, minor + 1, 0)
        )

    def _patch(self, pack: MadePack) -> Number:
        """Return the number of a correction of any older version."""
        number = self.dice.choice([*pack.releases])
        while number in pack.releases:
            number = (*number[:2], number[2] + 1)
        return number

    def _release(self, pack: MadePack, number: Number, *, created: datetime) -> Release:
        found = [
            Found(rule, file, self.dice.randint(1, 900), severity)
            for (rule, file), severity in pack.habits.items()
            # The rule matches each call.
            for _ in range(
                self.dice.randint(1, 4)
                if rule == "python_command_injection_risk"
                else 1
            )
        ]
        if pack.is_hashed:
            found.append(
                Found(
                    "vendored_unknown", f"web/dist/index-{created:%y%m%d}.js", 1, INFO
                )
            )
        self.dice.shuffle(found)
        is_unreadable = self._happens(self.shares.unreadable)
        told = self.dice.choice(
            [one for one in Told if (one in READABLE) is not is_unreadable]
        )
        release = Release((pack.name, number), tuple(found), told, PENDING, created)
        pack.releases[number] = release
        return release

    def _happens(self, share: float) -> bool:
        return self.dice.random() < share
