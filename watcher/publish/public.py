"""What may be published of a state. Pure.

The published files are made of this value alone, which has what it names and no more: whatever it leaves out can be in
none of them. The rules are in docs/dev/behaviour.md, Published files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from watcher.alerts.queues.queue import Queue
from watcher.model.channel import Channel
from watcher.model.event import (
    INCOMPLETE,
    About,
    Event,
    Kind,
    Severity,
    event_id,
    rank,
)
from watcher.model.pack import Source
from watcher.model.reading import ALL
from watcher.model.selection import Selection
from watcher.model.snapshot import Node
from watcher.model.version import MinimumAge
from watcher.state.model import State, names
from watcher.state.overview import NodeRow, node_rows, watched
from watcher.text.sanitize import plural
from watcher.timestamps import MomentOrEmpty
from watcher.values import frozen

_OF_INSTALLS = {Kind.EXPOSED, Kind.CLEARED, Kind.APPEARED}
_NEVER_POLLED = "1970-01-01T00:00:00.000Z"
_NAMELESS = "(unnamed)"
"""An install without a name in the settings. By default it has that of its host or folder, which is private."""


@frozen
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
    installs: tuple[Source, ...] = ()
    """The installs of the settings."""
    shows_installs: bool = False
    """Whether it may be published what is run."""


@frozen
class Undelivered:
    """The alerts that one channel has not taken."""

    alerts: int
    oldest: MomentOrEmpty
    """When the poll began that saw the oldest of them; "" if there are none."""


@frozen
class Public:
    """What may be published. Texts of the registry are untrusted."""

    version: str
    """The program's version."""
    subject: str
    """What is watched: the publishers and patterns of the settings, else the pack, or how many there are."""
    at: MomentOrEmpty
    """When the last poll began that ran to its end, which all ages are relative to; "" before the first."""
    began: MomentOrEmpty
    """When the first baseline came, which no later poll changes."""
    seconds: float
    """How long the last poll took."""
    rows: tuple[NodeRow, ...]
    """How each watched pack stands, in the order in which the settings name them, without why it could not be read."""
    nodes: Mapping[str, Node]
    """What is known of these packs, by lower-case id."""
    unread: frozenset[str]
    """Those that the last poll could not read."""
    is_partial: bool
    """Whether it could not read all pages of the registry."""
    unscanned: tuple[str, ...]
    """The installs that it could not scan."""
    events: tuple[Event, ...]
    """What the history has of these packs, the registry and the installs, oldest first."""
    counts: Mapping[str, int]
    """How many events there were, by kind."""
    channels: tuple[Undelivered, ...]
    """By channel, in the order of the settings."""
    minimum_age: MinimumAge
    """How old a version has to be at the last poll."""

    def node(self, name: str) -> Node:
        """Return what is known of a pack, if only that it is watched."""
        return self.nodes.get(name.lower()) or Node(node=name)

    def latest(self, *, warns: bool) -> Iterator[Event]:
        """Yield the events that warn, or all others, those of the latest poll first, and of a poll the worst.

        They are apart, so that news crowds out no warning.
        """
        for _, of_poll in groupby(reversed(self.events), attrgetter("at")):
            # Else the ban would be what a list of the last fifteen has no room for.
            for event in sorted(of_poll, key=rank):
                if (event.severity is not Severity.INFO) is warns:
                    yield event

    @property
    def nothing_was_read(self) -> bool:
        """Whether the last poll could read none of the packs, so that what is known is older."""
        return len(self.unread) == len(self.rows)


def knows_installs(state: State, history: Iterable[Event]) -> bool:
    """Return whether a state or its history shows what somebody runs, or ran."""
    return bool(
        state.installs
        or state.snapshot.installed.known
        or _OF_INSTALLS & state.snapshot.counts.keys()
        or any(
            one.installed or one.install or one.kind in _OF_INSTALLS for one in history
        )
    )


