"""Every watched node compared with what was read of it: what changed, and what could not be read.

Nothing is requested or written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from watcher.changes import exposure
from watcher.changes.diff import (
    compare_ban,
    compare_listing,
    compare_record,
)
from watcher.changes.exposure import Poll
from watcher.changes.facts import VersionKey, version_of
from watcher.changes.health import (
    ChannelState,
    Turn,
)
from watcher.changes.packs import take_packs
from watcher.changes.sweeps import set_baseline
from watcher.changes.transitions import DiffOptions
from watcher.changes.verdict import Knowledge, identities, judge_each, judged_version
from watcher.model.event import (
    EXPLAINED,
    INCOMPLETE,
    UNLISTED,
    About,
    Event,
    Kind,
    grade_of,
    rank,
)
from watcher.model.finding import (
    Exposure,
    Finding,
    Installed,
    in_force,
)
from watcher.model.pack import NODE_STATUSES, NodeRecord, Pack, Scanned
from watcher.model.reading import ALL, Fault, Listing, NodeBanned, ReadFailure
from watcher.model.snapshot import Node, Snapshot, SweepBaseline
from watcher.model.version import BANNED, MinimumAge, Version
from watcher.polling.model import PollConfig
from watcher.polling.reading.plan import Plan, Seen
from watcher.polling.reading.read import Answers
from watcher.registry.sweep import NoSweep, Sweep
from watcher.state.model import Checks, State
from watcher.text.sanitize import plural
from watcher.text.status_reason import summarize
from watcher.values import frozen


@frozen
class Polled:
    """What a poll saw of one node, and what follows from it."""

    seen: Seen
    node: Node | None = None
    """As it is known from now on; None if that is as before."""
    events: tuple[Event, ...] = ()
    is_unknown: bool = False
    """Only installs name it, and the registry does not know it: that is no failure."""
    is_doubtful: bool = False
    """The settings name it, and it never had a version: the id may be wrong."""

    @property
    def failure(self) -> ReadFailure | None:
        """Why it could not be read, or not whole."""
        return None if self.is_unknown else self.seen.failure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Compared:
    """What a poll read of the watched nodes, and what changed."""

    nodes: Mapping[str, Polled]
    """By lower-case id."""
    no_packs: frozenset[str] = frozenset()
    """The lower-case ids of which an answer shows that the registry has no such pack."""
    failure: ReadFailure | None = None
    """Why no node could be read."""
    lacking: str | None = None
    """Why the sweep of globs was incomplete; "" if it was complete, None if there was none."""
    unlisted: str | None = None
    """Why the list of publishers' packs could not be read; "" if it could, None if it was not, or none is watched."""
    error: str = ""
    """Why not all was seen, where no node itself failed."""

    @property
    def failures(self) -> dict[str, ReadFailure]:
        """What could not be read, by lower-case id; of the registry as a whole by `ALL`."""
        failed = {key: one.failure for key, one in self.nodes.items() if one.failure}
        return failed | ({ALL: self.failure} if self.failure else {})

    @property
    def unseen(self) -> int:
        """How many nodes were not seen whole, though nothing failed for them alone."""
        return sum(one.seen.lacks for one in self.nodes.values())

    @property
    def changed(self) -> dict[str, Node]:
        """The nodes that changed."""
        return {key: one.node for key, one in self.nodes.items() if one.node}


def compare_nodes(plan: Plan, answers: Answers) -> Compared:
    """Compare every watched node with what was read of it."""
    seen, sweep = answers.seen, answers.sweep
    nodes = {
        key: _polled(plan, key, one)
        for key, one in seen.items()
        if _is_pack(plan, key, one)
    }
    # Where nothing of the API is there, it may be another server, which says nothing of a pack.
    is_silent = answers.packs.absent
    found = Compared(
        nodes=nodes,
        no_packs=frozenset(
            key
            for key, one in seen.items()
            if one.is_empty or (one.is_not_found and not is_silent)
        ),
    )
    lacking, why = None, []
    if plan.globs.chooses and isinstance(sweep, Sweep):
        lacking = sweep.incomplete
        if lacking:
            why.append(f"the pages of all node packs are incomplete: {lacking}")
    elif plan.globs.chooses and isinstance(sweep, NoSweep):
        failure = sweep.failure
        if failure is None and not nodes:
            failure = ReadFailure(error=sweep.why, fault=Fault.REGISTRY)
        if failure is not None:
            found = replace(found, failure=failure)
        else:
            lacking = sweep.why
            why.append(
                f"{lacking}; so each known node pack is asked, and new ones are not noticed"
            )
    # Before the baseline of all it is said already why packs wait.
    if found.unseen and not (lacking and plan.lacks_baseline):
        packs = plural(found.unseen, "node pack")
        why.append(
            f"not all versions of {packs} were shown; a later poll asks about these"
        )
    unlisted = None
    if plan.publishers and answers.all_nodes is not None:
        unlisted = answers.all_nodes.failure.error if answers.all_nodes.failure else ""
        if unlisted:
            why.append(f"the packs of publishers cannot be listed: {unlisted}")
    return replace(found, lacking=lacking, unlisted=unlisted, error="; ".join(why))


