"""How much work a call is, whatever the machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

TOO_FAST = 30
"""More than a growth that follows the size, and less than one that follows its square."""


def growth(work: Callable[[int], object], size: int) -> float:
    """Return how many times the processor's time some work takes at eight times the size: some 8, or 64 if squared."""

    def taken(of_size: int) -> float:
        begun = time.thread_time()
        work(of_size)
        return time.thread_time() - begun

    small, large = (min(taken(each) for _ in range(3)) for each in (size, 8 * size))
    return large / small


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
