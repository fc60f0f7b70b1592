"""`status`: the state of every watched node and channel, read from the state folder alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from watcher import durations, timestamps
from watcher.changes.exposure import copies_of
from watcher.cli.commands.health import usual_age
from watcher.cli.commands.status_rows import (
    UNKNOWN,
    VERSION_WIDTH,
    ChannelRow,
    InstallRow,
    NodeRow,
    channel_rows,
    exposed_of,
    install_rows,
    node_row,
    problems,
    watched,
)
from watcher.cli.loading import existing_state
from watcher.cli.terminal import colour, echo, join_first, short_time, table, to_json
from watcher.errors import UsageError
from watcher.model.pack import Copy
from watcher.polling.clock import clock
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.settings.parsing import EntriesError
from watcher.state.model import State
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""

_NODES_SHOWN = 50
"""Nodes with problems that a terminal gets, and a fifth as many of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown: a state as the settings and the clock see it."""

    state: State
    nodes: Sequence[str]
    """The watched ids."""
    channels: Sequence[str]
    """Names of the configured channels."""
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
        return sorted(self.rows_in_order(), key=lambda row: row.rank)

    def rows_in_order(self) -> list[NodeRow]:
        """Return a row for every watched node, in the order of the settings."""
        copies = copies_of(self.state.installs, self.state.checks.packs) if self.installs else {}
        exposed = exposed_of(self.state.snapshot.installed) if self.installs else {}
        return [node_row(name, self.state, copies, exposed) for name in self.nodes]

    def wants(self, row: NodeRow) -> bool:
        """Return whether a node is to be shown."""
        chosen = self.chosen is None or row.node.lower() in self.chosen
        return chosen and (row.has_problem or not self.only_problems)

    def is_late(self, moment: str) -> bool:
        """Return whether a moment is too long ago."""
        return timestamps.seconds_between(moment, self.now) > self.max_age

    def ago(self, moment: str) -> str:
        """Return how long ago a moment was."""
        return durations.ago(timestamps.seconds_between(moment, self.now))


def show(loaded: Loaded, nodes: Sequence[str], *, only_problems: bool, as_json: bool) -> None:
    """Print how the watched nodes and the channels stand; `nodes` are the ids to show, none: all."""
    settings = loaded.settings
    state = existing_state(loaded).load()
    named = watched(settings.selection().names, state)
    view = View(
        state=state,
        nodes=named,
        channels=[channel.name for channel in settings.all_channels()],
        installs=[source.name for source in settings.all_installs()],
        now=clock(),
        max_age=usual_age(state, settings.interval),
        chosen=_chosen(nodes, named) if nodes else None,
        only_problems=only_problems,
    )
    if as_json:
        echo(to_json(document(view)))
    elif not view.nodes:
        echo("Nothing is watched yet. Add node packs to the settings, or try `comfy-watch check --node ID`.")
    else:
        for line in lines(view, width(sys.stdout)):
            echo(line)


def _chosen(nodes: Sequence[str], known: Sequence[str]) -> frozenset[str]:
    """Return the ids of `--node`; UsageError for one that is not watched."""
    try:
        chosen = node_ids.read(list(nodes))
    except EntriesError as error:
        raise UsageError("\n".join(f"--node: {why}" for why in error.refused.values())) from None
    watched_ids = {node.lower() for node in known}
    if missing := [node for node in chosen if node.lower() not in watched_ids]:
        raise UsageError(f"not watched: {', '.join(missing)}", hint="comfy-watch status shows all that are")
    return frozenset(node.lower() for node in chosen)


def document(view: View) -> dict[str, object]:
    """Return the document of `status --json`: of the nodes those to show, in the order of the settings."""
    state = view.state
    rows = view.rows_in_order()
    return {
        "polled_at": state.checks.polled_at or None,
        "terminal_closed_at": state.checks.terminal_closed_at or None,
        "late": view.is_late(state.checks.polled_at) if state.checks.polled_at else None,
        "summary": {
            "watched": len(rows),
            "ok": sum(row.is_ok for row in rows),
            "problems": sum(row.has_problem for row in rows),
            "unchecked": sum(row.state == "unchecked" for row in rows),
        },
        "nodes": [
            asdict(row)
            | {
                "problems": [
                    {"version": v.version, "version_id": v.id or None, "status": v.status, "deprecated": v.deprecated}
                    for v in row.problems
                ]
            }
            for row in rows
            if view.wants(row)
        ],
        "installs": [asdict(row) for row in install_rows(state, view.installs)],
        "channels": [asdict(row) for row in channel_rows(state, view.channels)],
    }


def lines(view: View, width: int | None = None) -> list[str]:
    """Return the summary and the tables for people; `width` is the terminal's, or None for a pipe, which gets all."""
    rows = view.rows()
    channels = channel_rows(view.state, view.channels)
    shown = _wrapped(_summary(view, rows, channels), width)
    if closed := view.state.checks.terminal_closed_at:
        ended = f"run ended {view.ago(closed)} because its terminal was closed; nothing was polled since"
        shown += _wrapped(click.style(ended, fg="red"), width)
    if view.chosen is None or view.only_problems:
        channels = [row for row in channels if row.undelivered or not view.only_problems]
    else:
        channels = []
    wanted = [row for row in rows if view.wants(row)]
    fitting = _fitting(wanted) if width is not None and view.chosen is None else wanted
    if fitting:
        head = ("NODE", "STATE", "NEWEST", *(["YOU RUN"] if view.installs else []), "PROBLEMS", "LAST GOOD CHECK")
        limit = None if width is None else _PROBLEMS_SHOWN
        shown += ["", *table(head, [_cells(view, row, limit, whole=width is None) for row in fitting], width)]
    if more := len(wanted) - len(fitting):
        shown += _wrapped(f"and {plural(more, 'more node')}; --node ID shows one, --json all", width)
    shown += [
        line for row in fitting if row.error for line in _wrapped(f"{sanitize_line(row.node)}: {row.error}", width)
    ]
    shown += _install_lines(view, width)
    if channels:
        cells = [_channel_cells(view, row, whole=width is None) for row in channels]
        shown += ["", *table(("CHANNEL", "UNDELIVERED", "LAST ERROR", "FAILING SINCE"), cells, width)]
        shown += [line for row in channels if row.aside for line in _wrapped(_aside(row), width)]
    return shown


