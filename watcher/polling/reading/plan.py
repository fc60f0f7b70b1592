"""The list of all packs, `GET /nodes`: when it is due, and what it means for the state.

It says which packs publishers have, which packs that only globs choose are banned, and which packs installed clones
are that name none. It is read at the first poll that needs it and then once a day; a reading that failed is tried again
by the next poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.changes.packs import (
    ids_under,
    known_ids,
    take_packs,
    with_packs,
    without_id,
)
from watcher.changes.sweeps import (
    came_since,
    compare_rows,
    is_as_known,
    is_settled,
    lacks_rows,
    newcomer,
)
from watcher.changes.transitions import DiffOptions
from watcher.changes.verdict import identities
from watcher.durations import DAY
from watcher.model.event import Kind, rank
from watcher.model.pack import Claim, PackRecord, PackRecords, Scanned
from watcher.model.reading import Listing, ReadFailure, ServerTime
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import BANNED
from watcher.polling.model import PollConfig
from watcher.registry.client import PAGE_SIZE
from watcher.registry.sweep import NoSweep, Sweep
from watcher.state.model import Checks, State
from watcher.values import frozen


def is_due(
    config: PollConfig, state: State, scans: Mapping[str, Scanned], now: str
) -> bool:
    """Return whether the list is to be read."""
    checks, snapshot = state.checks, state.snapshot
    globs, at = Selection(globs=config.globs), checks.listed_at
    repositories = _without_id(scans)
    if not (config.publishers or globs.chooses or repositories):
        return False
    # The baseline of all, which may come with any poll, has the bans of whole packs.
    has_baseline = globs.globs == snapshot.sweep_baseline.globs or not globs.chooses
    is_recent = at and 0 <= timestamps.seconds_between(at, now) < DAY
    return not (
        is_recent
        and has_baseline
        and checks.registry_url == config.registry_url
        and len(with_list(config.publishers, snapshot)) == len(config.publishers)
        and repositories <= checks.repositories.keys()
    )


def with_list(publishers: Iterable[str], snapshot: Snapshot) -> list[str]:
    """Return the publishers of which a first complete list is known."""
    known = snapshot.publishers
    return [
        one
        for one in publishers
        if one.lower() in known and known[one.lower()].baseline_at
    ]


def take_list(
    config: PollConfig, state: State, listed: PackRecords, now: str
) -> tuple[State, PackRecords]:
    """Return the state with the packs of publishers, and the list as far as it can be believed."""
    records = listed.records.values()
    if config.publishers and records and not any(one.publisher for one in records):
        error = "GET /nodes does not say whose the packs are"
        listed = replace(listed, failure=listed.failure or ReadFailure(error=error))
    snapshot = take_packs(
        state.snapshot,
        config.publishers,
        records,
        Selection(globs=config.globs),
        whole_at=None if listed.failure else now,
    )
    return replace(state, snapshot=snapshot), listed


def take_repositories(
    config: PollConfig,
    state: State,
    scans: Mapping[str, Scanned],
    listed: PackRecords | None,
) -> tuple[State, dict[str, Scanned]]:
    """Return the state with the packs under the repositories of copies without an id, and the scans with these."""
    checks, known = state.checks, {}
    # Where the checks were lost, what the last scans were found to be still holds.
    if checks.registry_url in {"", config.registry_url}:
        last = (pack for packs in state.installs.values() for pack in packs)
        known = {**known_ids(last), **checks.repositories}
    bad = state.snapshot.installed.exposures
    found = ids_under(_without_id(scans), known, listed, bad)
    after = {
        install: replace(
            scan,
            packs=scan.packs and tuple(with_packs(one, found) for one in scan.packs),
        )
        for install, scan in scans.items()
    }
    return replace(state, checks=replace(checks, repositories=found)), after


def _without_id(scans: Mapping[str, Scanned]) -> frozenset[str]:
    return without_id(pack for scan in scans.values() for pack in scan.packs or ())


def without_packs(
    publishers: Iterable[str], before: Snapshot, after: Snapshot
) -> tuple[str, ...]:
    """Return the publishers whose first complete list has come, and in which they have no pack."""
    publishers = tuple(publishers)
    known = with_list(publishers, before)
    return tuple(
        one
        for one in with_list(publishers, after)
        if one not in known and not after.publishers[one.lower()].packs
    )


_MANY = 100
"""From this many watched nodes on, page 1 of all is requested to learn how many pages there are."""
_MOST_QUESTIONS = 200
"""How many nodes are asked by themselves after a sweep, at most; as many as it has pages if these are more."""
_STALE = "its rows are older than what is known"
_MILDEST = (len(Kind),)
"""The urgency of rows that show no change."""


@frozen
class View:
    """What a sweep shows of a node that is not as it is known."""

    base: Node | None
    """What its rows and its own answer are compared with."""
    listing: Listing
    is_first: bool = False
    """The rows are its first complete listing."""
    in_baseline: bool = False
    """The baseline of all takes it in."""
    is_asked: bool = True
    """Only its own answer can tell the rest."""
    urgency: tuple[int, ...] = ()
    """Sorts nodes by what their rows show, the worst first."""
    lacks: bool = False
    """A known version is not shown."""
    is_stale: bool = False
    """The rows are older than what is known, and count as not shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Plan:
    """What is watched, and what is known of it."""

    nodes: Mapping[str, str]
    """By lower-case id, as they are written: what is watched whatever the globs choose, by name, as a publisher's, or
    as installed.
    """
    named: frozenset[str] = frozenset()
    """Lower-case ids that the settings name."""
    published: frozenset[str] = frozenset()
    """Lower-case ids that a watched publisher has: the registry has these packs, though they may have no version."""
    publishers: tuple[str, ...] = ()
    """Ids of the watched publishers."""
    globs: Selection = field(default_factory=Selection)
    has_installs: bool = False
    only_folders: frozenset[str] = frozenset()
    """Lower-case ids that nothing but the names of installed folders says."""
    snapshot: Snapshot = field(default_factory=Snapshot)
    checks: Checks = field(default_factory=Checks)
    """Of the last poll, with the times of answers that are valid for this one."""
    options: DiffOptions

    # Sweep or not

    @property
    def tries_sweep(self) -> bool:
        """Whether page 1 is read first: it may show that a sweep is not worth its pages, or is refused."""
        return self.globs.chooses or len(self.nodes) >= _MANY

    def is_wanted(self, key: str) -> bool:
        """Return whether the rows of a node are kept, by its lower-case id."""
        return key in self.nodes or self.globs.matches(key)

    def is_worth_it(self, total: int) -> bool:
        """Return whether the pages of so many versions are fewer than the nodes to ask."""
        return self.globs.chooses or len(self.nodes) > _pages_of(total)

    # Nodes

    def watched(self, sweep: Sweep | NoSweep | None) -> dict[str, str]:
        """Return the watched nodes by lower-case id: as the settings write them, then others as the registry does."""
        known = self.snapshot.nodes
        chosen: dict[str, str] = {}
        if isinstance(sweep, Sweep):
            # An id that never had a version is no pack of the registry's.
            chosen = {
                key: node.node
                for key, node in known.items()
                if (node.baseline_at or node.is_there) and self.globs.matches(key)
            }
            chosen |= {key: rows.spelling for key, rows in sweep.nodes.items()}
        elif sweep is not None and self.globs.chooses:
            # Those without a baseline wait for that of all, unless their own answer is awaited.
            chosen = {
                key: node.node
                for key, node in known.items()
                if (node.baseline_at or node.banned) and self.globs.matches(key)
            }
        given = {
            key: name
            for key, name in self.nodes.items()
            if key in self.named or key in self.published
        }
        return {**self.nodes, **dict(sorted(chosen.items())), **given}

    def in_order(self, nodes: Iterable[str]) -> list[str]:
        """Return nodes in the order to ask: those that the last poll did not try first, those that failed last."""
        return sorted(nodes, key=self._place)

    def _place(self, node: str) -> tuple[int, int]:
        failure = self.checks.health.nodes.get(node.lower())
        if failure is None:
            return 1, 0
        return (0 if failure.untried else 2), failure.count

    # After a sweep

    def sets_baseline(self, sweep: Sweep) -> bool:
        """Return whether a sweep sets the baseline of all."""
        return self.lacks_baseline and not sweep.incomplete

    @property
    def lacks_baseline(self) -> bool:
        """Whether the globs have no baseline of all yet, or were other ones then."""
        sweep_baseline = self.snapshot.sweep_baseline
        is_same = sweep_baseline.globs == self.globs.globs
        return self.globs.chooses and not (sweep_baseline.baseline_at and is_same)

    def waits(self, key: str, sweep: Sweep) -> bool:
        """Return whether a node that only globs choose waits for the baseline of all."""
        node = self.snapshot.nodes.get(key)
        is_awaited = self.lacks_baseline and bool(sweep.incomplete)
        has_none = node is None or not (node.baseline_at or node.banned)
        is_only_chosen = key not in self.nodes and self.globs.matches(key)
        return is_awaited and has_none and is_only_chosen

    def view(self, sweep: Sweep, key: str, name: str) -> View | None:
        """Return what a sweep shows of a node; None if it is as known, or banned: then only its own answer counts."""
        known, rows = self.snapshot.nodes.get(key), sweep.nodes.get(key)
        if known is not None and known.banned:
            return None
        if (
            known is not None
            and rows is not None
            and not rows.fault
            and is_as_known(known, rows.versions)
        ):
            return None
        listing = sweep.listing(key, name)
        if known is not None and known.baseline_at:
            return self._difference(known, key, listing)
        is_chosen = self.globs.matches(key)
        sweep_baseline = self.snapshot.sweep_baseline
        is_new = is_chosen and known is None and rows is not None
        if is_new and (not self.lacks_baseline or came_since(sweep_baseline, name)):
            return self._difference(newcomer(name, sweep_baseline), key, listing)
        is_whole = not (sweep.incomplete or listing.incomplete)
        in_baseline = is_chosen and self.sets_baseline(sweep)
        if listing.versions and is_whole:
            return View(
                base=known,
                listing=listing,
                is_first=True,
                in_baseline=in_baseline,
                is_asked=False,
            )
        if in_baseline:
            # It is in the snapshot from now on, so that it is no newcomer: it has a baseline of its own.
            base = known or Node(node=name)
            if base.versions and rows is None:
                # Or it was there, and is not any more: what comes of it later is news.
                base = replace(base, baseline_at=sweep.at)
            return self._difference(base, key, listing)
        is_asked = not self.waits(key, sweep)
        return View(base=known, listing=listing, is_asked=is_asked, lacks=True)

    def _difference(self, base: Node, key: str, listing: Listing) -> View | None:
        """Return how rows differ from `base`; None if all is as the snapshot has it."""
        difference = compare_rows(base, listing, self.options)
        is_known = difference.node == self.snapshot.nodes.get(key)
        is_same = is_known and is_settled(base) and not difference.events
        lacks = lacks_rows(base, listing)
        if is_same and not (lacks or listing.incomplete):
            return None
        urgency = min(map(rank, difference.events), default=_MILDEST)
        is_stale = self.is_stale(key, listing.server_time)
        if is_stale:
            listing = replace(
                listing, versions=(), server_time=ServerTime(), incomplete=_STALE
            )
            lacks, urgency = lacks_rows(base, listing), _MILDEST
        return View(
            base=base,
            listing=listing,
            urgency=urgency,
            lacks=lacks,
            is_stale=is_stale,
        )

    def is_stale(self, key: str, server_time: ServerTime) -> bool:
        """Return whether an answer about a node is older than the known one.

        After a day of such answers the next one counts: then the times are wrong (docs/behaviour.md, Listings).
        """
        if not server_time.is_older_than(self.checks.server_times.get(key, "")):
            return False
        now = self.options.now
        since = self.checks.stale_since.get(key, now)
        return 0 <= timestamps.seconds_between(since, now) < DAY

    def questions(
        self, sweep: Sweep, records: PackRecords
    ) -> tuple[list[str], frozenset[str]]:
        """Return which nodes to ask by themselves, as they are written, and which of them a later poll asks, by key.

        Of many those whose rows show the worst are asked first. `records` are those of this poll.
        """
        watched = self.watched(sweep)
        if sweep.incomplete and not self.globs.chooses:
            # What is new of each may be in what did not come.
            return self.in_order(watched.values()), frozenset()
        most = max(_MOST_QUESTIONS, _pages_of(sweep.total))
        views = {
            key: view
            for key, name in watched.items()
            if (view := self.view(sweep, key, name)) is not None and view.is_asked
        }
        worst_first = sorted(views, key=lambda key: self._urgency(key, views[key]))
        awaited = [key for key in watched if self._is_awaited(key, records)]
        asked = dict.fromkeys([*worst_first, *awaited])
        now = list(asked)[:most]
        later = frozenset(views.keys() - set(now))
        return self.in_order(watched[key] for key in now), later

    def _urgency(self, key: str, view: View) -> tuple[tuple[int, ...], int, str]:
        """Return what sorts nodes: of alike ones those that failed most often are last, then those checked last."""
        failure = self.checks.health.nodes.get(key)
        checked_at = self.checks.checked.get(key, "")
        return view.urgency, failure.count if failure else 0, checked_at

    def _is_awaited(self, key: str, records: PackRecords) -> bool:
        """Return whether only a banned pack's own answer ends something: a failure, or a ban that it said itself."""
        node, record = self.snapshot.nodes.get(key), records.records.get(key)
        if node is None or not node.banned:
            return False
        has_failed = key in self.checks.health.nodes
        is_over = record is not None and record.status != BANNED
        return has_failed or is_over or not node.ban_recorded

    # Packs as a whole

    def due(self, sweep: Sweep | NoSweep | None, listed: PackRecords) -> list[str]:
        """Return the nodes to ask `GET /nodes` about by their ids, in lower case: those that are named or run.

        Where publishers are watched, a pack that only globs choose and that was not there before may be theirs, of
        which channels get more. What is `listed` in this poll need not be asked.
        """
        asked = dict.fromkeys(self.nodes)
        if self.publishers and isinstance(sweep, Sweep) and not self.lacks_baseline:
            asked |= dict.fromkeys(
                key for key in sweep.nodes if key not in self.snapshot.nodes
            )
        return [key for key in asked if key not in listed.records]

    def spelling(self, key: str) -> str:
        """Return how `GET /nodes` wrote the id of a node, else how the settings or an install do."""
        record = self.checks.packs.get(key)
        return record.id if record is not None else self.nodes.get(key, key)

    def keeps_record(self, key: str) -> bool:
        """Return whether the state has what `GET /nodes` says of a node: of all that may be installed."""
        return self.has_installs and key in self.nodes


