"""Which way a poll reads: a sweep over the pages of all node packs, or a question for each watched one. Pure.

The one place that decides (docs/behaviour.md, Sweeps).
"""

from __future__ import annotations

from enum import StrEnum

from watcher.registry.client import PAGE_SIZE

_MARGIN = 1.25
_EXTRA = 20
"""A sweep has to save a fifth of the requests and a few more: it brings rows that nobody asked for."""
_WORTH_A_LOOK = 100
"""From this many watched nodes on, one page is requested to learn how many there are."""


class Way(StrEnum):
    """How a poll reads."""

    EACH = "each"
    SWEEP = "sweep"


def pages_of(total: int) -> int:
    """Return how many pages so many versions take."""
    return -(-total // PAGE_SIZE)


def is_cheaper(watched: int, total: int) -> bool:
    """Return whether a sweep over a registry of `total` versions is cheaper than asking each of the watched nodes."""
    return watched > pages_of(total) * _MARGIN + _EXTRA


def is_worth_a_look(watched: int, total: int | None) -> bool:
    """Return whether to begin a sweep, whose first page says how many versions there are now.

    `total` is how many there were when it was last said.
    """
    return watched >= _WORTH_A_LOOK if total is None else is_cheaper(watched, total)


def most_questions(total: int) -> int:
    """Return how many nodes are asked by themselves after a sweep, at most: about as many as it has pages."""
    return max(200, pages_of(total))
