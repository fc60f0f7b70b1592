"""The flags of a whole registry: what a channel without `kinds` is spared, and that it is spared nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flags.lives import Account, Life
from tests.flags.packs import Packs, Shares


def _lived(folder: Path, packs: int, polls: int, weeks: float) -> Account:
    with Life(Packs(packs, 1, Shares()), folder) as life:
        return life.polls(polls, weeks)


def _holds(account: Account) -> None:
    assert account.wrong == []
    assert 0.6 <= account.flagged_share <= 0.64
    assert account.fewer >= 0.9, (account.flags, account.passed)


def test_harmless_flags_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    """Of a registry whose versions are mostly flagged, nine of ten flags are left out: known findings, all info."""
    _holds(_lived(tmp_path, 400, 4, weeks=3))


@pytest.mark.bounded
def test_harmless_flags_of_a_larger_registry(tmp_path: Path) -> None:
    """The same holds of thousands of packs."""
    _holds(_lived(tmp_path, 2000, 8, weeks=1))
