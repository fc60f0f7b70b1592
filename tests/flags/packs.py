"""Packs and what becomes of them, made up from a seed: the truth that only the scanner knows, week by week.

A pack has habits: places in its code that a rule of the scanner matches, such as `os.environ` in `nodes.py`. Each of
its versions is flagged with findings at those places, on lines that move. The shares say how often something else
happens.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING

READ_AT_MOST_MB = 2
"""Megabytes of an answer that the polls of these tests read; the ordinary bound would only make them slow."""
_ITEMS_READ = 20_000
_MOST_KEPT = 100
"""Places of a version that are certain to be remembered."""

Place = tuple[str, str]
"""A rule, and the file in which it matched."""
Number = tuple[int, int, int]
"""Of a version, as semantic versioning orders them."""

INFO = "info"
_RULES = ("environment", "command_injection", "network", "vendored", "file_access")
_FILES = ("__init__.py", "nodes.py", "utils.py", "server.py", "install.py", "api.py")

# Of packs, or of releases.
_WITH_HABITS = 0.62
_SEVERE = 0.004
_RELEASED_IN_A_WEEK = 0.09
_NEWCOMERS = 0.015
_GROWN = 0.025
_BACKPORTS = 0.04
_UNREADABLE = 0.008
_FAILING = 0.004
# Of versions of a status in a week.
_TURNS = {
    PENDING: {},
    FLAGGED: {ACTIVE: 0.004, BANNED: 0.0004, DELETED: 0.0004, PENDING: 0.0005},
    ACTIVE: {BANNED: 0.00004, FLAGGED: 0.0005},
    BANNED: {ACTIVE: 0.1, FLAGGED: 0.1},
    DELETED: {ACTIVE: 0.1},
}


class Told(Enum):
    """How the registry tells a version's findings, whenever it is asked."""

    WHOLE = "a list of all"
    IN_MESSAGE = "a list of all, as text inside an object's message"
    IN_WORDS = "a sentence"
    CUT_OFF = "a list that ends in the middle"
    TOO_LARGE = "more than is read"
    TOO_MANY = "more items than are read"


_READABLE = frozenset({Told.WHOLE, Told.IN_MESSAGE})


class Due(Enum):
    """What must become of a flag."""

    PASSES = "must pass"
    EITHER = "may be left out"
    LEFT_OUT = "must be left out"


@dataclass(slots=True, eq=False)
class Release:
    """A version, the severity of what the scanner found at each place, and how it stands."""

    pack: str
    number: Number
    found: dict[Place, str]
    told: Told
    status: str = PENDING

    @property
    def text(self) -> str:
        """The version as text."""
        return ".".join(map(str, self.number))

    @property
    def verdict(self) -> str:
        """What the scanner makes of it."""
        return FLAGGED if self.found else ACTIVE

    def reason(self, dice: random.Random) -> str:
        """Return its reason as the registry has it."""
        items = [
            {
                "issue_type": rule,
                "severity": severity,
                "file_path": file,
                "line_number": dice.randint(1, 900),
                "code_snippet": "subprocess.run([ffmpeg, '-i', path])",
            }
            for (rule, file), severity in self.found.items()
        ]
        if not items:
            return "Passed automated checks"
        match self.told:
            case Told.WHOLE:
                return json.dumps(items)
            case Told.IN_MESSAGE:
                return json.dumps(
                    {"message": json.dumps(items), "by": "jane@x.example"}
                )
            case Told.IN_WORDS:
                return "Flagged for a review"
            case Told.CUT_OFF:
                return json.dumps(items)[:-12]
            case Told.TOO_LARGE:
                snippet = "x" * (READ_AT_MOST_MB << 20)
                return json.dumps([items[0] | {"code_snippet": snippet}])
            case Told.TOO_MANY:
                short = {"issue_type": "network", "severity": INFO, "file_path": "x.py"}
                return json.dumps([short] * _ITEMS_READ + items)


@dataclass(slots=True, eq=False)
class MadePack:
    """A pack, with the places where the scanner finds something in each of its versions, and their severities."""

    name: str
    habits: dict[Place, str]
    releases: dict[Number, Release] = field(default_factory=dict)


def due(pack: MadePack, release: Release, failing: frozenset[str]) -> Due:
    """Return what must become of the flag of a version that a poll sees now.

    The rule is docs/dev/behaviour.md, Events (Severity). The program cannot know all that was ever found, so there are
    flags that may be left out, and need not.
    """
    is_read = release.told in _READABLE and pack.name not in failing
    if not is_read or {*release.found.values()} != {INFO}:
        return Due.PASSES
    earlier = [one for at, one in pack.releases.items() if at < release.number]
    ever: set[Place] = set().union(*(one.found for one in earlier))
    if not release.found.keys() <= ever:
        return Due.PASSES
    # Only the findings of the nearest earlier version that is flagged now are certain to be known: they are in the same
    # answer, unless that is too large for what another version has.
    shown = [one for one in pack.releases.values() if one.status == FLAGGED]
    if any(one.told in {Told.TOO_LARGE, Told.TOO_MANY} for one in shown):
        return Due.EITHER
    flagged = [one for one in earlier if one.status == FLAGGED]
    nearest = max(flagged, key=lambda one: one.number, default=None)
    if nearest is None or nearest.told not in _READABLE:
        return Due.EITHER
    is_known = release.found.keys() <= nearest.found.keys()
    is_kept = len(nearest.found) <= _MOST_KEPT
    return Due.LEFT_OUT if is_known and is_kept else Due.EITHER


class Packs:
    """All packs of a registry, of which `step` lets some weeks pass; the same arguments give the same lives.

    `number` packs exist before the first poll. What is uncommon happens `trouble` times as often as usual. `failing`
    are the packs whose reasons cannot be requested after the last step.
    """

    def __init__(self, number: int, seed: int, trouble: float = 1) -> None:
        self.dice = random.Random(seed)
        self.failing: frozenset[str] = frozenset()
        self.packs: dict[str, MadePack] = {}
        self._trouble = trouble
        for _ in range(number):
            pack = self._pack()
            for _ in range(self.dice.randint(1, 12)):
                release = self._release(pack, self._next(pack))
                is_pardoned = release.found and self._happens(0.1)
                release.status = ACTIVE if is_pardoned else release.verdict

    @property
    def releases(self) -> Iterator[Release]:
        """Every version of every pack."""
        for pack in self.packs.values():
            yield from pack.releases.values()

    def step(self, weeks: float) -> list[Release]:
        """Let some weeks pass, and return the versions that are new or stand otherwise, each once."""
        touched = list(self._moved(weeks))
        there = [*self.packs.values()]
        touched += [
            self._released(pack)
            for pack in there
            if self._happens(_RELEASED_IN_A_WEEK * weeks)
        ]
        self.failing = frozenset(
            one.name for one in there if self._is_trouble(_FAILING)
        )
        return touched

    def _pack(self) -> MadePack:
        pack = MadePack(f"pack-{len(self.packs)}", habits={})
        self.packs[pack.name] = pack
        if self._happens(_WITH_HABITS):
            for _ in range(self.dice.randint(1, 5)):
                self._grow(pack)
            if self._is_trouble(_SEVERE):
                pack.habits["prohibited-string", "nodes.py"] = "critical"
            if self._is_trouble(_SEVERE):
                many = {("vendored", f"web/lib/{at}.js"): INFO for at in range(130)}
                pack.habits |= many
        return pack

    def _grow(self, pack: MadePack) -> None:
        pack.habits[self.dice.choice(_RULES), self.dice.choice(_FILES)] = INFO

    def _moved(self, weeks: float) -> Iterator[Release]:
        """Yield versions that come to stand otherwise."""
        for release in self.releases:
            if release.status == PENDING:
                release.status = release.verdict
                yield release
                continue
            for status, share in _TURNS[release.status].items():
                is_flag = status != FLAGGED or release.found
                if is_flag and self._happens(share * weeks):
                    release.status = status
                    yield release
                    break

    def _released(self, pack: MadePack) -> Release:
        """Publish one more version: of the pack, or of one that nobody knew."""
        if self._happens(_NEWCOMERS):
            pack = self._pack()
        elif self._is_trouble(_GROWN):
            self._grow(pack)
        is_backport = bool(pack.releases) and self._is_trouble(_BACKPORTS)
        number = self._patch(pack) if is_backport else self._next(pack)
        release = self._release(pack, number)
        # A scan takes half an hour: the poll comes before its end once in a while.
        release.status = PENDING if self._happens(0.05) else release.verdict
        return release

    def _next(self, pack: MadePack) -> Number:
        major, minor, patch = max(pack.releases, default=(1, 7, 0))
        return (
            (major, minor, patch + 1) if self._happens(0.6) else (major, minor + 1, 0)
        )

    def _patch(self, pack: MadePack) -> Number:
        """Return the number of a correction of any older version."""
        number = self.dice.choice([*pack.releases])
        while number in pack.releases:
            number = (*number[:2], number[2] + 1)
        return number

    def _release(self, pack: MadePack, number: Number) -> Release:
        is_unreadable = self._is_trouble(_UNREADABLE)
        told = [one for one in Told if (one in _READABLE) is not is_unreadable]
        release = Release(pack.name, number, {**pack.habits}, self.dice.choice(told))
        pack.releases[number] = release
        return release

    def _happens(self, share: float) -> bool:
        return self.dice.random() < share

    def _is_trouble(self, share: float) -> bool:
        return self._happens(share * self._trouble)