def make_plan(
    config: PollConfig,
    state: State,
    scans: Mapping[str, Scanned],
    started: str,
) -> Plan:
    """Return what a poll of these settings, publishers and installs is to read."""
    checks = state.checks
    if checks.registry_url != config.registry_url:
        # They are those of another registry.
        checks = replace(
            checks,
            server_times={},
            stale_since={},
            listed_at="",
            registry_url=config.registry_url,
        )
    named = frozenset(node.lower() for node in config.nodes)
    globs = Selection(globs=config.globs)
    packs = state.snapshot.packs_of(config.publishers)
    published = [pack for pack in packs if not globs.leaves_out(pack)]
    given = (*config.nodes, *published)
    # All that installed packs may be.
    claims = [
        one
        for scan in scans.values()
        for pack in scan.packs or ()
        for one in identities(pack)
    ]
    by_more = {one.id.lower() for one in claims if one.by is not Claim.FOLDER}
    by_folder = {one.id.lower() for one in claims} - by_more
    nodes = _joined(given, sorted(one.id for one in claims), checks.packs)
    return Plan(
        nodes={node.lower(): node for node in nodes},
        named=named,
        published=frozenset(pack.lower() for pack in published),
        publishers=config.publishers,
        globs=globs,
        has_installs=bool(config.installs),
        only_folders=frozenset(by_folder - {node.lower() for node in given}),
        snapshot=state.snapshot,
        checks=checks,
        options=DiffOptions(
            baseline=config.baseline,
            now=started,
        ),
    )


def _joined(
    nodes: Iterable[str],
    installed: Iterable[str],
    records: Mapping[str, PackRecord | None],
) -> tuple[str, ...]:
    """Return the ids to watch, each once, whatever its case: the given `nodes`, then those of installed packs.

    An id that only installs name is spelled as the registry spells it, where that is known.
    """
    ids = {node.lower(): node for node in nodes}
    for each in installed:
        if (key := each.lower()) not in ids:
            record = records.get(key)
            ids[key] = record.id if record and record.id.lower() == key else each
    return tuple(ids.values())


def _pages_of(total: int) -> int:
    return -(-total // PAGE_SIZE)
