"""What `status` prints for people: a summary line, then tables of the nodes, the installs and the channels."""

from __future__ import annotations

from collections.abc import Sequence

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
from watcher.cli.commands.status.view import NODES_SHOWN, View, counts
from watcher.cli.report import reading_in_words, watched_in_words
from watcher.cli.terminal import colour, join_first, short_time, table
from watcher.model.pack import Copy
from watcher.model.version import BANNED, FLAGGED
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_WORST_SHOWN = 10
"""Rows of a summary that the worst of the other nodes fill up."""
_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""


def lines(view: View, width: int | None = None) -> list[str]:
    """Return the summary and the tables for people; `width` is the terminal's, or None for a pipe, which gets all."""
    rows = view.rows()
    channels = channel_rows(view.state, view.channels, view.unconfirmed)
    shown = _wrapped(_summary(view, rows, channels), width)
    if view.chosen is None or view.only_problems:
        channels = [
            row for row in channels if row.undelivered or not view.only_problems
        ]
    else:
        channels = []
    of_all = error_of_all(view.state)
    if of_all:
        shown += _wrapped(
            click.style(f"the last poll could read no node pack: {of_all}", fg="red"),
            width,
        )
    elif of_sweep := error_of_sweep(view.state):
        shown += _wrapped(click.style(of_sweep, fg="red"), width)
    if view.summarises:
        shown += _wrapped(_of_all(view, rows), width)
    wanted = [row for row in rows if view.shows(row)]
    if view.summarises:
        others = [row for row in rows if row.problems and not view.shows(row)]
        wanted = sorted(
            wanted + others[: max(_WORST_SHOWN - len(wanted), 0)],
            key=lambda row: row.rank,
        )
    is_cut = view.summarises or (width is not None and view.chosen is None)
    fitting = _fitting(wanted) if is_cut else wanted
    if fitting:
        head = (
            "NODE",
            "STATE",
            "NEWEST",
            *(["YOU RUN"] if view.installs else []),
            "PROBLEMS",
            "LAST GOOD CHECK",
        )
        limit = None if width is None else _PROBLEMS_SHOWN
        shown += [
            "",
            *table(
                head,
                [_cells(view, row, limit, whole=width is None) for row in fitting],
                width,
            ),
        ]
    if view.summarises:
        more = sum(row.has_problem for row in rows) - sum(
            row.has_problem for row in fitting
        )
        many = f"and {more:,} more" if fitting else f"{more:,}"
        said = f"{many} with problems; --problems shows them, --node ID one, --json all"
    else:
        more = len(wanted) - len(fitting)
        said = f"and {plural(more, 'more node')}; --node ID shows one, --json all"
    shown += _wrapped(said, width) if more else []
    shown += [
        line
        for row in fitting
        if row.error and row.error != of_all
        for line in _wrapped(f"{sanitize_line(row.node)}: {row.error}", width)
    ]
    shown += _install_lines(view, width)
    if channels:
        cells = [_channel_cells(view, row, whole=width is None) for row in channels]
        shown += [
            "",
            *table(
                ("CHANNEL", "UNDELIVERED", "LAST ERROR", "FAILING SINCE"), cells, width
            ),
        ]
        shown += [
            line
            for row in channels
            if row.aside
            for line in _wrapped(_aside(row), width)
        ]
    return shown


def _install_lines(view: View, width: int | None) -> list[str]:
    """Return the table of the installs, and why one could not be scanned."""
    rows = install_rows(view.state, view.installs)
    rows = (
        [row for row in rows if row.error or not view.only_problems]
        if view.chosen is None
        else []
    )
    if not rows:
        return []
    cells = [_install_cells(view, row, whole=width is None) for row in rows]
    shown = [
        "",
        *table(("INSTALL", "PACKS", "LAST GOOD SCAN", "FAILING SINCE"), cells, width),
    ]
    return shown + [
        line
        for row in rows
        if row.error
        for line in _wrapped(f"{row.name}: {row.error}", width)
    ]


def _wrapped(line: str, width: int | None) -> list[str]:
    """Return the lines of a text on a terminal; elsewhere it is one line."""
    return [line] if width is None else table((), [(line,)], width)


def _summary(
    view: View, rows: Sequence[NodeRow], channels: Sequence[ChannelRow]
) -> str:
    """Return the line that says at a glance whether anything is wrong."""
    ok, problems = sum(row.is_ok for row in rows), sum(row.has_problem for row in rows)
    unknown = sum(row.state == UNKNOWN and not row.has_problem for row in rows)
    unchecked = len(rows) - ok - problems - unknown
    said = f"{problems} with problems"
    nodes = [f"{ok} ok", click.style(said, fg="red") if problems else said]
    nodes += [f"{unknown} unknown to the registry"] if unknown else []
    nodes += [f"{unchecked} not checked yet"] if unchecked else []
    parts = [", ".join(nodes)]
    checks = view.state.checks
    if polled_at := checks.polled_at:
        late = view.is_late(polled_at)
        said = f"last poll {view.ago(polled_at)}{', which is late' if late else ''}"
        said += (
            f" ({reading_in_words(checks.way, checks.requests)})"
            if checks.requests
            else ""
        )
        parts.append(click.style(said, fg="red") if late else said)
    else:
        parts.append("no poll yet")
    if undelivered := sum(row.undelivered for row in channels):
        parts.append(
            click.style(f"{plural(undelivered, 'alert')} undelivered", fg="yellow")
        )
    return " · ".join(parts)


def _of_all(view: View, rows: Sequence[NodeRow]) -> str:
    """Return the line that sums up what globs choose."""
    found = counts(rows)
    listed = (
        f"{_many(len(rows), 'node pack')} with {_many(found['versions'], 'version')}"
    )
    whole = sum(row.state == BANNED for row in rows)
    parts = [
        f"watching {watched_in_words(len(view.named or ()), view.globs)}: {listed}"
        if view.globs
        else listed
    ]
    parts += [
        f"{name}: {number:,}"
        for name in (BANNED, FLAGGED, "deprecated")
        if (number := found[name])
    ]
    parts += [f"banned as a whole: {whole:,}"] if whole else []
    return "; ".join(parts)


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _fitting(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """Return the rows that a terminal gets; of many, more of those with problems, which are the first."""
    if len(rows) <= NODES_SHOWN:
        return list(rows)
    bad = [row for row in rows if row.has_problem]
    fine = [row for row in rows if not row.has_problem]
    return bad[:NODES_SHOWN] + fine[: NODES_SHOWN // 5]


def _cells(
    view: View, row: NodeRow, limit: int | None, *, whole: bool
) -> tuple[str, ...]:
    return (
        sanitize_line(row.node),
        colour(row.state),
        sanitize_line(row.newest or "-", VERSION_WIDTH),
        *(
            [join_first([_copy(copy) for copy in row.installed], limit) or "-"]
            if view.installs
            else []
        ),
        join_first(problems(row), limit) or "-",
        _when(view, row.checked_at, "never", whole=whole, late=True),
    )


def _copy(copy: Copy) -> str:
    """Return which version is installed where."""
    version = (
        "unknown version"
        if copy.version is None
        else sanitize_line(copy.version, VERSION_WIDTH)
    )
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
        sanitize_line(error_in_words(row.error or "", row.may_have_arrived) or "-"),
        _when(view, row.failing_since, "-", whole=whole),
    )


def _when(
    view: View, moment: str | None, otherwise: str, *, whole: bool, late: bool = False
) -> str:
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
    if row.unconfirmed:
        return f"{row.name} (unconfirmed)"
    return row.name if marked else f"{row.name} (no longer configured)"
