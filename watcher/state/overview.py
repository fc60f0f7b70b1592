"""How every watched node stands, from the state alone: what `status`, `health` and the published files show. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from watcher.alerts.payload import CopyForm, copy_forms
from watcher.changes.exposure import copies_of
from watcher.changes.facts import newest_of
from watcher.model.event import (
    About,
    Grade,
    Severity,
    grade_of,
    grade_rank,
    worst_grade,
)
from watcher.model.finding import CopyKey, JudgedCopy
from watcher.model.pack import Copy
from watcher.model.reading import ALL
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    Version,
    is_same_version,
)
from watcher.state.model import State
from watcher.values import frozen


@frozen
class NodeRow:
    """One watched node, with the keys of `status --json`."""

    node: str
    """Its id as it is watched."""
    state: Grade
    """How it stands."""
    newest: str | None
    """The newest version that can be installed."""
    versions: int
    """How many versions are listed."""
    problems: tuple[Version, ...]
    """Its flagged, banned and deprecated versions. What is neither run nor the newest makes the state no worse."""
    checked_at: str | None
    """When it was last read (RFC 3339)."""
    error: str | None
    """Why the last poll could not read it, or doubted its id; safe to print."""
    installed: tuple[CopyForm, ...]
    """Where it is installed, enabled copies first."""
    run: tuple[JudgedCopy, ...]
    """What of it is run and not ok: the worst of each version, by that."""

    @property
    def has_problem(self) -> bool:
        """Whether it needs a look."""
        return self.state.severity is not Severity.INFO

    @property
    def runs(self) -> Grade:
        """The worst that is run of it and not accepted."""
        return worst_grade(one.grade for one in self.run if not one.accepted)

    @property
    def runs_bad(self) -> bool:
        """Whether something is run of it that is known to be bad."""
        is_known = self.runs is not Grade.UNKNOWN
        return is_known and self.runs.severity is not Severity.INFO

    @property
    def place(self) -> tuple[object, ...]:
        """A key that sorts nodes: first those that run what is bad, then the worst."""
        runs = self.runs if self.runs_bad else Grade.OK
        return grade_rank(runs), grade_rank(self.state)

    def run_as(self, version: Version) -> list[JudgedCopy]:
        """Return what is run and not ok that has the number of a listed version."""
        return [
            one
            for one in self.run
            if one.version is not None and is_same_version(one.version, version.version)
        ]


def node_rows(
    nodes: Iterable[str], state: State, installs: Mapping[str, str]
) -> list[NodeRow]:
    """Return a row for each of some watched nodes, in their order.

    `installs` are the names of the installs that count, by what the state knows them by.
    """
    copies = copies_of(
        {name: state.installs.get(key, ()) for key, name in installs.items()}
    )
    return [_row(name, state, copies.get(name.lower(), ()), installs) for name in nodes]


def _row(
    name: str, state: State, copies: tuple[Copy, ...], installs: Mapping[str, str]
) -> NodeRow:
    """Return the row of a watched node, with what is installed of it."""
    key, checks, snapshot = name.lower(), state.checks, state.snapshot
    node = snapshot.nodes.get(key) or Node(node=name)
    streaks = checks.streaks.get(About.NODE, {})
    # Where page 1 of all failed, no pack was asked.
    failure = streaks.get(key) or streaks.get(ALL)
    doubt = checks.streaks.get(About.EMPTY, {}).get(key)
    judged = {
        (installs[one.install], one.version): one
        for one in checks.run.get(key, ())
        if one.install in installs
    }
    run, listed = _run_of(copies, judged), node.listed
    # A deleted version is there no more, unless there is nothing else.
    left = [one for one in listed if one.status != DELETED]
    newest = installable = newest_of(left or listed)
    # To find the newest one costs the most here, and mostly it is the one to install too.
    if newest and newest.status != ACTIVE:
        installable = newest_of(one for one in left if one.status == ACTIVE)
    is_unknown = doubt is not None or key in checks.unknown
    was_read = node.baseline_at or node.empty_since or node.banned or is_unknown
    grade = Grade.UNREAD
    # One outage is reported of the registry, and of no pack.
    if snapshot.is_failing(About.NODE, key) or (snapshot.is_down and failure):
        grade = Grade.FAILING
    elif was_read and not failure:
        grade = _stands(node, newest, run, is_unknown=is_unknown)
    return NodeRow(
        node=name,
        state=grade,
        newest=installable.version if installable and not node.banned else None,
        versions=len(listed),
        problems=tuple(
            one for one in listed if one.status in {FLAGGED, BANNED} or one.deprecated
        ),
        checked_at=checks.checked.get(key),
        error=why.in_words if (why := failure or doubt) else None,
        installed=copy_forms(copies),
        run=tuple(one for one in run if one.grade is not Grade.OK),
    )


def _stands(
    node: Node,
    newest: Version | None,
    run: Collection[JudgedCopy],
    *,
    is_unknown: bool,
) -> Grade:
    """Return how a node that was read stands, for everything that shows or counts it.

    `newest` is its newest version that is there, `run` what is run of it. `is_unknown`: no registry was seen to have
    the node.
    """
    if node.banned:
        return Grade.BANNED
    # Who runs a version need not look at the others.
    if run:
        return worst_grade(one.grade for one in run if not one.accepted)
    # Its versions are known, and the registry lists none of them.
    if node.emptied:
        return Grade.DELISTED
    if newest is None:
        return Grade.UNKNOWN if is_unknown else Grade.OK
    # Only a flag has something that counts; a whole registry is shown at once.
    scan = node.by_key[newest.key].scan if newest.status == FLAGGED else None
    return grade_of(newest.status, deprecated=newest.deprecated, scan=scan)


def _run_of(
    copies: Iterable[Copy], judged: Mapping[CopyKey, JudgedCopy]
) -> tuple[JudgedCopy, ...]:
    """Return how the enabled copies were judged, the worst of each version; one that was not is unknown."""
    found: dict[str, JudgedCopy] = {}
    for copy in copies:
        if copy.enabled:
            unknown = JudgedCopy(install="", version=copy.version, grade=Grade.UNKNOWN)
            one = judged.get((copy.install, copy.version), unknown)
            text = copy.version or ""
            found[text] = min(found.get(text, one), one, key=JudgedCopy.rank)
    return tuple(found[text] for text in sorted(found))


def by_state(rows: Iterable[NodeRow]) -> dict[Grade, int]:
    """Return how many nodes stand in each way, the worst first, also where that is none."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in Grade}


def watched(configured: Iterable[str], state: State) -> tuple[str, ...]:
    """Return the ids to show: the configured ones, then those that only the last poll watched (`check --node`)."""
    ids: dict[str, str] = {}
    for node in (*configured, *state.checks.watched):
        if node != ALL:
            ids.setdefault(node.lower(), node)
    return tuple(ids.values())
