"""`status`: how every watched node, install and channel stands, read from the state folder alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

from watcher import durations, timestamps
from watcher.alerts.advice import STOP_IN_SHORT
from watcher.alerts.payload import CopyForm
from watcher.alerts.queues.queue import (
    Queue,
    error_in_words,
    next_try,
    try_in_words,
)
from watcher.changes.exposure import copies_of
from watcher.cli.commands.health import last_poll, usual_age
from watcher.cli.loading import existing_state
from watcher.cli.report import COLOURS
from watcher.cli.terminal import (
    and_more,
    colour,
    columns,
    counted,
    dim,
    join_first,
    show,
    styled,
    table,
)
from watcher.delivery.confirming import protocol_without_answers
from watcher.errors import UsageError
from watcher.model.event import About, Grade, grade_of
from watcher.model.reading import ALL
from watcher.model.version import BANNED
from watcher.polling.clock import clock
from watcher.settings.loading import Loaded
from watcher.state.model import State, names
from watcher.state.overview import (
    NodeRow,
    by_state,
    node_rows,
    watched,
)
from watcher.text.sanitize import escape_invisible, plural, sanitize_line
from watcher.values import frozen

NODES_SHOWN = 50
"""Nodes that a terminal gets; the others are counted."""
_GLOBS = 5
"""Globs that are shown; the others are counted."""
_PROBLEMS_SHOWN = 3
"""Problems of a node that a terminal gets; the others are counted."""


@frozen
class ChannelRow:
    """One channel and its undelivered alerts, with the keys of `status --json`."""

    name: str
    undelivered: int
    aside: int
    """How many of them are in messages that the service refused even in their plainest form."""
    aside_error: str | None
    """Why, for the newest of them."""
    may_have_arrived: int
    """How many of them are in messages that went out without an answer."""
    error: str | None
    """Why the last delivery failed."""
    failing_since: str | None
    """When the first delivery failed since an alert was taken (RFC 3339)."""
    next_try: str | None
    """When the first of them is tried again (RFC 3339), "" with the next poll; None if none is."""
    configured: bool
    """False for a channel that is no longer in the settings."""
    unconfirmed: bool
    """It cannot say whether a message arrived; the settings tell, so False where `configured` is."""


@frozen
class InstallRow:
    """One ComfyUI, with the keys of `status --json`."""

    name: str
    packs: int | None
    """How many the last good scan found; None while there was none."""
    scanned_at: str | None
    """When it was last scanned without a failure (RFC 3339)."""
    error: str | None
    """Why the last poll could not scan it, or not all of it; safe to print."""
    failing_since: str | None
    """When the first scan failed since a good one (RFC 3339)."""


def install_rows(state: State, installs: Mapping[str, str]) -> list[InstallRow]:
    """Return the rows of the configured installs, which are given as names by what the state knows them by."""
    failures = state.checks.streaks.get(About.INSTALL, {})
    return [
        InstallRow(
            name=name,
            packs=len(state.installs[key]) if key in state.installs else None,
            scanned_at=state.checks.scanned.get(key),
            # The words of a scan are this program's, with names of files to find.
            error=escape_invisible(failure.error)
            if (failure := failures.get(key))
            else None,
            failing_since=failure.since if failure else None,
        )
        for key, name in installs.items()
    ]


def channel_rows(state: State, channels: Mapping[str, bool]) -> list[ChannelRow]:
    """Return the rows of the configured channels, then of removed ones that have undelivered alerts.

    `channels` says of each name whether what it gets is unconfirmed.
    """
    # A configured channel has a row also when nothing waits for it: that says that it works.
    queues = dict.fromkeys(channels, Queue()) | dict(
        sorted(state.outbox.queues.items())
    )
    return [
        ChannelRow(
            name=name,
            undelivered=queue.alerts,
            aside=sum(len(message.events) for message in queue.aside),
            aside_error=queue.aside[-1].error if queue.aside else None,
            may_have_arrived=queue.may_have_arrived,
            error=queue.error or None,
            failing_since=queue.failing_since or None,
            # Nothing is sent to a channel that is not configured, so it has no next try.
            next_try=next_try(queue) if name in channels and queue.messages else None,
            configured=name in channels,
            unconfirmed=channels.get(name, False),
        )
        for name, queue in queues.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is shown: a state as the settings and the clock see it."""

    state: State
    nodes: Sequence[str]
    """The watched ids."""
    globs: Sequence[str] = ()
    """Globs of the settings, which choose others than those that are named."""
    named: frozenset[str] = frozenset()
    """Lower-case ids of the nodes that the settings name, or an install has."""
    channels: Mapping[str, bool] = field(default_factory=dict)
    """The configured channels, and whether what each gets is unconfirmed."""
    publishers: Sequence[str] = ()
    """Ids of the configured publishers."""
    installs: Mapping[str, str] = field(default_factory=dict)
    """Names of the configured installs, by what the state knows them by."""
    now: str
    max_age: float
    """Seconds after which a poll or a check is late."""
    chosen: frozenset[str] = frozenset()
    """Lower-case ids of the nodes to show; empty for all."""
    only_problems: bool = False

    @cached_property
    def rows(self) -> list[NodeRow]:
        """A row for every watched node, in the order of the settings."""
        return node_rows(self.nodes, self.state, self.installs)

    def wants(self, row: NodeRow) -> bool:
        """Return whether a node was asked for."""
        # Ids are the same in any case.
        chosen = not self.chosen or row.node.lower() in self.chosen
        return chosen and (row.has_problem or not self.only_problems)

    def has_line(self, row: NodeRow) -> bool:
        """Return whether the table has a row for the node: of those that only globs choose, for its own problem."""
        key = row.node.lower()
        # Of ten thousand packs that `*` chooses nobody reads a row each; what somebody named is always there.
        if not self.globs or {key} & (self.named | self.chosen):
            return self.wants(row)
        # That the whole registry cannot be read is one line above the table.
        streaks = self.state.checks.streaks.get(About.NODE, {})
        is_its_own = row.state is not Grade.UNREAD or key in streaks
        return self.wants(row) and row.has_problem and is_its_own

    def age(self, moment: str) -> float:
        """Return how long ago a moment was, in seconds."""
        return timestamps.seconds_between(moment, self.now)

    def ago(self, moment: str | None) -> str:
        """Return how long ago a moment was."""
        return "never" if moment is None else durations.ago(self.age(moment))


