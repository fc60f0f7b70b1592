"""Who has to be told failing, recovered, banned and reinstated, by what the registry answered in each poll.

A simple model of the contract's words: "a node, or the registry as a whole (one event, not one per node), could not be
read `failure_threshold` polls in a row / can again", and of a 403, which is a ban. It shares no code with the program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.subscriber import Fact
from tests.faults.decided import Means

_UNREAD = {Means.INCOMPLETE, Means.UNREADABLE, Means.REGISTRY}
_NOT_FEW = 3
"""Of fewer watched nodes one alone is most of them, and says nothing of the registry."""


@dataclass(slots=True)
class Trouble:
    """What was told of each node, and `due`, all that has to be told; `threshold` is the setting."""

    threshold: int
    due: Counter[Fact] = field(default_factory=Counter)
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _failing: set[str] = field(default_factory=set)
    _banned: set[str] = field(default_factory=set)

    def poll(self, answers: Mapping[str, Means]) -> None:
        """Take what one poll's answers mean, by node; all nodes are in it, and at most two of them are refused."""
        unread = {node for node, means in answers.items() if means in _UNREAD}
        for node in answers:
            self._in_a_row[node] = self._in_a_row[node] + 1 if node in unread else 0
        if is_outage(answers):
            self._in_a_row[""] += 1
            # One outage is told once: not of the registry too where it was told of every single node.
            if not unread <= self._failing:
                self._fails("")
        else:
            self._in_a_row[""] = 0
            self._recovers("")
            for node in unread:
                self._fails(node)
        for node, means in answers.items():
            if node not in unread:
                self._recovers(node)
            if means is Means.BANNED and node not in self._banned:
                self._banned.add(node)
                self.due["banned", node, None] += 1
            elif means is Means.COMPLETE and node in self._banned:
                self._banned.remove(node)
                self.due["reinstated", node, None] += 1

    def _fails(self, who: str) -> None:
        if self._in_a_row[who] >= self.threshold and who not in self._failing:
            self._failing.add(who)
            self.due["failing", who, None] += 1

    def _recovers(self, who: str) -> None:
        if who in self._failing:
            self._failing.remove(who)
            self.due["recovered", who, None] += 1


def is_outage(answers: Mapping[str, Means]) -> bool:
    """Tell whether a poll's failures are the registry's: the way to it failed for most, or no node could be read."""
    wide = sum(means is Means.REGISTRY for means in answers.values())
    return len(answers) >= _NOT_FEW and (wide * 2 > len(answers) or all(m in _UNREAD for m in answers.values()))
