"""The soak: `run`, poll upon poll without a pause, while the registry and a channel fail, stall and flood at random.

`python -m tests.chaos.soak [POLLS]` does 10,000 polls, or as many as given, and prints its figures as one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.chaos.figures import PROMISES, Result, counting
from tests.chaos.receiver import Receiver
from tests.chaos.subscriber import Fact
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS, QUICK, Means
from tests.support.fakes.webhook import Answer
from tests.support.harness import write_settings
from watcher.state.store import (
    ADDRESSES,
    CHECKS,
    HISTORY,
    HISTORY_LIMIT,
    LOCK,
    OWED,
    SNAPSHOT,
)

_PACKS = tuple(f"pack-{number}" for number in range(12))
_VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
_BANNED = "status_403_banned"
_WIDE = tuple(fault.name for fault in QUICK if fault.means is Means.REGISTRY)
_INCOMPLETE = tuple(fault.name for fault in QUICK if fault.means is Means.INCOMPLETE)
_NARROW = (
    tuple(fault.name for fault in QUICK if fault.name not in (*_WIDE, _BANNED))
    + _INCOMPLETE
)
"""Those of one node; an incomplete listing is twice as likely."""
_QUICK = (*_WIDE, *_NARROW, *(_BANNED,) * 4)
_BANS_IN = 100
"""Once in so many polls most nodes are banned at once."""
_FAULTS_IN = 8
"""One answer in so many is a fault."""
_OUTAGES_IN = 40
"""Once in so many polls the registry is out for up to `_LONGEST_OUTAGE` polls."""
_LONGEST_OUTAGE = 6
_THRESHOLD = 3
_CALM_POLLS = 3
"""The one under way, one that finds everything well again, and one more to know that it has ended."""
_FLOODS_IN = 20
"""Once in so many changes the next answer of the shaky channel has no end."""
_FLOOD = Answer(endless=0, body=b"x" * 65536)
_DEAD_IN = 25
"""Once in so many changes the shaky channel is dead: for good, it seems, or for a day."""
_DEAD_POLLS = 3
"""Polls that it stays so: the one that meets it, the one that reports it, and one that must not report it again."""
_GONE = (404, 401, 410)
_TIMEOUT = 1.5
"""Seconds, of the program's setting: so long is each stall."""
_STALLS: tuple[str | Answer, ...] = (
    Answer(hang=True),
    "hang",
    Answer(endless=0.1, body=b"x"),
    "header_drip",
    "drip",
)
"""Answers that do not come in time, in turn: of the shaky channel, or a fault of the registry."""
_STALLS_AT_LEAST, _STALLS_IN = 3, 500
"""So many, and one more in so many polls: each costs the time of many polls."""
_ENDS = {"recovered": "failing", "reinstated": "banned"}
"""What ends, and what has begun with."""
_TROUBLES = (*_ENDS, *_ENDS.values())
_STEADY, _SHAKY, _TROUBLE = "/steady", "/shaky", "/trouble"
_CHANNELS = (
    (_STEADY, "poll", "deprecated undeprecated"),
    (_SHAKY, "event", "deprecated undeprecated"),
    (_TROUBLE, "poll", " ".join(_TROUBLES)),
)
_PATIENCE = 120.0
_MEASURES = 40
_WARM = 1000
"""Polls until the memory is what it stays: the allocator keeps something for each of the threads that come and go."""
_ALLOWED = {"memory": 1.05, "handles": 1, "threads": 1}
"""How much each may grow after the first quarter."""
_ALLOWED_COLD = _ALLOWED | {"memory": 1.15}
"""The same where the first quarter is over before the process is warm."""
_AT_REST = 3 + len(_CHANNELS)
"""Threads of a program that sends nothing: its own, two that end a stop which takes too long (one an early stop),
and the idle ones that write the journal, one for each channel at most. Whatever is more was left behind.
"""
_KILOBYTE = 1024
LARGEST = {
    SNAPSHOT: 16 * _KILOBYTE,
    OWED: 256 * _KILOBYTE,
    CHECKS: 4 * _KILOBYTE,
    ADDRESSES: _KILOBYTE,
    LOCK: _KILOBYTE,
    HISTORY: HISTORY_LIMIT + 64 * _KILOBYTE,
}
"""Bytes that each file of the state may have at any time, also while a channel is down."""
_SETTLED = 4 * _KILOBYTE
"""Bytes of the file when nothing is owed."""


