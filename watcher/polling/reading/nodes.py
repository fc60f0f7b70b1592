"""Every watched node compared with what was read of it: what changed, and what could not be read.

Nothing is requested or written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from watcher.changes.diff import (
    Difference,
    compare_ban,
    compare_listing,
    compare_record,
)
from watcher.changes.sweeps import compare_rows
from watcher.model.event import Event, Kind
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import (
    ALL,
    Listing,
    NodeBanned,
    Reading,
    ServerTime,
)
from watcher.model.pack import PACK_STATUSES, PackRecord, PackRecords
from watcher.model.snapshot import Node
from watcher.model.version import BANNED, by_key, find_row
from watcher.polling.reading.plan import Plan, View
from watcher.polling.reading.read import Answers
from watcher.registry.sweep import NoSweep, Sweep
from watcher.text.plural import plural
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
