"""What must be reported of packs that come while a scan fails (`tests.chaos.appearing_lives` lives all histories)."""

from __future__ import annotations

import pytest

from tests.chaos.appearing_lives import (
    MORE,
    OWN,
    Trouble,
    living,
)


@pytest.mark.parametrize("trouble", ["an install", "a folder of packs"])
def test_what_comes_while_a_scan_fails(trouble: Trouble) -> None:
    """It is told by the first scan that can see it, wherever it is by then."""
    with living("moth") as life:
        life.plant("studio", OWN, "shadow", is_clone=False, polls=0)
        life.fail_or_mend("studio", OWN, "alpha", trouble)
        life.poll()
        assert life.told == []
        life.fail_or_mend("studio", OWN, "alpha", trouble)
        life.poll()
        assert len(life.told) == 1


@pytest.mark.parametrize("trouble", ["an install", "a folder of packs"])
def test_what_only_a_poll_that_died_has_seen(trouble: Trouble) -> None:
    """It is reported once, since it was there, even if its folder cannot be read any more."""
    with living("moth") as life:
        life.plant("studio", MORE, "shadow", is_clone=False, polls=0)
        life.crash(at=3, after=True)
        assert life.told == []
        life.fail_or_mend("studio", MORE, "alpha", trouble)
        life.poll()
        assert len(life.told) == 1


@pytest.mark.parametrize("at", range(1, 7))
def test_what_was_removed_is_no_news(at: int) -> None:
    """A poll saw it removed and died at some step; then its folder cannot be read. Nothing is reported."""
    with living() as life:
        for name in ("beta", "moth"):
            life.plant("studio", MORE, name, is_clone=False, polls=1)
        life.remove(pick=0, polls=0)
        life.crash(at=at, after=True)
        life.fail_or_mend("studio", MORE, "alpha", "a folder of packs")
        life.poll()
        assert len(life.told) == 2
