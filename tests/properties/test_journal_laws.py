"""Laws of the outbox and its journal, for any life of a channel: nothing is dropped, nothing counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, channel, event
from tests.support.parameters import examples
from watcher import timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, merged
from watcher.alerts.queues.outcomes import (
    Acknowledgement,
    JournalEntry,
    failed_attempt,
    going_out,
    replay,
)
from watcher.alerts.queues.ownership import reroute
from watcher.alerts.queues.queue import (
    UNANSWERED_TO_DEFER,
    Message,
    Queue,
    in_turn,
)
from watcher.durations import DAY
from watcher.model.channel import Channel, Grouping
from watcher.model.event import Event, Kind
from watcher.model.outcome import Cause, Undelivered
from watcher.state.journal import (
    read_journal,
    write_arrival,
    write_failure,
    write_sending,
)

_STEPS = (
    "poll",
    "merge",
    "take",
    "leave",
    "tear",
    "refuse",
    "fail",
    "lose",
    "kill",
    "stop",
    "write",
    "settle",
    "move",
    "pass",
)
_KINDS = (Kind.NEW, Kind.BANNED, Kind.FLAGGED)


class Life:
    """One channel's outbox in memory, the one on the disk, and the journal beside that."""

    def __init__(self, grouping: Grouping) -> None:
        self.channel: Channel = channel("ops", grouping=grouping)
        self.disk = self.memory = Outbox()
        self.lines = b""
        self.owed: set[str] = set()
        self.now = NOW
        self.revision = 0
        self.url = 0

    @property
    def queue(self) -> Queue:
        """The channel's queue."""
        return self.memory.queues.get("ops", Queue())

    @property
    def turn(self) -> list[Message]:
        """The messages of the queue in their order, as if none had to wait."""
        messages = [replace(one, retry_at="") for one in self.queue.messages]
        queue = replace(self.queue, retry_at="", messages=tuple(messages))
        return in_turn(queue, self.memory.events, self.now)

    def note(self, line: bytes, outcome: JournalEntry) -> None:
        """Write a line, and apply what it says."""
        self.lines += line
        self.memory = replay(self.memory, [outcome])

    def step(self, what: str) -> None:
        """Let one thing happen, to the message whose turn it is if it is about one."""
        turn = self.turn
        match what:
            case "poll":
                self.poll()
            case "merge":
                self.write(merged(self.memory, [self.channel], self.now))
            case "write":
                self.write(self.memory)
            case "settle":
                self.write(self.memory)
                self.lines = b""
            case "move":
                self.url += 1
                self.write(
                    reroute(self.memory, [self.channel], {"ops": f"{self.url:032x}"})
                )
            case "pass":
                self.now = timestamps.later(self.now, DAY / 2)
            case "take" if turn:
                self.owed -= set(turn[0].events)
                line = self.arrival(turn[0])
                self.note(line, Acknowledgement(channel="ops", message=turn[0].id))
            case "leave" if turn and len(turn[0].events) > 1:
                named, *left = turn[0].events
                self.owed.remove(named)
                line = self.arrival(turn[0], left)
                self.note(
                    line,
                    Acknowledgement(
                        channel="ops", message=turn[0].id, left=tuple(left)
                    ),
                )
                assert self.queue.messages[0].events == tuple(left)
            case "tear" if turn:
                out = going_out("ops", turn[0], self.now)
                self.note(self.arrival(turn[0], turn[0].events)[:-9] + b"\n", out)
            case "kill" if turn:
                out = going_out("ops", turn[0], self.now)
                self.note(write_sending(out, turn[0].events), out)
            case _ if turn:
                failure = Undelivered(
                    reason="" if what == "stop" else "HTTP 400",
                    cause=Cause.CONTENT if what == "refuse" else Cause.OTHER,
                    unanswered=what in ("lose", "stop"),
                    reached=frozenset({"0" * 32} if what == "lose" else ()),
                )
                is_first_aside = turn[0].refusals == 1
                ends = what != "refuse" or is_first_aside
                failures = self.queue.attempts + 1 if ends else None
                attempt = failed_attempt(
                    "ops", self.queue, turn[0], failure, self.now, failures=failures
                )
                out = going_out("ops", turn[0], self.now)
                sending = write_sending(out, turn[0].events)
                self.note(sending + write_failure(attempt), attempt)
            case _:
                pass

    def arrival(self, message: Message, left: Sequence[str] = ()) -> bytes:
        """Return the line of a message that arrived."""
        out = going_out("ops", message, self.now)
        return write_arrival(out, left) + b"\n"

    def poll(self) -> None:
        """A poll finds two events."""
        self.revision += 1
        names = [f"e{self.revision}.{number}" for number in range(2)]
        found: tuple[Event, ...] = tuple(
            event(name, _KINDS[(self.revision + number) % 3], at=self.now)
            for number, name in enumerate(names)
        )
        self.owed |= set(names)
        waiting = outbox.enqueue(
            self.memory, [self.channel], found, self.revision, self.now
        )
        self.write(outbox.recorded(waiting))

    def write(self, waiting: Outbox) -> None:
        """Replace the outbox on the disk. The journal stays, as it does if the program is killed right after that."""
        self.disk = self.memory = waiting


