"""Whether the registry still says why it flags and bans versions: one day its reasons may be empty. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from watcher import durations, timestamps
from watcher.timestamps import MomentOrEmpty

_LONG_ENOUGH = 7 * durations.DAY
"""A single flag may have no reason. Only if all of a week have none have the reasons stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """How the registry answered when it was asked why it flagged or banned versions."""

    given_at: MomentOrEmpty = ""
    """When a poll last read a reason that has a text."""
    empty_since: MomentOrEmpty = ""
    """When a poll read the first of the empty reasons that came after it; "" if there is none."""
    stopped: bool = False
    """Whether all reasons are empty that were read in a week or more, though there were some before."""


def explaining_after(
    before: Explaining, reasons: Iterable[str], now: str
) -> Explaining:
    """Return how the registry answers, after a poll that read these reasons of flagged and banned versions."""
    read = list(reasons)
    if any(read):
        return Explaining(given_at=now)
    if not read or not before.given_at:
        return before
    since = before.empty_since or now
    is_long = timestamps.seconds_between(since, now) >= _LONG_ENOUGH
    return replace(before, empty_since=since, stopped=before.stopped or is_long)


def stopped_in_words(explaining: Explaining) -> str:
    """Return that the reasons have stopped; "" if they have not."""
    if not explaining.stopped:
        return ""
    since = timestamps.for_people(explaining.empty_since)
    return f"the registry no longer says why it flags and bans: each reason read since {since} is empty"
