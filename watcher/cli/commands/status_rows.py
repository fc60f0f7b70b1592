"""What `status` shows, as values, and its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from watcher import durations, timestamps
from watcher.alerts.queues.queue import Queue, retry_at
from watcher.changes.exposure import copies_of, is_accepted
from watcher.changes.sweeps import at_stake, incomplete_in_words
from watcher.cli.terminal import colour
from watcher.model.exposure import Installed
from watcher.model.listing import ALL
from watcher.model.pack import Copy
from watcher.model.precedence import is_same_version
from watcher.model.snapshot import Node
from watcher.model.version import ACTIVE, BANNED, FLAGGED, Version, newest
from watcher.state.model import State
from watcher.text.sanitize import sanitize_line

UNKNOWN = "unknown"
"""The state of a pack that only an install names, and that the registry does not know: nothing to mend."""

_WORST_FIRST = (
    BANNED,
    "failing",
    "unread",
    "removed",
    FLAGGED,
    "empty",
    "deprecated",
    UNKNOWN,
    "unchecked",
    "ok",
)
"""States of nodes, and what is wrong with versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """Something bad of a node that is run, with the keys of `status --json`."""

    version: str | None
    """As it is installed; None where that is not known."""
    verdict: str
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """One watched node, with the keys of `status --json`."""

    node: str
    """Its id as it is watched."""
    state: str
    """`banned`, `failing` (and reported as such), `unread` (the last poll could not read it), `removed` (it has no
    version left), `ok`, `empty` (it never had a version), `unknown` (likewise, and only an install names it) or
    `unchecked`.
    """
    newest: str | None
    """The newest version that can be installed."""
    versions: int
    """How many versions are listed."""
    problems: tuple[Version, ...]
    """Its flagged, banned and deprecated versions."""
    checked_at: str | None
    """When it was last read (RFC 3339)."""
    error: str | None
    """Why the last poll could not read it, safe to print."""
    installed: tuple[Copy, ...] = ()
    """Where it is installed, enabled copies first."""
    exposed: tuple[Exposed, ...] = ()
    """What of it is run and bad, by version."""

    @property
    def rank(self) -> int:
        """How much it needs a person: worst is 0, then the rest in the order of `_WORST_FIRST`."""
        found = [self.state]
        # What is a problem and neither of the two is deprecated.
        found += [
            one.status if one.status in {BANNED, FLAGGED} else "deprecated"
            for one in self.problems
        ]
        found += [
            "removed" if one.verdict in {"deleted", "delisted"} else one.verdict
            for one in self.exposed
        ]
        return min(map(_WORST_FIRST.index, found))

    @property
    def is_ok(self) -> bool:
        """Whether it was read, and nothing is wrong with it, any of its versions, or what is run of it."""
        return self.state == "ok" and not self.problems and not self.exposed

    @property
    def has_problem(self) -> bool:
        """Whether something is wrong with it: not of a node that was never read, or is not the registry's."""
        return not self.is_ok and (
            self.state not in {"unchecked", UNKNOWN} or bool(self.exposed)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """When delivery is tried again (RFC 3339); None means with the next poll."""
    configured: bool
    """False for a channel that is no longer in the settings."""
    unconfirmed: bool
    """It cannot say whether a message arrived; the settings tell, so False where `configured` is."""


@dataclass(frozen=True, slots=True, kw_only=True)
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


def node_row(
    name: str,
    state: State,
    copies: tuple[Copy, ...] = (),
    exposed: tuple[Exposed, ...] = (),
) -> NodeRow:
    """Return the row of a watched node, with what is installed and exposed of it."""
    key = name.lower()
    node = state.snapshot.nodes.get(key, Node(node=name))
    failure = state.checks.health.nodes.get(key) or state.checks.health.nodes.get(ALL)
    listed = node.listed
    installable = newest(version for version in listed if version.status == ACTIVE)
    return NodeRow(
        node=name,
        state=UNKNOWN
        if key in state.checks.unknown
        else _state(node, read=failure is None),
        newest=installable.version if installable and not node.banned else None,
        versions=len(listed),
        problems=tuple(
            v for v in listed if v.status in {FLAGGED, BANNED} or v.deprecated
        ),
        checked_at=state.checks.checked.get(key),
        error=sanitize_line(failure.error) if failure else None,
        installed=copies,
        exposed=exposed,
    )


def exposed_of(installed: Installed) -> dict[str, tuple[Exposed, ...]]:
    """Return what is run and bad of each node, by its lower-case id."""
    found: dict[str, tuple[Exposed, ...]] = {}
    for key, one in sorted(installed.exposures.items()):
        node, _, text = key.partition("@")
        exposed = Exposed(
            version=text or None, verdict=one.verdict, accepted=is_accepted(one)
        )
        found[node] = (*found.get(node, ()), exposed)
    return found


def _state(node: Node, *, read: bool) -> str:
    if node.banned:
        return "banned"
    if node.failing and not (read and node.empty_since):
        return "failing"
    if not read:
        return "unread"
    if node.baseline_at:
        return "removed" if node.emptied else "ok"
    return "empty" if node.empty_since else "unchecked"


def watched(configured: Iterable[str], state: State) -> tuple[str, ...]:
    """Return the ids to show: the configured ones, then those that only the last poll watched (`check --node`)."""
    ids: dict[str, str] = {}
    for node in (*configured, *state.checks.watched):
        if node != ALL:
            ids.setdefault(node.lower(), node)
    return tuple(ids.values())


def error_of_all(state: State) -> str:
    """Return why the last poll could not read the pages of all node packs, safe to print; "" if it could."""
    failure = state.checks.health.nodes.get(ALL)
    return sanitize_line(failure.error) if failure else ""


def error_of_sweep(state: State) -> str:
    """Return why the last sweeps of globs were incomplete, safe to print; "" if the last one was not."""
    streak = state.checks.health.sweep
    if streak is None:
        return ""
    return f"{incomplete_in_words(streak)}: {sanitize_line(streak.error)}; {at_stake(state.snapshot.sweep_baseline)}"


def install_rows(state: State, installs: Iterable[str]) -> list[InstallRow]:
    """Return the rows of the configured installs, by name."""
    failures = state.checks.health.installs
    return [
        InstallRow(
            name=name,
            packs=len(state.installs[name]) if name in state.installs else None,
            scanned_at=state.checks.scanned.get(name),
            error=sanitize_line(failure.error)
            if (failure := failures.get(name))
            else None,
            failing_since=failure.since if failure else None,
        )
        for name in installs
    ]


def channel_rows(
    state: State, channels: Iterable[str], unconfirmed: Container[str] = ()
) -> list[ChannelRow]:
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
            may_have_arrived=queue.may_have_arrived,
            error=queue.error or None,
            failing_since=queue.failing_since or None,
            next_try=retry_at(queue) or None,
            configured=name in configured,
            unconfirmed=name in unconfirmed,
        )
        for name, queue in queues.items()
    ]


