"""Limits of one request."""

from __future__ import annotations

import time

import pytest

from watcher.delivery.limits import CutOffError, Limits


def test_a_request_may_have_a_time_of_its_own() -> None:
    """A request takes the timeout, or as many seconds as it is given; the next one has the timeout again."""
    with Limits(0.1) as limits:
        limits.begin(60.0)
        time.sleep(0.3)
        limits.begin()
        with pytest.raises(CutOffError):
            time.sleep(5)
