"""What `status` prints for people: a summary line, then tables of the nodes, the installs and the channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from watcher.alerts.queues.queue import error_in_words
from watcher.cli.commands.status.rows import (
    UNKNOWN,
    VERSION_WIDTH,
    ChannelRow,
    InstallRow,
    NodeRow,
    channel_rows,
    error_of_all,
    error_of_sweep,
    install_rows,
    problems,
)
from watcher.cli.commands.status.view import View, counts
from watcher.cli.report import reading_in_words, watched_in_words
from watcher.cli.terminal import colour, join_first, table
from watcher.model.pack import Copy
from watcher.model.version import BANNED, FLAGGED
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

NODES_SHOWN = 50
"""Nodes that a terminal gets; the others are counted."""
_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""


def lines(view: View, width: int | None = None) -> list[str]:
    """Return the summary and the tables for people; `width` is the terminal's, or None for a pipe, which gets all."""
    rows = view.rows()
    channels = channel_rows(view.state, view.channels, view.unconfirmed)
    installs = install_rows(view.state, view.installs)
    shown = _wrapped([_summary(view, rows, channels), *_overall(view, rows)], width)
    shown += _node_lines(view, [row for row in rows if view.has_line(row)], width)
    if view.only_problems:
        channels = [row for row in channels if row.undelivered]
        installs = [row for row in installs if row.error]
    if view.chosen is None:
        shown += _install_lines(view, installs, width)
        shown += _channel_lines(view, channels, width)
    return shown


def _wrapped(texts: Iterable[str], width: int | None) -> list[str]:
    """Return the lines of some texts on a terminal; elsewhere each is one line."""
    if width is None:
        return list(texts)
    return [line for text in texts for line in table((), [(text,)], width)]


def _summary(
    view: View, rows: Sequence[NodeRow], channels: Sequence[ChannelRow]
) -> str:
    """Return the line that says at a glance whether anything is wrong."""
    ok, bad = sum(row.is_ok for row in rows), sum(row.has_problem for row in rows)
    unknown = sum(row.state == UNKNOWN and not row.has_problem for row in rows)
    unchecked = len(rows) - ok - bad - unknown
    nodes = [f"{ok} ok", _style(f"{bad} with problems", "red" if bad else None)]
    if unknown:
        nodes.append(f"{unknown} unknown to the registry")
    if unchecked:
        nodes.append(f"{unchecked} not checked yet")
    parts = [", ".join(nodes), _last_poll(view)]
    if undelivered := sum(row.undelivered for row in channels):
        parts.append(_style(f"{plural(undelivered, 'alert')} undelivered", "yellow"))
    return " · ".join(parts)


def _last_poll(view: View) -> str:
    checks = view.state.checks
    if not checks.polled_at:
        return "no poll yet"
    late = view.is_late(checks.polled_at)
    text = f"last poll {view.ago(checks.polled_at)}{', which is late' if late else ''}"
    if checks.requests:
        text += f" ({reading_in_words(checks.way, checks.requests)})"
    return _style(text, "red" if late else None)


def _overall(view: View, rows: Sequence[NodeRow]) -> list[str]:
    """Return what concerns all nodes: pages that could not be read, and the counts of what globs choose."""
    found: list[str] = []
    if of_all := error_of_all(view.state):
        found.append(_style(f"the last poll could read no node pack: {of_all}", "red"))
    elif of_sweep := error_of_sweep(view.state):
        found.append(_style(of_sweep, "red"))
    if view.globs and not view.is_narrowed:
        found.append(_of_globs(view, rows))
    return found


def _of_globs(view: View, rows: Sequence[NodeRow]) -> str:
    found = counts(rows)
    found["banned as a whole"] = sum(row.state == BANNED for row in rows)
    packs, versions = (
        plural(len(rows), "node pack"),
        plural(found["versions"], "version"),
    )
    watched = watched_in_words(len(view.named or ()), view.globs)
    parts = [f"watching {watched}: {packs} with {versions}"]
    bad = (BANNED, FLAGGED, "deprecated", "banned as a whole")
    parts += [f"{name}: {found[name]:,}" for name in bad if found[name]]
    return "; ".join(parts)


