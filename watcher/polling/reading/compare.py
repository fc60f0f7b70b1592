"""Every watched node compared with what was read of it: what changed, and what could not be read.

Nothing is requested or written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from watcher.changes import exposure
from watcher.changes.diff import (
    Difference,
    compare_ban,
    compare_listing,
    compare_record,
)
from watcher.changes.exposure import Poll
from watcher.changes.health import ChannelState, assess, assess_channels, assess_scans
from watcher.changes.packs import take_packs
from watcher.changes.sweeps import (
    assess_list,
    assess_sweep,
    compare_rows,
    set_baseline,
)
from watcher.changes.verdict import Knowledge, judge_each
from watcher.model.event import Event, Kind
from watcher.model.finding import Installed, in_force
from watcher.model.pack import PACK_STATUSES, Pack, PackRecord, PackRecords, Scanned
from watcher.model.reading import (
    ALL,
    Fault,
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
    ServerTime,
)
from watcher.model.snapshot import Node, Snapshot, SweepBaseline
from watcher.model.version import ACTIVE, BANNED, MinimumAge, by_key, find_row
from watcher.polling.model import PollConfig
from watcher.polling.reading.plan import Plan, View
from watcher.polling.reading.read import Answers
from watcher.registry.sweep import NoSweep, Sweep
from watcher.state.model import Checks, State
from watcher.text.sanitize import plural
from watcher.text.status_reason import summarize


@dataclass(slots=True, eq=False, repr=False)
class Compared:
    """What a poll read of the watched nodes, and what changed, by lower-case node id."""

    watched: dict[str, str] = field(default_factory=dict)
    """How each is written."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """Nodes that changed."""
    events: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    """Nodes that could be read."""
    unread: dict[str, ReadFailure] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    """When a node was read completely (`Listing.at`)."""
    server_times: dict[str, str] = field(default_factory=dict)
    """As `Checks.server_times`, of nodes with an answer that counts."""
    registry_ids: dict[str, str] = field(default_factory=dict)
    """How the registry spells the ids that were given in another way."""
    stale_since: dict[str, str] = field(default_factory=dict)
    """As `Checks.stale_since`, of nodes without one."""
    empty: list[str] = field(default_factory=list)
    """Ids, as written in the settings, of nodes that never had a version."""
    unknown: list[str] = field(default_factory=list)
    """Ids that only installs name, of nodes that never had a version."""
    no_packs: set[str] = field(default_factory=set)
    """The lower-case ids of which an answer shows that the registry has no such pack."""
    unreadable: dict[str, frozenset[str]] = field(default_factory=dict)
    """As `Knowledge.unreadable`."""
    unseen: set[str] = field(default_factory=set)
    """Nodes of which not all was seen in this poll, though nothing failed for them alone."""
    baseline: set[str] = field(default_factory=set)
    """Nodes that the baseline of all takes in."""
    lacking: str | None = None
    """Why the sweep of globs was incomplete; "" if it was complete, None if there was none."""
    unlisted: str | None = None
    """Why the list of publishers' packs could not be read; "" if it could, None if it was not, or none is watched."""
    error: str = ""
    """Why not all was seen, where no node itself failed."""


def compare_nodes(plan: Plan, answers: Answers) -> Compared:
    """Compare every watched node with what was read of it."""
    comparison = _Comparison(plan, answers)
    comparison.run()
    return comparison.found


