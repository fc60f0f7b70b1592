"""`status`: how every watched node, install and channel stands, read from the state folder alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from watcher.alerts.queues.queue import error_in_words
from watcher.changes.exposure import copies_of
from watcher.cli.commands.health import usual_age
from watcher.cli.commands.status_rows import (
    UNKNOWN,
    ChannelRow,
    InstallRow,
    NodeRow,
    Overview,
    channel_rows,
    counts,
    document,
    error_of_all,
    error_of_sweep,
    install_rows,
    problems,
    watched,
)
from watcher.cli.loading import existing_state
from watcher.cli.options import read
from watcher.cli.report import reading_in_words, watched_in_words
from watcher.cli.terminal import colour, echo, join_first, table, to_json, wrap
from watcher.delivery.confirming import protocol_without_answers
from watcher.errors import UsageError
from watcher.model.pack import Copy
from watcher.model.version import BANNED, FLAGGED
from watcher.polling.clock import clock
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

NODES_SHOWN = 50
"""Nodes that a terminal gets; the others are counted."""
_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""


def show(
    loaded: Loaded, only: Sequence[str], *, only_problems: bool, as_json: bool
) -> None:
    """Print how the watched nodes and the channels stand; `only` are the ids to show, none: all."""
    settings = loaded.settings
    state = existing_state(loaded).load()
    chosen, installs = settings.selection(), copies_of(state.installs)
    nodes = watched(chosen.names, state)
    named = frozenset(map(str.lower, chosen.names)) | installs.keys()
    overview = Overview(
        state=state,
        nodes=nodes,
        globs=chosen.globs,
        named=named if named or chosen.globs else None,
        channels=[channel.name for channel in settings.all_channels()],
        unconfirmed=frozenset(
            one.name
            for one in settings.all_channels()
            if protocol_without_answers(one.url)
        ),
        installs=[source.name for source in settings.all_installs()],
        now=clock(),
        max_age=usual_age(state, settings.interval),
        chosen=_ids_of(only, nodes) if only else None,
        only_problems=only_problems,
    )
    if as_json:
        echo(to_json(document(overview)))
    elif not overview.nodes and not overview.globs:
        echo(
            "Nothing is watched yet. Add node packs to the settings, or try `comfy-watch check --node ID`."
        )
    else:
        for line in lines(overview, width(sys.stdout)):
            echo(line)


def _ids_of(nodes: Sequence[str], known: Sequence[str]) -> frozenset[str]:
    """Return the ids of `--node`; UsageError for one that is not watched."""
    chosen = read("--node", node_ids.read, list(nodes))
    watched_ids = {node.lower() for node in known}
    if missing := [node for node in chosen if node.lower() not in watched_ids]:
        raise UsageError(
            f"not watched: {', '.join(missing)}",
            hint="comfy-watch status --json has all that are",
        )
    return frozenset(node.lower() for node in chosen)


def lines(overview: Overview, width: int | None = None) -> list[str]:
    """Return the summary and the tables for people; `width` is the terminal's, or None for a pipe, which gets all."""
    rows = overview.rows
    channels = channel_rows(overview.state, overview.channels, overview.unconfirmed)
    installs = install_rows(overview.state, overview.installs)
    summary = [_summary(overview, rows, channels), *_overall(overview, rows)]
    text = _wrapped(summary, width)
    text += _node_lines(overview, filter(overview.has_line, rows), width)
    if overview.only_problems:
        channels = [row for row in channels if row.undelivered]
        installs = [row for row in installs if row.error]
    if overview.chosen is None:
        text += _install_lines(overview, installs, width)
        text += _channel_lines(overview, channels, width)
    return text


def _wrapped(texts: Iterable[str], width: int | None) -> list[str]:
    return [line for text in texts for line in wrap(text, width)]


def _section(
    head: Sequence[str],
    cells: Sequence[Sequence[str]],
    notes: Iterable[str],
    width: int | None,
) -> list[str]:
    """Return a table and the notes below it; nothing without a row."""
    if not cells:
        return []
    return ["", *table(head, cells, width), *_wrapped(notes, width)]


