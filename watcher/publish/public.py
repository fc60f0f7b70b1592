"""What may be published of a state. Pure.

The published files are made of this value alone, so that whatever it leaves out can be in none of them. The rules are
in docs/behaviour.md, Published files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from watcher.alerts.queues.queue import Queue
from watcher.changes.health import FailureStreak
from watcher.changes.transitions import severity_of_end
from watcher.model.acceptance import Accepted
from watcher.model.channel import Channel, knowing, wants
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Installed
from watcher.model.listing import ALL
from watcher.model.pack import Copy, Pack
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Node, Snapshot
from watcher.model.version import MinimumAge
from watcher.state.model import Checks, State
from watcher.state.overview import NodeRow, node_rows, watched
from watcher.timestamps import MomentOrEmpty

KINDS_OF_INSTALLS = frozenset({Kind.EXPOSED, Kind.CLEARED, Kind.APPEARED})
"""Kinds of events that there are only because somebody runs something."""
_NEVER_POLLED = "1970-01-01T00:00:00.000Z"
_FORMER_INSTALL = "another install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the settings say of what is published."""

    selection: Selection
    """The packs that `nodes` chooses."""
    publishers: tuple[str, ...] = ()
    """Ids of publishers whose packs are watched."""
    minimum_age: float
    """How old a version has to be to be advised, in seconds."""
    channels: tuple[Channel, ...] = ()
    """The channels, in the order of the settings."""
    installs: Mapping[str, str] | None = None
    """By the name of each install, what it is called in public: no address. None if nothing shows what is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """The alerts that one channel has not taken."""

    alerts: int
    oldest: MomentOrEmpty
    """When the poll began that saw the oldest of them; "" if there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """What may be published. Texts of the registry are untrusted."""

    at: MomentOrEmpty
    """When the last poll began that ran to its end, which all ages are relative to; "" before the first."""
    version: str
    """The program's version."""
    state: State
    """The state without what is private. It has no outbox and no addresses, and no reasons of failures."""
    events: tuple[Event, ...]
    """What the history has, oldest first."""
    rows: tuple[NodeRow, ...]
    """How each watched pack stands, in the order in which the settings name them, then by id."""
    channels: tuple[Undelivered, ...]
    """By channel, in the order of the settings. An alert that is private is not counted."""
    minimum_age: MinimumAge
    """How old a version has to be at the last poll."""
    shows_installs: bool
    """Whether it says what is run."""

    @property
    def nothing_was_read(self) -> bool:
        """Whether the last poll could read none of the packs, so that what is known is older."""
        unread = self.state.checks.health.nodes
        keys = [row.node.lower() for row in self.rows]
        return ALL in unread or (bool(keys) and all(key in unread for key in keys))


def published(
    state: State, history: Iterable[Event], terms: Terms, version: str
) -> Public:
    """Return what may be published of a state and its history, by the terms of the settings."""
    has_installs = bool(state.installs or state.snapshot.installed.known)
    hides = terms.installs is None and has_installs
    ids = {one.lower(): one for one in _watched(state, terms, hides=hides)}
    named = frozenset(one.lower() for one in _named(state, terms))
    public = _State(state=state, terms=terms, ids=ids, named=named, hides=hides)
    redacted = public.redacted()
    at = state.checks.polled_at
    shown = (event for event in history if not public.is_private(event))
    age = MinimumAge(seconds=terms.minimum_age, now=at or _NEVER_POLLED)
    return Public(
        at=at,
        version=version,
        state=redacted,
        events=tuple(sorted(map(public.event, shown), key=_place)),
        rows=tuple(node_rows(ids.values(), redacted, age)),
        channels=tuple(map(public.undelivered, terms.channels)),
        minimum_age=age,
        shows_installs=terms.installs is not None,
    )


def _place(event: Event) -> tuple[str, str]:
    """Return a key that sorts events by time: a poll sees those of packs that are run before the others."""
    return event.at, (event.node or "").lower()


def _watched(state: State, terms: Terms, *, hides: bool) -> tuple[str, ...]:
    """Return the ids of the packs that are published, each once: what only an install names is none if that `hides`.

    Before the baseline of all, a pack that patterns choose is only known because it is run.
    """
    chosen, snapshot = terms.selection, state.snapshot
    matching = [
        node.node
        for _, node in sorted(snapshot.nodes.items())
        if (node.baseline_at or node.banned) and chosen.matches(node.node)
    ]
    if not snapshot.sweep_baseline.baseline_at:
        matching = []
    known = replace(state, checks=Checks()) if hides else state
    return watched([*_named(state, terms), *matching], known)


