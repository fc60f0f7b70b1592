"""The time of one request."""

from __future__ import annotations

import time

import pytest

from watcher.delivery.sender import CutOffError, RequestTimer


def test_a_request_may_have_a_time_of_its_own() -> None:
    """A request takes the timeout, or as many seconds as it is given; the next one has the timeout again."""
    timer = RequestTimer(0.1)
    timer.begin(60.0)
    time.sleep(0.3)
    timer.begin()
    with pytest.raises(CutOffError):
        time.sleep(5)
    timer.end()