@dataclass(slots=True)
class Measure:
    """What the process held at one moment: kilobytes, file handles, threads, and bytes in each file of its state."""

    memory: int
    handles: int
    threads: int
    files: dict[str, int]


@dataclass(slots=True)
class Soak:
    """One process that runs, and the world that it runs in.

    `dead` counts how often the shaky channel was, `polls` those that have come to their end: each asks for every node
    once, and only then comes the next; of those that `skipped` some did not. `due` counts what each version's
    subscriber is owed, `stalls` those begun, and `stalled` those that the registry has played. `slow` are the faults
    that its next answers are; while it is `calm` it has none. `now` has the fault that each node met in this poll.
    """

    registry: FakeRegistry
    receiver: Receiver
    started: program.Started
    state: Path
    dice: random.Random
    calm: bool = True
    faults: int = 0
    incomplete: int = 0
    stalls: int = 0
    stalled: int = 0
    outage: int = 0
    banning: bool = False
    slow: list[str] = field(default_factory=list)
    dead: int = 0
    polls: int = 0
    skipped: int = 0
    now: dict[str, str] = field(default_factory=dict)
    due: Counter[Fact] = field(default_factory=Counter)
    measures: list[Measure] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer as a registry that often fails."""
        if request.path.endswith("/nodes"):
            return None
        query = asked(request)
        node = query["nodeId"][0]
        goes_on = query["page"] != ["1"] or query.keys() & {"moved", "again"}
        if not goes_on:
            if node in self.now:
                self.polls += 1
                self.skipped += len(self.now) != len(_PACKS)
                self.now = {}
                self._next_poll()
            self.now[node] = self._meets()
        # A further page belongs to the same answer.
        fault = self.now[node]
        return (
            await FAULTS[fault].play(request, self.registry.catalog) if fault else None
        )

    def _next_poll(self) -> None:
        self.banning = not self.dice.randrange(_BANS_IN)
        if self.outage:
            self.outage -= 1
        elif not self.dice.randrange(_OUTAGES_IN):
            self.outage = self.dice.randint(1, _LONGEST_OUTAGE)

    def _meets(self) -> str:
        """Throw the dice for the fault that a node meets in this poll."""
        if self.calm:
            return ""
        if self.slow:
            self.stalled += 1
            return self.slow.pop()
        faults: tuple[str, ...]
        if self.banning:
            faults = (_BANNED,) if self.dice.randrange(_FAULTS_IN) else ("", *_QUICK)
        elif self.outage:
            faults = _WIDE if self.dice.randrange(_FAULTS_IN) else ("", *_NARROW)
        else:
            faults = ("",) if self.dice.randrange(_FAULTS_IN) else _QUICK
        fault = self.dice.choice(faults)
        self.faults += bool(fault)
        self.incomplete += fault in _INCOMPLETE
        return fault

    def stall(self) -> None:
        """Let the next answer of the shaky channel, or of the registry, not come in time."""
        stall = _STALLS[self.stalls % len(_STALLS)]
        self.stalls += 1
        if isinstance(stall, str):
            self.slow.append(stall)
        else:
            self.receiver.once[_SHAKY] = stall

    def die(self) -> None:
        """Let the shaky channel be dead for some polls: it fails for a day, or its address is gone.

        Between two polls nothing is on its way, so that a poll knows of every message that came before it began.
        """
        turn, gone = self.dead % (len(_GONE) + 1), self.receiver.gone
        self.dead += 1
        down = _SHAKY in self.receiver.down
        if turn:
            gone[_SHAKY] = _GONE[turn - 1]
        else:
            self.receiver.down |= {_SHAKY}
        before = self._refusals()
        self.until(lambda: self._refusals() > before)
        self._wait_for_polls(_DEAD_POLLS)
        if not turn:
            self.started.signal(signal.SIGUSR1)
            self._wait_for_polls(_DEAD_POLLS)
        gone.pop(_SHAKY, None)
        if not down:
            self.receiver.down -= {_SHAKY}

    def _refusals(self) -> int:
        return sum(
            one.path == _SHAKY and one.status >= 400 for one in self.receiver.attempts
        )

    def _wait_for_polls(self, count: int) -> None:
        enough = self.polls + count
        self.until(lambda: self.polls >= enough)

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true while the process lives."""
        deadline = time.monotonic() + _PATIENCE
        while not true():
            assert self.started.process.poll() is None, self.started.err[-2000:]
            assert time.monotonic() < deadline, self.started.err[-2000:]
            # Between two looks at what another process does, until it is done or the deadline passes.
            time.sleep(0.002)  # between two looks at what another process does

    def measure(self) -> None:
        """Look at the process as the system sees it."""
        proc = Path("/proc", str(self.started.pid))
        lines = (proc / "status").read_text("utf-8").splitlines()
        status = {
            name: value.split()[0]
            for name, value in (line.split(":", 1) for line in lines)
            if value.split()
        }
        self.measures.append(
            Measure(
                memory=int(status["VmRSS"]),
                handles=sum(1 for _ in (proc / "fd").iterdir()),
                threads=int(status["Threads"]),
                files=dict(self._files()),
            )
        )

    def _files(self) -> Iterator[tuple[str, int]]:
        for name in LARGEST:
            with contextlib.suppress(FileNotFoundError):  # it comes and goes
                yield name, (self.state / name).stat().st_size


