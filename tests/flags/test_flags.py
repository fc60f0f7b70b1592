"""The flags of a whole registry: what a channel without `kinds` is spared, and that it is spared nothing else.

The whole of it is `python -m tests.flags`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flags.__main__ import FEWER
from tests.flags.lives import Life
from tests.flags.packs import Due, Packs


def test_known_and_harmless_flags_are_left_out_and_no_other(tmp_path: Path) -> None:
    """Where many findings are new, not informational or not to be read, none of these is left out."""
    with Life(Packs(60, 8, trouble=12), tmp_path) as life:
        life.polls(2, weeks=3)
    assert life.wrong == []
    assert life.left_out[Due.LEFT_OUT] > 2
    assert life.passed[Due.PASSES] > 2


@pytest.mark.bounded
def test_nine_of_ten_flags_are_left_out(tmp_path: Path) -> None:
    """Of a registry whose versions are mostly flagged: known findings, all of them info."""
    with Life(Packs(1000, 8), tmp_path) as life:
        life.polls(8, weeks=1)
    assert life.wrong == []
    assert life.fewer >= FEWER, (life.left_out, life.passed)
