"""One trial: the program is disturbed in a chapter of the world, recovers, and what its channels got is judged."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.figures import Result
from tests.chaos.receiver import Taken
from tests.chaos.witness import channel_of, in_flight, points
from tests.chaos.world import (
    CHANNELS,
    CHAPTERS,
    Chapter,
    Fact,
    Home,
    World,
)
from tests.support import program
from tests.support.fault_points import FAILURES, Cut
from tests.support.fork_server import CrashPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A chapter at its start, and what it has to come to."""

    number: int
    chapter: Chapter
    saved: Path | None
    """The state at its start."""
    before: tuple[Taken, ...]
    """What was taken until then."""
    points: tuple[str, ...]
    """What an undisturbed poll passes (`tests.support.fault_points`)."""
    messages: Counter[str]
    """How many messages each channel takes in it."""
    due: Mapping[str, Fact]
    """All events owed by its end, by id."""
    spared: frozenset[str]
    """The ids of all events that are recorded by its end, and that no channel wants."""


def stages(world: World) -> Iterator[Stage]:
    """Live through the chapters undisturbed; the world stays in a chapter until the next is asked for."""
    home = world.home("undisturbed", CHAPTERS[0])
    before: tuple[Taken, ...] = ()
    owed: set[Fact] = set()
    spared: set[Fact] = set()
    for number, chapter in enumerate(CHAPTERS):
        chapter.happen(world.registry.catalog)
        world.comfyui.mount()
        chapter.install(world.comfyui)
        owed |= chapter.due
        spared |= chapter.spared
        saved = (
            _copy(home.state, world.root / f"saved-{number}")
            if home.state.exists()
            else None
        )
        trace = world.root / f"trace-{number}"
        world.configure(home, chapter)
        home.let_time_pass()
        world.receiver.forget()
        world.begin(chapter)
        done = home.check(CrashPoint(folder=home.state, trace=trace))
        assert done.code == int(chapter.is_refused), done
        taken = world.receiver.taken
        facts = _facts_by_the_model(world, home, chapter, before + taken, owed)
        passed = tuple(points(trace.read_text("utf-8")))
        messages = Counter(channel_of(message.path) for message in taken)
        yield Stage(
            number=number,
            chapter=chapter,
            saved=saved,
            before=before,
            points=passed,
            messages=messages,
            due={key: fact for key, fact in facts.items() if fact in owed},
            spared=frozenset(key for key, fact in facts.items() if fact in spared),
        )
        before += taken