def _install_lines(view: View, width: int | None) -> list[str]:
    """Return the table of the installs, and why one could not be scanned."""
    rows = install_rows(view.state, view.installs)
    rows = [row for row in rows if row.error or not view.only_problems] if view.chosen is None else []
    if not rows:
        return []
    cells = [_install_cells(view, row, whole=width is None) for row in rows]
    shown = ["", *table(("INSTALL", "PACKS", "LAST GOOD SCAN", "FAILING SINCE"), cells, width)]
    return shown + [line for row in rows if row.error for line in _wrapped(f"{row.name}: {row.error}", width)]


def _wrapped(line: str, width: int | None) -> list[str]:
    """Return the lines of a text on a terminal; elsewhere it is one line."""
    return [line] if width is None else table((), [(line,)], width)


def _summary(view: View, rows: Sequence[NodeRow], channels: Sequence[ChannelRow]) -> str:
    """Return the line that says at a glance whether anything is wrong."""
    ok, problems = sum(row.is_ok for row in rows), sum(row.has_problem for row in rows)
    unknown = sum(row.state == UNKNOWN and not row.has_problem for row in rows)
    unchecked = len(rows) - ok - problems - unknown
    said = f"{problems} with problems"
    nodes = [f"{ok} ok", click.style(said, fg="red") if problems else said]
    nodes += [f"{unknown} unknown to the registry"] if unknown else []
    nodes += [f"{unchecked} not checked yet"] if unchecked else []
    parts = [", ".join(nodes)]
    if polled_at := view.state.checks.polled_at:
        late = view.is_late(polled_at)
        said = f"last poll {view.ago(polled_at)}{', which is late' if late else ''}"
        parts.append(click.style(said, fg="red") if late else said)
    else:
        parts.append("no poll yet")
    if undelivered := sum(row.undelivered for row in channels):
        parts.append(click.style(f"{plural(undelivered, 'alert')} undelivered", fg="yellow"))
    return " · ".join(parts)


def _fitting(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """Return the rows that a terminal gets; of many, more of those with problems, which are the first."""
    if len(rows) <= _NODES_SHOWN:
        return list(rows)
    bad = [row for row in rows if row.has_problem]
    fine = [row for row in rows if not row.has_problem]
    return bad[:_NODES_SHOWN] + fine[: _NODES_SHOWN // 5]


def _cells(view: View, row: NodeRow, limit: int | None, *, whole: bool) -> tuple[str, ...]:
    return (
        sanitize_line(row.node),
        colour(row.state),
        sanitize_line(row.newest or "-", VERSION_WIDTH),
        *([join_first([_copy(copy) for copy in row.installed], limit) or "-"] if view.installs else []),
        join_first(problems(row), limit) or "-",
        _when(view, row.checked_at, "never", whole=whole, late=True),
    )


def _copy(copy: Copy) -> str:
    """Return which version is installed where."""
    version = "unknown version" if copy.version is None else sanitize_line(copy.version, VERSION_WIDTH)
    return f"{version} ({sanitize_line(copy.install)}{'' if copy.enabled else ', disabled'})"


def _install_cells(view: View, row: InstallRow, *, whole: bool) -> tuple[str, ...]:
    return (
        sanitize_line(row.name),
        "-" if row.packs is None else str(row.packs),
        _when(view, row.scanned_at, "never", whole=whole, late=True),
        _when(view, row.failing_since, "-", whole=whole),
    )


def _channel_cells(view: View, row: ChannelRow, *, whole: bool) -> tuple[str, ...]:
    return (
        _channel_name(row),
        str(row.undelivered),
        sanitize_line(row.error or "-"),
        _when(view, row.failing_since, "-", whole=whole),
    )


def _when(view: View, moment: str | None, otherwise: str, *, whole: bool, late: bool = False) -> str:
    """Return how long ago a moment was, with the time itself where it is `whole`; coloured where it may be `late`."""
    if not moment:
        return otherwise
    said = f"{short_time(moment)} ({view.ago(moment)})" if whole else view.ago(moment)
    return click.style(said, fg="yellow") if late and view.is_late(moment) else said


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
