"""The daily turn: which swept node packs are asked about by themselves in this poll, so that each is once a day. Pure.

A ban of a whole pack shows in no page of versions (docs/registry.md, Node bans).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from watcher import timestamps
from watcher.durations import DAY
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
