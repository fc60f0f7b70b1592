"""When an install is failing or has recovered (docs/behaviour.md, Events (Failing)). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.health import FailureStreak, in_polls, once_more
from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Installed


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallsAssessment:
    """The polls in a row that failed, by install, what was reported, and the events."""

    failures: Mapping[str, FailureStreak]
    installed: Installed
    events: tuple[Event, ...]


def assess_scans(
    failures: Mapping[str, FailureStreak],
    reported: Installed,
    errors: Mapping[str, str],
    threshold: int,
    now: str,
) -> InstallsAssessment:
    """Count one poll's scans, and report what has become failing or has recovered.

    `errors` has every configured install, with why it could not be scanned, or "". An install that is not configured
    any more is forgotten.
    """
    streaks = {
        name: once_more(failures.get(name), error, now)
        for name, error in errors.items()
        if error
    }
    failing: list[str] = []
    events: list[Event] = []
    for name in sorted(errors):
        was_failing, streak = name in reported.failing, streaks.get(name)
        is_failing = streak is not None and (was_failing or streak.count >= threshold)
        if is_failing:
            failing.append(name)
        if is_failing != was_failing:
            events.append(_turned(name, streak, reported.seen + len(events), now))
    installed = replace(
        reported, failing=tuple(failing), seen=reported.seen + len(events)
    )
    return InstallsAssessment(
        failures=streaks, installed=installed, events=tuple(events)
    )


def _turned(name: str, streak: FailureStreak | None, seen: int, now: str) -> Event:
    """Return the event of an install that is failing, or has recovered if there is no failure."""
    kind = Kind.FAILING if streak else Kind.RECOVERED
    return Event(
        id=event_id("install", name, seen, kind),
        kind=kind,
        node=None,
        install=name,
        before=None if streak else "failing",
        after="failing" if streak else None,
        reason=_story(streak) if streak else "",
        at=now,
        url=node_url(None),
    )


def _story(streak: FailureStreak) -> str:
    since = timestamps.for_people(streak.since)
    return f"could not be scanned in {in_polls(streak)}, since {since}: {streak.error}"