def errors(overview: Overview) -> Iterator[str]:
    """Yield what could not be read of the registry as a whole or of a publisher, safe to print."""
    state, streaks = overview.state, overview.state.checks.streaks
    if page_1 := streaks.get(About.NODE, {}).get(ALL):
        yield f"the registry could not be read: {page_1.in_words}"
    for streak in streaks.get(About.REGISTRY, {}).values():
        yield streak.in_words
    for name in overview.publishers:
        known = state.snapshot.publishers.get(name.lower())
        # Before the first list nothing is known of a publisher, so nothing is odd about it.
        if known and known.baseline_at and not known.packs:
            yield f"publisher {sanitize_line(name)}: it has no node packs; is the id right?"


def document(overview: Overview) -> dict[str, object]:
    """Return the document of `status --json`: of the nodes those to show, in the order of the settings."""
    state, rows = overview.state, overview.rows
    polled_at = state.checks.polled_at
    return {
        "polled_at": polled_at or None,
        # Null, and not true, before the first poll: `polled_at` says that.
        "late": overview.age(polled_at) > overview.max_age if polled_at else None,
        "summary": {"watched": len(rows), "states": by_state(rows)},
        "errors": [*errors(overview)],
        "nodes": [_node_form(row) for row in rows if overview.wants(row)],
        "installs": install_rows(state, overview.installs),
        "channels": channel_rows(state, overview.channels),
    }


def _node_form(row: NodeRow) -> dict[str, object]:
    problems = [
        {
            "version": one.version,
            "version_id": one.id or None,
            "status": one.status,
            "deprecated": one.deprecated,
        }
        for one in row.problems
    ]
    run = tuple(
        {
            "version": one.version,
            "verdict": one.grade.verdict,
            "accepted": one.accepted,
        }
        for one in row.run
    )
    return asdict(row) | {"problems": problems, "run": run}


