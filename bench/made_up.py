"""A made-up catalog: a whole registry with the proportions of the real one.

Rows have a real row's size, 600 to 800 bytes of JSON. The same arguments give the same catalog.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.support.fake_registry.catalog import Catalog
from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING

_FIRST = datetime(2025, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=600)
"""From the first version of a whole registry to the last one."""

_NODES = ((0.017, BANNED), (0.065, FLAGGED), (0.0025, PENDING))
"""The shares of nodes all of whose versions have one status (docs/dev/registry.md, Statuses)."""

_SMALL = 10
"""Versions of a node up to which all may have one bad status: a node that has more was accepted many times."""

_VERSIONS = ((0.012, FLAGGED), (0.003, BANNED), (0.006, DELETED), (0.001, PENDING))
"""The shares of statuses among the versions of the other nodes, but for the newest one."""

_DEPRECATED = 0.004

_REASONS = {
    ACTIVE: "Passed automated checks",
    BANNED: '{"message":"Rejected by admin","statusHistory":[]}',
    FLAGGED: '[{"issue_type":"eval","severity":"info","file_path":"nodes.py","line_number":12}]',
}

_CHANGELOG = "Faster sampling, fewer surprises, and a fix for masks that came out inverted on some cards."
_DEPENDENCIES = ["numpy>=1.26", "opencv-python-headless", "pillow", "safetensors>=0.4"]


def made_up_registry(nodes: int, versions: int) -> Catalog:
    """Return a catalog of nodes `node-0`, `node-1`, … that share so many versions, as the real registry's do.

    Few have most of the versions. Some are banned, flagged, pending, deleted or deprecated. ValueError if there are
    fewer versions than nodes.
    """
    if versions < nodes:
        raise ValueError("each node has a version at least")
    dice = random.Random(nodes)  # noqa: S311 - the same arguments give the same catalog
    catalog = Catalog()
    for number, count in enumerate(_counts(nodes, versions, dice)):
        fate = _drawn(dice, _NODES) if count <= _SMALL else ACTIVE
        began = _SPAN * dice.random()
        for release in range(count):
            status = fate
            if fate == ACTIVE and release + 1 < count:
                status = _drawn(dice, _VERSIONS)
            moment = _FIRST + began + (_SPAN - began) * (release / count)
            catalog.publish(
                f"node-{number}",
                f"1.{release}.0",
                status=status,
                reason=_REASONS.get(status, ""),
                created_at=moment,
                changelog=_CHANGELOG,
                dependencies=_DEPENDENCIES,
                supported_comfyui_version=">=0.3.40",
                deprecated=dice.random() < _DEPRECATED,
            )
    return catalog


def _counts(nodes: int, versions: int, dice: random.Random) -> Iterator[int]:
    """Yield how many versions each node has, `versions` in all."""
    # By a Pareto distribution: the median is 2 where the mean is 6, and one in a hundred has more than 60.
    shares = [min(dice.paretovariate(1.16) - 1.0, 120.0) for _ in range(nodes)]
    left, weight = versions - nodes, sum(shares)
    for share in shares:
        more = round(left * share / weight) if weight > share else left
        left, weight = left - more, weight - share
        yield 1 + more


def _drawn(dice: random.Random, shares: tuple[tuple[float, str], ...]) -> str:
    drawn = dice.random()
    for share, status in shares:
        if drawn < share:
            return status
        drawn -= share
    return ACTIVE
