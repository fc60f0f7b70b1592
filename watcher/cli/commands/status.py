"""`status`: the state of every watched node and channel, read from the state folder alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from watcher.alerts.queues.queue import Queue, retry_at
from watcher.cli.loading import existing_state
from watcher.cli.terminal import colour, echo, join_first, short_time, table, to_json
from watcher.model.snapshot import Node
from watcher.model.version import ACTIVE, BANNED, FLAGGED, Version, newest
from watcher.settings.loading import Loaded
from watcher.state.model import State
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""

_VERSION_WIDTH = 100
"""Characters shown of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """One watched node, with the keys of `status --json`."""

    node: str
    """Its id as it is watched."""
    state: str
    """`banned`, `failing` (and reported as such), `unread` (the last poll could not read it), `removed` (it has no
    version left), `ok`, `empty` (it never had a version) or `unchecked`.
    """
    newest: str | None
    """The newest version that can be installed."""
    problems: tuple[Version, ...]
    """Its flagged, banned and deprecated versions."""
    checked_at: str | None
    """When it was last read (RFC 3339)."""
    error: str | None
    """Why the last poll could not read it, safe to print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One channel and its undelivered alerts, with the keys of `status --json`."""

    name: str
    undelivered: int
    aside: int
    """How many of them are in messages that the service refused even in their plainest form."""
    aside_error: str | None
    """Why, for the newest of them."""
    error: str | None
    """Why the last delivery failed."""
    failing_since: str | None
    """When the first delivery failed since an alert was taken (RFC 3339)."""
    next_try: str | None
    """When delivery is tried again (RFC 3339); None means with the next poll."""
    configured: bool
    """False for a channel that is no longer in the settings."""


def show(loaded: Loaded, *, as_json: bool) -> None:
    """Print how the watched nodes and the channels stand."""
    settings = loaded.settings
    state = existing_state(loaded).load()
    nodes = watched(settings.nodes, state)
    channels = [channel.name for channel in settings.all_channels()]
    if as_json:
        echo(to_json(document(state, nodes, channels)))
    elif not nodes:
        echo("Nothing is watched yet. Add node packs to the settings, or try `comfy-watch check --node ID`.")
    else:
        for line in lines(state, nodes, channels, width(sys.stdout)):
            echo(line)


def node_row(name: str, state: State) -> NodeRow:
    """Return the row of a watched node."""
    key = name.lower()
    node = state.snapshot.nodes.get(key, Node(node=name))
    failure = state.checks.health.nodes.get(key)
    listed = node.listed
    installable = newest(version for version in listed if version.status == ACTIVE)
    return NodeRow(
        node=name,
        state=_state(node, read=failure is None),
        newest=installable.version if installable and not node.banned else None,
        problems=tuple(v for v in listed if v.status in {FLAGGED, BANNED} or v.deprecated),
        checked_at=state.checks.checked.get(key),
        error=sanitize_line(failure.error) if failure else None,
    )


def _state(node: Node, *, read: bool) -> str:
    if node.banned:
        return "banned"
    if node.failing and not (read and node.empty_since):
        return "failing"
    if not read:
        return "unread"
    if node.baseline_at:
        return "removed" if node.turned_empty else "ok"
    return "empty" if node.empty_since else "unchecked"


def watched(configured: Iterable[str], state: State) -> tuple[str, ...]:
    """Return the ids to show: the configured ones, then those that only the last poll watched (`check --node`)."""
    ids: dict[str, str] = {}
    for node in (*configured, *state.checks.watched):
        ids.setdefault(node.lower(), node)
    return tuple(ids.values())


def channel_rows(state: State, channels: Iterable[str]) -> list[ChannelRow]:
    """Return the rows of the configured channels, then of removed ones that have undelivered alerts."""
    queues = {name: Queue() for name in channels}
    configured = set(queues)
    queues |= dict(sorted(state.outbox.queues.items()))
    return [
        ChannelRow(
            name=name,
            undelivered=queue.alerts,
            aside=sum(len(message.events) for message in queue.aside),
            aside_error=queue.aside[-1].error if queue.aside else None,
            error=queue.error or None,
            failing_since=queue.failing_since or None,
            next_try=retry_at(queue) or None,
            configured=name in configured,
        )
        for name, queue in queues.items()
    ]


def document(state: State, nodes: Iterable[str], channels: Iterable[str]) -> dict[str, object]:
    """Return the document of `status --json`."""
    return {
        "polled_at": state.checks.polled_at or None,
        "nodes": [
            asdict(row)
            | {
                "problems": [
                    {"version": v.version, "version_id": v.id or None, "status": v.status, "deprecated": v.deprecated}
                    for v in row.problems
                ]
            }
            for row in (node_row(name, state) for name in nodes)
        ],
        "channels": [asdict(row) for row in channel_rows(state, channels)],
    }


def lines(state: State, nodes: Iterable[str], channels: Iterable[str], width: int | None = None) -> list[str]:
    """Return the tables for people; `width` is the terminal's, or None for a pipe, which gets every problem."""
    node_rows = [node_row(name, state) for name in nodes]
    limit = None if width is None else _PROBLEMS_SHOWN
    shown = table(
        ("NODE", "STATE", "NEWEST", "PROBLEMS", "LAST GOOD CHECK"),
        [
            (
                sanitize_line(row.node),
                colour(row.state),
                sanitize_line(row.newest or "-", _VERSION_WIDTH),
                join_first([_problem(version) for version in reversed(row.problems)], limit) or "-",
                short_time(row.checked_at) if row.checked_at else "never",
            )
            for row in node_rows
        ],
        width,
    )
    shown += [f"{sanitize_line(row.node)}: {row.error}" for row in node_rows if row.error]
    if rows := channel_rows(state, channels):
        cells = [
            (
                _channel_name(row),
                str(row.undelivered),
                sanitize_line(row.error or "-"),
                short_time(row.failing_since) if row.failing_since else "-",
            )
            for row in rows
        ]
        shown += ["", *table(("CHANNEL", "UNDELIVERED", "LAST ERROR", "FAILING SINCE"), cells, width)]
        shown += [_aside(row) for row in rows if row.aside]
    return shown


def _aside(row: ChannelRow) -> str:
    """Return a line about the alerts of a channel that are aside."""
    return (
        f"{row.name}: {plural(row.aside, 'alert')} refused also in the plainest form"
        f" ({sanitize_line(row.aside_error or '')}); tried once a day until alert_expiry"
    )


def _channel_name(row: ChannelRow) -> str:
    # A queue that was set aside is already marked: only its name ends with a bracket.
    marked = row.configured or row.name.endswith(")")
    return row.name if marked else f"{row.name} (no longer configured)"


def _problem(version: Version) -> str:
    status = version.status if version.status in {FLAGGED, BANNED} else ""
    words = [colour(word) for word in (status, "deprecated" if version.deprecated else "") if word]
    return " ".join([sanitize_line(version.version, _VERSION_WIDTH), *words])