def status(
    *,
    loaded: Loaded,
    nodes: Sequence[str],
    only_problems: bool,
    as_json: bool,
) -> int:
    """Print how the watched nodes and the channels stand; `nodes` are the ids to show, none: all."""
    known = loaded.settings
    state = existing_state(loaded).load()
    chosen = known.selection()
    installs = names(known.all_installs(), state.snapshot.installed.salt)
    watched_nodes = watched(chosen.names, state)
    overview = Overview(
        state=state,
        nodes=watched_nodes,
        globs=chosen.globs if chosen.chooses else (),
        named=frozenset(
            {
                *map(str.lower, chosen.names),
                *map(str.lower, state.snapshot.packs_of(known.publishers)),
                # What is installed is the reason to watch it, whatever glob chooses it too.
                *copies_of({key: state.installs.get(key, ()) for key in installs}),
            }
        ),
        channels={
            # Only the URL tells, and it is not in the state, which has no secrets.
            one.name: bool(protocol_without_answers(one.url))
            for one in known.all_channels()
        },
        publishers=known.publishers,
        installs=installs,
        now=clock(),
        max_age=usual_age(state, known.interval),
        chosen=_ids_of(nodes, watched_nodes),
        only_problems=only_problems,
    )
    show(document(overview) if as_json else lines(overview, columns()))
    return 0


def _ids_of(nodes: Sequence[str], known: Sequence[str]) -> frozenset[str]:
    """Return the ids of `--node`; UsageError for one that is not watched."""
    chosen = {node.lower(): node for node in nodes}
    # A typing error must not look like a pack without problems.
    if missing := chosen.keys() - set(map(str.lower, known)):
        names = [chosen[key] for key in sorted(missing)]
        raise UsageError(
            f"not watched: {', '.join(names)}",
            "comfy-watch status --json has all that are",
        )
    return frozenset(chosen)


def lines(overview: Overview, width: int | None = None) -> list[str]:
    """Return the summary and the tables for people; `width` is the terminal's, or None for a pipe, which gets all."""
    rows = overview.rows
    channels = channel_rows(overview.state, overview.channels)
    installs = install_rows(overview.state, overview.installs)
    text = [_summary(overview, installs, channels)]
    text += [styled(error, "red") for error in errors(overview)]
    if overview.globs:
        globs = join_first([*map(sanitize_line, overview.globs)], _GLOBS)
        text.append(f"watching {globs}: {plural(len(rows), 'node pack')}")
    text += _node_table(overview, filter(overview.has_line, rows), width)
    # Who asks for one pack does not ask how channels and installs do.
    if overview.chosen:
        return text
    if overview.only_problems:
        channels = [row for row in channels if row.undelivered or row.failing_since]
        installs = [row for row in installs if row.error]
    of_installs = [
        (
            sanitize_line(row.name),
            "-" if row.packs is None else str(row.packs),
            overview.ago(row.scanned_at),
            _failing(overview, row.failing_since, row.error or "") or "-",
        )
        for row in installs
    ]
    of_channels = [
        (
            f"{row.name} (unconfirmed)" if row.unconfirmed else row.name,
            str(row.undelivered),
            "-" if row.next_try is None else try_in_words(row.next_try, overview.now),
            _channel_problem(overview, row),
        )
        for row in channels
    ]
    return [
        *text,
        *_section(("INSTALL", "PACKS", "SCANNED", "PROBLEM"), of_installs, width),
        *_section(
            ("CHANNEL", "UNDELIVERED", "NEXT TRY", "PROBLEM"), of_channels, width
        ),
    ]


def _section(
    head: Sequence[str], cells: Sequence[Sequence[str]], width: int | None
) -> list[str]:
    """Return a table; nothing without a row."""
    return ["", *table(head, cells, width)] if cells else []


def _summary(
    overview: Overview, installs: Iterable[InstallRow], channels: Iterable[ChannelRow]
) -> str:
    """Return the line that says at a glance how all stand, and whether anything fails."""
    found = by_state(overview.rows)
    # How many are fine is said also where that is none; of the others only those that there are.
    nodes = [f"{found.pop(Grade.OK):,} ok"]
    nodes += [
        styled(f"{count:,} {state.in_words}", COLOURS[state.severity])
        for state, count in found.items()
        if count
    ]
    is_recent, polled = last_poll(overview.state, overview.max_age, overview.now)
    odd = counted(
        (sum(bool(row.failing_since) for row in installs), "install", "failing"),
        (sum(bool(row.failing_since) for row in channels), "channel", "failing"),
        (sum(row.undelivered for row in channels), "alert", "undelivered"),
    )
    parts = [styled(polled, None if is_recent else "red")]
    parts += [styled(one, "yellow") for one in odd]
    return " · ".join([", ".join(nodes), *parts])


