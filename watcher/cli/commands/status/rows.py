"""What `status` shows of a node and of a channel, as values. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from watcher.alerts.queues.queue import Queue, retry_at
from watcher.changes.exposure import is_accepted
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

VERSION_WIDTH = 100
"""Characters shown of a version."""

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
        found = {
            self.state,
            *({version.status for version in self.problems} & {BANNED, FLAGGED}),
        }
        found |= {"deprecated"} if self.problems else set()
        found |= {
            "removed" if one.verdict in {"deleted", "delisted"} else one.verdict
            for one in self.exposed
        }
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
    copies: Mapping[str, tuple[Copy, ...]] = MappingProxyType({}),
    exposed: Mapping[str, tuple[Exposed, ...]] = MappingProxyType({}),
) -> NodeRow:
    """Return the row of a watched node; `copies` and `exposed` are those of all nodes, by lower-case id."""
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
        installed=copies.get(key, ()),
        exposed=exposed.get(key, ()),
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
        ids.setdefault(node.lower(), node)
    ids.pop(ALL, None)
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
    version = (
        "" if one.version is None else f"{sanitize_line(one.version, VERSION_WIDTH)} "
    )
    return f"{version}{colour(one.verdict)}{' (accepted)' if one.accepted else ''}"


def _problem(version: Version) -> str:
    status = version.status if version.status in {FLAGGED, BANNED} else ""
    words = [
        colour(word)
        for word in (status, "deprecated" if version.deprecated else "")
        if word
    ]
    return " ".join([sanitize_line(version.version, VERSION_WIDTH), *words])
