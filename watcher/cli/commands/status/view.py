"""What `status` shows, as a value, and its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from watcher import durations, timestamps
from watcher.changes.exposure import copies_of
from watcher.cli.commands.status.rows import (
    NodeRow,
    channel_rows,
    error_of_all,
    error_of_sweep,
    exposed_of,
    install_rows,
    node_row,
)
from watcher.model.version import BANNED, FLAGGED
from watcher.state.model import State


@dataclass(frozen=True, kw_only=True)
class View:
    """What is shown: a state as the settings and the clock see it."""

    state: State
    nodes: Sequence[str]
    """The watched ids."""
    globs: Sequence[str] = ()
    """Globs of the settings, which choose others than those that are named."""
    named: frozenset[str] | None = None
    """Lower-case ids of the nodes that the settings name; None: of all."""
    channels: Sequence[str]
    """Names of the configured channels."""
    unconfirmed: frozenset[str] = frozenset()
    """Names of those that cannot say whether a message arrived."""
    installs: Sequence[str] = ()
    """Names of the configured installs."""
    now: str
    max_age: float
    """Seconds after which a poll or a check is late."""
    chosen: frozenset[str] | None = None
    """Lower-case ids of the nodes to show; None: all."""
    only_problems: bool = False

    def rows(self) -> list[NodeRow]:
        """Return a row for every watched node, worst first."""
        return sorted(self.rows_in_order, key=lambda row: row.rank)

    @cached_property
    def rows_in_order(self) -> list[NodeRow]:
        """A row for every watched node, in the order of the settings."""
        copies = copies_of(self.state.installs) if self.installs else {}
        exposed = exposed_of(self.state.snapshot.installed) if self.installs else {}
        return [node_row(name, self.state, copies, exposed) for name in self.nodes]

    def wants(self, row: NodeRow) -> bool:
        """Return whether a node was asked for."""
        chosen = self.chosen is None or row.node.lower() in self.chosen
        return chosen and (row.has_problem or not self.only_problems)

    def has_line(self, row: NodeRow) -> bool:
        """Return whether a table has a row for the node: of those that only globs choose, only for a problem."""
        named = self.named is None or row.node.lower() in self.named
        is_expected = self.is_narrowed or named or bool(row.installed)
        # Where no node could be read, one line says so for all.
        is_alone = bool(row.problems) or row.error != (error_of_all(self.state) or None)
        has_problem = row.has_problem and (is_alone or row.state != "unread")
        return self.wants(row) and (is_expected or has_problem)

    @property
    def is_narrowed(self) -> bool:
        """Whether only some nodes were asked for."""
        return self.chosen is not None or self.only_problems

    def is_late(self, moment: str) -> bool:
        """Return whether a moment is too long ago."""
        return timestamps.seconds_between(moment, self.now) > self.max_age

    def ago(self, moment: str) -> str:
        """Return how long ago a moment was."""
        return durations.ago(timestamps.seconds_between(moment, self.now))


def document(view: View) -> dict[str, object]:
    """Return the document of `status --json`: of the nodes those to show, in the order of the settings."""
    state = view.state
    rows = view.rows_in_order
    return {
        "polled_at": state.checks.polled_at or None,
        "late": view.is_late(state.checks.polled_at)
        if state.checks.polled_at
        else None,
        "reading": _reading(state),
        "summary": {
            "watched": len(rows),
            "ok": sum(row.is_ok for row in rows),
            "problems": sum(row.has_problem for row in rows),
            "unchecked": sum(row.state == "unchecked" for row in rows),
            **counts(rows),
        },
        "nodes": [
            asdict(row)
            | {
                "problems": [
                    {
                        "version": v.version,
                        "version_id": v.id or None,
                        "status": v.status,
                        "deprecated": v.deprecated,
                    }
                    for v in row.problems
                ]
            }
            for row in rows
            if view.wants(row)
        ],
        "installs": [asdict(row) for row in install_rows(state, view.installs)],
        "channels": [
            asdict(row) for row in channel_rows(state, view.channels, view.unconfirmed)
        ],
    }


def _reading(state: State) -> dict[str, object] | None:
    """Return how the last poll read the nodes; None before the first."""
    checks = state.checks
    if not checks.way:
        return None
    error = error_of_all(state) or error_of_sweep(state)
    return {"way": checks.way, "requests": checks.requests, "error": error or None}


def counts(rows: Sequence[NodeRow]) -> dict[str, int]:
    """Return how many versions are listed, and how many of them are bad, by what they are."""
    problems = [version for row in rows for version in row.problems]
    return {
        "versions": sum(row.versions for row in rows),
        "banned": sum(version.status == BANNED for version in problems),
        "flagged": sum(version.status == FLAGGED for version in problems),
        "deprecated": sum(version.deprecated for version in problems),
    }
