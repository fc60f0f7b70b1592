"""`history`: the recorded events that match the options, newest first."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from watcher import durations, timestamps
from watcher.cli.report import what_happened
from watcher.cli.terminal import colour, echo, short_time, table, to_json
from watcher.errors import UsageError
from watcher.model.event import Event, Kind
from watcher.polling.setup import clock, existing_state
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.state.records import event_form
from watcher.streams import width
from watcher.text.mask import describe
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_VERSION_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The events to show."""

    nodes: Collection[str] = ()
    """Node ids in lower case; empty means all, and the registry's own events."""
    kinds: Collection[Kind] = ()
    """Event kinds; empty means all."""
    since: str = ""
    """The earliest time (RFC 3339); "" means no bound."""
    limit: int = 50
    """The most events."""


def show(loaded: Loaded, wanted: Filter, *, as_json: bool) -> None:
    """Print the events that match, and on stderr how many lines of the history cannot be read."""
    recorded = existing_state(loaded).history()
    if recorded.unreadable:
        echo(f"warning: {plural(recorded.unreadable, 'unreadable line')} of history.jsonl left out", error=True)
    events = choose(recorded.events, wanted)
    if as_json:
        echo(to_json({"events": [event_form(event) for event in events]}))
        return
    for line in lines(events, width(sys.stdout)):
        echo(line)


def event_filter(nodes: Sequence[str], kinds: Collection[Kind], since: str | None, limit: int) -> Filter:
    """Return what the options ask for; UsageError for a wrong node id or time."""
    try:
        earliest = "" if since is None else parse_since(since, clock())
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    try:
        ids = {node.lower() for node in node_ids.read(nodes)}
    except ValueError as error:
        raise UsageError(f"--node: {error}") from None
    return Filter(nodes=ids, kinds=kinds, since=earliest, limit=limit)


def parse_since(text: str, now: str) -> str:
    """Return the time that `--since` names: a date, a time or a duration before `now`; ValueError for other text."""
    try:
        return timestamps.show(timestamps.read(text))
    except (ValueError, OverflowError):
        pass
    try:
        has_unit = not text.strip()[-1:].isdecimal()
        return timestamps.later(now, -durations.parse(text if has_unit else ""))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{describe(text)} is not a date (2026-01-31), a time (2026-01-31T12:00Z) or a duration with a unit"
            " (7d, 12h); years go from 1 to 9999"
        ) from None


def choose(events: Sequence[Event], wanted: Filter) -> list[Event]:
    """Return the events that match, newest first."""
    chosen = [
        event
        for event in reversed(events)
        if (not wanted.nodes or (event.node or "").lower() in wanted.nodes)
        and (not wanted.kinds or event.kind in wanted.kinds)
        and (not wanted.since or timestamps.seconds_between(wanted.since, event.at) >= 0)
    ]
    return chosen[: wanted.limit]


def lines(events: Sequence[Event], width: int | None = None) -> list[str]:
    """Return the table for people; `width` is the terminal's, or None for a pipe."""
    if not events:
        return ["No events."]
    return table(
        ("TIME", "EVENT", "NODE", "VERSION", "WHAT"),
        [
            (
                short_time(event.at),
                colour(event.kind),
                sanitize_line(event.node) if event.node is not None else "(registry)",
                sanitize_line(event.version, _VERSION_WIDTH) if event.version is not None else "-",
                what_happened(event) or "-",
            )
            for event in events
        ],
        width,
    )