def soak(polls: int) -> Result:
    """Run for so many polls, and judge what came and what was left."""
    result = counting(*PROMISES)
    with (
        tempfile.TemporaryDirectory() as root,
        FakeRegistry() as registry,
        Receiver() as receiver,
    ):
        for pack in _PACKS:
            for number, version in enumerate(_VERSIONS):
                registry.catalog.publish(
                    pack, version, created_at=f"2025-03-0{number + 1}T10:00:00Z"
                )
        channels = [
            {
                "name": path[1:],
                "url": receiver.apprise_url(path),
                "grouping": grouping,
                "kinds": kinds,
            }
            for path, grouping, kinds in _CHANNELS
        ]
        write_settings(
            Path(root),
            channels,
            nodes=_PACKS,
            registry_url=registry.url,
            interval=0,
            retries=0,
            failure_threshold=_THRESHOLD,
            log_level="error",
            timeout=_TIMEOUT,
            baseline="silent",
        )
        with program.start(
            "run", cwd=Path(root), module="tests.support.fast_clock"
        ) as started:
            scene = Soak(
                registry, receiver, started, Path(root, "state"), random.Random(polls)
            )
            registry.respond = scene.answer
            scene.until((scene.state / CHECKS).exists)
            _live(scene, polls)
            _recover(scene)
            started.signal(signal.SIGTERM)
            ended = started.wait(60)
        if ended.code != 0:
            result.wrong("wrong", f"run ended with {ended.code}: {ended.err[-2000:]}")
        _judge_alerts(scene, result)
        _judge_holdings(scene, result)
    return result


def _live(scene: Soak, polls: int) -> None:
    """Turn deprecations on and off, each time when the last is known, until there were so many polls."""
    scene.calm = False
    is_on: dict[tuple[str, str], bool] = {}
    stalls = _STALLS_AT_LEAST + polls // _STALLS_IN
    while scene.polls < polls:
        pack, version = scene.dice.choice(_PACKS), scene.dice.choice(_VERSIONS)
        on = is_on[pack, version] = not is_on.get((pack, version), False)
        scene.registry.catalog.deprecate(pack, version, on)
        scene.due["deprecated" if on else "undeprecated", pack, version] += 1
        due = scene.due.total()
        if due % _DEAD_IN == 0:
            scene.die()
        if not scene.dice.randrange(20):
            scene.receiver.down ^= {_SHAKY}
        if due % _FLOODS_IN == 0:
            scene.receiver.once.setdefault(_SHAKY, _FLOOD)
        if scene.polls >= polls * scene.stalls / stalls:
            scene.stall()
        scene.until(partial(_has_sent, scene, _STEADY, due))
        scene.registry.requests.clear()
        if scene.polls >= polls * len(scene.measures) / _MEASURES:
            scene.measure()


def _count(scene: Soak, path: str) -> int:
    return sum(
        len(message.events) + message.more
        for message in scene.receiver.taken
        if message.path == path
    )


def _has_sent(scene: Soak, path: str, alerts: int) -> bool:
    return _count(scene, path) >= alerts


def _recover(scene: Soak) -> None:
    """Let everything work again until nothing is owed."""
    scene.calm = True
    scene.slow.clear()
    scene.receiver.once.clear()
    scene.receiver.down = set()
    scene.receiver.gone.clear()
    due, polls = scene.due.total(), scene.polls + _CALM_POLLS
    scene.until(
        lambda: (
            _count(scene, _SHAKY) >= due
            and _count(scene, _STEADY) >= due
            and scene.polls >= polls
        )
    )
    # It is reported that the channel takes alerts again.
    polls = scene.polls + _CALM_POLLS
    scene.until(lambda: scene.polls >= polls)
    for _ in range(_MEASURES):
        scene.measure()
        time.sleep(0.01)  # between two measures, of which the least counts


