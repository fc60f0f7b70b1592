"""The time of one request."""

from __future__ import annotations

import time

import pytest

from watcher.delivery.sender import CutOffError, RequestTimer


def test_a_request_may_have_a_time_of_its_own() -> None:
    """A request takes as many seconds as it is given, and the next one as many as that is."""
    timer = RequestTimer()
    timer.begin(60.0)
    time.sleep(0.3)
    timer.begin(0.1)
    with pytest.raises(CutOffError):
        time.sleep(5)
    timer.end()
