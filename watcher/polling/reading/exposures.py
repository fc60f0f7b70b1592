"""What is run, after a poll: installed packs judged by what is known now, beside what was reported. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from watcher.changes import exposure
from watcher.changes.exposure import Poll
from watcher.changes.health import assess_scans
from watcher.changes.updates import offer
from watcher.changes.verdict import Knowledge, judge_each
from watcher.model.exposure import Installed
from watcher.model.failure import ReadFailure
from watcher.model.finding import Finding
from watcher.model.pack import PACK_STATUSES, PackRecord
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import ACTIVE, BANNED
from watcher.polling.model import PollConfig, Scans
from watcher.polling.reading.compare import PollChange
from watcher.polling.reading.nodes import Findings
from watcher.polling.reading.plan import Plan
from watcher.polling.reading.read import Answers
from watcher.state.model import State
from watcher.text.plural import plural
from watcher.text.status_reason import summarize


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is known of packs as a whole after this poll."""

    by_key: Mapping[str, PackRecord | None]
    """The answer of this poll, or the last one; None for a pack that no registry was seen to have."""
    failure: ReadFailure | None
    """Why there was no usable answer, or not about all."""


def had_installs(state: State) -> bool:
    """Return whether something of installs is left in the state, which have been configured before."""
    return bool(
        state.snapshot.installed != Installed()
        or state.installs
        or state.checks.scanned
    )


def records_after(
    plan: Plan, answers: Answers, snapshot: Snapshot, watched: Mapping[str, str]
) -> Records:
    """Return what is known of the packs that may be installed, by lower-case id."""
    kept = {key for key in watched if plan.keeps_record(key)}
    known = {key: one for key, one in plan.checks.packs.items() if key in kept}
    fresh = {
        key: one
        for key, one in answers.packs.records.items()
        if key in kept and one.status in PACK_STATUSES
    }
    silent = (answers.packs_due & kept) - fresh.keys()
    lacking = {
        key
        for key in silent
        if (node := snapshot.nodes.get(key)) and (node.versions or node.banned)
    }
    failure = answers.packs.failure
    if failure is None:
        # What was known of a pack that the answer leaves out is not known any more.
        known = {key: one for key, one in known.items() if key not in silent}
        known |= dict.fromkeys(silent - lacking)
        if lacking:
            packs = plural(len(lacking), "pack")
            failure = ReadFailure(error=f"GET /nodes does not say how {packs} stand")
    return Records(by_key=known | fresh, failure=failure)


def with_installs(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    change: PollChange,
    scans: Scans,
) -> PollChange:
    """Return the change with what it means for what is run."""
    now, names = plan.options.now, frozenset(scans.errors)
    found, before, checks = change.findings, plan.snapshot, change.checks
    records = records_after(plan, answers, change.snapshot, found.watched)
    scanned = assess_scans(
        plan.checks.health.installs,
        change.snapshot.installed,
        scans.errors,
        config.failure_threshold,
        now,
    )
    judge = _Judge(config, found, records, change.snapshot, now)
    findings = list(judge.findings(scans))
    keys = {one.node.lower() for one in findings if one.node}
    poll = Poll(
        findings=findings,
        installs=names,
        unseen=names - scans.packs.keys(),
        before=_some(before, keys),
        after=_some(change.snapshot, keys),
        events=change.events,
        accept=config.accept,
        statuses=config.statuses,
        now=now,
    )
    installed, exposed = exposure.assess(scanned.installed, poll)
    installed, updates = offer(installed, poll)
    snapshot = change.snapshot
    if installed != snapshot.installed:
        snapshot = replace(snapshot, installed=installed)
    moments = {
        name: plan.checks.scanned.get(name, "") if why else now
        for name, why in scans.errors.items()
    }
    unknown = {node.lower() for node in found.unknown}
    unread = set(plan.checks.unknown) & found.unread.keys()
    return replace(
        change,
        snapshot=snapshot,
        checks=replace(
            checks,
            health=replace(checks.health, installs=scanned.failures),
            scanned={name: at for name, at in sorted(moments.items()) if at},
            unknown=tuple(sorted(unknown | unread)),
            packs=dict(sorted(records.by_key.items())),
            packs_error=records.failure.error
            if records.failure
            else checks.packs_error,
        ),
        events=(*change.events, *scanned.events, *exposed, *updates),
        installs=dict(scans.packs),
        scan_errors=scans.errors,
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges copies by what is known after this poll."""

    config: PollConfig
    found: Findings
    records: Records
    snapshot: Snapshot
    now: str

    def findings(self, scans: Scans) -> Iterator[Finding]:
        """Yield what is found of every copy, as each pack that it may be and that the registry can be asked about."""
        for install, packs in sorted(scans.packs.items()):
            for pack in packs:
                found = judge_each(install, pack, self._known)
                yield from (one for one in found if one.id is not None)

    def _known(self, name: str) -> Knowledge:
        key = name.lower()
        node = self.snapshot.nodes.get(key)
        if node is None and key in self.found.no_packs:
            node = Node(node=name, empty_since=self.now)
        record = self.records.by_key.get(key)
        is_banned = node is not None and node.banned
        if record is not None and record.status == BANNED and not is_banned:
            record = replace(record, status=ACTIVE)  # another answer ended the ban
        return Knowledge(
            node=node,
            record=record,
            statuses=self.config.statuses,
            reason=summarize(record.status_detail) if record else "",
            no_records=self.records.failure,
        )


def _some(snapshot: Snapshot, keys: set[str]) -> Mapping[str, Node]:
    return {key: node for key in keys if (node := snapshot.nodes.get(key)) is not None}