def problems(row: NodeRow) -> list[str]:
    """Return what is wrong with versions: first what is run and no longer listed as a version, then the newest."""
    accepted = [one.version for one in row.exposed if one.accepted and one.version]
    listed = [version.version for version in row.problems]
    unlisted = [one for one in row.exposed if not _is_among(one.version, listed)]
    return [_exposed(one) for one in unlisted] + [
        _problem(version)
        + (" (accepted)" if _is_among(version.version, accepted) else "")
        for version in reversed(row.problems)
    ]


def _is_among(version: str | None, others: Sequence[str]) -> bool:
    return version is not None and any(
        is_same_version(version, other) for other in others
    )


def _exposed(one: Exposed) -> str:
    version = "" if one.version is None else f"{sanitize_line(one.version)} "
    return f"{version}{colour(one.verdict)}{' (accepted)' if one.accepted else ''}"


def _problem(version: Version) -> str:
    words = [sanitize_line(version.version)]
    if version.status in {FLAGGED, BANNED}:
        words.append(colour(version.status))
    if version.deprecated:
        words.append(colour("deprecated"))
    return " ".join(words)


@dataclass(frozen=True, kw_only=True)
class Overview:
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

    @cached_property
    def rows(self) -> list[NodeRow]:
        """A row for every watched node, in the order of the settings."""
        copies = copies_of(self.state.installs) if self.installs else {}
        exposed = exposed_of(self.state.snapshot.installed) if self.installs else {}
        return [
            node_row(
                name,
                self.state,
                copies.get(name.lower(), ()),
                exposed.get(name.lower(), ()),
            )
            for name in self.nodes
        ]

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


def document(overview: Overview) -> dict[str, object]:
    """Return the document of `status --json`: of the nodes those to show, in the order of the settings."""
    state, rows = overview.state, overview.rows
    polled_at = state.checks.polled_at
    return {
        "polled_at": polled_at or None,
        "late": overview.is_late(polled_at) if polled_at else None,
        "reading": _reading(state),
        "summary": {
            "watched": len(rows),
            "ok": sum(row.is_ok for row in rows),
            "problems": sum(row.has_problem for row in rows),
            "unchecked": sum(row.state == "unchecked" for row in rows),
            **counts(rows),
        },
        "nodes": [
            asdict(row) | {"problems": list(map(_problem_form, row.problems))}
            for row in rows
            if overview.wants(row)
        ],
        "installs": [asdict(row) for row in install_rows(state, overview.installs)],
        "channels": [
            asdict(row)
            for row in channel_rows(state, overview.channels, overview.unconfirmed)
        ],
    }


def _problem_form(version: Version) -> dict[str, object]:
    return {
        "version": version.version,
        "version_id": version.id or None,
        "status": version.status,
        "deprecated": version.deprecated,
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
