"""A life at random: polls, registry changes, outages, edits of settings, a clock set back, crashes, in any order.

`Life` is a Hypothesis state machine around the real poll, a real registry and a real webhook. Beside it stands
`Subscriber`, a simple model of who has to be told what. `python -m tests.chaos.machine` lives many lives and prints
its figures as one JSON line.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.chaos.figures import Figures
from tests.chaos.receiver import Receiver
from tests.chaos.subscriber import Fact, Glitch, Subscriber
from tests.peers.fault import asked
from watcher import start, times
from watcher.channels import Grouping
from watcher.embedded import EmbeddedRegistry, encoded
from watcher.events import Event, Kind
from watcher.outbox import Outbox, Refusal
from watcher.poll import Poller
from watcher.settings import ChannelTable, Settings
from watcher.snapshot import Snapshot
from watcher.state import Addresses, Checks, State
from watcher.store import StateFolder
from watcher.versions import STATUSES

PACKS = ("alpha", "beta", "gamma")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
ROCK = "0.0.1"
"""A version that every pack has and that nothing ever happens to: a listing that turns empty is wrong."""
NARROW = (("active",), ("flagged", "banned"), ("active", "pending", "flagged"))

figures = Figures()
"""Of all lives since the last `live`."""

_Result = TypeVar("_Result")


class CrashError(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Fuse:
    """Blows at the step number `left` (counted down) of the state folder, before or after it; then nothing works."""

    left: int
    after: bool
    blown: bool = False

    def step(self, work: Callable[[], _Result]) -> _Result:
        """Do one step, or crash."""
        if self.blown:
            raise CrashError
        self.left -= 1
        if self.left == 0:
            self.blown = True
            if self.after:
                work()
            raise CrashError
        return work()


class Fragile(StateFolder):
    """A state folder in which the process crashes."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        object.__setattr__(self, "fuse", fuse)

    fuse: Fuse

    def prepare(self, waiting: Outbox, committed: int) -> None:
        self.fuse.step(lambda: StateFolder.prepare(self, waiting, committed))

    def commit(self, snapshot: Snapshot) -> None:
        self.fuse.step(lambda: StateFolder.commit(self, snapshot))

    def settle(self, waiting: Outbox, revision: int) -> None:
        self.fuse.step(lambda: StateFolder.settle(self, waiting, revision))

    def save_checks(self, checks: Checks, revision: int) -> None:
        self.fuse.step(lambda: StateFolder.save_checks(self, checks, revision))

    def save_addresses(self, addresses: Addresses) -> None:
        self.fuse.step(lambda: StateFolder.save_addresses(self, addresses))

    def sending(self, channel: str, message: str) -> int:
        return self.fuse.step(lambda: StateFolder.sending(self, channel, message))

    def arrived(self, channel: str, message: str, place: int) -> None:
        self.fuse.step(lambda: StateFolder.arrived(self, channel, message, place))

    def refused(self, refusal: Refusal) -> None:
        self.fuse.step(lambda: StateFolder.refused(self, refusal))

    def record(self, events: tuple[Event, ...]) -> None:
        self.fuse.step(lambda: StateFolder.record(self, events))


@dataclass(slots=True)
class Wiring:
    """One channel as it is configured now: name and path may change. Who reads it stays, by the path's first part."""

    name: str
    path: str
    kinds: frozenset[Kind]
    nodes: tuple[str, ...]
    grouping: Grouping

    @property
    def reader(self) -> str:
        """Who reads the channel, whatever its address."""
        return reader_of(self.path)

    def wants(self, fact: Fact) -> bool:
        """Tell whether the channel's reader asked for the fact."""
        kind, pack, _ = fact
        return Kind(kind) in self.kinds and (not self.nodes or pack in self.nodes)


def _hiding(document: dict[str, Any], glitch: Glitch) -> dict[str, Any]:
    """Take what a glitch hides out of an answer."""
    rows = [row for row in document["versions"] if row["version"] not in glitch.hidden]
    return document | {"versions": rows, "total": document["total"] if glitch.counted else len(rows)}


def reader_of(path: str) -> str:
    """Give the part of a path that stays when a channel gets a new address."""
    return path.split("/")[1]


@dataclass(slots=True)
class Books:
    """What has to come to each reader, and which repeats are forgiven."""

    due: dict[str, Counter[Fact]] = field(default_factory=dict)
    forgiven: dict[str, Counter[str]] = field(default_factory=dict)


packs = st.sampled_from(PACKS)
versions = st.sampled_from(VERSIONS)


