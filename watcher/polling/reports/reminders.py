"""Lasting problems are reported when they begin, once a day, and when they end. Pure.

For a `check` that runs unattended: cron mails whatever it prints, every time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from watcher import timestamps
from watcher.durations import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What to report now. Problems are named by their keys (`Problem.about`)."""

    due: frozenset[str]
    ended: tuple[str, ...]
    reported: Mapping[str, str]
    """When each lasting problem was last reported, to be kept for the next poll."""


def news(reported: Mapping[str, str], problems: Collection[str], now: str) -> News:
    """Compare the problems of a poll with when each was last reported (`reported`, RFC 3339).

    A problem reported in the future, by a wrong clock, is due.
    """
    due = frozenset(
        key
        for key in problems
        if key not in reported or not is_recent(reported[key], now)
    )
    kept = {key: now if key in due else reported[key] for key in sorted(problems)}
    return News(
        due=due, ended=tuple(key for key in reported if key not in kept), reported=kept
    )


def is_recent(moment: str, now: str) -> bool:
    """Return whether a time is at most a day before `now`; what is no time is not."""
    try:
        return 0 <= timestamps.seconds_between(moment, now) < DAY
    except ValueError:
        return False