class _Comparison:
    """The comparison of one poll."""

    def __init__(self, plan: Plan, answers: Answers) -> None:
        self._plan = plan
        self._answers = answers
        watched = plan.watched(answers.sweep)
        self.found = Compared(
            watched={key: name for key, name in watched.items() if self._is_pack(key)}
        )
        for key in watched.keys() - self.found.watched.keys():
            self._take_nothing(key, answers.nodes.get(key))

    def _is_pack(self, key: str) -> bool:
        """Return whether a node may be a pack: a folder may have any name, also one that is no pack's."""
        sweep = self._answers.sweep
        has_rows = isinstance(sweep, Sweep) and key in sweep.nodes
        has_record = key in self._answers.packs.records
        if key not in self._plan.only_folders or has_rows or has_record:
            return True
        known, answer = self._plan.snapshot.nodes.get(key), self._answers.nodes.get(key)
        is_known = known is not None and (bool(known.baseline_at) or known.is_there)
        has_versions = isinstance(answer, Listing) and bool(answer.versions)
        return is_known or has_versions or isinstance(answer, NodeBanned)

    def run(self) -> None:
        """Compare all nodes, then what is known of packs as a whole."""
        found, plan, sweep = self.found, self._plan, self._answers.sweep
        if isinstance(sweep, NoSweep) and plan.globs.chooses:
            self._judge_refusal(sweep)
        for key, name in found.watched.items():
            self._compare(key, name)
        for key in self._answers.packs.records.keys() & found.watched.keys():
            if not (isinstance(sweep, Sweep) and plan.waits(key, sweep)):
                self._take_record(key, self._answers.packs.records[key])
        if isinstance(sweep, Sweep):
            self._judge_sweep(sweep)
        if plan.publishers and self._answers.listed is not None:
            self._judge_list(self._answers.listed)

    def _judge_list(self, listed: PackRecords) -> None:
        """Note why publishers' packs may be missing."""
        found = self.found
        found.unlisted = why = listed.failure.error if listed.failure else ""
        if why:
            error = f"the packs of publishers cannot be listed: {why}"
            found.error = "; ".join(filter(None, (found.error, error)))

    # The sweep as a whole

    def _judge_refusal(self, sweep: NoSweep) -> None:
        """Note that there is no sweep of globs."""
        found, failure = self.found, sweep.failure
        if failure is None and not found.watched:
            failure = ReadFailure(node=ALL, error=sweep.why, fault=Fault.REGISTRY)
        if failure is None:
            found.lacking = sweep.why
            found.error = f"{sweep.why}; so each known node pack is asked, and new ones are not noticed"
        else:
            found.unread[ALL] = failure

    def _judge_sweep(self, sweep: Sweep) -> None:
        """Note what the pages of all could not show."""
        found, plan = self.found, self._plan
        if plan.globs.chooses:
            found.lacking = sweep.incomplete
        why: list[str] = []
        if found.lacking:
            why.append(f"the pages of all node packs are incomplete: {found.lacking}")
        if found.unseen and not (why and plan.lacks_baseline):
            packs = plural(len(found.unseen), "node pack")
            why.append(
                f"not all versions of {packs} were shown; a later poll asks about these"
            )
        found.error = "; ".join(why)
        if plan.snapshot.registry_failing:
            found.read.add(ALL)  # page 1 came, whichever packs are watched

    # One node

    def _compare(self, key: str, name: str) -> None:
        """Compare a node with the rows of the pages and its own answer, which is younger and counts more."""
        found, plan, sweep = self.found, self._plan, self._answers.sweep
        answer = self._answers.nodes.get(key)
        known = plan.snapshot.nodes.get(key)
        node, view = known, None
        if isinstance(sweep, Sweep):
            view = plan.view(sweep, key, name)
            if view is None:
                self._take_as_known(key, sweep)
        if view is not None:
            node = view.base
            if view.is_stale:
                self._note_stale(key)
            if view.in_baseline:
                found.baseline.add(key)
            if view.is_first:
                node = self._take_listing(key, node, view.listing)
        if answer is not None:
            node = self._take_answer(key, node, answer)
        if view is not None and not (view.is_first or self._has_answer(key, answer)):
            if isinstance(answer, Listing) and key not in found.stale_since:
                # The rows of what it shows are older.
                view = replace(view, listing=_without(view.listing, answer))
            node = self._take_rows(key, name, node, view)
        # A pack that the baseline of all leaves out is known from now on, so that it is no newcomer.
        is_noted = known is None and view is not None and view.base is not None
        if node is not None and (is_noted or node != (known or Node(node=name))):
            found.nodes[key] = node

    def _has_answer(self, key: str, answer: Reading | None) -> bool:
        """Return whether a node's own answer came, counts and is complete."""
        found = self.found
        return (
            answer is not None
            and key not in found.unread
            and key not in found.stale_since
        )

    def _take_as_known(self, key: str, sweep: Sweep) -> None:
        """Take a node of which every known row, and no other, was shown as it is known, or that is banned."""
        found, rows = self.found, sweep.nodes.get(key)
        node = self._plan.snapshot.nodes.get(key)
        is_banned = node is not None and node.banned
        # The rows of a banned pack do not count, so that they do not end a failure either.
        if not (is_banned and key in self._plan.checks.health.nodes):
            found.read.add(key)
        if rows is None or is_banned:
            return
        server_time = rows.server_time or ServerTime()
        if self._is_stale(key, server_time):
            return
        self._take_server_time(key, server_time)
        if not sweep.incomplete:
            found.checked[key] = sweep.at

    def _take_rows(self, key: str, name: str, node: Node | None, view: View) -> Node:
        """Take what the rows of a node show, which is an incomplete listing."""
        found, plan = self.found, self._plan
        if key in self._answers.later or key not in self._answers.nodes:
            found.unseen |= {key} if view.lacks else set()
        if view.listing.versions:
            self._take_server_time(key, view.listing.server_time)
        base = node or Node(node=name)
        difference = compare_rows(base, view.listing, plan.options)
        return self._take_difference(key, difference)

    def _take_answer(self, key: str, node: Node | None, answer: Reading) -> Node | None:
        """Return the node after its own answer."""
        found = self.found
        found.read.discard(key)
        match answer:
            case ReadFailure(fault=Fault.NOT_FOUND) if self._may_be_unknown(key):
                found.unknown.append(found.watched[key])
                self._take_nothing(key, answer)
                return node
            case ReadFailure():
                found.unread[key] = answer
                self._take_nothing(key, answer)
                return node
            case _ if self._is_stale(key, answer.server_time):
                return node
            case Listing():
                return self._take_listing(key, node, answer)
            case NodeBanned():
                return self._take_ban(key, node, answer)
            case _:
                assert_never(answer)

    def _take_listing(self, key: str, node: Node | None, listing: Listing) -> Node:
        """Return the node after a listing of it."""
        found, plan, options = self.found, self._plan, self._plan.options
        self._take_server_time(key, listing.server_time)
        if listing.spelling not in {"", listing.node}:
            found.registry_ids[key] = listing.spelling
        found.unreadable[key] = frozenset(
            version
            for version, names in listing.unreported.items()
            if "deprecated" in names
        )
        if key in found.baseline:
            options = replace(options, baseline="silent")
        record = self._answers.packs.records.get(key)
        says_how = record is not None and record.status in PACK_STATUSES
        if record and node and says_how and node.banned and not listing.incomplete:
            # A listing ends no ban that `GET /nodes` still has, whoever said it first.
            node = replace(node, ban_recorded=record.status == BANNED)
        difference = compare_listing(node, listing, options)
        after = self._take_difference(key, difference)
        if listing.incomplete:
            error = f"the listing is incomplete: {listing.incomplete}"
            found.unread[key] = ReadFailure(node=listing.node, error=error)
            return after
        found.read.add(key)
        found.checked[key] = listing.at
        if not listing.versions and not after.baseline_at:
            if self._may_be_unknown(key) and record is None:
                found.unknown.append(listing.node)
                self._take_nothing(key, listing)
            elif key in plan.named and key not in plan.published:
                found.empty.append(listing.node)  # whose id may be wrong
        return after

    def _take_nothing(self, key: str, answer: Reading | None) -> None:
        """Note an id of which an answer shows that the registry has no such pack."""
        is_empty = isinstance(answer, Listing) and not answer.incomplete
        is_not_found = (
            isinstance(answer, ReadFailure) and answer.fault is Fault.NOT_FOUND
        )
        # Where nothing of the API is there, it may be another server, which says nothing of a pack.
        if is_empty or (is_not_found and not self._answers.packs.absent):
            self.found.no_packs.add(key)

    def _take_ban(self, key: str, node: Node | None, ban: NodeBanned) -> Node:
        """Return the node after a 403 that says that it is banned."""
        found = self.found
        self._take_server_time(key, ban.server_time)
        found.read.add(key)
        before, reason = node or Node(node=ban.node), summarize(ban.message)
        return self._take_difference(
            key, compare_ban(before, reason, self._plan.options.now)
        )

    def _take_record(self, key: str, record: PackRecord) -> None:
        """Take what `GET /nodes` says of a pack's ban. A status that is not known says nothing of it."""
        if record.status not in PACK_STATUSES:
            return
        found, known = self.found, self._plan.snapshot.nodes.get(key)
        node = found.nodes.get(key) or known or Node(node=record.id)
        summary = replace(record, status_detail=summarize(record.status_detail))
        difference = compare_record(node, summary, self._plan.options.now)
        after = self._take_difference(key, difference)
        if after != node:
            found.nodes[key] = after

    def _take_difference(self, key: str, difference: Difference) -> Node:
        """Note the events; a ban of the pack is counted in the event of the baseline of all where that takes it in."""
        found = self.found
        events = difference.events
        if key in found.baseline:
            events = tuple(one for one in events if not _is_ban_of_pack(one))
        if events:
            found.events[key] = (*found.events.get(key, ()), *events)
        return difference.node

    def _may_be_unknown(self, key: str) -> bool:
        """Return whether only installs name the node, and it never had a version."""
        plan = self._plan
        known = plan.snapshot.nodes.get(key)
        is_sure = key in plan.named or key in plan.published or key not in plan.nodes
        return not is_sure and not (known and known.baseline_at)

    def _is_stale(self, key: str, server_time: ServerTime) -> bool:
        """Return whether an answer is older than the known one, and note since when there are only such."""
        is_stale = self._plan.is_stale(key, server_time)
        if is_stale:
            self._note_stale(key)
        return is_stale

    def _note_stale(self, key: str) -> None:
        checks, now = self._plan.checks, self._plan.options.now
        self.found.stale_since[key] = checks.stale_since.get(key, now)

    def _take_server_time(self, key: str, server_time: ServerTime) -> None:
        """Note when an answer that counts was made; one that does not say it leaves the time that is known."""
        times, known = self.found.server_times, self._plan.checks.server_times
        if newest := server_time.newest or known.get(key, ""):
            times[key] = max(times.get(key, ""), newest)
        self.found.stale_since.pop(key, None)


