"""A life at random: polls, registry changes, outages, edits of settings, a wrong clock, crashes, in any order.

`WatcherMachine` is a Hypothesis state machine around the real poll, a real registry and a real webhook. Beside it
stand two simple models: of what must be reported (`tests.chaos.subscriber`), and to whom (`tests.chaos.readers`).
`python -m tests.chaos.state_machine` lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from collections.abc import (
    Set as AbstractSet,
)
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from aiohttp import web
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.chaos.condition import GONE, Conditions
from tests.chaos.lives import CrashAt, Fragile, Life, figures, run
from tests.chaos.readers import Alert, Known, Reader, Readers, Wired, is_plainest
from tests.chaos.receiver import Attempt, Receiver
from tests.chaos.subscriber import (
    Fact,
    Glitch,
    Reading,
    Subscriber,
    Trouble,
    reading_of,
)
from tests.support.fake_registry.server import encoded
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS, QUICK, Means
from tests.support.fakes.webhook import Message
from watcher.alerts.queues.ownership import digest
from watcher.alerts.queues.queue import Queue
from watcher.model.channel import Grouping
from watcher.model.event import DEFAULT_KINDS, Event, Kind
from watcher.model.version import STATUSES
from watcher.polling.poll import Poller
from watcher.settings.tables import ChannelTable
from watcher.state.model import State
from watcher.state.store import StateFolder

PACKS = ("alpha", "beta", "gamma", "delta", "epsilon")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
ROCK = "0.0.1"
"""A version that every pack has and that nothing ever happens to: only a pack that is empty as a whole lacks it."""
NAMES = ("ops", "mail", "team", "boss", "night", "day")
"""More than there are channels at once; who leaves one may see another get it."""

FAULTY = {
    f.name: reading_of(f.means)
    for f in QUICK
    if f.means in (Means.UNREADABLE, Means.REGISTRY)
}
"""Answers that are no listing, and how a reading ends that meets one."""

BANS: tuple[dict[str, object], ...] = (
    {"error": "Node banned", "message": "malware"},
    {"message": "NODE BANNED"},
    {"error": "node banned"},
)
"""What the registry says of a banned pack."""

EXPIRY = timedelta(hours=72)


@dataclass(slots=True)
class Wiring:
    """One channel as it is configured now. Without a name it stands in `alert_urls`."""

    name: str
    path: str
    kinds: frozenset[Kind]
    nodes: tuple[str, ...]
    grouping: Grouping

    def wants(self, fact: Fact, *, of_channel: bool = False) -> bool:
        """Return whether the channel's reader asked for the fact, which is about a pack or another channel."""
        kind, pack, _ = fact
        kinds = self.kinds if self.name else DEFAULT_KINDS
        return Kind(kind) in kinds and (
            of_channel
            or not self.name
            or not self.nodes
            or not pack
            or pack in self.nodes
        )


def _hiding(document: dict[str, Any], glitch: Glitch) -> dict[str, Any]:
    """Take what a glitch hides out of an answer."""
    rows = [row for row in document["versions"] if row["version"] not in glitch.hidden]
    total = document["total"] if glitch.counted else len(rows)
    return document | {
        "versions": rows,
        "total": total,
        "totalPages": 2 if glitch.torn else min(total, 1),
    }


def _empty(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"versions": [], "total": 0, "totalPages": 0}


def _nameless(document: dict[str, Any]) -> dict[str, Any]:
    """Take the versions' ids out of an answer."""
    return document | {
        "versions": [{**row, "id": None} for row in document["versions"]]
    }


class Edit(StrEnum):
    """What may be done to the channels in the settings."""

    REMOVE = "remove"
    RETURN = "return"
    """An address that is none's now comes back, under another name or the same."""
    RENAME = "rename"
    PLACE = "place"
    """The channel goes into `alert_urls`, where its place is its name."""
    MOVE = "move"
    SWAP = "swap"
    """Two channels get each other's name."""
    NEW_URL = "new url"
    OLD_URL = "old url"
    """The channel gets an address that was one's before and is none's now."""


