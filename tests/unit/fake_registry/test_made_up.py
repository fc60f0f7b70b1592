"""Made-up catalogs have the size and the proportions of the real registry, and are cheap to serve page by page."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.made_up import made_up_registry
from tests.support.fake_registry.server import encoded
from watcher.model.version import status_from_api


def rows(catalog: Catalog) -> list[dict[str, Any]]:
    """Return all rows, by pages of a hundred."""
    pages = range(1, int(str(catalog.answer({})[1]["total"])) // 100 + 2)
    answers: list[Any] = [
        catalog.answer({"page": [str(page)], "pageSize": ["100"]})[1] for page in pages
    ]
    return [row for answer in answers for row in answer["versions"]]


def test_a_whole_registry() -> None:
    """The nodes share the versions, few have most of them, and a realistic part has no active one."""
    found = rows(made_up_registry(1000, 6000))
    by_node: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        by_node[row["node_id"]].append(row)
    assert (len(found), len({row["id"] for row in found}), len(by_node)) == (
        6000,
        6000,
        1000,
    )
    sizes = sorted(map(len, by_node.values()))
    assert (sizes[0], sizes[500] <= 4, 60 <= sizes[-1] <= 180) == (1, True, True)
    assert 600 <= len(encoded(found)) / 6000 <= 800
    without = sum(
        all(status_from_api(row["status"]) != "active" for row in each)
        for each in by_node.values()
    )
    assert 50 <= without <= 100
    kinds = Counter(status_from_api(row["status"]) for row in found)
    assert kinds.keys() == {"active", "flagged", "banned", "deleted", "pending"}
    assert kinds["active"] > 5 * kinds["flagged"] > kinds["banned"]
    assert 5 <= sum(row["deprecated"] for row in found) <= 60
    assert all("2025-01-01" <= row["createdAt"] < "2026-09-01" for row in found)


def test_the_same_every_time() -> None:
    """Two runs of a benchmark read the same rows."""
    assert rows(made_up_registry(20, 50)) == rows(made_up_registry(20, 50))