class Life(RuleBasedStateMachine):
    """One state folder and everything that may happen around it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.TemporaryDirectory()
        self.path = Path(self.root.name, "state")
        self.registry = EmbeddedRegistry()
        self.registry.__enter__()
        self.registry.respond = self._answer
        self.receiver = Receiver()
        self.receiver.__enter__()
        self.subscriber = Subscriber()
        self.books = Books()
        self.channels: list[Wiring] = []
        self.retired: list[Wiring] = []
        self.watched = list(PACKS[:2])
        self.statuses: tuple[str, ...] = STATUSES
        self.unreadable: set[str] = set()
        self.glitches: dict[str, Glitch] = {}
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.slow_by = timedelta()
        self.names = 0
        self.facts: dict[str, Fact] = {}
        self.seen: Counter[Fact] = Counter()
        for pack in PACKS:
            self.registry.catalog.publish(pack, ROCK, created_at="2025-01-01T00:00:00Z")
            self.subscriber.publish(pack, ROCK, "active", created=datetime(2025, 1, 1, tzinfo=UTC))
        figures.add("lives")

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        """Answer as the registry, by this life's clock."""
        query = asked(request)
        pack = query["nodeId"][0]
        glitch = self.glitches.get(pack, Glitch())
        if pack in self.unreadable:
            return web.Response(status=500)
        status, document = (403, {"message": "No"}) if glitch.refused else self.registry.catalog.answer(query)
        # Where only some statuses are asked for, whether it hides some of them is found out by asking for all.
        is_first = ("statuses" in query) == (set(self.statuses) < set(STATUSES))
        if status == 200 and "include_status_reason" not in query and (glitch.counted or is_first):
            document = _hiding(document, glitch)
        date = format_datetime(self.now, usegmt=True)
        return web.Response(
            status=status, body=encoded(document), headers={"Date": date, "Content-Type": "application/json"}
        )

    @initialize(groupings=st.lists(st.sampled_from(list(Grouping)), min_size=1, max_size=2))
    def begin(self, groupings: list[Grouping]) -> None:
        """Some channels are there from the start."""
        for grouping in groupings:
            self._add(grouping, frozenset(Kind), ())

    def _add(self, grouping: Grouping, kinds: frozenset[Kind], nodes: tuple[str, ...]) -> None:
        self.names += 1
        wiring = Wiring(f"c{self.names}", f"/path{self.names}", kinds, nodes, grouping)
        self.channels.append(wiring)
        self.books.due[wiring.reader] = Counter()
        self.books.forgiven[wiring.reader] = Counter()

    def _pass(self, **time: float) -> None:
        self.now += timedelta(**time)

    # The registry

    @rule(pack=packs, version=versions, status=st.sampled_from(STATUSES))
    def publish_or_move(self, pack: str, version: str, status: str) -> None:
        """A version appears, or goes to another status."""
        self._pass(minutes=7)
        if self.subscriber.has(pack, version):
            self.registry.catalog.set_status(pack, version, status)
            self.subscriber.move(pack, version, status)
        else:
            self.registry.catalog.publish(pack, version, status=status, created_at=self.now)
            self.subscriber.publish(pack, version, status, created=self.now)

    @rule(pack=packs, version=versions, on=st.booleans())
    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        if self.subscriber.has(pack, version):
            self.registry.catalog.deprecate(pack, version, on)
            self.subscriber.deprecate(pack, version, on)

    @rule(pack=packs, version=versions)
    def take_away(self, pack: str, version: str) -> None:
        """A version is gone for good; its name is not used again under the same id."""
        if self.subscriber.has(pack, version):
            self.registry.catalog.remove(pack, version)
            self.subscriber.take_away(pack, version)

    @rule(pack=st.sampled_from(PACKS[:2]), on=st.booleans())
    def ban(self, pack: str, on: bool) -> None:
        """A pack is banned or pardoned."""
        if on and pack not in self.subscriber.banned:
            self.registry.catalog.ban_node(pack)
            self.subscriber.banned.add(pack)
        elif not on and pack in self.subscriber.banned:
            self.registry.catalog.pardon_node(pack)
            self.subscriber.banned.remove(pack)

    @rule(broken=st.sets(packs))
    def break_registry(self, broken: set[str]) -> None:
        """Some packs cannot be read, or all can again."""
        self.unreadable = broken

    @rule(
        pack=packs,
        version=versions,
        status=st.sampled_from(STATUSES),
        hidden=st.sets(st.sampled_from((ROCK, *VERSIONS)), min_size=1),
        counted=st.booleans(),
    )
    def hide(self, pack: str, version: str, status: str, hidden: set[str], counted: bool) -> None:
        """A version changes, and the next poll gets an answer that lacks some versions, whether its total counts them.

        A first listing is never empty without saying so: what is a baseline then is for other tests.
        """
        self.publish_or_move(pack, version, status)
        allowed = hidden if counted or self.subscriber.is_based(pack) else hidden - {ROCK}
        self.glitches[pack] = Glitch(hidden=frozenset(allowed), counted=counted)
        self.poll(hours=0)

    @rule(pack=st.sampled_from(PACKS[:2]))
    def refuse_once(self, pack: str) -> None:
        """A pack is refused in the next poll, as if it were banned."""
        self.glitches[pack] = Glitch(refused=True)

    # The channels and the settings

    @rule(which=st.integers(0, 5))
    def outage(self, which: int) -> None:
        """A channel goes down, or comes back."""
        path = self.channels[which % len(self.channels)].path
        self.receiver.down ^= {path}

    @rule(
        grouping=st.sampled_from(list(Grouping)),
        kinds=st.sampled_from([frozenset(Kind), frozenset({Kind.FLAGGED, Kind.BANNED, Kind.REMOVED})]),
        nodes=st.sampled_from([(), ("alpha",)]),
    )
    def add_channel(self, grouping: Grouping, kinds: frozenset[Kind], nodes: tuple[str, ...]) -> None:
        """A channel is added to the settings."""
        if len(self.channels) < 4:
            self._add(grouping, kinds, nodes)

    @rule(which=st.integers(0, 5))
    def remove_channel(self, which: int) -> None:
        """A channel is taken out of the settings; what it was owed stays owed."""
        if len(self.channels) > 1:
            self.retired.append(self.channels.pop(which % len(self.channels)))

    @rule()
    def return_channel(self) -> None:
        """A channel that was taken out comes back, under another name."""
        if self.retired:
            self.channels.append(self.retired.pop())
            self._rename(self.channels[-1])

    @rule(which=st.integers(0, 5))
    def rename_channel(self, which: int) -> None:
        """A channel gets another name, and may stand elsewhere in the settings."""
        wiring = self.channels.pop(which % len(self.channels))
        self.channels.append(wiring)
        self._rename(wiring)

    def _rename(self, wiring: Wiring) -> None:
        self.names += 1
        wiring.name = f"c{self.names}"

    @rule(which=st.integers(0, 5), at=st.integers(1, 6), after=st.booleans())
    def change_url(self, which: int, at: int, after: bool) -> None:
        """A channel gets an address that nobody had, and the first poll that sees it crashes at some step.

        Polls stand around it: a channel whose name and address both change before a poll sees either is a new one.
        """
        self.poll(hours=0)
        wiring = self.channels[which % len(self.channels)]
        self.names += 1
        wiring.path = f"/{wiring.reader}/{self.names}"
        self.crash_while_saving(at, after)
        self.poll(hours=0)

    @rule()
    def swap_names(self) -> None:
        """Two channels get each other's name, and a poll sees it.

        Were one of them taken out before that, the other would have taken its name with all that the name is owed.
        """
        if len(self.channels) > 1:
            one, other, *_ = self.channels
            one.name, other.name = other.name, one.name
            self.poll(hours=0)

    @rule(pack=packs)
    def watch_or_not(self, pack: str) -> None:
        """A pack is added to the watched ones, or taken out."""
        if pack not in self.watched:
            self.watched.append(pack)
        elif len(self.watched) > 1:
            self.watched.remove(pack)

    @rule(statuses=st.sampled_from((STATUSES, STATUSES, *NARROW)))
    def choose_statuses(self, statuses: tuple[str, ...]) -> None:
        """The watched statuses are narrowed or widened."""
        self.statuses = statuses

    @rule(hours=st.sampled_from([0, 1, 48]))
    def set_clock_back(self, hours: int) -> None:
        """The machine's own clock is wrong by so much from now on."""
        self.slow_by = timedelta(hours=hours)

    # Polls

    @rule(hours=st.sampled_from([0, 0, 2]))
    def poll(self, hours: int) -> None:
        """One poll comes to its end."""
        self._pass(hours=hours, minutes=1)
        self._poll(StateFolder(self.path))

    @rule(at=st.integers(1, 6), after=st.booleans())
    def crash_while_saving(self, at: int, after: bool, hours: int = 0) -> None:
        """One poll crashes at one of its first steps, if it comes that far."""
        self._pass(hours=hours, minutes=1)
        self._poll(Fragile(self.path, Fuse(at, after)))

    @rule(status=st.sampled_from(STATUSES[:4]), at=st.integers(2, 16), after=st.booleans())
    def crash_while_telling(self, status: str, at: int, after: bool) -> None:
        """Much happens, and the poll that sees it crashes at some step."""
        for pack in self.watched:
            for version in VERSIONS:
                self.publish_or_move(pack, version, status)
        self._pass(hours=2)
        self._poll(Fragile(self.path, Fuse(at, after)))

    def _poll(self, folder: StateFolder) -> None:
        seen = len(self.receiver.taken)
        before = folder.load() if self.path.exists() else State()
        chosen = Settings(
            nodes=tuple(self.watched),
            statuses=self.statuses,
            registry_url=self.registry.url,
            state_dir=self.path,
            retries=0,
            failure_threshold=1000,
            alert_expiry=3600 * 24 * 3650,
            channels=tuple(self._table(wiring) for wiring in self.channels),
        )

        async def once() -> None:
            poller = Poller(
                watch=start.watch_of(chosen, folder),
                folder=folder,
                clock=lambda: times.show(self.now - self.slow_by),
                stopping=asyncio.Event(),
            )
            await poller.poll()

        try:
            with folder.locked():
                asyncio.run(once())
        except CrashError:
            figures.add("crashes")
            self._forgive(seen)
        figures.add("polls")
        glitches, self.glitches = self.glitches, {}
        if glitches.keys() & (set(self.watched) - self.unreadable):
            figures.add("polls with a glitch")
        after = folder.load()
        noted = after.checks.polled_at != before.checks.polled_at
        if not noted and after.snapshot.revision == before.snapshot.revision:
            return
        readable = [pack for pack in self.watched if pack not in self.unreadable]
        facts = self.subscriber.look(readable, self.statuses, self.now, noted=noted, glitches=glitches)
        self.seen.update(facts)
        for wiring in self.channels:
            self.books.due[wiring.reader].update(fact for fact in facts if wiring.wants(fact))

    def _table(self, wiring: Wiring) -> ChannelTable:
        table: dict[str, Any] = {
            "name": wiring.name,
            "url": self.receiver.apprise_url(wiring.path),
            "kinds": sorted(wiring.kinds),
            "nodes": list(wiring.nodes),
            "grouping": wiring.grouping.value,
        }
        return ChannelTable.model_validate(table)

    def _forgive(self, seen: int) -> None:
        """Allow each channel the one message that it took and whose acknowledgement is not on the disk."""
        queues = StateFolder(self.path).load().outbox.queues.values()
        for path, events in {message.path: message.events for message in self.receiver.taken[seen:]}.items():
            if any(message.events == events for queue in queues for message in queue.messages[:1]):
                self.books.forgiven[reader_of(path)].update(events)

    # The books

    @invariant()
    def nothing_was_invented_or_repeated(self) -> None:
        """What came to each reader so far was due to him, and came once; and what is due is on the disk."""
        self._close(final=False)

    def _close(self, *, final: bool) -> None:
        folder = StateFolder(self.path)
        if not self.path.exists():
            return
        state = folder.load()
        told: Iterable[Event] = (*folder.history(), *state.outbox.events.values())
        self.facts |= {event.id: (event.kind.value, event.node or "", event.version) for event in told}
        # The poll that sees a change is the one that notes it, whoever wants to know.
        noted = Counter(self.facts.values())
        assert noted == self.seen, f"late {self.seen - noted}, invented {noted - self.seen}"
        taken: dict[str, Counter[str]] = {reader: Counter() for reader in self.books.due}
        for message in self.receiver.taken:
            taken[reader_of(message.path)].update(message.events)
        for reader, due in self.books.due.items():
            got = taken[reader]
            repeated = got - Counter(dict.fromkeys(got, 1)) - self.books.forgiven[reader]
            assert not repeated, f"{reader}: repeated {[self.facts[event] for event in repeated]}"
            came = Counter(self.facts[event] for event in got)
            assert not came - due, f"{reader}: invented {came - due}"
            assert not final or not due - came, f"{reader}: lost {due - came}"
            if final:
                figures.add("alerts due", due.total())
                figures.add("repeated in flight", got.total() - len(got))

    def teardown(self) -> None:
        """Let everything recover, and close the books: nothing may be missing now."""
        try:
            self.receiver.down = set()
            self.unreadable = set()
            self.glitches = {}
            self.slow_by = timedelta()
            while self.retired:
                self.return_channel()
            for _ in range(3):
                self.poll(hours=2)
            self._close(final=True)
        finally:
            self.receiver.__exit__()
            self.registry.__exit__()
            self.root.cleanup()


@contextlib.contextmanager
def living(groupings: list[Grouping]) -> Iterator[Life]:
    """Give one life to be told what happens, and close its books in the end."""
    life = Life()
    life.begin(groupings)
    yield life
    life.teardown()


def live(lives: int, steps: int) -> None:
    """Live so many lives of at most so many steps; what breaks is shown as the shortest life that breaks it."""
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> None:
    """Live many lives and print the figures."""
    said = []
    try:
        live(400, 50)
    except AssertionError as error:
        figures.add("wrong")
        said.append(str(error))
    figures.show("machine", said)


if __name__ == "__main__":
    main()
