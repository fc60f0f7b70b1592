"""`status`: what is known of every watched node, from the state alone; works offline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watcher.cli.terminal import kind, some, table
from watcher.model.snapshot import Node
from watcher.model.version import ACTIVE, BANNED, FLAGGED, Version, newest
from watcher.state.model import State
from watcher.text.sanitize import sanitize_line

_PROBLEMS_SHOWN = 3
_VERSION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """One watched node. `state` is one of `banned`, `failing` (which was told), `unread` (the last time), `removed`
    (no version is listed any more), `ok`, `empty` and `unchecked`; times are RFC 3339 or "".
    """

    node: str
    state: str
    newest: str
    problems: tuple[Version, ...]
    checked_at: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One channel that owes alerts; `configured` is False for one that the settings name no more."""

    channel: str
    alerts: int
    error: str
    next_try: str
    configured: bool


def node_row(name: str, state: State) -> NodeRow:
    """Say how a watched node stands."""
    key = name.lower()
    node = state.snapshot.nodes.get(key, Node(node=name))
    failure = state.checks.health.nodes.get(key)
    listed = node.listed
    installable = newest(version for version in listed if version.status == ACTIVE)
    return NodeRow(
        node=name,
        state=_state(node, read=failure is None),
        newest=installable.version if installable and not node.banned else "",
        problems=tuple(v for v in listed if v.status in {FLAGGED, BANNED} or v.deprecated),
        checked_at=state.checks.checked.get(key, ""),
        error=failure.error if failure else "",
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
    """Give the ids to show: those that are configured, and what the last poll watched beside them (`check --node`)."""
    ids: dict[str, str] = {}
    for node in (*configured, *state.checks.watched):
        ids.setdefault(node.lower(), node)
    return tuple(ids.values())


def waiting(state: State, channels: Iterable[str]) -> list[Waiting]:
    """Give the configured channels, and the former ones that still owe something."""
    names = list(channels)
    queues = state.outbox.queues
    return [
        Waiting(
            channel=name,
            alerts=state.outbox.alerts(name),
            error=queues[name].error if name in queues else "",
            next_try=queues[name].not_before if name in queues else "",
            configured=name in names,
        )
        for name in [*names, *sorted(queues.keys() - set(names))]
    ]


def document(state: State, nodes: Iterable[str], channels: Iterable[str]) -> dict[str, object]:
    """Give the JSON-able form of `status --json`."""
    return {
        "polled_at": state.checks.polled_at or None,
        "nodes": [
            {
                "node": row.node,
                "state": row.state,
                "newest": row.newest or None,
                "problems": [
                    {"version": v.version, "version_id": v.id or None, "status": v.status, "deprecated": v.deprecated}
                    for v in row.problems
                ],
                "checked_at": row.checked_at or None,
                "error": sanitize_line(row.error) or None,
            }
            for row in (node_row(name, state) for name in nodes)
        ],
        "channels": [
            {
                "name": owed.channel,
                "undelivered": owed.alerts,
                "error": owed.error or None,
                "next_try": owed.next_try or None,
                "configured": owed.configured,
            }
            for owed in waiting(state, channels)
        ],
    }


def lines(state: State, nodes: Iterable[str], channels: Iterable[str], width: int | None = None) -> list[str]:
    """Give the tables for a person, for a terminal of `width` columns or, None, for what is no terminal.

    A terminal gets the newest few problems of a node and the count of the others.
    """
    rows = [node_row(name, state) for name in nodes]
    said = table(
        ("NODE", "STATE", "NEWEST", "PROBLEMS", "LAST GOOD CHECK"),
        [
            (
                sanitize_line(row.node),
                _shown_state(row),
                sanitize_line(row.newest, _VERSION) or "-",
                _problems(row, None if width is None else _PROBLEMS_SHOWN),
                _when(row.checked_at),
            )
            for row in rows
        ],
        width,
    )
    said += [f"{sanitize_line(row.node)}: {sanitize_line(row.error)}" for row in rows if row.error]
    if owing := waiting(state, channels):
        said += ["", *table(("CHANNEL", "UNDELIVERED", "LAST ERROR"), [_owed(owed) for owed in owing], width)]
    return said


def _owed(owed: Waiting) -> tuple[str, str, str]:
    says_so = owed.configured or owed.channel.endswith(")")  # as no configured name does: it was set aside
    name = owed.channel if says_so else f"{owed.channel} (no longer configured)"
    return name, str(owed.alerts), sanitize_line(owed.error) or "-"


def _shown_state(row: NodeRow) -> str:
    return kind(row.state)


def _problems(row: NodeRow, most: int | None) -> str:
    return some([f"{sanitize_line(v.version, _VERSION)} {_ailment(v)}" for v in reversed(row.problems)], most) or "-"


def _ailment(version: Version) -> str:
    status = version.status if version.status in {FLAGGED, BANNED} else ""
    return " ".join(kind(word) for word in (status, "deprecated" if version.deprecated else "") if word)


def _when(moment: str) -> str:
    return moment[:19].replace("T", " ") + "Z" if moment else "never"
