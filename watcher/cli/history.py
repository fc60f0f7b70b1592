"""`history`: which of the recorded events somebody asked for, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from watcher import durations, timestamps
from watcher.cli.report import what_happened
from watcher.cli.terminal import kind, table
from watcher.model.event import Event, Kind
from watcher.text.mask import describe
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_VERSION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events: of these nodes (lower-case) and kinds (of both, empty means all), at most `limit`.

    `since` (RFC 3339, or "") is the earliest time.
    """

    nodes: Collection[str] = ()
    kinds: Collection[Kind] = ()
    since: str = ""
    limit: int = 50


def since(text: str, now: str) -> str:
    """Return what `--since` means: a date or time, or a duration back from `now`; ValueError says what is allowed."""
    try:
        return timestamps.show(timestamps.read(text))
    except (ValueError, OverflowError):
        pass
    try:
        unit_is_said = not text.strip()[-1:].isdecimal()
        return timestamps.later(now, -durations.parse(text if unit_is_said else ""))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{describe(text)} is neither a date (2026-01-31) or time (2026-01-31T12:00Z) within the years 1 to 9999,"
            " nor a duration with its unit (7d, 12h)"
        ) from None


def choose(events: Sequence[Event], wanted: Wanted) -> list[Event]:
    """Give the wanted events, newest first."""
    chosen = [
        event
        for event in reversed(events)
        if (not wanted.nodes or (event.node or "").lower() in wanted.nodes)
        and (not wanted.kinds or event.kind in wanted.kinds)
        and (not wanted.since or timestamps.seconds_between(wanted.since, event.at) >= 0)
    ]
    return chosen[: wanted.limit]


def warning(unreadable: int) -> str:
    """Say that lines of the record were left out; empty if there are none."""
    if not unreadable:
        return ""
    return f"warning: {plural(unreadable, 'unreadable line')} of history.jsonl left out"


def lines(events: Sequence[Event], width: int | None = None) -> list[str]:
    """Give a table for a person, for a terminal of `width` columns or, None, for what is no terminal."""
    if not events:
        return ["No events."]
    return table(
        ("TIME", "EVENT", "NODE", "VERSION", "WHAT"),
        [
            (
                event.at[:19].replace("T", " ") + "Z",
                kind(event.kind),
                sanitize_line(event.node) if event.node is not None else "(registry)",
                sanitize_line(event.version, _VERSION) if event.version is not None else "-",
                what_happened(event) or "-",
            )
            for event in events
        ],
        width,
    )
