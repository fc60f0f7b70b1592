"""How long a poll took, as the state keeps it."""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.support.factories import NOW, minute
from tests.support.fake_registry.server import FakeRegistry
from tests.support.polls import Watcher


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(0.0125, 0.75), (-1, 0)], ids=["as usual", "set back"]
)
def test_a_poll_notes_how_long_it_read(
    registry: FakeRegistry, tmp_path: Path, minutes: float, seconds: float
) -> None:
    """It is the time by the clock from its start until all is compared; none if the clock was set back."""
    registry.catalog.publish("pack", "1.0.0")
    polls = Watcher(registry, tmp_path)
    times = chain([NOW], repeat(minute(minutes)))
    polls.clock = lambda: next(times)
    polls.poll()
    assert polls.folder.load().checks.seconds == seconds
