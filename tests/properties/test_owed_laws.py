"""Laws of what is owed and of its file, for any life of a channel: nothing is dropped, nothing counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, channel, event
from tests.support.parameters import examples
from watcher import timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Change, Outbox, change, merged, replay
from watcher.alerts.queues.ownership import reroute
from watcher.alerts.queues.queue import (
    UNANSWERED_TO_DEFER,
    Message,
    Queue,
    delivered,
    failed,
    going_out,
    in_turn,
)
from watcher.durations import DAY
from watcher.model.channel import Cause, Channel, Grouping, Outcome
from watcher.model.event import Event, Kind
from watcher.state import documents

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
    "settle",
    "move",
    "pass",
)
_KINDS = (Kind.NEW, Kind.BANNED, Kind.FLAGGED)


class Life:
    """What is owed to one channel, in memory and in a file of lines."""

    def __init__(self, grouping: Grouping) -> None:
        self.channel: Channel = channel("all ops", grouping=grouping)
        self.memory = Outbox()
        self.known = Outbox()
        """What the file says."""
        self.lines = b""
        self.states: list[tuple[int, Outbox]] = [(0, Outbox())]
        """The length that the file had, and what it said then."""
        self.owed: set[str] = set()
        self.now = NOW
        self.revision = 0
        self.url = 0

    @property
    def queue(self) -> Queue:
        """The channel's queue."""
        return self.memory.queues.get("all ops", Queue())

    @property
    def turn(self) -> list[Message]:
        """The messages of the queue in their order, as if none had to wait."""
        messages = [replace(one, tried_next="") for one in self.queue.messages]
        queue = replace(self.queue, retry_at="", messages=tuple(messages))
        return in_turn(queue, self.memory.events, self.now)

    def step(self, what: str) -> None:
        """Let one thing happen, to the message whose turn it is if it is about one."""
        turn = self.turn
        match what:
            case "poll":
                self.poll()
            case "merge":
                self.write(merged(self.memory, [self.channel], self.now))
            case "settle":
                self.lines = documents.write(
                    change(Outbox(), self.memory), self.revision
                )
                self.known = self.memory
                self.states = [(len(self.lines), self.memory)]
            case "move":
                self.url += 1
                self.write(
                    reroute(
                        self.memory, [self.channel], {"all ops": f"{self.url:032x}"}, {}
                    )
                )
            case "pass":
                self.now = timestamps.later(self.now, DAY / 2)
            case "take" if turn:
                self.owed -= set(turn[0].events)
                self.take(turn[0])
            case "leave" if turn and len(turn[0].events) > 1:
                named, *left = turn[0].events
                self.owed.remove(named)
                before = {one.id for one in self.queue.messages}
                self.take(turn[0], left)
                [further] = (m for m in self.queue.messages if m.id not in before)
                assert further.events == tuple(left)
            case "tear" if turn:
                self.go_out(turn[0], half=True)
            case "kill" if turn:
                self.go_out(turn[0])
            case _ if turn:
                self.fail(turn[0], what)
            case _:
                pass

    def followed(self, queue: Queue) -> Outbox:
        """Return what is owed when the channel's queue is so."""
        return outbox.tidy(
            replace(self.memory, queues={**self.memory.queues, "all ops": queue})
        )

    def go_out(self, message: Message, *, half: bool = False) -> int:
        """Let a message go out, of which nothing is heard, or half of its acknowledgement is written.

        Return where that begins.
        """
        fullest = self.followed(
            delivered("all ops", self.queue, message, message.events[1:])
        )
        self.write(self.followed(going_out(self.queue, message, self.now)))
        arrival = change(self.known, fullest)
        place = len(self.lines)
        self.lines += documents.room(arrival, self.revision)
        if half:
            line = documents.write(arrival, self.revision).rstrip(b"\n")
            self.fill(place, line[:-9])
        return place

    def fill(self, place: int, content: bytes) -> None:
        """Write into the room for an acknowledgement; there is one space left."""
        room = self.lines[place:]
        assert len(content) < len(room) - 1
        self.lines = self.lines[:place] + content + room[len(content) :]

    def take(self, message: Message, left: Sequence[str] = ()) -> None:
        """Let the channel take a message."""
        after = self.followed(delivered("all ops", self.queue, message, left))
        place = self.go_out(message)
        line = documents.write(change(self.known, after), self.revision)
        self.fill(place, line.rstrip(b"\n"))
        self.keep(after)

    def fail(self, message: Message, what: str) -> None:
        """Let an attempt at a message fail, that may have gone out before."""
        failure = Outcome(
            reason="" if what == "stop" else "HTTP 400",
            cause=Cause.CONTENT if what == "refuse" else Cause.OTHER,
            unanswered=what in ("lose", "stop"),
            reached=frozenset({"0" * 32} if what == "lose" else ()),
        )
        is_first_aside = message.refusals == 1
        ends = what != "refuse" or is_first_aside
        failures = self.queue.attempts + 1 if ends else None
        after = failed(
            "all ops", self.queue, message, failure, self.now, failures=failures
        )
        after_it = self.followed(after)
        if what != "fail":
            self.go_out(message)
        self.write(after_it)

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

    def write(self, after: Outbox) -> None:
        """Write a line, after which it is so."""
        self.lines += documents.write(change(self.known, after), self.revision)
        self.keep(after)

    def keep(self, after: Outbox) -> None:
        """Know what the file says now."""
        self.known = self.memory = after
        self.states.append((len(self.lines), after))


