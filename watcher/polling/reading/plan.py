"""What a poll watches and asks for, and what it has seen of each node: all that came, folded into one value.

The list of all packs, `GET /nodes`, says which packs publishers have, which packs that only globs choose are banned,
and which packs installed clones are that name none. It is read at the first poll that needs it and then once a day; a
reading that failed is tried again by the next poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from watcher import timestamps
from watcher.changes.health import FailureStreak
from watcher.changes.packs import (
    ids_under,
    known_ids,
    take_packs,
    with_packs,
    without_id,
)
from watcher.changes.sweeps import (
    lacks_rows,
    shows_all,
    with_rows,
)
from watcher.changes.transitions import DiffOptions
from watcher.changes.verdict import identities
from watcher.durations import DAY
from watcher.model.event import About, Event
from watcher.model.pack import Claim, NodeRecord, NodeRecords, Scanned
from watcher.model.reading import (
    Fault,
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
    ServerTime,
)
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import BANNED
from watcher.polling.model import PollConfig
from watcher.registry.client import PAGE_SIZE
from watcher.registry.listing import NodeRows
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
    known = snapshot.publishers
    has_lists = all(
        one.lower() in known and known[one.lower()].baseline_at
        for one in config.publishers
    )
    is_recent = at and 0 <= timestamps.seconds_between(at, now) < DAY
    return not (
        is_recent
        and has_baseline
        and checks.registry_url == config.registry_url
        and has_lists
        and repositories <= checks.repositories.keys()
    )


def take_list(
    config: PollConfig, state: State, all_nodes: NodeRecords, now: str
) -> tuple[State, NodeRecords]:
    """Return the state with the packs of publishers, and the list as far as it can be believed."""
    records = all_nodes.records.values()
    # Else every publisher would seem to have no pack, and that would be believed.
    if config.publishers and records and not any(one.publisher for one in records):
        error = "GET /nodes does not say whose the packs are"
        all_nodes = replace(
            all_nodes, failure=all_nodes.failure or ReadFailure(error=error)
        )
    snapshot = take_packs(
        state.snapshot,
        config.publishers,
        records,
        Selection(globs=config.globs),
        whole_at=None if all_nodes.failure else now,
    )
    return replace(state, snapshot=snapshot), all_nodes


def take_repositories(
    config: PollConfig,
    state: State,
    scans: Mapping[str, Scanned],
    all_nodes: NodeRecords | None,
) -> tuple[State, dict[str, Scanned]]:
    """Return the state with the packs under the repositories of copies without an id, and the scans with these."""
    checks, known = state.checks, {}
    # Where the checks were lost, what the last scans were found to be still holds.
    if checks.registry_url in {"", config.registry_url}:
        last = (pack for packs in state.installs.values() for pack in packs)
        known = {**known_ids(last), **checks.repositories}
    # Whose pack is banned may point its row elsewhere: the copies stay bad all the same.
    bad = state.snapshot.installed.exposures
    found = ids_under(_without_id(scans), known, all_nodes, bad)
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


_MANY = 100
"""From this many watched nodes on, page 1 of all is requested to learn how many pages there are."""
_MOST_QUESTIONS = 200
"""How many nodes are asked by themselves after a sweep, at most; as many as it has pages if these are more."""
_OF_PAGES = "only a page of all node packs shows it"
"""Why the rows that a sweep shows of a node are no complete listing."""


@frozen
class Seen:
    """All that one poll saw of one node: rows on pages of all, its own answer, what `GET /nodes` says; what follows."""

    name: str
    """Its id as it is watched."""
    spelling: str = ""
    """Its id as the registry writes it; "" if no row came."""
    known: Node | None = None
    """None if it was never seen."""
    base: Node | None = None
    """What the reading is compared with: `known`, or what the baseline of all makes of it."""
    reading: Listing | NodeBanned | None = None
    """What counts of its rows and its own answer, as one; None if that is nothing, or nothing but what is known."""
    failure: ReadFailure | None = None
    """Why its own answer did not come, or not whole."""
    record: NodeRecord | None = None
    server_time: str = ""
    """The newest time of what counts, or the known one; "" if nothing counts, or nothing says it."""
    is_stale: bool = False
    """What came is older than what is known, so that nothing of it counts."""
    is_read: bool = False
    """All that it has was seen."""
    checked_at: str = ""
    """When that was, for a person; "" if it was not, or if that is not sure."""
    lacks: bool = False
    """A version of it was not shown, and it was not asked."""
    waits: bool = False
    """It waits for the baseline of all."""
    joins_baseline: bool = False
    """The baseline of all takes it in."""
    after: Node | None = None
    """As it is known from now on; None if that is as before."""
    events: tuple[Event, ...] = ()
    is_unknown: bool = False
    """Only installs name it, and the registry does not know it: that is no failure."""
    is_doubtful: bool = False
    """The settings name it, and it never had a version: the id may be wrong."""

    @property
    def is_empty(self) -> bool:
        """Whether it never had a version, by a complete listing."""
        listing, base = self.reading, self.base
        if not isinstance(listing, Listing) or listing.incomplete or listing.versions:
            return False
        return base is None or not base.baseline_at

    @property
    def is_asked(self) -> bool:
        """Whether only its own answer tells the rest, or may end a ban that `GET /nodes` has not, or no more."""
        known, record = self.known, self.record
        if known is None or not known.banned:
            return not (self.is_read or self.waits)
        # A ban by 403 alone is in no row and no record, so that only its own answer can end it.
        is_over = record is not None and record.status != BANNED
        return is_over or not (self.is_read and known.ban_recorded)

    @property
    def unreadable(self) -> frozenset[str]:
        """Keys of versions of which the reading does not say readably whether they are deprecated."""
        if not isinstance(self.reading, Listing):
            return frozenset()
        withheld = self.reading.unreported.items()
        return frozenset(key for key, names in withheld if "deprecated" in names)

    @property
    def is_not_found(self) -> bool:
        """Whether the registry answered that it has no such node."""
        return self.failure is not None and self.failure.fault is Fault.NOT_FOUND


def with_records(seen: Mapping[str, Seen], packs: NodeRecords) -> dict[str, Seen]:
    """Return what was seen with what `GET /nodes` says, but of what waits for the baseline of all."""
    more = {
        key: replace(seen[key], record=record)
        for key, record in packs.records.items()
        if key in seen and not seen[key].waits
    }
    return {**seen, **more}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Plan:
    """What is watched, and what is known of it."""

    nodes: Mapping[str, str]
    """By lower-case id, as they are written: what is watched whatever the globs choose, by name, as a publisher's, or
    as installed.
    """
    doubted: frozenset[str] = frozenset()
    """Lower-case ids that the settings name and no watched publisher has: one that never had a version may be wrong."""
    only_installed: frozenset[str] = frozenset()
    """Lower-case ids that nothing but installs names."""
    publishers: tuple[str, ...] = ()
    """Ids of the watched publishers."""
    globs: Selection = field(default_factory=Selection)
    may_sweep: bool = True
    """Many nodes may be read from the pages of all: what these show is compared with what is known."""
    only_folders: frozenset[str] = frozenset()
    """Those of them that nothing but the names of folders says."""
    snapshot: Snapshot = field(default_factory=Snapshot)
    checks: Checks = field(default_factory=Checks)
    """Of the last poll, with the times of answers that are valid for this one."""
    options: DiffOptions

    # Sweep or not

    @property
    def tries_sweep(self) -> bool:
        """Whether page 1 is read first: it may show that a sweep is not worth its pages, or is refused."""
        # Below that a request for each pack is cheaper than all pages, about 330 in 2026.
        return self.globs.chooses or (self.may_sweep and len(self.nodes) >= _MANY)

    def is_wanted(self, key: str) -> bool:
        """Return whether the rows of a node are kept, by its lower-case id."""
        return key in self.nodes or self.globs.matches(key)

    def is_worth_it(self, total: int) -> bool:
        """Return whether the pages of so many versions are fewer than the nodes to ask."""
        return self.globs.chooses or len(self.nodes) > _pages_of(total)

    # Nodes

    def watched(self, sweep: Sweep | NoSweep | None) -> dict[str, str]:
        """Return the watched nodes by lower-case id: as the settings write them, then others as the registry does."""
        is_swept = isinstance(sweep, Sweep)
        chosen: dict[str, str] = {}
        if sweep is not None:
            # An id that never had a version is no pack of the registry's. Where all cannot be listed, those without a
            # baseline wait for that of all, unless their own answer is awaited.
            chosen = {
                key: node.node
                for key, node in self.snapshot.nodes.items()
                if (node.baseline_at or node.banned or (is_swept and node.versions))
                and self.globs.matches(key)
            }
        if isinstance(sweep, Sweep):
            chosen |= {key: rows.spelling for key, rows in sweep.nodes.items()}
        given = {
            key: name
            for key, name in self.nodes.items()
            if key not in self.only_installed
        }
        return {**self.nodes, **dict(sorted(chosen.items())), **given}

    @property
    def streaks(self) -> Mapping[str, FailureStreak]:
        """The last polls that could not read a node, by its lower-case id."""
        return self.checks.streaks.get(About.NODE, {})

    def in_order(self, nodes: Iterable[str]) -> list[str]:
        """Return nodes in the order to ask: those that the last poll did not try first, those that failed last."""
        return sorted(nodes, key=self._place)

    def _place(self, node: str) -> tuple[int, int]:
        failure = self.streaks.get(node.lower())
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
        if not (self.lacks_baseline and sweep.incomplete) or key in self.nodes:
            return False
        node = self.snapshot.nodes.get(key)
        has_none = node is None or not (node.baseline_at or node.banned)
        return has_none and self.globs.matches(key)

    def seen(self, sweep: Sweep | NoSweep | None) -> dict[str, Seen]:
        """Return what a sweep shows of each watched node, by lower-case id: nothing where there is none."""
        nodes = self.snapshot.nodes
        watched = self.watched(sweep)
        if isinstance(sweep, Sweep):
            return {
                key: self._on_pages(sweep, key, name) for key, name in watched.items()
            }
        return {
            key: Seen(name=name, known=nodes.get(key), base=nodes.get(key))
            for key, name in watched.items()
        }

    def _on_pages(self, sweep: Sweep, key: str, name: str) -> Seen:
        """Return what the rows of a sweep show of a node."""
        base = known = self.snapshot.nodes.get(key)
        rows = sweep.nodes.get(key, NodeRows())
        seen = Seen(name=name, spelling=rows.spelling, known=known, base=known)
        if known is not None and known.banned:
            # The rows of a banned pack do not count, so that they do not end a failure either.
            return replace(seen, is_read=key not in self.streaks)
        times = rows.server_time
        is_stale = self.is_stale(key, times)
        has_come = bool(rows.versions) and not is_stale
        # One that is reported failing recovers by its own answer.
        is_doubted = rows.fault or self.snapshot.is_failing(About.NODE, key)
        # Of one without a row a page that lacks says nothing.
        may_be_all = bool(rows.versions) or not sweep.incomplete
        is_read = not is_doubted and may_be_all and shows_all(known, rows.versions)
        # An older page that shows what is known is no check.
        is_sure = is_read and has_come and not sweep.incomplete
        seen = replace(
            seen,
            server_time=self._newest(key, times) if has_come else "",
            is_stale=is_stale,
            is_read=is_read,
            checked_at=sweep.at if is_sure else "",
            waits=self.waits(key, sweep),
        )
        if is_read:
            return seen
        listing = rows.listing(name, at=sweep.at)
        if known is None or not known.baseline_at:
            is_chosen = self.globs.matches(key)
            globs = self.snapshot.sweep_baseline.globs
            baseline_at = self.snapshot.sweep_baseline.baseline_at
            is_new = is_chosen and known is None and key in sweep.nodes
            joins = is_chosen and self.sets_baseline(sweep)
            # The last baseline of all would have had it if it had been there.
            came_since = baseline_at and Selection(globs=globs).matches(key)
            if is_new and came_since:
                # Each of its versions is news, whatever its date, and waits for no baseline.
                base = Node(node=name, baseline_at=baseline_at)
                seen = replace(seen, waits=False)
            elif has_come and not (sweep.incomplete or listing.incomplete):
                return replace(
                    seen,
                    reading=listing,
                    is_read=True,
                    checked_at=listing.at,
                    joins_baseline=joins,
                )
            elif joins and key in sweep.nodes:
                # It is in the snapshot from now on, so that it is no newcomer: it has a baseline of its own.
                base = known or Node(node=name)
            elif joins and known is not None and known.versions:
                # It was there, and is not any more: what comes of it later is news.
                base = replace(known, baseline_at=sweep.at)
        return replace(
            seen,
            base=base,
            # Nothing follows from what pages do not show.
            reading=replace(listing, incomplete=_OF_PAGES) if has_come else None,
            lacks=lacks_rows(base, listing.versions if has_come else ()),
        )

    def answered(
        self, seen: Mapping[str, Seen], nodes: Mapping[str, Reading]
    ) -> dict[str, Seen]:
        """Return what was seen, with the nodes' own answers, which are younger than the rows and count more."""
        asked = {key: self._answered(key, seen[key], nodes[key]) for key in nodes}
        return {**seen, **asked}

    def _answered(self, key: str, seen: Seen, answer: Reading) -> Seen:
        seen = replace(seen, is_read=False, checked_at="", lacks=False)
        if isinstance(answer, ReadFailure):
            # An error never changes what is known: its rows still count.
            return replace(seen, failure=answer)
        if self.is_stale(key, answer.server_time):
            # Its rows, if they count, are no older than what is known.
            return replace(seen, is_stale=not seen.server_time)
        newest = self._newest(key, answer.server_time)
        whole = replace(
            seen, reading=answer, is_stale=False, server_time=newest, is_read=True
        )
        if isinstance(answer, NodeBanned):
            return whole
        spelling = answer.spelling or seen.spelling
        if not answer.incomplete:
            return replace(whole, spelling=spelling, checked_at=answer.at)
        # Neither proves that what it lacks is not there, so that both count.
        error = f"the listing is incomplete: {answer.incomplete}"
        return replace(
            seen,
            spelling=spelling,
            reading=with_rows(answer, seen.reading),
            failure=ReadFailure(node=answer.node, error=error),
            server_time=max(newest, seen.server_time),
            is_stale=False,
        )

    def _newest(self, key: str, server_time: ServerTime) -> str:
        """Return when the newest of the answers was made that count; the known time if they do not say it."""
        return server_time.newest or self.checks.server_times.get(key, "")

    def is_stale(self, key: str, server_time: ServerTime) -> bool:
        """Return whether an answer about a node is older than the known one.

        After a day of such answers the next one counts: then the times are wrong (docs/dev/behaviour.md, Listings).
        """
        if not server_time.is_older_than(self.checks.server_times.get(key, "")):
            return False
        now = self.options.now
        since = self.checks.stale_since.get(key, now)
        # A clock that was set back, here or there, must not hide changes for ever.
        return 0 <= timestamps.seconds_between(since, now) < DAY

    def questions(self, sweep: Sweep, seen: Mapping[str, Seen]) -> list[str]:
        """Return which nodes to ask by themselves, as they are written: those of which the pages do not show all.

        Of many those that failed most often are asked last, of the others those that were checked last. A later poll
        asks the rest.
        """
        if sweep.incomplete and not self.globs.chooses:
            # What is new of each may be in what did not come.
            return self.in_order(one.name for one in seen.values())
        failures, checked = self.streaks, self.checks.checked

        def turn(key: str) -> tuple[int, str]:
            return failures[key].count if key in failures else 0, checked.get(key, "")

        asked = sorted((key for key, one in seen.items() if one.is_asked), key=turn)
        # More than the sweep itself would cost the registry too much.
        most = max(_MOST_QUESTIONS, _pages_of(sweep.total))
        return self.in_order(seen[key].name for key in asked[:most])

    # Packs as a whole

    def due(self, seen: Mapping[str, Seen], all_nodes: NodeRecords) -> list[str]:
        """Return the nodes to ask `GET /nodes` about by their ids, in lower case: those that are named or run.

        Where publishers are watched, a pack that only globs choose and that was not there before may be theirs, of
        which channels get more. What is in `all_nodes` in this poll need not be asked.
        """
        asks_news = bool(self.publishers) and not self.lacks_baseline
        return [
            key
            for key, one in seen.items()
            if key not in all_nodes.records
            and (key in self.nodes or (asks_news and one.known is None))
        ]

    def spelling(self, key: str) -> str:
        """Return how `GET /nodes` wrote the id of a node, else how the settings or an install do."""
        record = self.checks.packs.get(key)
        return record.id if record is not None else self.nodes.get(key, key)


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
    globs = Selection(globs=config.globs)
    packs = state.snapshot.packs_of(config.publishers)
    published = [pack for pack in packs if not globs.leaves_out(pack)]
    nodes = {node.lower(): node for node in (*config.nodes, *published)}
    # All that installed packs may be.
    # A copy may be more than one pack, and the worst of these counts, so that each is watched.
    claims = [
        one
        for scan in scans.values()
        for pack in scan.packs or ()
        for one in identities(pack)
    ]
    by_more = {one.id.lower() for one in claims if one.by is not Claim.FOLDER}
    only_installed = {one.id.lower() for one in claims} - nodes.keys()
    for name in sorted(one.id for one in claims):
        # An id that only installs name is spelled as the registry spells it, where that is known.
        record = checks.packs.get(name.lower())
        nodes.setdefault(name.lower(), record.id if record else name)
    return Plan(
        nodes=nodes,
        doubted=frozenset(
            {node.lower() for node in config.nodes} - {one.lower() for one in published}
        ),
        only_installed=frozenset(only_installed),
        publishers=config.publishers,
        globs=globs,
        only_folders=frozenset(only_installed - by_more),
        snapshot=state.snapshot,
        checks=checks,
        options=DiffOptions(
            baseline=config.baseline,
            now=started,
            revision=state.snapshot.revision,
        ),
    )


def _pages_of(total: int) -> int:
    return -(-total // PAGE_SIZE)
