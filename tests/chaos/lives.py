"""Random lives: what the machines of all of them share, and how they are run.

`MINUTES=30 python -m tests.chaos.state_machine` (or `installed_lives`, `appearing_lives`, `swept_lives`,
`paired_lives`) lives others until the time is over, in rounds, and says the seed of each round; `SEED=…` lives one
round again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.chaos.figures import Result
from tests.support.fake_registry.server import FakeRegistry
from tests.support.worker import WORKER
from watcher import timestamps
from watcher.polling import setup
from watcher.polling.poll import Poller
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.state.store import StateFolder

_ROUND = 50
"""Lives with one seed."""

figures = Result()
"""Of all lives of this process."""

_Result = TypeVar("_Result")


class CrashError(BaseException):
    """The process is gone."""


def _but_for_death(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what asyncio does, but for writes that nobody waits for any more because the process is gone."""
    if not isinstance(context.get("exception"), CrashError):
        loop.default_exception_handler(context)


@dataclass(slots=True)
class CrashAt:
    """Blows at the step number `left` (counted down) of the state folder, before or after it; then nothing works.

    Steps may come from several threads.
    """

    left: int
    after: bool
    blown: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def step(self, work: Callable[[], _Result]) -> _Result:
        """Do one step, or crash."""
        with self._turn:
            was_blown = self.blown
            self.left -= 1
            self.blown = was_blown or self.left == 0
            blows = self.blown
        if blows:
            if self.after and not was_blown:
                work()
            raise CrashError
        return work()


@dataclass(slots=True, eq=False)
class Fragile(StateFolder):
    """A state folder in which the process crashes when its `crash` says so: each of the `_STEPS` is a step.

    `kept` counts the acknowledgements it has by each channel's name, `open` the messages that went out, or were about
    to, and of which nothing is known; `noted` are the channels that it has noted.
    """

    crash: CrashAt = field(kw_only=True)
    kept: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    noted: set[str] = field(default_factory=set)


def _fragile(name: str) -> Callable[..., Any]:
    """Return a method of `StateFolder` that may crash."""
    method = getattr(StateFolder, name)

    def step(folder: Fragile, *args: Any) -> Any:
        def work() -> Any:
            done = method(folder, *args)
            match name:
                case "compact":
                    folder.noted.update(args[0].queues)
                case "prepare":
                    folder.noted.update(args[0].messages)
                case "save_addresses":
                    folder.noted.update(args[0].url_digests)
                case "write_sending":
                    dict.update(folder.open, dict.fromkeys(args[0].messages, 1))
                case "write_change":
                    # A merger has no room to say, and nothing has arrived by it.
                    folder.kept.update(
                        name
                        for name, messages in args[0].messages.items()
                        if args[1:] and None in messages.values()
                    )
                    dict.update(folder.open, dict.fromkeys(args[0].messages, 0))
                case _:
                    pass
            return done

        return folder.crash.step(work)

    return step


_STEPS = (
    "prepare",
    "commit",
    "fsync_folder",
    "compact",
    "save_checks",
    "save_addresses",
    "save_installs",
    "write_sending",
    "write_change",
    "record",
)
for _name in _STEPS:
    setattr(Fragile, _name, _fragile(_name))


class Life(RuleBasedStateMachine):
    """One state folder, the registry that is watched, and what both go through."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = contextlib.ExitStack()
        self.root = Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
        self.path = self.root / "state"
        self.registry = self.ends.enter_context(FakeRegistry())
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        figures.add("lives")

    @property
    def clock(self) -> datetime:
        """The time by the machine's own clock."""
        return self.now

    def works(
        self,
        folder: StateFolder,
        work: Callable[[Poller], Awaitable[object]] = Poller.poll,
        **given: Any,
    ) -> bool:
        """Let the program poll once, or work otherwise, with settings as their sources give them; False if it died."""
        # Nothing here hangs: what takes its time does so because the machine is busy.
        chosen = Settings(
            registry_url=self.registry.url,
            state_dir=self.path,
            retries=0,
            timeout=600,
            **given,
        )

        async def once() -> None:
            asyncio.get_running_loop().set_exception_handler(_but_for_death)
            poller = Poller(
                config=setup.poll_config(Loaded(settings=chosen), folder),
                folder=folder,
                clock=lambda: timestamps.show(self.clock),
                stopping=asyncio.Event(),
                worker=WORKER,
            )
            await work(poller)

        figures.add("polls")
        try:
            with folder.locked():
                asyncio.run(once())
        except CrashError:
            figures.add("crashes")
            return False
        return True

    def close_books(self) -> None:
        """Let everything recover, and see that nothing is missing then."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Come to an end."""
        with self.ends:
            self.close_books()


def live(
    machine: type[RuleBasedStateMachine],
    lives: int,
    steps: int,
    *,
    derandomize: bool = True,
) -> None:
    """Live so many lives of at most so many steps; what breaks is shown as the shortest life that breaks it.

    They are the same in every run, so that they say what a change did, unless they are not to be.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def run(machine: type[RuleBasedStateMachine], lives: int, steps: int) -> None:
    """Live so many lives, or as `MINUTES` and `SEED` in the environment say, and print the figures."""
    for seed in _seeds(lives // _ROUND):
        print(
            f"{machine.__name__}: {_ROUND} lives, SEED={seed}",
            file=sys.stderr,
            flush=True,
        )
        hypothesis.seed(seed)(machine)
        try:
            live(machine, _ROUND, steps, derandomize=False)
        except Exception as error:  # noqa: BLE001 - an assertion, several of them, or what a model stumbles over
            error.add_note(f"SEED={seed}")
            print("these failed", file=sys.stderr, flush=True)
            figures.failed(error)
    figures.show()


def _seeds(rounds: int) -> Iterator[int]:
    """Return the seed of each round: that of `SEED`, else as many as fit into `MINUTES`, else so many."""
    if "SEED" in os.environ:
        yield int(os.environ["SEED"])
        return
    minutes = float(os.environ.get("MINUTES", "0"))
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends if minutes else rounds:
        rounds -= 1
        yield secrets.randbits(32)