def _is_pack(plan: Plan, key: str, seen: Seen) -> bool:
    """Return whether a node may be a pack: a folder may have any name, also one that is no pack's."""
    if key not in plan.only_folders or seen.spelling or seen.record:
        return True
    known = seen.known
    is_known = known is not None and (bool(known.baseline_at) or known.is_there)
    return is_known or isinstance(seen.reading, NodeBanned)


def _polled(plan: Plan, key: str, seen: Seen) -> Polled:
    """Return what follows from what was seen of a node."""
    is_named = key in plan.named
    is_published = key in plan.published
    has_baseline = seen.known is not None and bool(seen.known.baseline_at)
    is_only_installed = key in plan.nodes and not (
        is_named or is_published or has_baseline
    )
    is_nothing = seen.is_not_found or (seen.is_empty and seen.record is None)
    return replace(
        compare_node(seen, plan.options),
        is_unknown=is_only_installed and is_nothing,
        is_doubtful=is_named and not is_published and seen.is_empty,
    )


def compare_node(seen: Seen, options: DiffOptions) -> Polled:
    """Compare what was seen of a node with what it is compared with."""
    node, reading, record = seen.base, seen.reading, seen.record
    if record is not None and record.status not in NODE_STATUSES:
        record = None  # it says nothing of a ban
    events: tuple[Event, ...] = ()
    match reading:
        case Listing():
            if seen.joins_baseline:
                options = replace(options, baseline="silent")
            if record and node and node.banned and not reading.incomplete:
                # A listing ends no ban that `GET /nodes` still has, whoever said it first.
                node = replace(node, ban_recorded=record.status == BANNED)
            node, events = compare_listing(node, reading, options)
        case NodeBanned():
            node = node or Node(node=reading.node)
            node, events = compare_ban(node, summarize(reading.message), options)
        case None:
            pass
        case _:
            assert_never(reading)
    if record is not None:
        record = replace(record, status_detail=summarize(record.status_detail))
        node = node or Node(node=record.id)
        node, more = compare_record(node, record, options)
        events = (*events, *more)
    if seen.joins_baseline:
        # The event of the baseline of all counts it.
        events = tuple(one for one in events if not _is_ban_of_pack(one))
    # What is compared with a baseline is known from now on, so that it is no newcomer.
    is_nothing = seen.base is None and node == Node(node=seen.name)
    is_changed = node != seen.known and not is_nothing
    return Polled(seen=seen, node=node if is_changed else None, events=events)


def _is_ban_of_pack(event: Event) -> bool:
    return event.kind is Kind.BANNED and event.version is None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PollChange:
    """What a poll has read and compared; nothing is written yet."""

    snapshot: Snapshot
    """The same object as in the loaded state where nothing changed."""
    checks: Checks
    events: tuple[Event, ...]
    compared: Compared
    unplaced: frozenset[str] = frozenset()
    """Lower-case ids of packs of which the registry did not say whose they are, if publishers are watched."""
    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """The last good list of each install, by what the state knows it by."""
    unscanned: Mapping[str, ReadFailure] = field(default_factory=dict)
    """Why installs could not be scanned, or only in part, by what the state knows them by."""


def compare(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    of_channels: Sequence[ChannelState],
) -> PollChange:
    """Return what was read changes, and the events, without those of installs and without the registry's reasons."""
    found = compare_nodes(plan, answers)
    failures = found.failures
    read = {key for key, one in found.nodes.items() if one.seen.is_read}
    if isinstance(answers.sweep, Sweep) and plan.snapshot.is_down:
        read.add(ALL)  # page 1 came, whichever packs are watched
    known, of_all = with_baseline(plan, answers, found)
    records = answers.packs.records.values()
    known = take_packs(known, plan.publishers, records, plan.globs)
    turn = Turn(
        plan.checks.streaks,
        known.with_nodes(found.changed),
        config.failure_threshold,
        plan.options.now,
    )
    empty = [key for key, one in found.nodes.items() if one.is_doubtful]
    turn.take_nodes(failures, read, empty)
    # Only what globs include depends on a whole sweep.
    parts = {INCOMPLETE: found.lacking} if plan.globs.chooses else {}
    parts |= {UNLISTED: found.unlisted} if plan.publishers else {}
    turn.take_others(About.REGISTRY, parts)
    turn.take_channels(of_channels)
    events = [
        *([of_all] if of_all else ()),
        *(event for one in found.nodes.values() for event in one.events),
        *turn.events,
    ]
    checks = _checks_after(plan, answers, found)
    return PollChange(
        compared=found,
        snapshot=turn.snapshot,
        checks=replace(checks, streaks=turn.streaks),
        events=tuple(events),
        unplaced=answers.packs_due - answers.packs.records.keys()
        if plan.publishers
        else frozenset(),
    )


