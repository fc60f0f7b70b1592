"""Waits for 1,000 scans of 1 to 120 minutes: whatever goes wrong, each ends in time and with the right code."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.faults.scans import STORMS, Ending, Verdict, plan, wrong

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
    """The plans have every ending, verdict and fault, and each exit code often."""
    plans = [plan(seed) for seed in range(SCANS)]
    assert {one.ending for one in plans} == {*Ending}
    assert {one.verdict for one in plans} == {*Verdict}
    faults = {name for one in plans for storm in one.storms for name in storm.faults}
    assert faults == {*STORMS}
    codes = Counter(one.code for one in plans)
    assert min(codes[code] for code in (0, 1, 3)) > 100


@pytest.mark.parametrize("seed", range(_SOME))
def test_some_scans(seed: int) -> None:
    """Some waits end with the right exit code, in time, and not before there is a verdict."""
    assert wrong(plan(seed)) == []


@pytest.mark.bounded
@pytest.mark.parametrize("first", range(0, SCANS, 50))
def test_all_scans(first: int) -> None:
    """All waits do."""
    found = {seed: wrong(plan(seed)) for seed in range(first, first + 50)}
    assert {seed: what for seed, what in found.items() if what} == {}
