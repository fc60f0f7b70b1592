"""The loopback fakes do what they are named for: a fault that plays no fault would prove nothing."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.fakes.faults import FAULTS, inflict
from tests.support.fakes.pages import UnsteadyPages
from tests.support.parameters import one_of
from watcher.fake_registry.server import FakeRegistry

UNBOUNDED = {"gzip_bomb", "endless_body"}
THE_SAME = {
    "claims_100k",
    "empty_later_pages",
    "small_pages",
    "total_changes",
    "total_falls_short",
    "repeated_rows",
    "redirect_same_origin",
    "redirect_elsewhere",
    "age_that_lies",
    "age_unreadable",
    "no_date",
}
"""Those that show themselves on a later page or in a header, or lead to the ordinary answer."""


@pytest.fixture
def client(registry: FakeRegistry) -> httpx.Client:
    """Two nodes of two versions each, and a client that asks for them."""
    for node in ("good", "bad"):
        for version in ("1.0.0", "1.1.0"):
            registry.catalog.publish(
                node, version, tags=["x"], changelog=f"{node} changes"
            )
    return httpx.Client(base_url=registry.url, follow_redirects=True, trust_env=False)


@pytest.mark.parametrize("name", one_of(*sorted(FAULTS.keys() - UNBOUNDED), fast=12))
def test_a_fault_stays_with_its_node(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """Every fault changes the answer for its node, or leaves none, and no answer for another node."""
    with client:
        before = {
            node: client.get("/versions", params={"nodeId": node}).text
            for node in ("good", "bad")
        }
        inflict(registry, name, nodes={"BAD"})
        try:
            answer = client.get(
                "/versions",
                params={"nodeId": "bad"},
                timeout=0.1 if FAULTS[name].slow else 5,
            )
            same = answer.status_code == 200 and rows(answer.text) == rows(
                before["bad"]
            )
        except httpx.HTTPError:
            same = False
        assert same == (name in THE_SAME)
        assert client.get("/versions", params={"nodeId": "good"}).text == before["good"]


def rows(text: str) -> object:
    """Return the rows of a document, or the text of what is none."""
    try:
        return json.loads(text)["versions"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return text


@pytest.mark.parametrize("name", sorted(UNBOUNDED))
def test_a_body_without_bounds(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """A bomb and a flood pass any bound that a reader may set, from little or no announced length."""
    inflict(registry, name)
    with client, client.stream("GET", "/versions", timeout=5) as answer:
        assert int(answer.headers.get("Content-Length", "0")) < 2**20
        read = 0
        for block in answer.iter_bytes():
            read += len(block)
            if read > 40 * 2**20:
                break
        assert read > 40 * 2**20


@pytest.mark.parametrize(
    "name", ["total_changes", "repeated_rows", "empty_later_pages"]
)
def test_later_pages_show_the_fault(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """A fault between pages shows once the second page is read."""
    registry.catalog.publish("bad", "1.2.0")
    inflict(registry, name)
    with client:
        first, second = (
            client.get("/versions", params={"nodeId": "bad", "page": page}).json()
            for page in (1, 2)
        )
    seen = [row["version"] for page in (first, second) for row in page["versions"]]
    wrong = {
        "total_changes": first["total"] != second["total"],
        "repeated_rows": seen == ["1.2.0", "1.1.0", "1.1.0"],
        "empty_later_pages": seen == ["1.2.0", "1.1.0"],
    }
    assert wrong[name]


def test_a_redirect_elsewhere_is_noticed(
    registry: FakeRegistry, client: httpx.Client
) -> None:
    """Whoever follows a redirect to another host is seen to have asked that host."""
    inflict(registry, "redirect_elsewhere")
    with client:
        client.get("/versions")
    assert [asked.headers["Host"].partition(":")[0] for asked in registry.requests] == [
        "127.0.0.1",
        "localhost",
    ]


def test_ties(registry: FakeRegistry, client: httpx.Client) -> None:
    """At each end of a page one row comes twice and one not at all; another page size shows those that did not."""
    for number in range(6):
        registry.catalog.publish(f"pack-{number}", "2.0.0")
    UnsteadyPages(registry).tied = True

    def nodes(page: int, size: int) -> str:
        """Return the numbers of the packs of a page."""
        answer = client.get("/versions", params={"page": page, "pageSize": size}).json()
        assert answer["total"] == 10
        return "".join(
            row["node_id"].removeprefix("pack-") for row in answer["versions"]
        )

    with client:
        assert (nodes(1, 2), nodes(2, 2)) == ("02", "24")
        assert nodes(1, 3) == "013"
