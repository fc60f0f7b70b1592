"""Which events the setting `statuses` lets pass (docs/behaviour.md, Events). Everything before it knows all of them.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from watcher.model.event import EXPOSURES, Event, Kind, replaces_archive, runs_it
from watcher.model.snapshot import Node
from watcher.model.version import STATUSES

_OF_VERSIONS = {
    Kind.NEW,
    Kind.PENDING,
    Kind.FLAGGED,
    Kind.BANNED,
    Kind.DELETED,
    Kind.REINSTATED,
    Kind.DEPRECATED,
    Kind.UNDEPRECATED,
    Kind.CHANGED,
    Kind.REMOVED,
}
_OF_DEPRECATION = {Kind.DEPRECATED, Kind.UNDEPRECATED}


def passing(
    events: Iterable[Event],
    statuses: Collection[str],
    before: Mapping[str, Node],
    after: Mapping[str, Node],
) -> tuple[Event, ...]:
    """Return the events that pass where these `statuses` are set.

    Of a version its status after the event has to be one of them, or, where something ends, that before it; of what was
    removed the last known one. A status that this program does not know passes, and so does each event that is not
    about a version, or that says that something which is run is bad.

    `before` and `after` are the nodes before and after the poll, by lower-case id.
    """
    return tuple(
        event
        for event in events
        if event.kind not in _OF_VERSIONS
        or event.version is None
        or _says_that_what_is_run_is_bad(event)
        or any(
            status in statuses or status not in STATUSES
            for status in _statuses(event, before, after)
        )
    )


def _says_that_what_is_run_is_bad(event: Event) -> bool:
    is_bad = event.kind in EXPOSURES.values() or replaces_archive(event)
    return is_bad and runs_it(event)


def _statuses(
    event: Event, before: Mapping[str, Node], after: Mapping[str, Node]
) -> list[str | None]:
    """Return the statuses of an event's version that count."""
    is_end = event.ends is not None
    if event.kind in _OF_DEPRECATION:
        # The event names none.
        counting = (after, before) if is_end else (after,)
        return [_status_in(nodes, event) for nodes in counting]
    if event.kind is Kind.REMOVED:
        return [event.before]
    return [event.after, event.before] if is_end else [event.after]


def _status_in(nodes: Mapping[str, Node], event: Event) -> str | None:
    node = nodes.get((event.node or "").lower())
    versions = node.versions if node else ()
    return next((one.status for one in versions if one.key == event.key), None)
