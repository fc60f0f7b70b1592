"""A life at random: polls, registry changes, outages, edits of settings, a wrong clock, crashes, in any order.

`WatcherMachine` is `SweptMachine`, whose registry and model of what must be reported it has, for a few packs that are
asked one by one, and with a real webhook. Beside it stands a simple model of to whom it is reported
(`tests.chaos.readers`). `python -m tests.chaos.state_machine` lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import (
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from collections.abc import (
    Set as AbstractSet,
)
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.chaos.condition import GONE, Conditions
from tests.chaos.lives import CrashAt, Fragile, figures, run
from tests.chaos.readers import Alert, Known, Reader, Readers, Wired, is_plainest
from tests.chaos.receiver import Attempt, Receiver
from tests.chaos.subscriber import Fact, Glitch
from tests.chaos.swept_lives import (
    DAY,
    FAULTY,
    LATER,
    PACKS,
    ROCK,
    VERSIONS,
    SweptMachine,
    Witness,
)
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

NAMES = ("ops", "mail", "team", "boss", "night", "day")
"""More than there are channels at once; who leaves one may see another get it."""

EXPIRY = timedelta(hours=72)

_OF_SWEEPS = (
    *("break_all", "break_pages", "choose", "crash_and_poll", "move_others", "refuse"),
    *("serve_records_or_not", "settle", "shift", "unsettle"),
)
"""The rules of what sweeps alone meet."""


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


class WatcherMachine(SweptMachine):
    """A few packs, some channels, the watcher of both, and everything that may happen around it."""

    a_few = 0

    def __init__(self) -> None:
        super().__init__()
        self.receiver = self.ends.enter_context(Receiver())
        self.written = {}
        self.readers = Readers()
        self.conditions = Conditions()
        self.unwanted: dict[str, tuple[str, bool]] = {}
        self.receiver.rejects = self._rejects
        self.channels: list[Wiring] = []
        self.paths: list[str] = []
        self.nameless: set[str] = set()
        self.slow_by = timedelta()
        self.polls = 0

    def glitch(self, pack: str) -> Glitch:
        """Return all that is wrong with the next answer about a pack."""
        return replace(super().glitch(pack), nameless=pack in self.nameless)

    @initialize(
        groupings=st.lists(st.sampled_from(list(Grouping)), min_size=1, max_size=2),
        threshold=st.integers(1, 3),
        watched=st.integers(1, len(PACKS)),
    )
    def begin(self, groupings: list[Grouping], threshold: int, watched: int) -> None:
        """Some channels are there from the start."""
        SweptMachine.begin(self, threshold, (PACKS[:watched], ()), False)
        for pack in LATER:
            self._publish(pack, ROCK, "active", self.now - DAY)
        for grouping in groupings:
            self._add(grouping, frozenset(Kind), ())

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
        self.take_away(pack, version, "")
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
        which=st.integers(0, 4),
        version=versions,
        status=st.sampled_from(STATUSES),
        hidden=st.sets(st.sampled_from((ROCK, *VERSIONS)), min_size=1),
        counted=st.booleans(),
        torn=st.booleans(),
    )
    def hide(
        self,
        which: int,
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
        pack = self.watch[0][which % len(self.watch[0])]
        self.publish_or_move(pack, version, status)
        allowed = (
            hidden if counted or self.subscriber.has_seen(pack) else hidden - {ROCK}
        )
        self.glitches[pack] = Glitch(
            hidden=frozenset(allowed), counted=counted, torn=torn
        )
        self.poll(hours=0)

    def _make_news(self, pack: str, version: str) -> None:
        status = "flagged" if self.polls % 2 else "banned"
        self.publish_or_move(pack, version, status)

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
            self._make_news("alpha", "1.0.0")
            self.poll(2)

    @rule(
        which=st.integers(0, 5),
        pack=packs,
        status=st.sampled_from([400, 413, 422]),
        plain_too=st.booleans(),
        hours=st.lists(st.sampled_from([0, 2, 25]), min_size=3, max_size=5),
    )
    def reject(
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
                self._make_news(one, "1.1.0")
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
        self._make_news("alpha", "1.0.0")
        self.poll(0)
        self.edit(edits)
        if at:
            self.crash_while_saving(at, after)
        else:
            self.poll(0)

    @rule(pack=packs)
    def watch_or_not(self, pack: str) -> None:
        """A pack is added to the watched ones, or taken out."""
        watched = {*self.watch[0]} ^ {pack}
        self.watch = (tuple(sorted(watched)) or self.watch[0], ())

    @rule(hours=st.sampled_from([0, 1, 48, -1, -48, -200]))
    def set_clock(self, hours: int) -> None:
        """The machine's own clock is slow by so much from now on, or ahead."""
        self.slow_by = timedelta(hours=hours)

    # Polls

    @rule(hours=st.sampled_from([0, 0, 2, 100]))
    def poll(self, hours: int) -> None:
        """One poll comes to its end."""
        self._poll(StateFolder(self.path), hours)

    @rule(which=st.integers(0, 5))
    def expire(self, which: int) -> None:
        """A channel is down for longer than alerts are kept, and tried in that time."""
        self.receiver.down |= {self.channels[which % len(self.channels)].path}
        for hours in (0, 2, 100):
            self.poll(hours)

    @rule(down=st.sets(st.integers(0, 3)), at=st.integers(3, 7))
    def come_late(self, down: set[int], at: int) -> None:
        """A poll crashes before it has sent anything, and the next one comes when its alerts are old."""
        self._make_news("alpha", "1.0.0")
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
        self.now += timedelta(hours=hours, minutes=1)
        self._live_through(
            Fragile(self.path, crash=CrashAt(at, after)), Poller.deliver_due
        )

    @rule(at=st.integers(1, 7), after=st.booleans())
    def crash_while_saving(self, at: int, after: bool, hours: int = 0) -> None:
        """One poll crashes at one of its first steps, if it comes that far."""
        self._poll(Fragile(self.path, crash=CrashAt(at, after)), hours)

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
        for pack in self.watch[0]:
            for version in VERSIONS:
                self.publish_or_move(pack, version, status)
        self._poll(Fragile(self.path, crash=CrashAt(at, after)), 2)

    def _poll(self, folder: StateFolder, hours: int) -> None:
        self.now += timedelta(hours=hours, minutes=1)
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
        self.witness = Witness()
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
            self._share(self._see(before), readers)
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
            **self._settings(),
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

    def _share(self, new: Sequence[Event], readers: Mapping[str, Reader]) -> None:
        """Owe what is new to who wants it, and judge what is said of channels."""
        answered = {self.glitch(pack) for pack in {*self.watch[0]} - self.broken.keys()}
        figures.add("polls with a glitch", bool(answered - {Glitch()}))
        self.glitches = {}
        if self.has_seen:
            reports = [(one.channel, one.kind.value) for one in new if one.channel]
            judged = self.conditions.poll(self._called(), reports, self.clock)
            figures.add("channels judged", judged)
            figures.add("channels failing and recovered", len(reports))
        names = {path: name for name, path in self._called().items()}
        for wiring in self.channels:
            for event in new:
                fact, is_of_channel = self.facts[event.id], event.channel is not None
                if event.channel != names[wiring.path] and wiring.wants(
                    fact, of_channel=is_of_channel
                ):
                    readers[wiring.path].alerts[event.id] = Alert(at=self.clock)

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


for _name in _OF_SWEEPS:
    setattr(WatcherMachine, _name, None)


if __name__ == "__main__":
    run(WatcherMachine, 400, 30)
