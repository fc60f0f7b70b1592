"""The daily turn: which swept node packs are asked about by themselves in this poll, so that each is once a day.

A ban of a whole pack shows in no page of versions (docs/registry.md, Node bans).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.durations import DAY
from watcher.model.pack import PackRecords
from watcher.model.version import BANNED
from watcher.polling.reading import records
from watcher.polling.reading.survey import Survey
from watcher.registry.packs import read_packs
from watcher.state.model import Turn

_FEWEST = 100
"""As many as one request to `GET /nodes` takes: fewer wait for more."""


def due(keys: Sequence[str], turn: Turn, now: str) -> list[str]:
    """Return the nodes whose turn it is, of all in order of their ids: the share of a day that has passed."""
    passed = timestamps.seconds_between(turn.at, now) if turn.at else DAY
    count = len(keys) if not 0 <= passed < DAY else math.ceil(len(keys) * passed / DAY)
    if count < min(_FEWEST, len(keys)):
        return []
    begin = bisect_right(keys, turn.after)
    return [*keys[begin:], *keys[:begin]][:count]


@dataclass(slots=True, kw_only=True)
class DailyTurn:
    """The part of the daily turn that one poll makes."""

    survey: Survey
    turn: Turn
    error: str
    """Why `GET /nodes` gave no usable answer."""
    _due: list[str] = field(default_factory=list)
    _packs: PackRecords = field(default_factory=PackRecords)

    def begin_again(self) -> None:
        """Let it be the turn of all."""
        self.turn = Turn()

    async def read(self, keys: Sequence[str], ids: Mapping[str, str]) -> None:
        """Ask what the registry says of the packs whose turn it is, of all in order of their ids.

        `ids` has how the registry writes each, as far as that is known.
        """
        self._due = due(keys, self.turn, self.survey.options.now)
        if self._due:
            self._packs = await read_packs(
                self.survey.registry, [ids[key] for key in self._due]
            )
            self.error = self._packs.failure.error if self._packs.failure else ""

    def to_ask(self, most: int, *, each: bool) -> list[str]:
        """Return the nodes to ask by themselves: all, if `each` has to be or there are no records; of the first turn at
        most so many, since it is everybody's.

        Else those that the records lack, up to so many, where the turn ends; those that a 403 called banned, since only
        another answer ends that; and those whose recorded ban has ended, since what pages showed of them meanwhile was
        answered by a 403.
        """
        if not self._due:
            return []
        if each or self.error:
            asked = self._due = self._due if self.turn.at else self._due[:most]
        else:
            known = self._packs.records
            lacking = [key for key in self._due if key not in known]
            if len(lacking) > most:
                self._due = self._due[: self._due.index(lacking[most])]
            asked = [
                key
                for key in self._due
                if key not in known or self._is_banned_without_record(key)
            ]
        self.turn = Turn(after=self._due[-1], at=self.survey.options.now)
        return asked

    def _is_banned_without_record(self, key: str) -> bool:
        node = self.survey.findings.nodes.get(key) or self.survey.snapshot.nodes.get(
            key
        )
        record = self._packs.records.get(key)
        has_ended = record is not None and record.status != BANNED
        return node is not None and node.banned and (has_ended or not node.ban_recorded)

    def take(self, watched: Collection[str], joined: Collection[str]) -> None:
        """Take the bans of whole packs, and their ends. A pack that joins the baseline of all is counted there."""
        findings, survey = self.survey.findings, self.survey
        fresh = {
            key: record for key, record in self._packs.records.items() if key in watched
        }
        for key in fresh.keys() & set(joined):
            if (
                fresh[key].status == BANNED
                and (node := findings.nodes.get(key)) is not None
                and not node.banned
            ):
                findings.nodes[key] = replace(node, banned=True, ban_recorded=True)
        records.take(fresh, findings, survey.snapshot, survey.options)