def with_baseline(
    plan: Plan, answers: Answers, found: Compared
) -> tuple[Snapshot, Event | None]:
    """Return the known snapshot with the baseline of all as this poll leaves it, and the event of that."""
    known, sweep = plan.snapshot, answers.sweep
    if not plan.globs.chooses and known.sweep_baseline != SweepBaseline():
        return replace(known, sweep_baseline=SweepBaseline()), None
    if not isinstance(sweep, Sweep) or not plan.sets_baseline(sweep):
        return known, None
    sweep_baseline = SweepBaseline(globs=plan.globs.globs, baseline_at=sweep.at)
    nodes = {
        key: one.node or known.nodes[key]
        for key, one in found.nodes.items()
        if one.seen.joins_baseline
    }
    chosen = sum(map(plan.globs.matches, found.nodes))
    return set_baseline(known, sweep_baseline, nodes, plan.options, chosen=chosen)


def _checks_after(plan: Plan, answers: Answers, found: Compared) -> Checks:
    """Return how this poll went."""
    checks, all_nodes, now = plan.checks, answers.all_nodes, plan.options.now
    checked, times = dict(checks.checked), dict(checks.server_times)
    stale = dict(checks.stale_since)
    for key, one in found.nodes.items():
        seen = one.seen
        if seen.checked_at:
            checked[key] = seen.checked_at
        if seen.server_time:
            times[key] = seen.server_time
            stale.pop(key, None)
        if seen.is_stale:
            stale.setdefault(key, now)
    if answers.packs_due or all_nodes:
        failure = answers.packs.failure or (all_nodes and all_nodes.failure)
        checks = replace(checks, packs_error=failure.error if failure else "")
    if all_nodes and not all_nodes.failure:
        checks = replace(checks, listed_at=now)
    return replace(
        checks,
        polled_at=now,
        polled_before=checks.polled_at,
        checked=dict(sorted(checked.items())),
        server_times=dict(sorted(times.items())),
        stale_since=dict(sorted(stale.items())),
        watched=tuple(one.seen.name for one in found.nodes.values()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Known:
    """What is known of packs after one reading of the registry, for `audit` and the watch."""

    found: Compared
    nodes: Mapping[str, Node]
    """By lower-case id, as `records`."""
    records: Mapping[str, NodeRecord | None]
    """What is known of packs as a whole; None for one that no registry was seen to have."""
    failure: ReadFailure | None
    """Why there was no usable answer about packs as a whole, or not about all."""
    minimum_age: MinimumAge

    def of(self, name: str) -> Knowledge:
        """Return what is known of a node, by its id."""
        key = name.lower()
        node, polled = self.nodes.get(key), self.found.nodes.get(key)
        unread = polled.failure if polled else None
        if key in self.found.no_packs:
            node = node or Node(node=name, empty_since=self.minimum_age.now)
            unread = None
        if node is not None and polled and polled.seen.spelling:
            node = replace(node, node=polled.seen.spelling)
        record = self.records.get(key)
        reason = summarize(record.status_detail) if record else ""
        bans = (
            event.reason
            for event in (polled.events if polled else ())
            if _is_ban_of_pack(event)
        )
        return Knowledge(
            node=node,
            record=record,
            unreadable=polled.seen.unreadable if polled else frozenset(),
            minimum_age=self.minimum_age,
            reason=reason or next(bans, ""),
            unread=unread,
            no_records=self.failure,
        )

    def bad_rows(self, pack: Pack) -> Iterator[tuple[Node, Version]]:
        """Yield the banned, flagged and deleted versions that a copy may have, each with its node."""
        for one in identities(pack):
            about = self.of(one.id)
            text = judged_version(pack, about)
            if about.node is not None and text is not None:
                for row in about.versions_meant(text):
                    if row.status in EXPLAINED:
                        yield about.node, row


def _known(
    config: PollConfig, plan: Plan, answers: Answers, change: PollChange
) -> Known:
    """Return what is known of packs after a poll."""
    found, now = change.compared, plan.options.now
    records, failure = records_after(plan, answers, change.snapshot, found.nodes)
    return Known(
        found=found,
        nodes=change.snapshot.nodes,
        records=records,
        failure=failure,
        minimum_age=MinimumAge(seconds=config.minimum_age, now=now),
    )


_MOST_EXPLAINED = 200
"""How many nodes are asked for reasons in one poll, at most: each takes a request or more."""


def wanted_reasons(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    change: PollChange,
    scans: Mapping[str, Scanned],
) -> dict[tuple[str, str], str]:
    """Return the versions that became bad, or that are bad and run from now on, with their statuses.

    They are given by the id of the node, as the registry writes it, and the version's key. Of many nodes those come
    first that are run, then those with the worst events; the others are left out.
    """
    known = _known(config, plan, answers, change)
    exposures = change.snapshot.installed.exposures
    accept = in_force(config.accept, plan.options.now)
    wanted: dict[VersionKey, str] = {}
    for key, scan in scans.items():
        for pack in scan.packs or ():
            for node, row in known.bad_rows(pack) if pack.enabled else ():
                version, name = node.find(row.key), node.node.lower()
                finding = Finding(
                    install=key,
                    pack=pack,
                    grade=grade_of(row.status, scan=version.scan if version else None),
                    id=name,
                )
                before = exposures.get(name, Exposure())
                if before.is_news(finding.accepted_by(accept).judged):
                    wanted[name, row.key] = row.status
    for event in sorted(change.events, key=rank):
        if event.is_explained:
            wanted.setdefault(version_of(event), event.after or "")
    nodes = list(dict.fromkeys(node for node, _ in wanted))[:_MOST_EXPLAINED]
    seen = {key: change.compared.nodes[key].seen for key in nodes}
    return {
        (seen[node].spelling or seen[node].name, key): status
        for (node, key), status in wanted.items()
        if node in seen
    }


def had_installs(state: State) -> bool:
    """Return whether something of installs is left in the state, which have been configured before."""
    return bool(
        state.snapshot.installed != Installed()
        or state.installs
        or state.checks.scanned
    )


def records_after(
    plan: Plan, answers: Answers, snapshot: Snapshot, watched: Iterable[str]
) -> tuple[dict[str, NodeRecord | None], ReadFailure | None]:
    """Return what is known of the packs that may be installed, by lower-case id, and why it is not all.

    It is the answer of this poll, or the last one; None for a pack that no registry was seen to have.
    """
    kept = {key for key in watched if plan.keeps_record(key)}
    known = {key: one for key, one in plan.checks.packs.items() if key in kept}
    fresh = {
        key: one
        for key, one in answers.packs.records.items()
        if key in kept and one.status in NODE_STATUSES
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
    known = _known(config, plan, answers, change)
    records, failure = known.records, known.failure
    turn = Turn(checks.streaks, change.snapshot, config.failure_threshold, now)
    turn.take_others(
        About.INSTALL,
        {key: scan.error for key, scan in scans.items()},
        {key: scan.name for key, scan in scans.items()},
    )
    findings = [
        one
        for key, scan in sorted(scans.items())
        for pack in scan.packs or ()
        for one in judge_each(key, pack, known.of)
    ]
    poll = Poll(
        findings=findings,
        scans=scans,
        after=change.snapshot.nodes,
        events=change.events,
        accept=in_force(config.accept, now),
        now=now,
    )
    snapshot = turn.snapshot
    installed, run, events = exposure.assess(snapshot.installed, poll)
    installed, appeared = exposure.appear(installed, scans, now)
    if installed != snapshot.installed:
        snapshot = replace(snapshot, installed=installed)
    moments = {
        key: plan.checks.scanned.get(key, "") if scan.error else now
        for key, scan in scans.items()
    }
    unknown = {key for key, one in found.nodes.items() if one.is_unknown}
    # Said before, and not read now: it need not be said again.
    unread = set(plan.checks.unknown) & found.failures.keys()
    return replace(
        change,
        snapshot=snapshot,
        checks=replace(
            checks,
            streaks=turn.streaks,
            scanned={key: at for key, at in sorted(moments.items()) if at},
            run=run,
            unknown=tuple(sorted(unknown | unread)),
            packs=dict(sorted(records.items())),
            packs_error=failure.error if failure else checks.packs_error,
        ),
        events=(*events, *turn.events, *appeared),
        installs={
            key: scan.packs for key, scan in scans.items() if scan.packs is not None
        },
        unscanned={
            key: ReadFailure(install=scan.name, error=scan.error)
            for key, scan in scans.items()
            if scan.error
        },
    )
