"""How much work a call is, the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable


def calls_of(work: Callable[[], object]) -> int:
    """Return how many calls and returns of functions some work consists of."""
    counted = 0

    def count_one(*_: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count_one)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted
