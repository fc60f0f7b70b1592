"""A simple model of what is run, of what passes, and of who wants it, for the lives of pairs of features.

It is written from the contract alone and shares no code with the program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

INFO, WARNING, CRITICAL = range(3)
LEVELS = ("info", "warning", "critical")
SEVERITY = {
    "banned": CRITICAL,
    **dict.fromkeys(
        ("flagged", "deleted", "removed", "deprecated", "delisted"), WARNING
    ),
    **dict.fromkeys(("changed", "failing", "recovered", "undeprecated"), WARNING),
}
"""Of what ends something: of that. What is not here is an info."""
BY_DEFAULT = frozenset(
    {
        *("new", "flagged", "banned", "deleted", "reinstated", "deprecated"),
        *("undeprecated", "changed", "removed", "baseline", "failing", "recovered"),
        *("exposed", "cleared", "appeared"),
    }
)
OF_THE_WHOLE = frozenset(
    {
        *("banned", "flagged", "deleted", "reinstated"),
        *("failing", "recovered", "baseline"),
    }
)
"""What packs bring that only a glob chooses, unless a channel says otherwise."""
OF_VERSIONS = BY_DEFAULT - OF_THE_WHOLE - {"exposed", "cleared", "appeared"} | {
    *("pending", "banned", "flagged", "deleted", "reinstated")
}
ENDS = {"reinstated", "undeprecated"}
SAYS = {
    "banned": "banned",
    "flagged": "flagged",
    "deleted": "deleted",
    "removed": "delisted",
    "deprecated": "deprecated",
}
"""The verdict that an event says of a copy."""
FROM_BAD_TO_FINE = (
    *("banned", "flagged", "deleted", "delisted", "deprecated"),
    *("unknown", ""),
)

Fact = tuple[str, str, str | None, str]
"""What an event says at its shortest: kind, pack, version, install; "" for none."""


class How(StrEnum):
    """How a pack was installed."""

    REGISTRY = "registry"
    CLAIMED = "claimed"
    GIT = "git"
    UNREAD = "unread"


class Copy(NamedTuple):
    """What an install has in a folder."""

    pack: str
    """Its id, or the name of its folder beside the Manager's mark; "" if what says that was never read."""
    version: str
    """What its file says."""
    how: How
    enabled: bool = True

    @property
    def key(self) -> Key:
        """What it is known to be: a clone may be of any commit."""
        has_version = self.how in (How.REGISTRY, How.CLAIMED)
        return self.pack, self.version if has_version else None

    @property
    def id(self) -> str:
        """What its file says that it is."""
        return "" if self.how is How.UNREAD else self.pack

    @property
    def unread(self) -> Copy:
        """The same where its file was never read."""
        pack = self.pack if self.how is How.REGISTRY else ""
        return Copy(pack, "", How.UNREAD)


Key = tuple[str, str | None]
Copies = Mapping[str, Copy]
"""What an install has, by the name of the folder."""


@dataclass(slots=True, kw_only=True)
class Due:
    """An event that has to be made."""

    fact: Fact
    level: int
    is_run: bool = False
    """It is about what an install has, or had: an enabled copy of the pack."""
    exposes: bool = False
    """It stands for an exposure."""
    is_sure: bool = True
    """Else it may be missing."""


