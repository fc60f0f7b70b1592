"""Which of what was not read of what is installed is no part of the exit code."""

from __future__ import annotations

import pytest

from watcher.model.reading import Fault, ReadFailure
from watcher.polling.audit import is_limit


@pytest.mark.parametrize(
    ("node", "fault", "expected"),
    [
        (None, Fault.NOT_FOUND, True),
        (None, Fault.OWN, False),
        ("alpha", Fault.NOT_FOUND, False),
    ],
)
def test_what_the_registry_never_says(
    node: str | None, fault: Fault, expected: bool
) -> None:
    """Only that it lacks `GET /nodes` is no failure to read; what was not read of one pack is."""
    failure = ReadFailure(node=node, error="it does not know", fault=fault)
    assert is_limit(failure) is expected
