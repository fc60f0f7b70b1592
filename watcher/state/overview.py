"""How every watched node stands, from the state alone: what `status` and the published files show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from watcher.changes.exposure import copies_of
from watcher.changes.facts import safe_version
from watcher.changes.health import FailureStreak
from watcher.model import finding
from watcher.model.event_form import CopyForm, copy_forms
from watcher.model.exposure import BadCopy
from watcher.model.listing import ALL
from watcher.model.pack import Copy
from watcher.model.precedence import is_newer, is_same_version
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    FLAGGED,
    MinimumAge,
    Version,
    newest,
)
from watcher.state.model import State
from watcher.text.sanitize import Trusted, safe_line

UNKNOWN = "unknown"
"""The state of a pack that only an install names, and that the registry does not know: nothing to mend."""

STATES = (BANNED, "failing", "unread", "removed", "ok", "empty", UNKNOWN, "unchecked")
"""What `NodeRow.state` may be."""

_WORST_FIRST = (
    BANNED,
    "failing",
    "unread",
    "removed",
    "deleted",
    "delisted",
    FLAGGED,
    "empty",
    "deprecated",
    UNKNOWN,
    "outdated",
    "unchecked",
    "ok",
)
"""States of nodes, and what is wrong with versions and with copies."""
_WELL = {"ok", "outdated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """Something bad of a node that is run."""

    version: str | None
    """As it is installed; None where that is not known."""
    grade: finding.Grade
    accepted: bool
    """All that is bad of it is accepted, so that it is not reported."""


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
    """Why the last poll could not read it, or doubted its id; safe to print."""
    installed: tuple[CopyForm, ...]
    """Where it is installed, enabled copies first."""
    outdated: bool
    """Whether a version that is run is older than the newest good one."""
    exposed: tuple[Exposed, ...]
    """What of it is run and bad, by version."""

    @property
    def worst(self) -> str:
        """The worst of its state, its versions and what is run of it, in the words of `_WORST_FIRST`."""
        wrong = ["ok" if self.has_no_version_yet else self.state]
        for version in self.problems:
            is_bad = version.status in {BANNED, FLAGGED}
            wrong.append(version.status if is_bad else "deprecated")
        wrong += [one.grade.verdict for one in self.exposed]
        if self.outdated:
            wrong.append("outdated")
        return min(wrong, key=_WORST_FIRST.index)

    @property
    def rank(self) -> int:
        """How much it needs a person: worst is 0."""
        return _WORST_FIRST.index(self.worst)

    @property
    def run(self) -> finding.Grade:
        """The worst that is run of it and not accepted."""
        grades = [one.grade for one in self.exposed if not one.accepted]
        return min(grades, key=finding.rank, default=finding.Grade.OK)

    def exposed_as(self, version: Version) -> list[Exposed]:
        """Return what is run and bad that has the number of a listed version."""
        return [
            one
            for one in self.exposed
            if one.version is not None and is_same_version(one.version, version.version)
        ]

    @property
    def is_ok(self) -> bool:
        """Whether it was read, and nothing is wrong with it, any of its versions, or what is run of it."""
        return self.worst in _WELL

    @property
    def has_no_version_yet(self) -> bool:
        """Whether it is empty and its id is not in doubt, since a publisher has it."""
        return self.state == "empty" and self.error is None

    @property
    def has_problem(self) -> bool:
        """Whether something is wrong with it: not of a node that was never read, or is not the registry's."""
        return self.worst not in {*_WELL, UNKNOWN, "unchecked"}


def node_rows(
    nodes: Iterable[str],
    state: State,
    minimum_age: MinimumAge,
    *,
    with_installs: bool = True,
) -> list[NodeRow]:
    """Return a row for each of some watched nodes, in their order; without installs as if nothing were installed."""
    copies = copies_of(state.installs) if with_installs else {}
    exposed = _exposed_of(state) if with_installs else {}
    return [
        _row(name, state, copies.get(key, ()), exposed.get(key, ()), minimum_age)
        for name, key in ((name, name.lower()) for name in nodes)
    ]


def _row(
    name: str,
    state: State,
    copies: tuple[Copy, ...],
    exposed: tuple[Exposed, ...],
    minimum_age: MinimumAge,
) -> NodeRow:
    """Return the row of a watched node, with what is installed and exposed of it."""
    key, checks = name.lower(), state.checks
    node = state.snapshot.nodes.get(key, Node(node=name))
    failure = checks.health.nodes.get(key) or checks.health.nodes.get(ALL)
    installable = newest(one for one in node.listed if one.status == ACTIVE)
    is_unknown = key in checks.unknown
    return NodeRow(
        node=name,
        state=UNKNOWN if is_unknown else _state(node, read=failure is None),
        newest=installable.version if installable and not node.banned else None,
        versions=len(node.listed),
        problems=tuple(
            one
            for one in node.listed
            if one.status in {FLAGGED, BANNED} or one.deprecated
        ),
        checked_at=checks.checked.get(key),
        error=reason_of(failure or checks.health.empty.get(key)),
        installed=copy_forms(copies),
        outdated=_is_outdated(node, copies, minimum_age),
        exposed=exposed,
    )


def _is_outdated(node: Node, copies: Iterable[Copy], minimum_age: MinimumAge) -> bool:
    """Return whether an enabled copy is older than the newest good version that is old enough."""
    run = [copy.version for copy in copies if copy.enabled and copy.version is not None]
    # Most nodes of a whole registry are not run, and to compare all versions takes a while.
    advised = safe_version(node, minimum_age) if run else None
    good = advised.version if advised and not advised.is_young else None
    return good is not None and any(is_newer(good, version) for version in run)


def _exposed_of(state: State) -> dict[str, tuple[Exposed, ...]]:
    """Return what is run and bad of each node, by its lower-case id."""
    return {
        node: tuple(
            _exposed(
                version, [one for one in exposure.copies if one.version == version]
            )
            for version in dict.fromkeys(one.version for one in exposure.copies)
        )
        for node, exposure in state.snapshot.installed.exposures.items()
    }


def _exposed(version: str | None, copies: Sequence[BadCopy]) -> Exposed:
    """Return what is bad of the copies of one version: of what is not accepted, if there is that."""
    left = [one for one in copies if not one.accepted]
    grade = min((one.grade for one in left or copies), key=finding.rank)
    return Exposed(version=version, grade=grade, accepted=not left)


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


def reason_of(streak: FailureStreak | None) -> str | None:
    """Return why the polls of a streak failed, safe to print."""
    if streak is None:
        return None
    return safe_line(Trusted(streak.error) if streak.ours else streak.error)


def counts(rows: Sequence[NodeRow]) -> dict[str, int]:
    """Return how many versions are listed, and how many of them are bad, by what they are."""
    problems = [version for row in rows for version in row.problems]
    return {
        "versions": sum(row.versions for row in rows),
        "banned": sum(version.status == BANNED for version in problems),
        "flagged": sum(version.status == FLAGGED for version in problems),
        "deprecated": sum(version.deprecated for version in problems),
    }