@dataclass(slots=True)
class Runs:
    """What somebody knows who looks at the folders, poll by poll."""

    believed: dict[str, dict[str, Copy]] = field(default_factory=dict)
    """By install, as it was last seen."""
    bad: dict[tuple[str, Key], str] = field(default_factory=dict)
    """What was run and bad at the last poll, by install: why. "" for what is accepted."""
    owed: set[str] = field(default_factory=set)
    """Packs of which something that was reported has ended, while something that is accepted stayed."""
    in_a_row: Counter[str] = field(default_factory=Counter)
    failing: set[str] = field(default_factory=set)

    def scan(
        self,
        seen: Mapping[str, Copies | None],
        unread: Mapping[str, Collection[str]],
        *,
        threshold: int,
        noted: bool,
    ) -> list[Due]:
        """Take in what a poll saw of each configured install, None for what is not there; return what that makes."""
        due: list[Due] = []
        self.believed = {
            name: known for name, known in self.believed.items() if name in seen
        }
        self.failing &= seen.keys()
        in_a_row: Counter[str] = Counter()
        for install, copies in seen.items():
            fails = copies is None or bool(unread[install])
            in_a_row[install] = self.in_a_row[install] + 1 if fails else 0
            is_due = (
                in_a_row[install] >= threshold if fails else install in self.failing
            )
            if is_due and fails != (install in self.failing):
                kind = "failing" if fails else "recovered"
                due.append(Due(fact=(kind, "", None, install), level=WARNING))
                self.failing ^= {install}
            if copies is None:
                continue
            before = self.believed.get(install)
            now = {
                folder: copy
                for folder, copy in copies.items()
                if folder not in unread[install]
            } | {
                folder: (before or {}).get(folder, copies[folder].unread)
                for folder in unread[install]
            }
            if before is not None:
                had = {folder.removesuffix(".disabled") for folder in before}
                due += [
                    Due(
                        fact=("appeared", copy.id, copy.key[1], install),
                        level=INFO,
                        is_run=True,
                    )
                    for folder, copy in now.items()
                    if folder.removesuffix(".disabled") not in had
                ]
            self.believed[install] = now
        if noted:
            self.in_a_row = in_a_row
        return due

    def judge(
        self,
        why: Callable[[Copy], str],
        may_be: Callable[[str], str | None],
        is_accepted: Callable[[Key, str], bool],
        said: Mapping[tuple[str, str, str | None], Due],
        configured: Collection[str],
        is_unread: Callable[[Key], bool],
        back: Collection[str],
    ) -> list[Due]:
        """Return what is bad and was not, or is worse, once for each version; and packs of which nothing is bad now.

        What was not answered makes nothing milder. `may_be` returns the worst of all versions of a
        pack, None where not all are known. `said` has the events of this poll that say something bad, by verdict, pack
        and version. `back` are the packs whose ban ended.
        """
        now: dict[tuple[str, Key], str] = {}
        for install, copies in self.believed.items():
            for key in {copy.key for copy in copies.values() if copy.enabled}:
                worst = min(
                    (
                        why(copy)
                        for copy in copies.values()
                        if copy.enabled and copy.key == key
                    ),
                    key=FROM_BAD_TO_FINE.index,
                )
                if worst not in {"", "unknown"}:
                    now[install, key] = "" if is_accepted(key, worst) else worst
                # The end of a ban of the whole pack is an answer too.
                unread = is_unread(key) and key[0] not in back
                if (install, key) not in self.bad:
                    continue
                before, yet = self.bad[install, key], may_be(key[0])
                if unread:
                    milder = now.get((install, key), "unknown")
                    if (install, key) not in now or _is_worse(before, milder):
                        now[install, key] = before  # it may still be that
                elif worst == "unknown":
                    is_over = key[0] in back and before in {"", "banned"}
                    if yet is None or before == "delisted":
                        now[install, key] = before
                    elif yet == "banned" or (yet and not is_over):
                        # Or as bad as any version is now. What is accepted stays so.
                        milder = max(before, yet, key=FROM_BAD_TO_FINE.index)
                        now[install, key] = milder if before else before
        hidden = configured - self.believed.keys()
        now |= {one: bad for one, bad in self.bad.items() if one[0] in hidden}
        news = {
            (bad, *key)
            for (install, key), bad in now.items()
            if bad and _is_worse(bad, self.bad.get((install, key), ""))
        }
        due: list[Due] = []
        for bad, pack, version in sorted(news, key=str):
            of_version, of_pack = (
                said.get((bad, pack, version)),
                said.get((bad, pack, None)),
            )
            if one := of_version or of_pack:
                one.exposes = True
            else:
                level = SEVERITY[bad]
                due.append(
                    Due(fact=("exposed", pack, version, ""), level=level, is_run=True)
                )
        for pack in sorted({key[0] for _, key in self.bad}):
            due += self._ends_of(pack, now, configured)
        self.bad = now
        return due

    def _ends_of(
        self,
        pack: str,
        now: Mapping[tuple[str, Key], str],
        configured: Collection[str],
    ) -> list[Due]:
        """Return the end of all that was reported of a pack, once nothing of it is bad; what is accepted is."""
        reported = {
            (install, key): why
            for (install, key), why in self.bad.items()
            if why and key[0] == pack
        }
        over = [one for one in reported if one not in now and one[0] in configured]
        is_owed = bool(over) if reported else pack in self.owed
        left = {why for (_, key), why in now.items() if key[0] == pack}
        self.owed.discard(pack)
        if is_owed and left == {""}:
            self.owed.add(pack)
        if not is_owed or left:
            return []
        versions = {key[1] for _, key in reported}
        version = versions.pop() if len(versions) == 1 else None
        level = max(map(SEVERITY.__getitem__, reported.values()), default=WARNING)
        return [Due(fact=("cleared", pack, version, ""), level=level, is_run=True)]

    @property
    def packs(self) -> set[str]:
        """The packs that installs have, disabled ones too."""
        return {
            pack for copies in self.believed.values() for pack, *_ in copies.values()
        } - {""}

    def copies(self, pack: str) -> set[tuple[str, str | None, bool]]:
        """Return where a pack is installed, in which version, and whether it is enabled."""
        return {
            (install, copy.key[1], copy.enabled)
            for install, copies in self.believed.items()
            for copy in copies.values()
            if copy.pack == pack
        }

    def runs(self, pack: str, version: str | None = None) -> bool:
        """Return whether an enabled copy of a pack, or of this version of it, is there."""
        return any(
            copy.enabled and copy.pack == pack and version in (None, copy.key[1])
            for copies in self.believed.values()
            for copy in copies.values()
        )


