"""Every watched node compared with what was read of it: what changed, and what could not be read.

Nothing is requested or written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from watcher.changes import exposure
from watcher.changes.diff import (
    compare_ban,
    compare_listing,
    compare_record,
)
from watcher.changes.exposure import Poll, copies_of, with_copies
from watcher.changes.facts import (
    VersionKey,
    finished,
    passing,
    version_of,
    with_scans,
)
from watcher.changes.health import (
    ChannelState,
    Turn,
)
from watcher.changes.packs import take_packs
from watcher.changes.sweeps import set_baseline
from watcher.changes.transitions import DiffOptions
from watcher.changes.verdict import Knowledge, explained_rows, judge_each
from watcher.model.event import (
    INCOMPLETE,
    UNLISTED,
    About,
    Event,
    Kind,
    rank,
)
from watcher.model.finding import Exposure, in_force
from watcher.model.pack import NODE_STATUSES, NodeRecord, NodeRecords, Pack, Scanned
from watcher.model.reading import ALL, Fault, Listing, NodeBanned, ReadFailure
from watcher.model.snapshot import Node, Snapshot, SweepBaseline
from watcher.model.version import BANNED, MinimumAge
from watcher.polling.model import PollConfig
from watcher.polling.reading.plan import Plan, Seen
from watcher.polling.reading.read import Answers
from watcher.registry.sweep import NoSweep, Sweep
from watcher.state.model import Checks
from watcher.text.sanitize import plural
from watcher.text.status_reason import Reason, summarize


def compare_nodes(plan: Plan, answers: Answers) -> dict[str, Seen]:
    """Return what was seen of every watched node with what follows from it, by lower-case id."""
    found: dict[str, Seen] = {}
    for key, seen in answers.seen.items():
        if seen.is_read and seen.reading is None and seen.record is None:
            found[key] = seen  # most are as they were, and nothing is made of them
            continue
        known, is_empty = seen.known, seen.is_empty
        had_versions = known is not None and bool(known.baseline_at)
        is_known = known is not None and (had_versions or known.is_there)
        has_come = seen.spelling or seen.record or isinstance(seen.reading, NodeBanned)
        if key in plan.only_folders and not (is_known or has_come):
            continue  # a folder may have any name, also one that is no pack's
        # A 404, or an empty first listing of which no record says that it is a pack.
        is_nothing = seen.is_not_found or (is_empty and seen.record is None)
        after, events = compare_node(seen, plan.options)
        found[key] = replace(
            seen,
            after=after,
            events=events,
            # A folder, or a file in it, may name anything: that is said once and never fails.
            is_unknown=key in plan.only_installed and is_nothing and not had_versions,
            is_doubtful=key in plan.doubted and is_empty,
        )
    return found


def compare_node(
    seen: Seen, options: DiffOptions
) -> tuple[Node | None, tuple[Event, ...]]:
    """Return the node after what was seen of it, None if that changes nothing, and the events."""
    node, reading, record = seen.base, seen.reading, seen.record
    if record is not None and record.status not in NODE_STATUSES:
        record = None  # it says nothing of a ban
    events: tuple[Event, ...] = ()
    match reading:
        case Listing():
            if seen.joins_baseline:
                options = replace(options, baseline="silent")
            if record and node and node.banned and not reading.incomplete:
                # A listing ends no ban that `GET /nodes` still has, wherever it was said first.
                node = replace(node, ban_recorded=record.status == BANNED)
            node, events = compare_listing(node, reading, options)
        case NodeBanned():
            # It says nothing of the versions, which stay as they were.
            node = node or Node(node=reading.node)
            node, events = compare_ban(node, summarize(reading.message), options)
        case None:
            pass
        case _:
            assert_never(reading)
    if record is not None:
        # After the listing: while it says that the pack is banned, a listing ends no ban.
        record = replace(record, status_detail=summarize(record.status_detail))
        node = node or Node(node=seen.name)
        node, more = compare_record(node, record, options)
        events = (*events, *more)
    if seen.joins_baseline:
        # The event of the baseline of all counts a ban of the pack.
        events = tuple(
            one for one in events if one.kind is not Kind.BANNED or one.version
        )
    # What is compared with a baseline is known from now on, so that it is no newcomer.
    is_nothing = seen.base is None and node == Node(node=seen.name)
    return None if node == seen.known or is_nothing else node, events


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PollChange:
    """What a poll, or an `audit`, has read and compared; nothing is written yet."""

    answers: Answers
    polled: Mapping[str, Seen]
    """Every watched node, by lower-case id."""
    records: NodeRecords
    """What is known of packs as a whole."""
    minimum_age: MinimumAge
    snapshot: Snapshot
    """The same object as in the loaded state where nothing changed."""
    checks: Checks = field(default_factory=Checks)
    events: tuple[Event, ...] = ()
    unread: tuple[ReadFailure, ...] = ()
    """What could not be read, or not all of it."""
    checked: int = 0
    """How many nodes could be read."""
    scans: Mapping[str, Scanned] = field(default_factory=dict)
    """What was scanned, by what the state knows an install by."""

    @property
    def installs(self) -> dict[str, tuple[Pack, ...]]:
        """The last good list of each install."""
        return {
            key: one.packs for key, one in self.scans.items() if one.packs is not None
        }

    def known_of(self, name: str) -> Knowledge:
        """Return what is known of a node, by its id."""
        key = name.lower()
        unread_node, record = Node(node=name), self.records.records.get(key)
        seen = self.answers.seen.get(key) or Seen(name=name)
        unread = seen.failure
        # Where nothing of the API is there, it may be another server, which says nothing of a pack.
        if seen.is_empty or (seen.is_not_found and not self.records.absent):
            unread_node = replace(unread_node, empty_since=self.minimum_age.now)
            unread = None
        node = self.snapshot.nodes.get(key, unread_node)
        # A newcomer is news before it was ever read in full: what it lacks till then is not delisted.
        if not (seen.is_read or key in self.checks.checked):
            node = replace(node, baseline_at="")
        if seen.spelling:
            node = replace(node, node=seen.spelling)
        # Where `GET /nodes` does not say why, the 403 may.
        said = seen.reading.message if isinstance(seen.reading, NodeBanned) else ""
        return Knowledge(
            node=node,
            record=record,
            unreadable=seen.unreadable,
            minimum_age=self.minimum_age,
            reason=summarize((record.status_detail if record else "") or said),
            unread=unread,
            no_records=self.records.failure,
        )


def compare(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    of_channels: Sequence[ChannelState],
    scans: Mapping[str, Scanned],
) -> PollChange:
    """Return what was read changes, and the events, without those of what is run and without the registry's reasons.

    `scans` are by what the state knows an install by.
    """
    polled, now = compare_nodes(plan, answers), plan.options.now
    packs, all_nodes = answers.packs, answers.all_nodes
    # Only what globs include depends on a whole sweep.
    parts: dict[str, str | None] = {}
    failure = None
    if plan.globs.chooses:
        failure, lacking = _judge_sweep(
            answers.sweep, is_known=bool(polled), has_waiting=plan.lacks_baseline
        )
        parts[INCOMPLETE] = lacking
    if plan.publishers:
        unlisted = _error(all_nodes)
        if unlisted:
            unlisted = f"the packs of publishers cannot be listed: {unlisted}"
        parts[UNLISTED] = unlisted if all_nodes else None
    why = [*filter(None, parts.values())]
    unseen = sum(one.lacks for one in polled.values())
    if unseen and not (parts.get(INCOMPLETE) and plan.lacks_baseline):
        # Else it is said already why packs wait.
        why.append(
            f"not all versions of {plural(unseen, 'node pack')} were shown; a later poll asks about these"
        )
    # What only an install names may be anything, so that the registry need not have it.
    failures = {
        key: one.failure
        for key, one in polled.items()
        if one.failure and not one.is_unknown
    }
    failures |= {ALL: failure} if failure else {}
    of_all = [ReadFailure(error="; ".join(why))] if why and not failure else []
    # What waits for a later poll was neither read nor failed, and keeps its count.
    read = {key for key, one in polled.items() if one.is_read}
    if isinstance(answers.sweep, Sweep) and plan.snapshot.is_down:
        read.add(ALL)  # page 1 came, whichever packs are watched
    known, baseline = with_baseline(plan, answers, polled)
    # A record may be the first to say that a new pack is a watched publisher's.
    known = take_packs(known, plan.publishers, packs.records.values(), plan.globs)
    changed = {key: one.after for key, one in polled.items() if one.after}
    turn = Turn(
        plan.checks.streaks, known.with_nodes(changed), config.failure_threshold, now
    )
    turn.take_nodes(
        failures,
        read,
        [key for key, one in polled.items() if one.is_doubtful],
        {key: one.name for key, one in polled.items()},
    )
    turn.take_others(About.REGISTRY, parts)
    turn.take_channels(of_channels)
    turn.take_others(
        About.INSTALL,
        {key: scan.error for key, scan in scans.items()},
        {key: scan.name for key, scan in scans.items()},
    )
    return PollChange(
        answers=answers,
        polled=polled,
        # Without an install nobody asks how a pack as a whole stands.
        records=_records_after(plan, answers, turn.snapshot, polled if scans else ()),
        minimum_age=MinimumAge(seconds=config.minimum_age, now=now),
        snapshot=turn.snapshot,
        checks=replace(_checks_after(plan, answers, polled), streaks=turn.streaks),
        events=(
            *([baseline] if baseline else ()),
            *(event for one in polled.values() for event in one.events),
            *turn.events,
        ),
        unread=(*of_all, *failures.values()),
        # Where the registry as a whole failed, no node was asked.
        checked=0 if failure else len(polled) - len(failures) - unseen,
        scans=scans,
    )


def _judge_sweep(
    sweep: Sweep | NoSweep | None, *, is_known: bool, has_waiting: bool
) -> tuple[ReadFailure | None, str | None]:
    """Return why a sweep of globs failed, and what it lacked: "" if it lacked nothing, None if that is not known.

    `is_known`: some of what they choose is known, so that it can be asked without a sweep. `has_waiting`: some of it
    may wait for the baseline of all.
    """
    match sweep:
        case Sweep(incomplete=""):
            return None, ""
        case Sweep():
            why = f"the pages of all node packs are incomplete: {sweep.incomplete}"
            # Who reads only that a page is missing would take the silence of all others for good news.
            if has_waiting:
                why += "; until they are complete, nothing is reported of node packs that only a new pattern includes"
            return None, why
        case NoSweep(failure=None) if is_known:
            why = f"{sweep.why}; so each known node pack is asked, and new ones are not noticed"
            return None, why
        case NoSweep():
            failure = ReadFailure(error=sweep.why, fault=Fault.REGISTRY)
            return sweep.failure or failure, None
        case None:
            return None, None
        case _:
            assert_never(sweep)


def _error(records: NodeRecords | None) -> str:
    return records.failure.error if records and records.failure else ""


def with_baseline(
    plan: Plan, answers: Answers, polled: Mapping[str, Seen]
) -> tuple[Snapshot, Event | None]:
    """Return the known snapshot with the baseline of all as this poll leaves it, and the event of that."""
    known, sweep = plan.snapshot, answers.sweep
    if not plan.globs.chooses and known.sweep_baseline != SweepBaseline():
        return replace(known, sweep_baseline=SweepBaseline()), None
    if not isinstance(sweep, Sweep) or not plan.sets_baseline(sweep):
        return known, None
    sweep_baseline = SweepBaseline(globs=plan.globs.globs, baseline_at=sweep.at)
    after = [
        one.after or known.nodes[key]
        for key, one in polled.items()
        if one.joins_baseline
    ]
    has_chosen = any(map(plan.globs.matches, polled))
    return set_baseline(
        known, sweep_baseline, after, plan.options, has_chosen=has_chosen
    )


def _checks_after(plan: Plan, answers: Answers, polled: Mapping[str, Seen]) -> Checks:
    """Return how this poll went."""
    checks, all_nodes, now = plan.checks, answers.all_nodes, plan.options.now
    checked, times = dict(checks.checked), dict(checks.server_times)
    stale = dict(checks.stale_since)
    for key, seen in polled.items():
        if seen.checked_at:
            checked[key] = seen.checked_at
        # Only what counts moves the known time, and ends the wait for something younger.
        if seen.server_time:
            times[key] = seen.server_time
            stale.pop(key, None)
        if seen.is_stale:
            # The day after which they count all the same begins with the first.
            stale.setdefault(key, now)
    if answers.packs_due or all_nodes:
        error = _error(answers.packs) or _error(all_nodes)
        checks = replace(checks, packs_error=error)
    # Only a whole list lasts for a day.
    if all_nodes and not all_nodes.failure:
        checks = replace(checks, listed_at=now)
    return replace(
        checks,
        polled_at=now,
        polled_before=checks.polled_at,
        checked=dict(sorted(checked.items())),
        server_times=dict(sorted(times.items())),
        stale_since=dict(sorted(stale.items())),
        watched=tuple(one.name for one in polled.values()),
    )


_MOST_EXPLAINED = 200
"""How many nodes are asked for reasons in one poll, at most: each takes a request or more."""


def wanted_reasons(
    config: PollConfig, change: PollChange
) -> dict[tuple[str, str], str]:
    """Return the versions that became bad, or that are bad and run from now on, with their statuses.

    They are given by the id of the node, as the registry writes it, and the version's key. Of many nodes those come
    first that are run, then those with the worst events; the others are left out.
    """
    # What is accepted needs no reason: it makes no event.
    accept = in_force(config.accept, change.checks.polled_at)
    exposures = change.snapshot.installed.exposures
    wanted: dict[VersionKey, str] = {}
    for install, scan in change.scans.items():
        for pack in scan.packs or ():
            for row, finding in explained_rows(install, pack, change.known_of):
                name = (finding.node or "").lower()
                before = exposures.get(name, Exposure())
                judged = finding.accepted_by(accept).judged
                if pack.enabled and before.is_news(judged):
                    wanted[name, row.key] = row.status
    for event in sorted(change.events, key=rank):
        if event.is_explained:
            wanted.setdefault(version_of(event), event.after or "")
    # A mass flagging may hit thousands of packs, and their alerts must not wait for thousands of requests.
    nodes = list(dict.fromkeys(node for node, _ in wanted))[:_MOST_EXPLAINED]
    seen = {key: change.polled[key] for key in nodes}
    return {
        (seen[node].spelling or seen[node].name, key): status
        for (node, key), status in wanted.items()
        if node in seen
    }


def _records_after(
    plan: Plan, answers: Answers, snapshot: Snapshot, watched: Collection[str]
) -> NodeRecords:
    """Return what is known of the packs that may be installed: the answer of this poll, or the last one."""
    nodes, last, failure = snapshot.nodes, plan.checks.packs, answers.packs.failure
    records: dict[str, NodeRecord] = {}
    lacking = 0
    for key in plan.nodes.keys() & watched:
        record = answers.packs.records.get(key)
        if record is not None and record.status in NODE_STATUSES:
            records[key] = record
        elif failure is not None or key not in answers.packs_due:
            # It was not asked about, or not answered: what was known still holds.
            records |= {key: last[key]} if key in last else {}
        elif key in nodes and nodes[key].is_there:
            # The registry has it, so that the answer leaves open how it stands.
            lacking += 1
    # What was not answered is not fine: a copy of it is `unknown` until it is.
    if lacking:
        packs = plural(lacking, "pack")
        failure = ReadFailure(error=f"GET /nodes does not say how {packs} stand")
    return NodeRecords(records=records, failure=failure)


def explained(
    config: PollConfig,
    change: PollChange,
    reasons: Mapping[VersionKey, Reason],
    before: Mapping[str, Node],
) -> PollChange:
    """Return the change with the registry's reasons and what they decide; `before` are the nodes until now."""
    scanned = with_scans(change.snapshot.nodes, change.events, reasons)
    change = replace(change, snapshot=change.snapshot.with_nodes(scanned))
    if change.snapshot.installed.salt:
        change = _with_installs(config, change)
    copies = copies_of({one.name: one.packs or () for one in change.scans.values()})
    snapshot, events = finished(
        with_copies(change.events, copies), change.snapshot, reasons, change.minimum_age
    )
    return replace(
        change,
        snapshot=snapshot.with_counts(events),
        events=passing(events, config.statuses, before, snapshot.nodes),
    )