def _node_lines(view: View, rows: Sequence[NodeRow], width: int | None) -> list[str]:
    """Return the table of the nodes, how many it leaves out, and why some could not be read."""
    fitting = rows if width is None else rows[:NODES_SHOWN]
    if not fitting:
        return []
    head = ["NODE", "STATE", "NEWEST", "YOU RUN", "PROBLEMS", "LAST GOOD CHECK"]
    cells = [_cells(view, row, width) for row in fitting]
    if not view.installs:
        head.remove("YOU RUN")
    notes: list[str] = []
    if more := len(rows) - len(fitting):
        notes.append(f"and {more:,} more; --node ID shows one, --json all")
    of_all = error_of_all(view.state)
    notes += [
        f"{sanitize_line(row.node)}: {row.error}"
        for row in fitting
        if row.error and row.error != of_all
    ]
    return ["", *table(head, cells, width), *_wrapped(notes, width)]


def _cells(view: View, row: NodeRow, width: int | None) -> list[str]:
    limit = None if width is None else _PROBLEMS_SHOWN
    copies = join_first([_copy(copy) for copy in row.installed], limit) or "-"
    return [
        sanitize_line(row.node),
        colour(row.state),
        sanitize_line(row.newest or "-", VERSION_WIDTH),
        *([copies] if view.installs else []),
        join_first(problems(row), limit) or "-",
        _when(view, row.checked_at),
    ]


def _copy(copy: Copy) -> str:
    """Return which version is installed where."""
    version = "unknown version"
    if copy.version is not None:
        version = sanitize_line(copy.version, VERSION_WIDTH)
    disabled = "" if copy.enabled else ", disabled"
    return f"{version} ({sanitize_line(copy.install)}{disabled})"


def _install_lines(
    view: View, rows: Sequence[InstallRow], width: int | None
) -> list[str]:
    """Return the table of the installs, and why one could not be scanned."""
    if not rows:
        return []
    cells = [
        (
            sanitize_line(row.name),
            "-" if row.packs is None else str(row.packs),
            _when(view, row.scanned_at),
            view.ago(row.failing_since) if row.failing_since else "-",
        )
        for row in rows
    ]
    head = ("INSTALL", "PACKS", "LAST GOOD SCAN", "FAILING SINCE")
    notes = [f"{row.name}: {row.error}" for row in rows if row.error]
    return ["", *table(head, cells, width), *_wrapped(notes, width)]


def _channel_lines(
    view: View, rows: Sequence[ChannelRow], width: int | None
) -> list[str]:
    """Return the table of the channels, and which alerts are aside."""
    if not rows:
        return []
    cells = [
        (
            _channel_name(row),
            str(row.undelivered),
            sanitize_line(error_in_words(row.error or "", row.may_have_arrived) or "-"),
            view.ago(row.failing_since) if row.failing_since else "-",
        )
        for row in rows
    ]
    head = ("CHANNEL", "UNDELIVERED", "LAST ERROR", "FAILING SINCE")
    notes = [
        f"{row.name}: {plural(row.aside, 'alert')} refused also in the plainest form"
        f" ({sanitize_line(row.aside_error or '')}); tried once a day until alert_expiry"
        for row in rows
        if row.aside
    ]
    return ["", *table(head, cells, width), *_wrapped(notes, width)]


def _channel_name(row: ChannelRow) -> str:
    # A queue that was set aside is already marked: only its name ends with a bracket.
    marked = row.configured or row.name.endswith(")")
    if row.unconfirmed:
        return f"{row.name} (unconfirmed)"
    return row.name if marked else f"{row.name} (no longer configured)"


def _when(view: View, moment: str | None) -> str:
    """Return how long ago something was last good; coloured where that is late."""
    if not moment:
        return "never"
    return _style(view.ago(moment), "yellow" if view.is_late(moment) else None)


def _style(text: str, fg: str | None) -> str:
    return click.style(text, fg=fg) if fg else text