def _node_table(
    overview: Overview, rows: Iterable[NodeRow], width: int | None
) -> list[str]:
    """Return the table of the nodes, worst first and in that what is run, and how many it leaves out."""
    # Sorting is stable: among equals the order of the settings stays.
    by_rank = sorted(rows, key=lambda row: row.place)
    # A pipe gets all, since a script or grep looks for one.
    fitting = by_rank if width is None else by_rank[:NODES_SHOWN]
    head = ("PACK", "STATE", "NEWEST", "YOU RUN", "CHECKED", "PROBLEMS")
    cells = [_cells(overview, row, width) for row in fitting]
    found = _section(head, cells, width)
    more = len(by_rank) - len(fitting)
    return found + and_more(more, "more pack", "--node ID shows one, --json all")


def _cells(overview: Overview, row: NodeRow, width: int | None) -> list[str]:
    limit = None if width is None else _PROBLEMS_SHOWN
    copies = [_copy(copy, overview.installs) for copy in row.installed]
    # Code of a banned pack may be running: what to do stands beside the fact.
    advice = STOP_IN_SHORT if row.runs is Grade.BANNED else ""
    problems = filter(None, (join_first(_problems(row), limit), row.error, advice))
    return [
        sanitize_line(row.node),
        _state_cell(row),
        sanitize_line(row.newest or "-"),
        join_first(copies, limit) or "-",
        overview.ago(row.checked_at),
        "; ".join(problems) or "-",
    ]


def _state_cell(row: NodeRow) -> str:
    """Return how it stands, and whether that is because of what is run."""
    words = row.state.in_words
    if row.state is Grade.OK:
        return colour(words)
    # A ban of what is run needs somebody today; one of another version does not.
    is_run = row.runs_bad and row.state is row.runs
    return styled(f"runs {words}" if is_run else words, COLOURS[row.state.severity])


def _problems(row: NodeRow) -> list[str]:
    """Return what is wrong with versions: first what is run, then the newest."""
    found = [_problem(one.version, one.grade, accepted=one.accepted) for one in row.run]
    # The verdict on a copy says more than the status of its version: it counts findings and acceptances.
    others = [one for one in reversed(row.problems) if not row.run_as(one)]
    for one in others:
        grade = grade_of(one.status, deprecated=one.deprecated)
        found.append(_problem(one.version, grade))
    is_version = any(problem.status == BANNED for problem in row.problems)
    if row.state is Grade.BANNED and not (is_version or row.runs_bad):
        found.insert(0, f"the whole pack {colour(BANNED)}")
    return found


def _problem(version: str | None, grade: Grade, *, accepted: bool = False) -> str:
    # Why nothing is known of a copy is no fact of the state: it takes a look at the registry.
    mark = " (audit says why)" if grade is Grade.UNKNOWN else ""
    mark = " (accepted)" if accepted else mark
    return f"{sanitize_line(version or '')} {colour(grade.in_words)}{mark}".lstrip()


def _copy(copy: CopyForm, installs: Collection[str]) -> str:
    """Return which version is installed; and where, if that may be in several places."""
    version = "unknown version"
    if copy.version is not None:
        version = sanitize_line(copy.version)
    # With one install the place is known.
    notes = [sanitize_line(copy.install)] if len(installs) > 1 else []
    if not copy.enabled:
        notes.append("disabled")
    return f"{version} {dim('(' + ', '.join(notes) + ')')}" if notes else version


def _failing(overview: Overview, since: str | None, error: str) -> str:
    """Return why something fails, and for how long if a streak has begun; "" if it does not."""
    if since is None:
        return error
    lasting = durations.in_words(overview.age(since))
    return f"{styled(f'failing for {lasting}', 'yellow')}: {error}"


def _channel_problem(overview: Overview, row: ChannelRow) -> str:
    """Return why its alerts are undelivered; "-" where there is no problem."""
    error = sanitize_line(error_in_words(row.error or "", row.may_have_arrived))
    found = [_failing(overview, row.failing_since, error)]
    if row.aside:
        why = sanitize_line(row.aside_error or "")
        refused = f"{plural(row.aside, 'alert')} refused also in the plainest form"
        found.append(f"{refused} ({why}); tried until alert_expiry")
    if row.undelivered and not row.configured:
        found.append("not configured: kept until its URL is back or alert_expiry")
    return "; ".join(filter(None, found)) or "-"