def _summary(
    overview: Overview, rows: Sequence[NodeRow], channels: Sequence[ChannelRow]
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
    parts = [", ".join(nodes), _last_poll(overview)]
    if undelivered := sum(row.undelivered for row in channels):
        parts.append(_style(f"{plural(undelivered, 'alert')} undelivered", "yellow"))
    return " · ".join(parts)


def _last_poll(overview: Overview) -> str:
    checks = overview.state.checks
    if not checks.polled_at:
        return "no poll yet"
    late = overview.is_late(checks.polled_at)
    text = (
        f"last poll {overview.ago(checks.polled_at)}{', which is late' if late else ''}"
    )
    if checks.requests:
        text += f" ({reading_in_words(checks.way, checks.requests)})"
    return _style(text, "red" if late else None)


def _overall(overview: Overview, rows: Sequence[NodeRow]) -> list[str]:
    """Return what concerns all nodes: pages that could not be read, and the counts of what globs choose."""
    found: list[str] = []
    if of_all := error_of_all(overview.state):
        found.append(_style(f"the last poll could read no node pack: {of_all}", "red"))
    elif of_sweep := error_of_sweep(overview.state):
        found.append(_style(of_sweep, "red"))
    if overview.globs and not overview.is_narrowed:
        found.append(_of_globs(overview, rows))
    return found


def _of_globs(overview: Overview, rows: Sequence[NodeRow]) -> str:
    found = counts(rows)
    found["banned as a whole"] = sum(row.state == BANNED for row in rows)
    packs, versions = (
        plural(len(rows), "node pack"),
        plural(found["versions"], "version"),
    )
    watched = watched_in_words(len(overview.named or ()), overview.globs)
    parts = [f"watching {watched}: {packs} with {versions}"]
    bad = (BANNED, FLAGGED, "deprecated", "banned as a whole")
    parts += [f"{name}: {found[name]:,}" for name in bad if found[name]]
    return "; ".join(parts)


def _node_lines(
    overview: Overview, rows: Iterable[NodeRow], width: int | None
) -> list[str]:
    """Return the table of the nodes, worst first, how many it leaves out, and why some could not be read."""
    by_rank = sorted(rows, key=lambda row: row.rank)
    fitting = by_rank if width is None else by_rank[:NODES_SHOWN]
    head = ["NODE", "STATE", "NEWEST", "YOU RUN", "PROBLEMS", "LAST GOOD CHECK"]
    cells = [_cells(overview, row, width) for row in fitting]
    if not overview.installs:
        head.remove("YOU RUN")
    notes: list[str] = []
    if more := len(by_rank) - len(fitting):
        notes.append(f"and {more:,} more; --node ID shows one, --json all")
    of_all = error_of_all(overview.state)
    notes += [
        f"{sanitize_line(row.node)}: {row.error}"
        for row in fitting
        if row.error and row.error != of_all
    ]
    return _section(head, cells, notes, width)


def _cells(overview: Overview, row: NodeRow, width: int | None) -> list[str]:
    limit = None if width is None else _PROBLEMS_SHOWN
    copies = join_first([_copy(copy) for copy in row.installed], limit) or "-"
    return [
        sanitize_line(row.node),
        colour(row.state),
        sanitize_line(row.newest or "-"),
        *([copies] if overview.installs else []),
        join_first(problems(row), limit) or "-",
        _when(overview, row.checked_at),
    ]


def _copy(copy: Copy) -> str:
    """Return which version is installed where."""
    version = "unknown version"
    if copy.version is not None:
        version = sanitize_line(copy.version)
    disabled = "" if copy.enabled else ", disabled"
    return f"{version} ({sanitize_line(copy.install)}{disabled})"


def _install_lines(
    overview: Overview, rows: Sequence[InstallRow], width: int | None
) -> list[str]:
    """Return the table of the installs, and why one could not be scanned."""
    cells = [
        (
            sanitize_line(row.name),
            "-" if row.packs is None else str(row.packs),
            _when(overview, row.scanned_at),
            overview.ago(row.failing_since) if row.failing_since else "-",
        )
        for row in rows
    ]
    head = ("INSTALL", "PACKS", "LAST GOOD SCAN", "FAILING SINCE")
    notes = [f"{row.name}: {row.error}" for row in rows if row.error]
    return _section(head, cells, notes, width)


def _channel_lines(
    overview: Overview, rows: Sequence[ChannelRow], width: int | None
) -> list[str]:
    """Return the table of the channels, and which alerts are aside."""
    cells = [
        (
            _channel_name(row),
            str(row.undelivered),
            sanitize_line(error_in_words(row.error or "", row.may_have_arrived) or "-"),
            overview.ago(row.failing_since) if row.failing_since else "-",
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
    return _section(head, cells, notes, width)


def _channel_name(row: ChannelRow) -> str:
    # A queue that was set aside is already marked: only its name ends with a bracket.
    marked = row.configured or row.name.endswith(")")
    if row.unconfirmed:
        return f"{row.name} (unconfirmed)"
    return row.name if marked else f"{row.name} (no longer configured)"


def _when(overview: Overview, moment: str | None) -> str:
    """Return how long ago something was last good; coloured where that is late."""
    if not moment:
        return "never"
    return _style(overview.ago(moment), "yellow" if overview.is_late(moment) else None)


def _style(text: str, fg: str | None) -> str:
    return click.style(text, fg=fg) if fg else text
