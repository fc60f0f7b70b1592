"""`history`: the recorded events that match the options, newest first."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from watcher import durations, timestamps
from watcher.alerts.reference import events_of, reference_of
from watcher.changes.exposure import copies_of
from watcher.cli.findings import findings_below
from watcher.cli.loading import existing_state
from watcher.cli.options import read
from watcher.cli.report import event_row
from watcher.cli.terminal import Row, dim, echo, short_time, table, to_json
from watcher.errors import StateError, UsageError
from watcher.model.channel import knowing
from watcher.model.event import Event, Kind, rank
from watcher.model.event_form import public_form
from watcher.polling.clock import clock
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.streams import width
from watcher.text.mask import describe
from watcher.text.plural import plural

LIMIT = 50
"""Events that are shown without `--limit` and `--ref`."""
_REFERENCE = re.compile("[0-9a-fA-F]{8}")
_WHY_NOT = (
    "the history has lost some of its events, or its channel has other settings now"
)


def show(
    *,
    settings: Callable[[], Loaded],
    nodes: Sequence[str],
    kinds: Collection[Kind],
    since: str | None,
    limit: int | None,
    ref: str | None,
    as_json: bool,
) -> int:
    """Print the events that match, and on stderr how many lines of the history cannot be read.

    With `ref` they are the events of one message, all of them unless there is a `limit`; with it or with `nodes` the
    findings are listed. UsageError for a wrong node
    id, time or reference, StateError for the history of another version.
    """
    loaded = settings()
    begin = earliest(since)
    ids = {node.lower() for node in read("--node", node_ids.read, nodes)}
    if ref is not None and not _REFERENCE.fullmatch(ref):
        raise UsageError(
            f"--ref: {describe(ref)} is not a reference",
            hint="it is at the end of a message: eight digits or letters from a to f",
        )
    state = existing_state(loaded)
    recorded = state.history()
    if recorded.unreadable and not recorded.events:
        # All of it may be of another version, which the snapshot says.
        state.load_revision()
    if recorded.unreadable:
        echo(
            f"warning: skipped {plural(recorded.unreadable, 'unreadable line')} of history.jsonl",
            error=True,
        )
    past: Sequence[Event] = recorded.events
    if ref is not None and not (past := _message(ref.lower(), state, past, loaded)):
        echo(f"warning: no message {ref} found: {_WHY_NOT}", error=True)
    most = limit or (LIMIT if ref is None else None)
    matching = choose(past, ids, kinds, begin)
    events = matching[:most]
    if as_json:
        echo(to_json({"events": [public_form(event) for event in events]}))
    else:
        is_narrow = bool(ids) or ref is not None
        for line in lines(events, width(sys.stdout), with_findings=is_narrow):
            echo(line)
        if more := len(matching) - len(events):
            older = plural(more, "older event")
            echo(f"and {older}; --limit {len(matching)} shows all")
    return 0


def _message(
    ref: str, state: StateFolder, past: Sequence[Event], loaded: Loaded
) -> Sequence[Event]:
    """Return the events of a message by its reference, oldest first; () if it is not found."""
    channels, chosen = loaded.settings.all_channels(), loaded.settings.selection()
    last: Sequence[Event] = ()
    with contextlib.suppress(StateError):  # the history can be read all the same
        known = state.load()
        for queue in known.outbox.queues.values():
            for message in queue.messages:
                events = sorted(
                    (known.outbox.events[event] for event in message.events),
                    key=lambda event: event.at,
                )
                # A further one: the history has what came before it too.
                if message.reference == ref:
                    last = events
                elif reference_of(events) == ref:
                    return events
        if chosen.globs:
            published = known.snapshot.packs_of(loaded.settings.publishers)
            named = (*chosen.names, *published, *copies_of(known.installs))
            channels = knowing(channels, named)
    return events_of(ref, past, channels) or last


def earliest(since: str | None) -> str:
    """Return the time that `--since` names, "" without it; UsageError for other text."""
    if since is None:
        return ""
    return read("--since", lambda text: parse_since(text, clock()), since)


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