def _copy(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def _facts_by_the_model(
    world: World,
    home: Home,
    chapter: Chapter,
    taken: tuple[Taken, ...],
    owed: set[Fact],
) -> Mapping[str, Fact]:
    """See that an undisturbed run delivers what was written down by hand, each once, and return all events by id."""
    world.receiver.forget()
    world.mend()
    calm = world.home("calm", chapter, home.state)
    calm.until_quiet()
    facts: dict[str, Fact] = {
        e["id"]: (e["kind"], e.get("node") or e.get("folder"), e.get("version"))
        for e in calm.history()
    }
    for channel, counts in _alerts(taken + world.receiver.taken, facts).items():
        got = Counter(facts[event] for event in counts.elements())
        assert got == Counter(owed), channel
    return facts


def _alerts(
    taken: Iterable[Taken], facts: Mapping[str, Fact]
) -> dict[str, Counter[str]]:
    """Count by channel how often each event was sent: by its id, and by the text that people read."""
    counts: dict[str, Counter[str]] = {channel: Counter() for channel in CHANNELS}
    for message in taken:
        counts[channel_of(message.path)].update(message.shown(facts))
    return counts


@dataclass(frozen=True, slots=True)
class Disturbed:
    """How a disturbed poll ended, and the points that it passed."""

    done: program.Completed
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Where one run dies: the chapter's number, the point, which time that it comes there, and how."""

    chapter: int
    label: str
    at: int
    cut: Cut


class Trial:
    """The program in a chapter's saved state, with the chapter's world around it."""

    def __init__(
        self, world: World, stage: Stage, result: Result, *, timeout: int = 10
    ) -> None:
        """Put everything in place; `timeout` is the program's setting."""
        self.home = world.home("disturbed", stage.chapter, stage.saved, timeout=timeout)
        self.home.let_time_pass()
        self._world = world
        self._stage = stage
        self._result = result
        self._seen = 0
        self._uncertain = world.root / "uncertain"
        self._uncertain.unlink(missing_ok=True)
        self._allowed: dict[str, Counter[str]] = {
            channel: Counter() for channel in CHANNELS
        }
        world.receiver.forget()
        world.begin(stage.chapter)
        result.add("trials")

    def disturbed(
        self,
        what: object,
        kill: Kill | None = None,
        run: Callable[[CrashPoint], program.Completed] | None = None,
    ) -> Disturbed:
        """Poll once, and die there if it is to; see `CrashPoint` and `interrupted`.

        What runs may be another thing than a poll.
        """
        label, at, cut = (kill.label, kill.at, kill.cut) if kill else ("", 0, Cut.AFTER)
        trace = self._world.root / "trace"
        trace.unlink(missing_ok=True)
        done = (run or self.home.check)(
            CrashPoint(
                folder=self.home.state,
                trace=trace,
                label=label,
                at=at,
                cut=cut,
                uncertain=self._uncertain,
            )
        )
        passed = trace.read_text("utf-8")
        # Who lives on has no acknowledgement in flight: it has time to keep each.
        self.interrupted(what, () if cut in FAILURES else in_flight(passed))
        return Disturbed(done, tuple(points(passed)))

    def interrupted(self, what: object, unkept: Container[str] = ()) -> None:
        """See that the state can be read after a run that was disturbed, and note what may be repeated.

        That is the last message that each of the `unkept` channels took in that run, whose acknowledgement was in
        flight.
        """
        self._world.receiver.settle()
        taken = self._world.receiver.taken[self._seen :]
        self._seen += len(taken)
        if (done := self.home.status()).code != 0:
            self._result.wrong("unreadable", f"{what}: {done}")
        for channel, events in {
            channel_of(message.path): message.events for message in taken
        }.items():
            if channel in unkept:
                self._allowed[channel].update(events)

    def conclude(self, what: object, forgotten: str = "") -> None:
        """Let the program recover until it has nothing more to do, and judge what each channel got in all.

        The history has every event that was due or spared, each once; those called `forgotten` may be in it too.
        """
        try:
            if self._stage.chapter.unreadable:
                # What nobody sees while it is so, nobody can report.
                self.home.until_seen()
            self._world.mend()
            self.home.until_quiet()
        except AssertionError as error:
            self._result.wrong("stuck", f"{what}: {error}")
            return
        for channel, counts in _alerts(
            self._stage.before + self._world.receiver.taken, self._stage.due
        ).items():
            self._judge(what, channel, counts)
        if sorted(
            event["id"] for event in self.home.history() if event["id"] != forgotten
        ) != sorted((*self._stage.due, *self._stage.spared)):
            self._result.wrong("history wrong", f"{what}: the history differs")
        if left := list(self.home.state.glob(".*")):
            self._result.wrong("leftovers", f"{what}: {left} is left over")

    def _judge(self, what: object, channel: str, got: Counter[str]) -> None:
        due = self._stage.due.keys()
        lost = due - got.keys()
        invented = got.keys() - due
        again = got - Counter(dict.fromkeys(due | invented, 1))
        needless = again - self._allowed[channel]
        self._result.add("alerts due", len(due))
        self._result.add("repeated in flight", (again - needless).total())
        for promise, events in (
            ("lost", lost),
            ("invented", invented),
            ("repeated", [*needless.elements()]),
        ):
            self._result.broken[promise] += len(events)
            if events:
                self._result.said.append(f"{what} on {channel}: {promise} {events}")