_LIVES = st.lists(st.sampled_from(_STEPS), max_size=40).map(
    lambda steps: ["poll", "poll", "poll", *steps]
)


@examples(150)
@given(st.sampled_from(Grouping), _LIVES)
def test_what_is_owed_is_what_was_not_taken(
    grouping: Grouping, steps: list[str]
) -> None:
    """Each event once, whatever was merged, refused, killed, moved or set aside; and each message has its turn.

    A further message is merged with no other, and has fewer events and a higher part than the one that was taken.
    """
    life = Life(grouping)
    for what in steps:
        before = {message.id: message for message in life.queue.messages}
        life.step(what)
        there = {message.id: message for message in life.queue.messages}
        kept = [key for message in there.values() for key in message.events]
        assert sorted(kept) == sorted(life.owed)
        late = timestamps.later(life.now, 2 * DAY)
        due = in_turn(life.queue, life.memory.events, late)
        assert {message.id for message in due} == there.keys()
        assert set(life.memory.events) == life.owed
        for further in (there[name] for name in there.keys() - before.keys()):
            if further.part:
                [taken] = before.keys() - there.keys()
                assert further.part == before[taken].part + 1
                assert set(further.events) < set(before[taken].events)
                assert further.may_change is False


@examples(150)
@given(st.sampled_from(Grouping), _LIVES, st.data())
def test_the_file_says_what_the_program_knew(
    grouping: Grouping, steps: list[str], data: st.DataObject
) -> None:
    """Done twice, its changes say what was in memory. Cut at any byte, or with zeros from there on, it says what it
    said before or after the line that was cut.
    """
    life = Life(grouping)
    for what in steps:
        life.step(what)
        lines = documents.read(life.lines)
        assert unordered(replay(Outbox(), (*lines, *lines))) == unordered(life.memory)
        assert change(life.memory, life.memory) == Change()
    start = life.states[0][0]
    cut = data.draw(st.integers(start, len(life.lines)))
    known = [unordered(after) for length, after in life.states if length <= cut]
    later = [unordered(after) for length, after in life.states if length > cut]
    for rest in (b"", bytes(len(life.lines) - cut)):
        found = unordered(
            documents.owed(documents.read(life.lines[:cut] + rest), life.revision)
        )
        assert found in (known[-1], *later[:1])


def unordered(waiting: Outbox) -> object:
    """Return what is owed, whatever the order of messages is in which it is kept."""
    queues = {
        name: (
            replace(queue, messages=()),
            {message.id: message for message in queue.messages},
        )
        for name, queue in waiting.queues.items()
    }
    return queues, waiting.events, waiting.unrecorded


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
                left = {
                    key
                    for one in there.values()
                    if one.part and set(one.events) < set(events)
                    for key in one.events
                }
                assert life.owed.intersection(events) == left
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
