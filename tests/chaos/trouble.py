"""Who has to be told failing and recovered, by how the readings of each poll ended.

A simple model of the contract's words: "a node, or the registry as a whole (node null: one event, not one per node),
could not be read `failure_threshold` polls in a row, whatever the reasons / can again". It shares no code with the
program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.subscriber import Fact, Reading

_REGISTRY = ""
_NOT_FEW = 3
"""Of fewer nodes one alone is most of them, and says nothing of the registry."""


@dataclass(slots=True)
class Trouble:
    """How often in a row each node, and the registry, was not read, and of whom that was told."""

    threshold: int
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _failing: set[str] = field(default_factory=set)

    def poll(self, readings: Mapping[str, Reading], *, noted: bool = True) -> list[Fact]:
        """Take how one poll's readings ended, by node, and give what has to be told.

        `noted` says whether the poll is remembered. Where a crash cost that, what was told is still known, and the poll
        does not count.
        """
        unread = {node for node, reading in readings.items() if reading is not Reading.READ}
        in_a_row = Counter(self._in_a_row)
        is_down = is_outage(readings)
        for who, failed in {**{node: node in unread for node in readings}, _REGISTRY: is_down}.items():
            in_a_row[who] = in_a_row[who] + 1 if failed else 0
        told: list[Fact] = []
        if not is_down and len(unread) < len(readings):
            told += self._recovers(_REGISTRY)
        if _REGISTRY not in self._failing:
            due = {node for node in unread - self._failing if in_a_row[node] >= self.threshold}
            # One outage is told once: not of the registry too where it was told of every single node.
            is_long = in_a_row[_REGISTRY] >= self.threshold and not unread <= self._failing
            for who in {_REGISTRY} if is_down and (is_long or len(due) >= _NOT_FEW) else due:
                self._failing.add(who)
                told.append(("failing", who, None))
        for node in readings.keys() - unread:
            told += self._recovers(node)
        if noted:
            self._in_a_row = in_a_row
        return told

    def _recovers(self, who: str) -> list[Fact]:
        if who not in self._failing:
            return []
        self._failing.remove(who)
        return [("recovered", who, None)]


def is_outage(readings: Mapping[str, Reading]) -> bool:
    """Tell whether a poll's failures are the registry's: the way to it failed for all or most, or no node was read."""
    asked = len(readings)
    no_way = sum(reading is Reading.NO_WAY for reading in readings.values())
    if asked >= _NOT_FEW and (no_way * 2 > asked or Reading.READ not in readings.values()):
        return True
    return 0 < asked == no_way