def _is_worse(now: str, before: str) -> bool:
    return FROM_BAD_TO_FINE.index(now) < FROM_BAD_TO_FINE.index(before)


def accepts(entries: Collection[str], key: Key, why: str, *, is_of_pack: bool) -> bool:
    """Return whether the settings accept what is wrong with a copy; `is_of_pack` if the whole pack is banned."""
    pack, version = key
    if is_of_pack:
        return f"{pack}=banned" in entries
    name = pack if version is None else f"{pack}@{version}"
    return f"{name}=banned" in entries or (name in entries and why != "banned")


def passes(
    due: Due, statuses: Collection[str], before: str, after: str, *, is_run: bool
) -> bool:
    """Return whether the setting `statuses` lets an event pass, by its version's status before and after it."""
    kind, _, version, _ = due.fact
    if version is None or kind not in OF_VERSIONS or (is_run and kind in SAYS):
        return True
    if due.exposes or (is_run and kind == "changed"):
        return True
    if kind == "removed":
        return before in statuses
    return after in statuses or (kind in ENDS and before in statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """One channel as the settings have it."""

    name: str
    kinds: frozenset[str] | None
    """None for the default."""
    nodes: tuple[str, ...]
    scope: str
    least: int
    grouping: str

    def wants(self, due: Due, *, is_named: bool) -> bool:
        """Return whether an event goes to the channel; `is_named` unless only a glob chooses its pack."""
        kind, node, _, _ = due.fact
        if kind not in (self.kinds or BY_DEFAULT) and not (
            due.exposes and "exposed" in (self.kinds or BY_DEFAULT)
        ):
            return False
        least = self.least
        if node and not (is_named or due.is_run or self.kinds):
            if kind not in OF_THE_WHOLE:
                return False
            least = max(least, WARNING)
        if kind != "baseline" and due.level < least:
            return False
        if not node:
            return True
        if self.scope == "installed" and not due.is_run:
            return False
        return not self.nodes or any(fnmatchcase(node, glob) for glob in self.nodes)