def _without(rows: Listing, answer: Listing) -> Listing:
    """Return the rows of the versions that an answer does not show."""
    shown = by_key(answer.versions)
    left = (one for one in rows.versions if find_row(one, shown) is None)
    return replace(rows, versions=tuple(left))


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
    found, now = compare_nodes(plan, answers), plan.options.now
    threshold = config.failure_threshold
    known, of_all = with_baseline(plan, answers, found)
    records = answers.packs.records.values()
    known = take_packs(known, plan.publishers, records, plan.globs)
    before = plan.checks.health
    # A page 1 that failed in another poll, and not in this one, is over.
    streaks = {
        key: one
        for key, one in before.nodes.items()
        if key != ALL or key in found.unread
    }
    assessed = assess(
        replace(before, nodes=streaks),
        known.with_nodes(found.nodes),
        found.unread,
        found.read,
        threshold,
        now,
        empty=[node.lower() for node in found.empty],
    )
    swept = assess_sweep(
        assessed.health, assessed.snapshot, found.lacking, threshold, now
    )
    listed = assess_list(swept.health, swept.snapshot, found.unlisted, threshold, now)
    snapshot, about_channels = assess_channels(listed.snapshot, of_channels, now)
    after = listed.health
    if not plan.globs.chooses:  # only what globs include depends on a whole sweep
        after = replace(after, sweep=None)
    if not plan.publishers:
        after = replace(after, lists=None)
        snapshot = replace(snapshot, unlisted=False) if snapshot.unlisted else snapshot
    events = [
        *([of_all] if of_all else ()),
        *(event for of_node in found.events.values() for event in of_node),
        *assessed.events,
        *swept.events,
        *listed.events,
        *about_channels,
    ]
    checks = _checks_after(plan, answers, found)
    return PollChange(
        compared=found,
        snapshot=snapshot,
        checks=replace(checks, health=after),
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
    sweep_baseline = SweepBaseline(
        globs=plan.globs.globs,
        baseline_at=sweep.at,
        failing=known.sweep_baseline.failing,
    )
    nodes = {key: found.nodes.get(key) or known.nodes[key] for key in found.baseline}
    chosen = sum(map(plan.globs.matches, found.watched))
    return set_baseline(known, sweep_baseline, nodes, plan.options, chosen=chosen)


def _checks_after(plan: Plan, answers: Answers, found: Compared) -> Checks:
    """Return how this poll went."""
    checks, listed = plan.checks, answers.listed
    stale = {
        key: since
        for key, since in checks.stale_since.items()
        if key not in found.server_times
    }
    if answers.packs_due or listed:
        failure = answers.packs.failure or (listed and listed.failure)
        checks = replace(checks, packs_error=failure.error if failure else "")
    if listed and not listed.failure:
        checks = replace(checks, listed_at=plan.options.now)
    return replace(
        checks,
        polled_at=plan.options.now,
        polled_before=checks.polled_at,
        checked=_merged(checks.checked, found.checked),
        server_times=_merged(checks.server_times, found.server_times),
        stale_since=_merged(stale, found.stale_since),
        watched=tuple(found.watched.values()),
    )


def _merged(before: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted({**before, **found}.items()))


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
    installed, appeared = exposure.appear(installed, scans, now)
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
