"""Times that can be read and that no clock has."""

from __future__ import annotations

import pytest

from watcher import timestamps


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999-23:59", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_an_absurd_time_breaks_nothing(text: str, nearest: str) -> None:
    """It is the nearest that there is, and so is a time after or before it."""
    assert timestamps.normal(text) == nearest
    beyond = -60 if nearest < "0002" else 60
    assert timestamps.later(text, beyond) == nearest