def _named(state: State, terms: Terms) -> Iterator[str]:
    """Yield the ids of the packs that are watched by name, or as one of a publisher's."""
    yield from terms.selection.names
    for pack in state.snapshot.packs_of(terms.publishers):
        if not terms.selection.leaves_out(pack):
            yield pack


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """A state, and what of it is published."""

    state: State
    terms: Terms
    ids: Mapping[str, str]
    """The packs that are published, by lower-case id."""
    named: frozenset[str]
    """Lower-case ids of the packs that are watched by name, or as one of a publisher's."""
    hides: bool
    """Whether something is run, and it may not be said what."""

    @property
    def _is_open(self) -> bool:
        """Whether it may be said what is run."""
        return self.terms.installs is not None

    def is_private(self, event: Event) -> bool:
        """Return whether an event must not even be counted."""
        if event.channel is not None:
            return True
        if event.node is not None:
            is_there = event.node.lower() in self.ids
            if not is_there or event.at < self._known_since(event.node):
                return True
        is_of_install = event.kind in KINDS_OF_INSTALLS or event.install is not None
        # What is run has a baseline of its own, whatever globs choose.
        is_baseline = event.kind is Kind.BASELINE and event.node is not None
        is_extra = is_baseline and not self._is_named(event.node or "")
        return (is_of_install or is_extra) and not self._is_open

    def _is_named(self, node: str) -> bool:
        """Return whether a pack is watched by its name, or as one of a publisher's."""
        return node.lower() in self.named

    def _known_since(self, node: str) -> MomentOrEmpty:
        """Return since when a pack may be known: "" for ever.

        It may have been run before patterns chose it, and was watched then. Where that is hidden, it is known since the
        baseline of all.
        """
        if not self.hides or self._is_named(node):
            return ""
        return self._chosen_since(node)

    def _chosen_since(self, node: str) -> MomentOrEmpty:
        """Return since when patterns choose a pack, also those of earlier settings: "" before the baseline of all."""
        baseline = self.state.snapshot.sweep_baseline
        moments = (
            at
            for glob, at in baseline.since.items()
            if Selection(globs=(glob,)).matches(node)
        )
        return min((baseline.baseline_at, *moments))

    def event(self, event: Event) -> Event:
        """Return an event without what is private in it."""
        is_failure = event.kind in {Kind.FAILING, Kind.RECOVERED}
        # A failure names hosts and files, and where a pack came from may be an address at home.
        has_address = is_failure or event.install is not None
        install = event.install and self._name(event.install)
        parts = install, event.at, event.kind, event.folder, event.version
        return replace(
            event,
            # Its own is a digest of the install's host or folder, which one could find by trying.
            id=event_id(*parts) if install else event.id,
            reason="" if has_address else event.reason,
            install=install,
            installed=tuple(map(self._copy, event.installed)) if self._is_open else (),
            acceptance=_accepted(event.acceptance),
            ends=event.ends if self._is_open else None,
        )

    def _copy(self, copy: Copy) -> Copy:
        return replace(copy, install=self._name(copy.install), folder=None)

    def _name(self, install: str) -> str:
        return (self.terms.installs or {}).get(install, _FORMER_INSTALL)

    def undelivered(self, channel: Channel) -> Undelivered:
        """Return the alerts that a channel has not taken, without private ones."""
        outbox = self.state.outbox
        queue = outbox.queues.get(channel.name, Queue())
        owed = {key for message in queue.messages for key in message.events}
        moments = [
            event.at
            for event in map(outbox.events.__getitem__, owed)
            if not self.is_private(event) and self._goes_to(channel, event)
        ]
        return Undelivered(alerts=len(moments), oldest=min(moments, default=""))

    def _goes_to(self, channel: Channel, event: Event) -> bool:
        """Return whether a channel gets an event whatever is run, if that is private."""
        if self._is_open:
            return True
        if self.terms.selection.chooses:
            [channel] = knowing([channel], self.named)
        # How bad the worst was follows from what is run, but not how bad the last was.
        ends = event.ends and severity_of_end(event.before)
        return wants(channel, replace(self.event(event), ends=ends))

    def redacted(self) -> State:
        """Return the state without what is private."""
        installs: dict[str, tuple[Pack, ...]] = {}
        if self._is_open:
            for name, packs in self.state.installs.items():
                public = self._name(name)
                installs[public] = (*installs.get(public, ()), *map(_bare, packs))
        return State(
            snapshot=self._snapshot(), checks=self._checks(), installs=installs
        )

    def _snapshot(self) -> Snapshot:
        snapshot = self.state.snapshot
        installed = Installed()
        if self._is_open:
            known = snapshot.installed
            installed = Installed(
                failing=tuple(map(self._name, known.failing)),
                exposures={
                    key: replace(
                        one,
                        installs=tuple(map(self._name, one.installs)),
                        acceptance=_accepted(one.acceptance),
                    )
                    for key, one in known.exposures.items()
                },
                counts=known.counts,
            )
        return Snapshot(
            registry_failing=snapshot.registry_failing,
            installed=installed,
            sweep_baseline=snapshot.sweep_baseline,
            counts=snapshot.counts,
            nodes={
                key: self._node(node)
                for key, node in snapshot.nodes.items()
                if key in self.ids
            },
        )

    def _node(self, node: Node) -> Node:
        """Return what is known of a published pack."""
        if self._is_open:
            return node
        is_named = self._is_named(node.node)
        private = KINDS_OF_INSTALLS | (set() if is_named else {Kind.BASELINE})
        since = self._known_since(node.node)
        # What was reported as the worst, and which findings were read, follows from what is run too.
        return replace(
            node,
            baseline_at=self._baseline_of(node),
            bans={
                key: _known_from(since, ban)
                for key, ban in node.bans.items()
                if not ban.until or ban.until >= since
            },
            counts={
                kind: count
                for kind, count in node.counts.items()
                if kind not in private
            },
            seen={},
            ends={},
            scans={},
        )

    def _baseline_of(self, node: Node) -> MomentOrEmpty:
        """Return when the first listing of a pack came: of one that patterns choose, the baseline of all."""
        of_all = self._chosen_since(node.node)
        is_chosen = node.baseline_at and of_all and not self._is_named(node.node)
        return of_all if is_chosen else node.baseline_at

    def _checks(self) -> Checks:
        """Return how the polls went, without reasons: they name hosts and files."""
        checks = self.state.checks
        health = checks.health
        of_sweep = health.sweep and replace(health.sweep, error="")
        installs = {
            self._name(name): replace(streak, error="")
            for name, streak in health.installs.items()
            if self._is_open
        }
        health = replace(
            health,
            nodes=self._streaks(health.nodes),
            empty=self._streaks(health.empty),
            installs=installs,
            sweep=of_sweep,
        )
        return Checks(
            polled_at=checks.polled_at,
            polled_before=checks.polled_before,
            health=health,
            checked={key: at for key, at in checks.checked.items() if key in self.ids},
            watched=tuple(self.ids.values()),
            unknown=checks.unknown if self._is_open else (),
            # How much was read follows from what is run.
            requests=0 if self.hides else checks.requests,
            seconds=0.0 if self.hides else checks.seconds,
        )

    def _streaks(
        self, of_packs: Mapping[str, FailureStreak]
    ) -> dict[str, FailureStreak]:
        return {
            key: replace(streak, error="")
            for key, streak in of_packs.items()
            if key in self.ids or key == ALL
        }


def _known_from(since: MomentOrEmpty, ban: Ban) -> Ban:
    """Return a ban as it is known to who has known the pack since then."""
    if ban.since >= since:
        return ban
    return replace(ban, since=since, changed=max(ban.changed, since), reason="")


def _accepted(accepted: Accepted | None) -> Accepted | None:
    """Return how something is accepted, without why: that is written for those who read the settings."""
    if accepted is None:
        return None
    return replace(accepted, by=replace(accepted.by, reason=""), others=())


def _bare(pack: Pack) -> Pack:
    """Return an installed pack as what it is, without where it is and came from."""
    return Pack(
        folder=pack.folder,
        kind=pack.kind,
        id=pack.id,
        version=pack.version,
        claimed_version=pack.claimed_version,
        others=pack.others,
        enabled=pack.enabled,
    )