_LIVES = st.lists(st.sampled_from(_STEPS), max_size=40).map(
    lambda steps: ["poll", "poll", "poll", *steps]
)


@examples(150)
@given(st.sampled_from(Grouping), _LIVES)
def test_what_is_owed_is_what_was_not_taken(
    grouping: Grouping, steps: list[str]
) -> None:
    """Each event once, whatever was merged, refused, killed, moved or set aside; and each message has its turn."""
    life = Life(grouping)
    for what in steps:
        life.step(what)
        owed = [key for message in life.queue.messages for key in message.events]
        assert sorted(owed) == sorted(life.owed)
        late = timestamps.later(life.now, 2 * DAY)
        due = in_turn(life.queue, life.memory.events, late)
        assert {message.id for message in due} == {
            message.id for message in life.queue.messages
        }
        assert set(life.memory.events) == life.owed


@examples(150)
@given(st.sampled_from(Grouping), _LIVES)
def test_the_disk_knows_what_the_program_knew(
    grouping: Grouping, steps: list[str]
) -> None:
    """Killed after any step, the outbox with its journal is what was in memory; read twice it is the same."""
    life = Life(grouping)
    for what in steps:
        life.step(what)
        outcomes = read_journal(life.lines)
        loaded = replay(life.disk, outcomes)
        assert loaded == life.memory
        assert replay(loaded, outcomes) == loaded


@examples(150)
@given(_LIVES)
def test_what_may_have_been_taken_stays_as_it_is(steps: list[str]) -> None:
    """A message that went out without an answer keeps its id and its events until it is taken.

    Each such attempt counts once. It goes first, and after five of them last. What it left to a further message then is
    all of it that is still owed.
    """
    life = Life(Grouping.POLL)
    unanswered: dict[str, tuple[tuple[str, ...], int]] = {}
    for what in steps:
        tried = (
            {message.id for message in life.turn[:1]}
            if what in ("lose", "stop", "kill", "tear")
            else set()
        )
        life.step(what)
        there = {message.id: message for message in life.queue.messages}
        for name, (events, times) in list(unanswered.items()):
            if name in there:
                assert (there[name].events, there[name].unanswered) == (
                    events,
                    times + (name in tried),
                )
            else:
                left = life.queue.messages[0].events if what == "leave" else ()
                assert life.owed.intersection(events) == set(left)
                del unanswered[name]
        unanswered |= {
            one.id: (one.events, one.unanswered)
            for one in there.values()
            if one.unanswered
        }
        fresh = [message.unanswered for message in life.turn if not message.refusals]
        places = [
            2 if times >= UNANSWERED_TO_DEFER else 0 if times else 1 for times in fresh
        ]
        assert places == sorted(places)


@examples(150)
@given(st.sampled_from(Grouping), _LIVES)
def test_a_further_message_goes_on_with_one_that_was_taken(
    grouping: Grouping, steps: list[str]
) -> None:
    """It is merged with no other, and each has fewer events and a higher part."""
    life = Life(grouping)
    for what in steps:
        before = {message.id: message for message in life.queue.messages}
        life.step(what)
        for message in life.queue.messages:
            if message.part and message.id not in before:
                [taken] = before.keys() - {one.id for one in life.queue.messages}
                assert message.part == before[taken].part + 1
                assert set(message.events) < set(before[taken].events)
                assert message.may_change is False
