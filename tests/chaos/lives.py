"""Random lives: how those of every model are run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

_MANY = 100
"""From this many lives on they are others in each run."""


def live_lives(machine: type[RuleBasedStateMachine], lives: int, steps: int) -> None:
    """Live so many lives of at most so many steps; what breaks is shown as the shortest life that breaks it.

    A few lives are the same in every run, so that they say what a change did; many are others each time.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            derandomize=lives < _MANY,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
