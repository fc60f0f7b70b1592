"""A few histories of installs, and what of them must be told (the whole of it is `tests.chaos.appearing_lives`)."""

from __future__ import annotations

import pytest

from tests.chaos import lives
from tests.chaos.appearing_lives import (
    OWN,
    AppearancesMachine,
    Trouble,
    living,
)


@pytest.mark.bounded
def test_some_histories() -> None:
    """Each pack that is added is told by the next poll that can see it, and nothing else is."""
    lives.live(AppearancesMachine, 4, 15)


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
