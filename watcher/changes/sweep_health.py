"""When incomplete sweeps are reported, and that one is complete again (docs/behaviour.md, Events (Failing)). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.health import FailureStreak, in_polls, once_more
from watcher.changes.transitions import registry_event
from watcher.model.event import INCOMPLETE, Event, Kind
from watcher.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAssessment:
    """The incomplete sweeps in a row, the snapshot with what was reported of them, and the events."""

    streak: FailureStreak | None
    snapshot: Snapshot
    events: tuple[Event, ...] = ()


def assess_sweep(
    streak: FailureStreak | None, snapshot: Snapshot, lacking: str | None, threshold: int, now: str
) -> SweepAssessment:
    """Count one poll's sweep, and report that new node packs may be missed, or are seen again.

    `lacking` is why the sweep was incomplete, "" if it was complete, None if there was none: that changes nothing.
    While the registry as a whole is reported failing, nothing is reported of its sweeps.
    """
    if lacking is None:
        return SweepAssessment(streak=streak, snapshot=snapshot)
    streak = once_more(streak, lacking, now) if lacking else None
    whole = snapshot.whole
    is_failing = streak is not None and (whole.failing or streak.count >= threshold)
    if is_failing == whole.failing or (is_failing and snapshot.registry_failing):
        return SweepAssessment(streak=streak, snapshot=snapshot)
    if streak is not None:
        snapshot, event = registry_event(snapshot, Kind.FAILING, now, after=INCOMPLETE, reason=_story(streak))
    else:
        snapshot, event = registry_event(snapshot, Kind.RECOVERED, now, before=INCOMPLETE)
    snapshot = replace(snapshot, whole=replace(whole, failing=is_failing))
    return SweepAssessment(streak=streak, snapshot=snapshot, events=(event,))


def _story(streak: FailureStreak) -> str:
    since = timestamps.for_people(streak.since)
    return f"not all versions came in {in_polls(streak)}, since {since}: {streak.error}; new node packs may be missed"
