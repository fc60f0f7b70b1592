"""Random lives: how those of every model are run.

`MINUTES=30 python -m tests.chaos.state_machine` (or `installed_lives`, `swept_lives`) lives others until the time is
over, in rounds, and says the seed of each round; `SEED=…` lives one round again.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.chaos.figures import Result

_MANY = 100
"""From this many lives on they are others in each run."""

_ROUND = 50
"""Lives with one seed."""


def live_lives(machine: type[RuleBasedStateMachine], lives: int, steps: int) -> None:
    """Live so many lives of at most so many steps; what breaks is shown as the shortest life that breaks it.

    A few lives are the same in every run, so that they say what a change did; many are others each time.
    """
    _live(machine, lives, steps, derandomize=lives < _MANY)


def run(
    machine: type[RuleBasedStateMachine], figures: Result, lives: int, steps: int
) -> None:
    """Live so many lives, or as `MINUTES` and `SEED` in the environment say, and print the figures."""
    for seed in _seeds(lives // _ROUND):
        print(
            f"{machine.__name__}: {_ROUND} lives, SEED={seed}",
            file=sys.stderr,
            flush=True,
        )
        hypothesis.seed(seed)(machine)
        try:
            _live(machine, _ROUND, steps)
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


def _live(
    machine: type[RuleBasedStateMachine],
    lives: int,
    steps: int,
    *,
    derandomize: bool = False,
) -> None:
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
