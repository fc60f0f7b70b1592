"""What a poll's answers mean for installed packs: `exposed`, `cleared`, `appeared`. Pure.

Each copy is judged by what is known of its pack after the poll, and the verdicts are compared with what was reported
before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watcher.changes import appearances, exposure
from watcher.changes.exposure import Poll
from watcher.changes.health import assess_scans
from watcher.changes.verdict import Knowledge, judge_each
from watcher.model.event import Kind
from watcher.model.exposure import Installed
from watcher.model.failure import ReadFailure
from watcher.model.finding import in_force
from watcher.model.pack import PACK_STATUSES, PackRecord, Scanned
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import ACTIVE, BANNED, MinimumAge
from watcher.polling.model import PollConfig
from watcher.polling.reading.compare import PollChange
from watcher.polling.reading.nodes import Compared
from watcher.polling.reading.plan import Plan
from watcher.polling.reading.read import Answers
from watcher.state.model import State
from watcher.text.plural import plural
from watcher.text.status_reason import summarize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Known:
    """What is known of packs after one reading of the registry, for `audit` and the watch."""

    found: Compared
    nodes: Mapping[str, Node]
    """By lower-case id, as `records`."""
    records: Mapping[str, PackRecord | None]
    """What is known of packs as a whole; None for one that no registry was seen to have."""
    failure: ReadFailure | None
    """Why there was no usable answer about packs as a whole, or not about all."""
    minimum_age: MinimumAge

    def of(self, name: str) -> Knowledge:
        """Return what is known of a node, by its id."""
        key = name.lower()
        node, unread = self.nodes.get(key), self.found.unread.get(key)
        if key in self.found.no_packs:
            node, unread = (
                node or Node(node=name, empty_since=self.minimum_age.now),
                None,
            )
        if node is not None and key in self.found.registry_ids:
            node = replace(node, node=self.found.registry_ids[key])
        record = self.records.get(key)
        is_banned = node is not None and node.banned
        if record is not None and record.status == BANNED and not is_banned:
            record = replace(record, status=ACTIVE)  # another answer ended the ban
        reason = summarize(record.status_detail) if record else ""
        bans = (
            event.reason
            for event in self.found.events.get(key, ())
            if event.kind is Kind.BANNED and event.version is None
        )
        return Knowledge(
            node=node,
            record=record,
            unreadable=self.found.unreadable.get(key, frozenset()),
            minimum_age=self.minimum_age,
            reason=reason or next(bans, ""),
            unread=unread,
            no_records=self.failure,
        )


def had_installs(state: State) -> bool:
    """Return whether something of installs is left in the state, which have been configured before."""
    return bool(
        state.snapshot.installed != Installed()
        or state.installs
        or state.checks.scanned
    )


def records_after(
    plan: Plan, answers: Answers, snapshot: Snapshot, watched: Mapping[str, str]
) -> tuple[dict[str, PackRecord | None], ReadFailure | None]:
    """Return what is known of the packs that may be installed, by lower-case id, and why it is not all.

    It is the answer of this poll, or the last one; None for a pack that no registry was seen to have.
    """
    kept = {key for key in watched if plan.keeps_record(key)}
    known = {key: one for key, one in plan.checks.packs.items() if key in kept}
    fresh = {
        key: one
        for key, one in answers.packs.records.items()
        if key in kept and one.status in PACK_STATUSES
    }
    silent = (answers.packs_due & kept) - fresh.keys()
    nodes = snapshot.nodes
    # The registry has these, so that a record of each is due.
    lacking = {key for key in silent if key in nodes and nodes[key].is_there}
    failure = answers.packs.failure
    if failure is None:
        # What was known of a pack that the answer leaves out is not known any more.
        known = {key: one for key, one in known.items() if key not in silent}
        known |= dict.fromkeys(silent - lacking)
        if lacking:
            packs = plural(len(lacking), "pack")
            failure = ReadFailure(error=f"GET /nodes does not say how {packs} stand")
    return known | fresh, failure


def with_installs(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    change: PollChange,
    scans: Mapping[str, Scanned],
) -> PollChange:
    """Return the change with what it means for what is run; `scans` are by what the state knows an install by."""
    now, found, checks = plan.options.now, change.compared, change.checks
    records, failure = records_after(plan, answers, change.snapshot, found.watched)
    scanned = assess_scans(
        checks.health,
        change.snapshot,
        scans,
        config.failure_threshold,
        now,
    )
    known = Known(
        found=found,
        nodes=change.snapshot.nodes,
        records=records,
        failure=failure,
        minimum_age=MinimumAge(seconds=config.minimum_age, now=now),
    )
    findings = [
        one
        for key, scan in sorted(scans.items())
        for pack in scan.packs or ()
        for one in judge_each(key, pack, known.of)
        if one.id is not None
    ]
    poll = Poll(
        findings=findings,
        scans=scans,
        after=change.snapshot.nodes,
        events=change.events,
        accept=in_force(config.accept, now),
        now=now,
    )
    installed, events = exposure.assess(scanned.snapshot.installed, poll)
    installed, appeared = appearances.assess(installed, scans, now)
    snapshot = change.snapshot
    if installed != snapshot.installed:
        snapshot = replace(snapshot, installed=installed)
    moments = {
        key: plan.checks.scanned.get(key, "") if scan.error else now
        for key, scan in scans.items()
    }
    unknown = {node.lower() for node in found.unknown}
    # Said before, and not read now: it need not be said again.
    unread = set(plan.checks.unknown) & found.unread.keys()
    return replace(
        change,
        snapshot=snapshot,
        checks=replace(
            checks,
            health=scanned.health,
            scanned={key: at for key, at in sorted(moments.items()) if at},
            run=exposure.judged_copies(poll, installed),
            unknown=tuple(sorted(unknown | unread)),
            packs=dict(sorted(records.items())),
            packs_error=failure.error if failure else checks.packs_error,
        ),
        events=(*events, *scanned.events, *appeared),
        installs={
            key: scan.packs for key, scan in scans.items() if scan.packs is not None
        },
        unscanned={
            key: ReadFailure(install=scan.name, error=scan.error)
            for key, scan in scans.items()
            if scan.error
        },
    )