def published(
    state: State, history: Iterable[Event], terms: Terms, version: str
) -> Public:
    """Return what may be published of a state and its history, by the terms of the settings."""
    snapshot, checks = state.snapshot, state.checks
    age = MinimumAge(seconds=terms.minimum_age, now=checks.polled_at or _NEVER_POLLED)
    installs = names(terms.installs, snapshot.installed.salt)
    given = {one.name for one in terms.installs if one.is_named}
    # What the settings do not choose any more may be in the state still, and is in the history.
    rows = node_rows(_watched(state, terms), state, installs)
    ids = {row.node.lower() for row in rows}
    # Only whether it could be read: the words of a failure name hosts, proxies and files.
    failing = checks.streaks.get(About.NODE, {})
    nodes = {key: node for key, node in snapshot.nodes.items() if key in ids}
    baselines = [node.baseline_at for node in nodes.values()]
    return Public(
        version=version,
        subject=_subject(rows, terms),
        at=checks.polled_at,
        began=min(
            filter(None, [*baselines, snapshot.sweep_baseline.baseline_at]), default=""
        ),
        seconds=checks.seconds,
        rows=tuple(_row(row, given) for row in rows),
        nodes=nodes,
        unread=frozenset(ids if ALL in failing else ids & failing.keys()),
        is_partial=INCOMPLETE in checks.streaks.get(About.REGISTRY, {}),
        unscanned=tuple(
            _name(installs.get(key, ""), given)
            for key in checks.streaks.get(About.INSTALL, {})
        ),
        events=tuple(
            _event(event, given)
            for event in history
            if event.channel is None and (event.node is None or event.node_key in ids)
        ),
        # Not counted in the history, which has an end, so that a figure never goes down.
        counts=snapshot.counts,
        channels=tuple(_undelivered(state, channel) for channel in terms.channels),
        minimum_age=age,
    )


def _subject(rows: Sequence[NodeRow], terms: Terms) -> str:
    """Return what is watched, as a title."""
    if terms.selection.is_everything:
        return "Comfy Registry"
    # What is left out says nothing of what is watched.
    globs = (one for one in terms.selection.globs if not one.startswith("!"))
    if chosen := [*terms.publishers, *globs]:
        return ", ".join(chosen)
    return rows[0].node if len(rows) == 1 else plural(len(rows), "node pack")


def _watched(state: State, terms: Terms) -> tuple[str, ...]:
    """Return the ids of the packs that are published, each once."""
    chosen, snapshot = terms.selection, state.snapshot
    of_publishers = (
        pack
        for pack in snapshot.packs_of(terms.publishers)
        if not chosen.leaves_out(pack)
    )
    matching = (
        node.node
        for _, node in sorted(snapshot.nodes.items())
        if chosen.matches(node.node)
    )
    return watched([*chosen.names, *of_publishers, *matching], state)


def _row(row: NodeRow, given: Collection[str]) -> NodeRow:
    """Return a row without what is private: an error names hosts and files."""
    if not (row.error or row.installed or row.run):
        return row  # most rows by far
    return replace(
        row,
        error=None if row.error is None else "",
        installed=tuple(
            replace(copy, install=_name(copy.install, given)) for copy in row.installed
        ),
        run=tuple(replace(copy, install="") for copy in row.run),
    )


def _event(event: Event, given: Collection[str]) -> Event:
    """Return an event without what is private: a failure names hosts and files."""
    is_failure = event.kind in {Kind.FAILING, Kind.RECOVERED}
    has_address = is_failure or event.install is not None
    if not (has_address or event.installed):
        return event  # most events by far
    install = event.install and _name(event.install, given)
    parts = install, event.at, event.kind, event.folder, event.version
    return replace(
        event,
        # Its own is a digest of the install's host or folder, which one could find by trying.
        id=event_id(*parts) if install else event.id,
        reason="" if has_address else event.reason,
        install=install,
        installed=tuple(
            replace(copy, install=_name(copy.install, given), folder=None)
            for copy in event.installed
        ),
    )


def _name(install: str, given: Collection[str]) -> str:
    return install if install in given else _NAMELESS


def _undelivered(state: State, channel: Channel) -> Undelivered:
    outbox = state.outbox
    queue = outbox.queues.get(channel.name, Queue())
    # An event may be owed by several messages of a channel, and counts once.
    owed = {key for message in queue.messages for key in message.events}
    moments = [outbox.events[key].at for key in owed]
    return Undelivered(alerts=len(moments), oldest=min(moments, default=""))