packs = st.sampled_from(PACKS)
faults = st.sampled_from(sorted(FAULTY))
faulty = st.dictionaries(packs, faults, max_size=len(PACKS))
edits = st.lists(
    st.tuples(st.sampled_from(Edit), st.integers(0, 5), st.integers(0, 5)),
    min_size=1,
    max_size=3,
)
versions = st.sampled_from(VERSIONS)


class WatcherMachine(Life):
    """One state folder and everything that may happen around it."""

    def __init__(self) -> None:
        super().__init__()
        self.registry.respond = self._answer
        self.receiver = self.ends.enter_context(Receiver())
        self.subscriber = Subscriber()
        self.trouble = Trouble(threshold=1)
        self.readers = Readers()
        self.conditions = Conditions()
        self.unwanted: dict[str, tuple[str, bool]] = {}
        self.receiver.rejects = self._rejects
        self.channels: list[Wiring] = []
        self.paths: list[str] = []
        self.watched = list(PACKS)
        self.broken: dict[str, str] = {}
        self.empty: set[str] = set()
        self.nameless: set[str] = set()
        self.glitches: dict[str, Glitch] = {}
        self.slow_by = timedelta()
        self.polls = 0
        self.facts: dict[str, Fact] = {}
        for pack in PACKS:
            self.registry.catalog.publish(pack, ROCK, created_at="2025-01-01T00:00:00Z")
            self.subscriber.publish(
                pack, ROCK, "active", created=datetime(2025, 1, 1, tzinfo=UTC)
            )

    def _glitch(self, pack: str) -> Glitch:
        """Return all that is wrong with the next answer about a pack."""
        return replace(
            self.glitches.get(pack, Glitch()),
            empty=pack in self.empty,
            nameless=pack in self.nameless,
            reading=FAULTY[self.broken[pack]] if pack in self.broken else Reading.READ,
        )

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer as the registry, by this life's clock."""
        if request.path.endswith("/nodes"):
            return None
        query = asked(request)
        pack = query["nodeId"][0]
        glitch = self._glitch(pack)
        if pack in self.broken:
            return await FAULTS[self.broken[pack]].play(request, self.registry.catalog)
        if glitch.banned or pack in self.subscriber.banned:
            status, document = 403, BANS[self.polls % len(BANS)]
        else:
            status, document = self.registry.catalog.answer(query)
            document = self._spoilt(document, glitch, query)
        date = format_datetime(self.now, usegmt=True)
        return web.Response(
            status=status,
            body=encoded(document),
            headers={"Date": date, "Content-Type": "application/json"},
        )

    def _spoilt(
        self,
        document: dict[str, Any],
        glitch: Glitch,
        query: Mapping[str, Sequence[str]],
    ) -> dict[str, Any]:
        """Let an answer have the glitch."""
        if glitch.empty:
            document = _empty(document)
        if glitch.nameless:
            document = _nameless(document)
        if "include_status_reason" not in query:
            document = _hiding(document, glitch)
        return document

    @initialize(
        groupings=st.lists(st.sampled_from(list(Grouping)), min_size=1, max_size=2),
        threshold=st.integers(1, 3),
        watched=st.integers(1, len(PACKS)),
    )
    def begin(self, groupings: list[Grouping], threshold: int, watched: int) -> None:
        """Some channels are there from the start."""
        for grouping in groupings:
            self._add(grouping, frozenset(Kind), ())
        self.trouble = Trouble(threshold=threshold)
        self.watched = list(PACKS[:watched])

    def _add(
        self,
        grouping: Grouping,
        kinds: frozenset[Kind],
        nodes: tuple[str, ...],
        *,
        placed: bool = False,
    ) -> None:
        name = "" if placed else self._free_name(0)
        self.channels.append(Wiring(name, self._new_path(), kinds, nodes, grouping))

    def _new_path(self) -> str:
        self.paths.append(f"/path{len(self.paths) + 1}")
        return self.paths[-1]

    def _go_down(self, which: set[int]) -> None:
        """Let these channels be down, and no others."""
        self.receiver.down = {
            wiring.path
            for number, wiring in enumerate(self.channels)
            if number in which
        }

    def _free_name(self, which: int) -> str:
        free = [
            name
            for name in NAMES
            if all(name != wiring.name for wiring in self.channels)
        ]
        return free[which % len(free)]

    def _pass(self, **time: float) -> None:
        self.now += timedelta(**time)

    def _rejects(self, message: Message) -> bool:
        """Return whether a channel refuses a message because it is about a pack, in its plainest form too or not."""
        if message.path not in self.unwanted or not isinstance(
            said := message.json, dict
        ):
            return False
        pack, plain_too = self.unwanted[message.path]
        if is_plainest(text := str(said["message"])):
            return plain_too and pack in text
        return any(event["node"] == pack for event in said["events"])

    # The registry

    @rule(pack=packs, version=versions, status=st.sampled_from(STATUSES))
    def publish_or_move(self, pack: str, version: str, status: str) -> None:
        """A version appears, or goes to another status."""
        self._pass(minutes=7)
        if self.subscriber.has(pack, version):
            self.registry.catalog.set_status(pack, version, status)
            self.subscriber.move(pack, version, status)
        else:
            self.registry.catalog.publish(
                pack, version, status=status, created_at=self.now
            )
            self.subscriber.publish(pack, version, status, created=self.now)

    @rule(pack=packs, version=versions, on=st.booleans())
    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        if self.subscriber.has(pack, version):
            self.registry.catalog.deprecate(pack, version, on)
            self.subscriber.deprecate(pack, version, on)

    @rule(pack=packs, version=versions)
    def take_away(self, pack: str, version: str) -> None:
        """A version is gone for good; its name may be used again, under another id."""
        if self.subscriber.has(pack, version):
            self.registry.catalog.remove(pack, version)
            self.subscriber.take_away(pack, version)

    @rule(
        pack=packs,
        version=versions,
        status=st.sampled_from(STATUSES),
        polls=st.integers(0, 2),
        named=st.booleans(),
    )
    def republish(
        self, pack: str, version: str, status: str, polls: int, named: bool
    ) -> None:
        """A version is taken away and published again, some polls later, and then its rows may have no ids."""
        self.take_away(pack, version)
        for _ in range(polls):
            self.poll(0)
        self.publish_or_move(pack, version, status)
        self.poll(0)
        if not named:
            self.name_or_not(pack)

    @rule(pack=packs)
    def name_or_not(self, pack: str) -> None:
        """The rows of a pack have no ids any more, or have them again."""
        self.nameless ^= {pack}

    @rule(these=st.sets(packs), on=st.booleans())
    def ban(self, these: set[str], on: bool) -> None:
        """Packs are banned or pardoned."""
        self.subscriber.banned = (
            self.subscriber.banned | these if on else self.subscriber.banned - these
        )

    @rule(
        pack=packs,
        lost=st.booleans(),
        polls=st.integers(1, 3),
        hours=st.sampled_from([0, 2]),
    )
    def empty_and_fill(self, pack: str, lost: bool, polls: int, hours: int) -> None:
        """A pack turns empty, perhaps after one of its versions, and is back some polls later."""
        if lost:
            self.take_away(pack, "1.0.0")
            self.poll(0)
        self.turn_empty(pack)
        for _ in range(polls):
            self.poll(hours)
        self.turn_empty(pack)

    @rule(pack=packs)
    def turn_empty(self, pack: str) -> None:
        """A pack turns empty as a whole, or is back. It had versions: what a first empty listing is, is not known."""
        if pack in self.empty or self.subscriber.has_seen(pack):
            self.empty ^= {pack}

    @rule(broken=faulty)
    def break_registry(self, broken: dict[str, str]) -> None:
        """Some packs cannot be read, or all can again."""
        self.broken = broken

    @rule(fault=faults, polls=st.integers(1, 4))
    def build_a_wall(self, fault: str, polls: int) -> None:
        """No pack can be read, for some polls, and all for one reason."""
        self.broken = dict.fromkeys(PACKS, fault)
        for _ in range(polls):
            self.poll(0)
        self.broken = {}

    @rule(turns=st.lists(faulty, min_size=2, max_size=4))
    def break_in_turn(self, turns: list[dict[str, str]]) -> None:
        """What cannot be read changes from poll to poll, and why."""
        for broken in turns:
            self.broken = broken
            self.poll(0)

    @rule(
        pack=packs,
        version=versions,
        status=st.sampled_from(STATUSES),
        hidden=st.sets(st.sampled_from((ROCK, *VERSIONS)), min_size=1),
        counted=st.booleans(),
        torn=st.booleans(),
    )
    def hide(
        self,
        pack: str,
        version: str,
        status: str,
        hidden: set[str],
        counted: bool,
        torn: bool = False,
    ) -> None:
        """A version changes, and the next poll gets an answer that lacks some versions, whether its total counts them.

        The number of pages may contradict that total. A first listing is never empty without saying so: what is a
        baseline then is for other tests.
        """
        self.publish_or_move(pack, version, status)
        allowed = (
            hidden if counted or self.subscriber.has_seen(pack) else hidden - {ROCK}
        )
        self.glitches[pack] = Glitch(
            hidden=frozenset(allowed), counted=counted, torn=torn
        )
        self.poll(hours=0)

    @rule(these=st.sets(packs, min_size=1))
    def ban_once(self, these: set[str]) -> None:
        """Packs are banned in the next poll, and not in the one after it."""
        self.glitches |= {pack: Glitch(banned=True) for pack in these}

    # The channels and the settings

    @rule(which=st.integers(0, 5))
    def outage(self, which: int) -> None:
        """A channel goes down, or comes back."""
        path = self.channels[which % len(self.channels)].path
        self.receiver.down ^= {path}

    @rule(
        which=st.integers(0, 5), status=st.sampled_from(GONE), polls=st.integers(0, 3)
    )
    def vanish(self, which: int, status: int, polls: int) -> None:
        """A channel's address is gone while there is news, for some polls, or is there again."""
        path = self.channels[which % len(self.channels)].path
        if path in self.receiver.gone:
            del self.receiver.gone[path]
            return
        self.receiver.gone[path] = status
        for _ in range(polls):
            self.publish_or_move(
                "alpha", "1.0.0", "flagged" if self.polls % 2 else "banned"
            )
            self.poll(2)

    @rule(
        which=st.integers(0, 5),
        pack=packs,
        status=st.sampled_from([400, 413, 422]),
        plain_too=st.booleans(),
        hours=st.lists(st.sampled_from([0, 2, 25]), min_size=3, max_size=5),
    )
    def refuse(
        self, which: int, pack: str, status: int, plain_too: bool, hours: list[int]
    ) -> None:
        """A channel refuses what is about a pack for what it is, while there is news of it, or takes it again."""
        path = self.channels[which % len(self.channels)].path
        if path in self.unwanted:
            del self.unwanted[path]
            return
        self.unwanted[path], self.receiver.rejection = (pack, plain_too), status
        self.receiver.down -= {path}
        for pause in hours:
            for one in (pack, "beta"):
                self.publish_or_move(
                    one, "1.1.0", "flagged" if self.polls % 2 else "banned"
                )
            self.poll(pause)

    @rule(
        grouping=st.sampled_from(list(Grouping)),
        kinds=st.sampled_from(
            [frozenset(Kind), frozenset({Kind.FLAGGED, Kind.BANNED, Kind.REMOVED})]
        ),
        nodes=st.sampled_from([(), ("alpha",)]),
        placed=st.booleans(),
    )
    def add_channel(
        self,
        grouping: Grouping,
        kinds: frozenset[Kind],
        nodes: tuple[str, ...],
        placed: bool,
    ) -> None:
        """A channel is added to the settings."""
        if len(self.channels) < 4:
            self._add(grouping, kinds, nodes, placed=placed)

    @rule(edits=edits)
    def edit(self, edits: Sequence[tuple[Edit, int, int]]) -> None:
        """The channels are edited in the settings, in up to three steps that no poll sees one by one."""
        for step in edits:
            self._edit(*step)

    def _edit(self, step: Edit, which: int, other: int) -> None:
        wiring = self.channels[which % len(self.channels)]
        left = [
            path
            for path in self.paths
            if all(path != wiring.path for wiring in self.channels)
        ]
        match step:
            case Edit.REMOVE:
                self.channels = [one for one in self.channels if one is not wiring] or [
                    wiring
                ]
            case Edit.RETURN if left and len(self.channels) < 4:
                path = left[which % len(left)]
                self.channels.append(
                    Wiring(
                        self._free_name(other), path, frozenset(Kind), (), Grouping.POLL
                    )
                )
            case Edit.RENAME:
                wiring.name = self._free_name(other)
            case Edit.PLACE:
                wiring.name = ""
            case Edit.MOVE:
                self.channels.remove(wiring)
                self.channels.insert(other, wiring)
            case Edit.SWAP:
                with_whom = self.channels[other % len(self.channels)]
                wiring.name, with_whom.name = with_whom.name, wiring.name
            case Edit.NEW_URL:
                wiring.path = self._new_path()
            case Edit.OLD_URL if left:
                wiring.path = left[other % len(left)]

    @rule(
        down=st.sets(st.integers(0, 3)),
        edits=edits,
        at=st.integers(0, 8),
        after=st.booleans(),
    )
    def edit_what_is_owed(
        self,
        down: set[int],
        edits: Sequence[tuple[Edit, int, int]],
        at: int,
        after: bool,
    ) -> None:
        """Some channels are down while there is news, then the settings are edited, and a poll sees it or crashes."""
        self._go_down(down)
        self.publish_or_move(
            "alpha", "1.0.0", "flagged" if self.polls % 2 else "banned"
        )
        self.poll(0)
        self.edit(edits)
        if at:
            self.crash_while_saving(at, after)
        else:
            self.poll(0)

    @rule(pack=packs)
    def watch_or_not(self, pack: str) -> None:
        """A pack is added to the watched ones, or taken out."""
        if pack not in self.watched:
            self.watched.append(pack)
        elif len(self.watched) > 1:
            self.watched.remove(pack)

    @rule(hours=st.sampled_from([0, 1, 48, -1, -48, -200]))
    def set_clock(self, hours: int) -> None:
        """The machine's own clock is slow by so much from now on, or ahead."""
        self.slow_by = timedelta(hours=hours)

    # Polls

    @rule(hours=st.sampled_from([0, 0, 2, 100]))
    def poll(self, hours: int) -> None:
        """One poll comes to its end."""
        self._pass(hours=hours, minutes=1)
        self._poll(StateFolder(self.path))

    @rule(which=st.integers(0, 5))
    def expire(self, which: int) -> None:
        """A channel is down for longer than alerts are kept, and tried in that time."""
        self.receiver.down |= {self.channels[which % len(self.channels)].path}
        for hours in (0, 2, 100):
            self.poll(hours)

    @rule(down=st.sets(st.integers(0, 3)), at=st.integers(3, 7))
    def come_late(self, down: set[int], at: int) -> None:
        """A poll crashes before it has sent anything, and the next one comes when its alerts are old."""
        self.publish_or_move(
            "alpha", "1.0.0", "flagged" if self.polls % 2 else "banned"
        )
        self.crash_while_saving(at, after=False)
        self._go_down(down)
        self.poll(100)

    @rule(
        hours=st.sampled_from([0, 2, 100]), at=st.integers(1, 12), after=st.booleans()
    )
    def serve(self, hours: int, at: int, after: bool) -> None:
        """As `run` does: a poll, and later a delivery of what has become due, which may crash."""
        self.poll(0)
        self.receiver.down = set()
        self._pass(hours=hours, minutes=1)
        self._live_through(
            Fragile(self.path, crash=CrashAt(at, after)), Poller.deliver_due
        )

    @rule(at=st.integers(1, 7), after=st.booleans())
    def crash_while_saving(self, at: int, after: bool, hours: int = 0) -> None:
        """One poll crashes at one of its first steps, if it comes that far."""
        self._pass(hours=hours, minutes=1)
        self._poll(Fragile(self.path, crash=CrashAt(at, after)))

    @rule(
        status=st.sampled_from(STATUSES[:4]),
        down=st.sets(st.integers(0, 3), max_size=2),
        at=st.integers(2, 16),
        after=st.booleans(),
    )
    def crash_while_sending(
        self, status: str, down: set[int], at: int, after: bool
    ) -> None:
        """Much happens, and the poll that sees it crashes at some step, while some channels may be down."""
        self._go_down(down)
        for pack in self.watched:
            for version in VERSIONS:
                self.publish_or_move(pack, version, status)
        self._pass(hours=2)
        self._poll(Fragile(self.path, crash=CrashAt(at, after)))

    def _poll(self, folder: StateFolder) -> None:
        before = folder.load() if self.path.exists() else State()
        self.polls += 1
        self._live_through(folder, Poller.poll, before)

    def _live_through(
        self,
        folder: StateFolder,
        work: Callable[[Poller], Awaitable[object]],
        before: State | None = None,
    ) -> None:
        """Let the program work, and keep the models up with it: what was seen by a poll, `before` which all was so."""
        taken, came = len(self.receiver.taken), len(self.receiver.attempts)
        called = self._called().items()
        wired = tuple(Wired(name=name, path=path) for name, path in called)
        before_it = self._known()
        readers = self.readers.follow(wired, before_it)
        is_whole = self._is_whole(folder, work)
        if not is_whole:
            self.receiver.settle()  # what a sender that is gone has sent may still be on its way
        if is_whole or (isinstance(folder, Fragile) and folder.noted):
            self.readers.take_in(wired, readers, before_it)
        if before is not None:
            self._see(before, readers)
        sent: dict[str, list[tuple[str, ...]]] = {}
        failures = {path: reader.failures for path, reader in readers.items()}
        unanswered = {path: reader.unanswered for path, reader in readers.items()}
        for message in self.receiver.taken[taken:]:
            is_shown = (
                is_plainest(message.text) or message.shown(self.facts) == message.events
            )
            assert is_shown, f"not in the text: {message}"
        attempts = self.receiver.attempts[came:]
        ended: set[str] = set()
        for attempt in attempts:
            events, has_ended = self._judge(attempt, readers[attempt.path])
            if has_ended:
                ended.add(attempt.path)
            if attempt.status == 200:
                sent.setdefault(attempt.path, []).append(events)
        for reader in readers.values():
            reader.end_round()
        self.readers.expire(readers, self.clock, EXPIRY)
        if is_whole:
            self._see_that_nothing_has_expired(readers)
            if before is not None:
                self._see_that_nothing_is_blocked(attempts, readers, ended)
        elif isinstance(folder, Fragile):
            self.conditions.crash(readers)
            for reader in readers.values():
                reader.crashes += 1
                reader.is_unsure = True
            for name, path in self._called().items():
                if folder.open[name] > 0:
                    known = unanswered[path] if not folder.kept[name] else 0
                    readers[path].unanswered = known + 1
                if folder.kept[name] < len(sent.get(path, ())):
                    reader = readers[path]
                    reader.in_flight &= reader.deferred
                    reader.in_flight.add(sent[path][-1])
                    if not folder.kept[
                        name
                    ]:  # the program knows of no success since its last failure
                        readers[path].failures = failures[path]

    def _judge(self, attempt: Attempt, reader: Reader) -> tuple[tuple[str, ...], bool]:
        """Judge one attempt at a message and keep the models up with it.

        Return its events, and whether the round may have ended with it.
        """
        is_about_it = attempt.status in (400, 413, 422)
        reader.critical |= attempt.critical
        events = reader.message_of(attempt.events, attempt.text)
        tells = True
        if attempt.status == 200:
            events = reader.named_of(events, attempt.text)
            reader.take(
                events,
                has_ban="banned"
                in {self.facts[event][0] for event in events if event in self.facts},
            )
        elif is_about_it:
            tells = reader.reject(
                events, self.clock, EXPIRY, plain=is_plainest(attempt.text)
            )
            figures.add("refused for what it is")
            figures.add("refused in the plainest form", is_plainest(attempt.text))
        else:
            reader.refuse(self.clock, EXPIRY)
        self.conditions.answer(attempt.path, attempt.status, self.clock, tells=tells)
        if is_about_it and reader.crashes:
            # Nobody knows how often it was refused.
            self.conditions.crash({attempt.path})
        has_ended = attempt.status != 200 and not is_about_it
        return events, has_ended or (is_about_it and reader.crashes > 0)

    def _see_that_nothing_is_blocked(
        self,
        attempts: Sequence[Attempt],
        readers: Mapping[str, Reader],
        ended: AbstractSet[str],
    ) -> None:
        """See that nothing waits for what was refused for what it is, where that did not end the round."""
        for path, reader in readers.items():
            if path in ended:
                continue
            statuses = [attempt.status for attempt in attempts if attempt.path == path]
            rejected = [status for status in statuses if status in (400, 413, 422)]
            if rejected and set(statuses) <= {200, *rejected}:
                assert not reader.waiting, (
                    f"{path}: {reader.waiting} waits for another message"
                )
                figures.add("passed a refused one", statuses.count(200))

    def _see_that_nothing_has_expired(self, readers: Mapping[str, Reader]) -> None:
        """See that the program knows of each configured channel what its reader is still owed."""
        queues = StateFolder(self.path).load().outbox.queues
        for name, path in self._called().items():
            waiting = {
                event
                for message in queues.get(name, Queue()).messages
                for event in message.events
            }
            assert waiting >= set(readers[path].lost), (
                f"{path}: expired {set(readers[path].lost) - waiting}"
            )

    def _is_whole(
        self, folder: StateFolder, work: Callable[[Poller], Awaitable[object]]
    ) -> bool:
        urls = tuple(
            self.receiver.apprise_url(wiring.path)
            for wiring in self.channels
            if not wiring.name
        )
        return self.works(
            folder,
            work,
            nodes=tuple(self.watched),
            failure_threshold=self.trouble.threshold,
            alert_expiry=EXPIRY.total_seconds(),
            alert_urls=urls,
            channels=tuple(
                self._table(wiring) for wiring in self.channels if wiring.name
            ),
        )

    @property
    def clock(self) -> datetime:
        """The machine's own."""
        return self.now - self.slow_by

    def _called(self) -> dict[str, str]:
        """Return each channel's path by the name that the program has for it."""
        placed = [wiring.path for wiring in self.channels if not wiring.name]
        named = {wiring.name: wiring.path for wiring in self.channels if wiring.name}
        return named | {
            f"json-{number + 1}" if number else "json": path
            for number, path in enumerate(placed)
        }

    def _known(self) -> Known:
        """Return the paths that the state knows, and whose they are."""
        state = StateFolder(self.path).load()
        names: dict[str, set[str]] = defaultdict(set)
        for name, known in state.addresses.url_digests.items():
            names[known].add(name)
        for queue in state.outbox.queues.values():
            names[queue.url_digest].add("")
        salt = state.addresses.salt
        known_by = {
            path: names[digest(self.receiver.apprise_url(path), salt)]
            for path in self.paths
        }
        return {path: frozenset(found) for path, found in known_by.items() if found}

    def _see(self, before: State, readers: Mapping[str, Reader]) -> None:
        """Take in what a poll saw, if it came so far as to make that durable: all that is new on the disk is owed."""
        figures.add(
            "polls with a glitch",
            bool(self.glitches.keys() & (set(self.watched) - self.broken.keys())),
        )
        glitches = {pack: self._glitch(pack) for pack in self.watched}
        self.glitches = {}
        folder = StateFolder(self.path)
        after = folder.load()
        recorded: Iterable[Event] = (
            *folder.history().events,
            *after.outbox.events.values(),
        )
        new = {
            e.id: (e.kind.value, e.channel or e.node or "", e.version)
            for e in recorded
            if e.id not in self.facts
        }
        of_channels = {
            e.id: e.channel for e in recorded if e.channel is not None and e.id in new
        }
        noted = after.checks.polled_at != before.checks.polled_at
        facts: list[Fact] = []
        if noted or after.snapshot.revision != before.snapshot.revision:
            reports = [
                (str(about), new[event][0]) for event, about in of_channels.items()
            ]
            figures.add(
                "channels judged",
                self.conditions.poll(self._called(), reports, self.clock),
            )
            figures.add("channels failing and recovered", len(reports))
            facts, readings = self.subscriber.look(self.watched, glitches=glitches)
            facts += self.trouble.poll(readings, noted=noted)
        found, due = (
            Counter(fact for event, fact in new.items() if event not in of_channels),
            Counter(facts),
        )
        assert found == due, f"late or lost {due - found}, invented {found - due}"
        self.facts |= new
        self._count(facts)
        names = {path: name for name, path in self._called().items()}
        for wiring in self.channels:
            for event, fact in new.items():
                about = of_channels.get(event)
                if about != names[wiring.path] and wiring.wants(
                    fact, of_channel=about is not None
                ):
                    readers[wiring.path].alerts[event] = Alert(at=self.clock)

    def _count(self, facts: Iterable[Fact]) -> None:
        kinds = Counter(kind for kind, _, _ in facts)
        figures.add("failing and recovered", kinds["failing"] + kinds["recovered"])
        figures.add("outages", sum(fact == ("failing", "", None) for fact in facts))
        figures.add(
            "bans",
            sum(kind == "banned" and version is None for kind, _, version in facts),
        )
        figures.add(
            "packs emptied",
            sum(kind == "removed" and version is None for kind, _, version in facts),
        )

    def _table(self, wiring: Wiring) -> ChannelTable:
        table: dict[str, Any] = {
            "name": wiring.name,
            "url": self.receiver.apprise_url(wiring.path),
            "kinds": sorted(wiring.kinds),
            "nodes": list(wiring.nodes),
            "grouping": wiring.grouping.value,
        }
        return ChannelTable.model_validate(table)

    def close_books(self) -> None:
        """Let everything recover: nothing may be missing now."""
        self.receiver.down = set()
        self.receiver.gone.clear()
        self.unwanted = {}
        self.broken = {}
        self.empty = set()
        self.glitches = {}
        self.slow_by = timedelta()
        self.poll(hours=0)
        at = {wiring.path for wiring in self.channels}
        for number, reader in enumerate(self.readers.everyone):
            if reader.path not in at:
                self.channels.append(
                    Wiring(
                        f"back{number}",
                        reader.path,
                        frozenset(Kind),
                        (),
                        Grouping.POLL,
                    )
                )
        for hours in (2, 25, 2):  # what is aside is tried again after a day
            self.poll(hours)
        for reader in self.readers.everyone:
            lost = [self.facts[event] for event in reader.lost]
            assert not lost, f"{reader.path}: lost {lost}"
            figures.add("alerts due", len(reader.alerts))
            figures.add("repeated in flight", reader.repeats)
            figures.add(
                "expired", sum(not alert.sent for alert in reader.alerts.values())
            )


@contextlib.contextmanager
def living(groupings: list[Grouping]) -> Iterator[WatcherMachine]:
    """Return one life to play, and close its books in the end."""
    life = WatcherMachine()
    life.begin(groupings, threshold=2, watched=2)
    yield life
    life.teardown()


if __name__ == "__main__":
    run(WatcherMachine, 400, 30)
