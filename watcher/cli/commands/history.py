"""`history`: the recorded events that match the options, newest first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from watcher import durations, timestamps
from watcher.alerts.payload import public_form
from watcher.cli.findings import findings_below
from watcher.cli.loading import existing_state
from watcher.cli.options import read
from watcher.cli.report import event_row
from watcher.cli.terminal import Row, dim, echo, short_time, table, to_json
from watcher.model.event import Event, Kind, rank
from watcher.polling.clock import clock
from watcher.settings import parsing
from watcher.settings.loading import Loaded
from watcher.streams import width
from watcher.text.mask import describe
from watcher.text.sanitize import plural

LIMIT = 50
"""Events that are shown without `--limit`."""


def show(
    *,
    settings: Callable[[], Loaded],
    nodes: Sequence[str],
    kinds: Collection[Kind],
    since: str | None,
    limit: int | None,
    as_json: bool,
) -> int:
    """Print the events that match, and on stderr how many lines of the history cannot be read.

    With `nodes` the findings are listed. UsageError for a wrong node id or time, StateError for the history of another
    version.
    """
    loaded = settings()
    begin = earliest(since)
    ids = {node.lower() for node in read("--node", parsing.read, nodes)}
    state = existing_state(loaded)
    recorded = state.history()
    if recorded.unreadable and not recorded.events:
        # All of it may be of another version, which the snapshot says.
        state.snapshot()
    if recorded.unreadable:
        echo(
            f"warning: skipped {plural(recorded.unreadable, 'unreadable line')} of history.jsonl",
            error=True,
        )
    matching = choose(recorded.events, ids, kinds, begin)
    events = matching[: limit or LIMIT]
    if as_json:
        echo(to_json({"events": [public_form(event) for event in events]}))
    else:
        for line in lines(events, width(sys.stdout), with_findings=bool(ids)):
            echo(line)
        if more := len(matching) - len(events):
            older = plural(more, "older event")
            echo(f"and {older}; --limit {len(matching)} shows all")
    return 0


def earliest(since: str | None) -> str:
    """Return the time that `--since` names, "" without it; UsageError for other text."""
    if since is None:
        return ""
    return read("--since", lambda text: parse_since(text, clock()), since)


def parse_since(text: str, now: str) -> str:
    """Return the time that `--since` names: a date, a time or a duration before `now`; ValueError for other text."""
    if moment := timestamps.normal(text):
        return moment
    try:
        has_unit = not text.strip()[-1:].isdecimal()
        return timestamps.later(now, -durations.parse(text if has_unit else ""))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{describe(text)} is not a date (2026-01-31), a time (2026-01-31T12:00Z) or a duration with a unit"
            " (7d, 12h)"
        ) from None


def choose(
    events: Sequence[Event],
    nodes: Collection[str] = (),
    kinds: Collection[Kind] = (),
    since: str = "",
) -> list[Event]:
    """Return the events that match; what is empty matches all. `nodes` are ids in lower case.

    The newest poll is first, and of one poll the worst event.
    """
    matching = [
        event
        for event in reversed(events)
        if (not nodes or (event.node or "").lower() in nodes)
        and (not kinds or event.kind in kinds)
        and (not since or timestamps.seconds_between(since, event.at) >= 0)
    ]
    polls = groupby(matching, _poll)
    return [event for _, of_poll in polls for event in sorted(of_poll, key=rank)]


def _poll(event: Event) -> str:
    """Return what tells a poll: the time at which it began."""
    return event.at


def lines(
    events: Sequence[Event], width: int | None = None, *, with_findings: bool = False
) -> list[str]:
    """Return the table for people; `width` is the terminal's, or None for a pipe.

    A terminal gets the time of a poll once, above its events. `with_findings`: below an event is all that the scanner
    found.
    """
    if not events:
        return ["No events."]
    head = () if width else ("TIME", "EVENT", "PACK VERSION", "WHAT")
    found: list[Row] = []
    for at, of_poll in groupby(events, _poll):
        found += [dim(short_time(at))] if width else []
        for event in of_poll:
            row = event_row(event, width)
            found.append(row if width else (short_time(at), *row))
            found += findings_below(event.scan, width) if with_findings else []
    return table(head, found, width)
