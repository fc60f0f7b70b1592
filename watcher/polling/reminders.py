"""Problems that last: said when they begin, once a day, and when they end. Pure.

For a `check` that nobody watches: cron mails what it says, every time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from watcher import timestamps

_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Which problems to say now, which have ended, and what to keep: when each was said last."""

    due: frozenset[str]
    ended: tuple[str, ...]
    said: Mapping[str, str]


def news(said: Mapping[str, str], problems: Collection[str], now: str) -> News:
    """Compare the problems of a poll, by name, with when each was said last (`said`); times are RFC 3339.

    One that was said in the future, by a clock that was wrong, is due.
    """
    due = frozenset(name for name in problems if name not in said or not _is_fresh(said[name], now))
    kept = {name: now if name in due else said[name] for name in sorted(problems)}
    return News(due=due, ended=tuple(name for name in said if name not in kept), said=kept)


def _is_fresh(moment: str, now: str) -> bool:
    try:
        return 0 <= timestamps.seconds_between(moment, now) < _DAY
    except ValueError:
        return False
