"""The embedded registry has the traps of the real one (docs/dev/registry.md); what it has else, its users see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from tests.support.fake_registry.catalog import rfc3339
from tests.support.fake_registry.server import FakeRegistry

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(registry: FakeRegistry) -> Iterator[Ask]:
    """Ask the registry for a path with a query of pairs."""
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        yield lambda path, *query: client.get(path, params=list(query))


def _versions(answer: httpx.Response) -> list[str]:
    return [row["version"] for row in answer.json()["versions"]]


def test_order_is_by_text(registry: FakeRegistry, ask: Ask) -> None:
    """Versions come by their text, descending: 1.9.0 before 1.10.0, whatever is newer."""
    for version in ("1.2.0", "1.9.0", "1.10.0"):
        registry.catalog.publish("a", version)
    found = ask("/versions", ("nodeId", "A"))
    assert _versions(found) == ["1.9.0", "1.2.0", "1.10.0"]


def test_pages(registry: FakeRegistry, ask: Ask) -> None:
    """The counts are of everything, past the end is an empty page, and 101 rows are refused; a page of 0 is the whole
    table.
    """
    for number in range(25):
        registry.catalog.publish("a", f"{number:02}")
    third, past = (ask("/versions", ("page", page)) for page in "34")
    assert _versions(third) == ["04", "03", "02", "01", "00"]
    assert _versions(past) == []
    counts = {"page": 4, "pageSize": 10, "total": 25, "totalPages": 3}
    assert past.json() == counts | {"versions": []}
    assert ask("/versions", ("pageSize", "101")).status_code == 400
    for query in (("page", "0"), ("page", "-1"), ("pageSize", "0")):
        assert len(_versions(ask("/versions", query))) == 25


def test_nodes(registry: FakeRegistry, ask: Ask) -> None:
    """`GET /nodes` compares ids with their case, and shows banned nodes only on request."""
    for number in range(3):
        registry.catalog.publish(f"Pack-{number}", "1.0.0")
    registry.catalog.ban_node("pack-0")
    named = [("node_id", name) for name in ("Pack-0", "Pack-1", "pack-2")]
    assert [one["id"] for one in ask("/nodes", *named).json()["nodes"]] == ["Pack-1"]
    whole = ask("/nodes", ("include_banned", "true")).json()
    assert (whole["total"], whole["nodes"][0]["status"]) == (3, "NodeStatusBanned")


def test_times_have_no_trailing_zeros() -> None:
    """A time is RFC 3339 in UTC whose fraction ends with a digit that counts."""
    moments = [datetime(2026, 1, 2, 3, 4, 31, part, UTC) for part in (751_770, 0)]
    assert [rfc3339(moment)[17:] for moment in moments] == ["31.75177Z", "31Z"]
