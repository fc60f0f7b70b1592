"""Waits for 1,000 scans of 1 to 120 minutes: whatever goes wrong, each ends in time and with the right code."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.faults.scans import STORMS, Ending, Form, Records, Verdict, live, plan

SCANS = 1000
_SOME = 40
"""What every run of the tests lives."""


@pytest.fixture(autouse=True)
def few_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment short: each look reads the proxies in it, which else is a third of a wait's work."""
    for name in [*os.environ]:
        if not name.startswith("PYTEST"):
            monkeypatch.delenv(name)


def test_the_plans_are_of_every_kind() -> None:
    """The plans have scans from 1 to 120 minutes, every ending, verdict and fault, and each exit code often."""
    plans = [plan(seed) for seed in range(SCANS)]
    minutes = [(one.judged - one.appears) / 60 for one in plans]
    assert min(minutes) >= 1
    assert max(minutes) <= 120
    assert max(minutes) - min(minutes) > 118
    for kind in (Ending, Form, Records, Verdict):
        found = Counter(getattr(one, kind.__name__.lower()) for one in plans)
        assert found.keys() == set(kind)
    faults = {name for one in plans for storm in one.storms for name in storm.faults}
    assert faults == set(STORMS)
    codes = Counter(one.code for one in plans)
    assert min(codes[code] for code in (0, 1, 3)) > 100


def test_the_same_number_is_the_same_wait() -> None:
    """A plan's wait is the same each time: what failed once fails again."""
    first, second = live(plan(7)), live(plan(7))
    assert (first.look, first.seconds) == (second.look, second.seconds)
    assert first.world.looks == second.world.looks


@pytest.mark.parametrize("seed", range(_SOME))
def test_some_scans(seed: int) -> None:
    """Some waits end with the right exit code, in time, and not before there is a verdict."""
    assert live(plan(seed)).wrong() == []


@pytest.mark.bounded
@pytest.mark.parametrize("first", range(0, SCANS, 50))
def test_all_scans(first: int) -> None:
    """All waits do."""
    outcomes = [live(plan(seed)) for seed in range(first, first + 50)]
    assert {one.world.plan.seed: one.wrong() for one in outcomes if one.wrong()} == {}
