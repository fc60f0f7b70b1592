"""`history`: the recorded events that match the options, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from watcher import timestamps
from watcher.alerts.payload import public_form
from watcher.cli.loading import existing_state
from watcher.cli.report import event_row, findings_table
from watcher.cli.terminal import (
    INDENT,
    Row,
    and_more,
    columns,
    dim,
    short_time,
    show,
    table,
    warn,
)
from watcher.model.event import LONGEST_TEXT, Event, Kind, rank
from watcher.settings.loading import Loaded
from watcher.text.sanitize import plural

_TEXT = 2 * LONGEST_TEXT
"""Characters of a text: all that the history has, also where sanitizing makes it longer."""


def history(
    *,
    loaded: Loaded,
    nodes: Sequence[str],
    kinds: Collection[Kind],
    since: str,
    limit: int,
    as_json: bool,
) -> int:
    """Print the events that match, and on stderr how many lines of the history cannot be read.

    With `nodes` the findings are listed. StateError for the history of another version.
    """
    state = existing_state(loaded)
    recorded = state.history()
    if recorded.unreadable and not recorded.events:
        # All of it may be of another version, which the snapshot says.
        state.snapshot()
    if recorded.unreadable:
        unreadable = plural(recorded.unreadable, "unreadable line")
        warn(f"skipped {unreadable} of history.jsonl")
    # Ids are compared in any case, as the registry compares them.
    ids = {node.lower() for node in nodes}
    matching = choose(recorded.events, ids, kinds, since)
    events = matching[:limit]
    if as_json:
        show({"events": [*map(public_form, events)]})
        return 0
    # The number of all, so that the hint can be typed as it is.
    left, hint = len(matching) - len(events), f"--limit {len(matching)} shows all"
    said = lines(events, columns(), recorded.events, with_findings=bool(ids))
    show(said + and_more(left, "older event", hint))
    return 0


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
        if (not nodes or event.node_key in nodes)
        and (not kinds or event.kind in kinds)
        and (not since or timestamps.seconds_between(since, event.at) >= 0)
    ]
    # The file has the order of time; a person wants the worst of each poll first.
    polls = groupby(matching, _poll)
    return [event for _, of_poll in polls for event in sorted(of_poll, key=rank)]


def _poll(event: Event) -> str:
    """Return what tells a poll: the time at which it began."""
    return event.at


def lines(
    events: Sequence[Event],
    width: int | None = None,
    recorded: Iterable[Event] = (),
    *,
    with_findings: bool = False,
) -> list[str]:
    """Return the table for people; `width` is the terminal's, or None for a pipe, and `recorded` are all events.

    A terminal gets the time of a poll once, above its events. `with_findings`: below an event is all that the scanner
    found.
    """
    if not events:
        return ["No events."]
    head = () if width else ("TIME", "EVENT", "WHAT")
    found: list[Row] = []
    # What was good then may be banned by now.
    of_pack: dict[str | None, list[Event]] = defaultdict(list)
    for event in recorded:
        of_pack[event.node_key].append(event)
    for at, of_poll in groupby(events, _poll):
        found += [dim(short_time(at))] if width else []
        for event in of_poll:
            row = event_row(event, of_pack[event.node_key], _TEXT)
            found.append(row if width else (short_time(at), *row))
            # Without ids the findings of fifty events would bury the events.
            if with_findings and event.scan:
                found += [INDENT + line for line in findings_table(event.scan)]
    return table(head, found, width)
