"""The flags of a whole registry: what a channel without `kinds` is spared, and that it is spared nothing else.

The whole of it is `python -m tests.flags`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.flags.__main__ import FEWER
from tests.flags.lives import Account, Life
from tests.flags.oracle import Due, due
from tests.flags.packs import (
    CRITICAL,
    INFO,
    START,
    Found,
    MadePack,
    Number,
    Packs,
    Release,
    Shares,
    Told,
)
from watcher.model.version import ACTIVE, FLAGGED

_SEED = 8


def _lived(folder: Path, packs: int, polls: int, weeks: float) -> Account:
    with Life(Packs(packs, _SEED, Shares()), folder) as life:
        return life.polls(polls, weeks)


def _holds(account: Account) -> None:
    assert account.wrong == []
    assert 0.6 <= account.flagged_share <= 0.64
    assert account.fewer >= FEWER, (account.flags, account.passed)
    # What passes or not has been there for each reason.
    assert len(account.passed) >= 4
    assert account.endings["left out"]


def test_harmless_flags_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    """Of a registry whose versions are mostly flagged, nine of ten flags are left out: known findings, all info."""
    _holds(_lived(tmp_path, 300, 2, weeks=3))


def test_nothing_else_is_left_out_where_much_is_wrong(tmp_path: Path) -> None:
    """Where many findings are new, not informational or not to be read, the same flags are left out and no other."""
    shares = Shares(
        severe=0.2, grown=0.3, unreadable=0.3, failing=0.1, releases=0.2, backports=0.2
    )
    with Life(Packs(60, _SEED, shares), tmp_path) as life:
        account = life.polls(2, weeks=3)
    assert account.wrong == []
    assert account.passed.keys() >= {"a new place", "not info", "could not be read"}
    assert account.flags["left out"]


@pytest.mark.bounded
def test_harmless_flags_of_a_larger_registry(tmp_path: Path) -> None:
    """The same holds of a larger one, for longer."""
    _holds(_lived(tmp_path, 1500, 8, weeks=1))


# The oracle itself

_USUAL = Found("python_environment_manipulation", "nodes.py", 12, INFO)
_OTHER = Found("python_environment_manipulation", "glow.py", 12, INFO)


def _release(
    number: Number, *found: Found, status: str = FLAGGED, told: Told = Told.WHOLE
) -> Release:
    return Release(("pack", number), found, told, status, START)


def _due(*releases: Release, failing: bool = False) -> Due:
    """Return what must become of the flag of the last of these versions."""
    pack = MadePack("pack", {}, {one.key[1]: one for one in releases})
    return due(pack, releases[-1], frozenset({"pack"}) if failing else frozenset())


def test_the_oracle_lets_nothing_pass_but_what_is_known_and_informational() -> None:
    """By hand: only what was read in full, is informational and was in an earlier version must be left out."""
    old, new = (1, 0, 0), (1, 1, 0)
    moved = replace(_USUAL, line=99)
    known = _release(old, _USUAL)
    assert _due(known, _release(new, moved)) is Due.LEFT_OUT
    assert _due(known, _release(new, moved), failing=True) is Due.PASSES
    assert _due(known, _release(new, moved, _OTHER)) is Due.PASSES
    assert _due(known, _release(new, replace(moved, severity=CRITICAL))) is Due.PASSES
    assert _due(known, _release(new, replace(moved, severity=None))) is Due.PASSES
    assert _due(known, _release(new, moved, told=Told.CUT_OFF)) is Due.PASSES
    assert _due(_release(new, moved)) is Due.PASSES
    assert _due(_release((1, 10, 0), _USUAL), _release((1, 9, 0), moved)) is Due.PASSES


def test_the_oracle_leaves_open_what_the_program_cannot_be_sure_to_know() -> None:
    """By hand: only the nearest earlier version that is flagged, and whose findings can be read, is certain."""
    oldest, old, new = (1, 0, 0), (1, 1, 0), (1, 2, 0)
    flagged = _release(new, _USUAL)
    assert _due(_release(old, _USUAL, status=ACTIVE), flagged) is Due.EITHER
    assert _due(_release(oldest, _USUAL), _release(old, _OTHER), flagged) is Due.EITHER
    assert (
        _due(_release(oldest, _USUAL), _release(old, _USUAL, told=Told.EMPTY), flagged)
        is Due.EITHER
    )