def _with_installs(config: PollConfig, change: PollChange) -> PollChange:
    """Return the change with what it means for what is run."""
    checks, scans, failure = change.checks, change.scans, change.records.failure
    now, snapshot = checks.polled_at, change.snapshot
    findings = [
        one
        for key, scan in sorted(scans.items())
        for pack in scan.packs or ()
        for one in judge_each(key, pack, change.known_of)
    ]
    poll = Poll(
        findings=findings,
        scans=scans,
        after=snapshot.nodes,
        events=change.events,
        accept=in_force(config.accept, now),
        now=now,
        revision=snapshot.revision,
    )
    installed, run, events = exposure.assess(snapshot.installed, poll)
    installed, appeared = exposure.appear(installed, scans, now, snapshot.revision)
    if installed != snapshot.installed:
        snapshot = replace(snapshot, installed=installed)
    # A scan that failed moves no time: how long an install was not seen is what a person wants to know.
    moments = {
        key: checks.scanned.get(key, "") if scan.error else now
        for key, scan in scans.items()
    }
    unknown = {key for key, one in change.polled.items() if one.is_unknown}
    # Said before, and not read now: it need not be said again.
    unread = {
        key
        for key in checks.unknown
        if key in change.polled and change.polled[key].failure
    }
    return replace(
        change,
        snapshot=snapshot,
        checks=replace(
            checks,
            scanned={key: at for key, at in sorted(moments.items()) if at},
            run=run,
            unknown=tuple(sorted(unknown | unread)),
            packs=dict(sorted(change.records.records.items())),
            packs_error=failure.error if failure else checks.packs_error,
        ),
        events=(*events, *appeared),
    )