def _judge_alerts(scene: Soak, result: Result) -> None:
    history = [
        json.loads(line) for line in (scene.state / HISTORY).read_bytes().splitlines()
    ]
    facts = {
        event["id"]: (
            event["kind"],
            event.get("channel") or event.get("node") or "",
            event.get("version"),
        )
        for event in history
    }
    trouble = Counter(fact for fact in facts.values() if fact[0] in _TROUBLES)
    for path, due in ((_STEADY, scene.due), (_SHAKY, scene.due), (_TROUBLE, trouble)):
        got = Counter(
            key
            for message in scene.receiver.taken
            if message.path == path
            for key in message.shown(facts)
        )
        came = Counter(facts[key] for key in got if key in facts)
        result.add("alerts due", due.total())
        unnamed = sum(
            message.more for message in scene.receiver.taken if message.path == path
        )
        for figure, wrong, allowed in (
            ("lost", due - came, unnamed),
            ("invented", came - due, 0),
        ):
            if wrong.total() > allowed:
                result.wrong(
                    figure, f"{path}: {figure} {wrong}", wrong.total() - allowed
                )
        result.broken["invented"] += len(got.keys() - facts.keys())
        result.broken["repeated"] += got.total() - len(got)
    _judge_order(history, result)
    if scene.skipped:
        result.wrong("wrong", f"{scene.skipped} polls left packs out")
    result.add("polls", scene.polls)
    result.add("faults", scene.faults)
    result.add("incomplete listings", scene.incomplete)
    of_channels = [event for event in history if event.get("channel")]
    result.add("channels failing and recovered", len(of_channels))
    kinds = Counter(event["kind"] for event in history if not event.get("channel"))
    result.add("failing and recovered", kinds["failing"] + kinds["recovered"])
    result.add("bans", kinds["banned"])
    result.add("outages", trouble["failing", "", None])


def _judge_order(history: Sequence[Mapping[str, Any]], result: Result) -> None:
    """See that what is about one pack, channel or the registry has begun before it ends, and ends in the end."""
    lasting: set[tuple[str, str]] = set()
    for event in history:
        kind, about = event["kind"], event.get("channel") or event.get("node") or ""
        if begins := _ENDS.get(kind):
            if (begins, about) not in lasting:
                result.wrong("invented", f"{about}: {kind} without {begins}")
            lasting.discard((begins, about))
        elif kind in _ENDS.values():
            if (kind, about) in lasting:
                result.wrong("repeated", f"{about}: {kind} twice")
            lasting.add((kind, about))
    if lasting:
        result.wrong("lost", f"without an end: {lasting}", len(lasting))


def _judge_holdings(scene: Soak, result: Result) -> None:
    floods = scene.receiver.played.count(_FLOOD)
    result.add("floods", floods)
    result.add("stalls", len(scene.receiver.played) - floods + scene.stalled)
    state = scene.state
    if left := {path.name for path in state.iterdir()} - {
        LOCK,
        SNAPSHOT,
        OWED,
        CHECKS,
        ADDRESSES,
        HISTORY,
    }:
        result.wrong("leftovers", f"the state folder holds {left}")
    early, late = (
        scene.measures[_MEASURES // 4 : _MEASURES // 2],
        scene.measures[-_MEASURES:],
    )
    allowed = _ALLOWED if scene.polls >= 4 * _WARM else _ALLOWED_COLD
    # Of each the least: what a poll under way needs comes and goes.
    for name in ("memory", "handles", "threads"):
        before, after = (
            min(getattr(measure, name) for measure in part) for part in (early, late)
        )
        result.add(f"{name} at a quarter", before)
        result.add(f"{name} at the end", after)
        if after > before * allowed[name]:
            result.wrong("wrong", f"{name} grew from {before} to {after}")
    if (left_behind := min(measure.threads for measure in late) - _AT_REST) > 0:
        result.wrong("wrong", f"{left_behind} threads were left behind")
    for name, most in LARGEST.items():
        size = max(measure.files.get(name, 0) for measure in scene.measures)
        result.add(f"{name}, bytes at most", size)
        if size > most:
            result.wrong("wrong", f"{name} has grown to {size} bytes")
    if (size := min(measure.files.get(OWED, 0) for measure in late)) > _SETTLED:
        result.wrong("wrong", f"{OWED} has {size} bytes and owes nothing")


if __name__ == "__main__":
    soak(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000).show()
