"""The embedded registry speaks the API's spec, traps included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from tests.support.fake_registry.catalog import rfc3339
from tests.support.fake_registry.server import FakeRegistry

FIELDS = {
    *(
        "changelog",
        "comfy_node_extract_status",
        "createdAt",
        "dependencies",
        "deprecated",
        "downloadUrl",
        "id",
    ),
    *(
        "node_id",
        "status",
        "status_reason",
        "supported_accelerators",
        "supported_comfyui_frontend_version",
    ),
    *("supported_comfyui_version", "supported_os", "tags", "tags_admin", "version"),
}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(registry: FakeRegistry) -> Iterator[Ask]:
    """Ask the registry for `/versions` with a query of pairs."""
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        yield lambda *query: client.get("/versions", params=list(query))


def versions(answer: httpx.Response) -> list[str]:
    """Return the version texts of an answer, in order."""
    assert answer.status_code == 200
    return [row["version"] for row in answer.json()["versions"]]


def test_a_row_has_every_field_of_the_spec(registry: FakeRegistry, ask: Ask) -> None:
    """A row has all the spec's fields, and no other."""
    key = registry.catalog.publish(
        "Pack", "1.0.0", tags=["x"], downloadUrl="https://a.example/1.zip"
    )
    (row,) = ask(("nodeId", "Pack")).json()["versions"]
    assert row.keys() == FIELDS
    assert (row["id"], row["node_id"], row["status"]) == (
        key,
        "Pack",
        "NodeVersionStatusActive",
    )
    assert (row["tags"], row["downloadUrl"], row["deprecated"]) == (
        ["x"],
        "https://a.example/1.zip",
        False,
    )


def test_order_is_by_text(registry: FakeRegistry, ask: Ask) -> None:
    """Versions come by their text, descending: 1.9.0 before 1.10.0, whatever is newer."""
    for version in ("1.2.0", "1.9.0", "1.10.0"):
        registry.catalog.publish("a", version)
    assert versions(ask(("nodeId", "a"))) == ["1.9.0", "1.2.0", "1.10.0"]


def test_pages(registry: FakeRegistry, ask: Ask) -> None:
    """Pages start at 1 and have 10 rows by default; the counts are of everything; past the end is an empty page."""
    for number in range(25):
        registry.catalog.publish("a", f"{number:02}")
    first, third, past = ask(), ask(("page", "3")), ask(("page", "4"))
    assert versions(first) == [f"{number:02}" for number in range(24, 14, -1)]
    assert versions(third) == ["04", "03", "02", "01", "00"]
    assert versions(past) == []
    for number, answer in ((1, first), (3, third), (4, past)):
        counts = {"page": number, "pageSize": 10, "total": 25, "totalPages": 3}
        assert answer.json() == counts | {"versions": answer.json()["versions"]}
    assert len(versions(ask(("pageSize", "100")))) == 25


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pageSize", "101"),
        ("page", "x"),
        ("page", ""),
        ("page", "9" * 30),
        ("include_status_reason", "maybe"),
    ],
)
def test_bad_parameters(ask: Ask, name: str, value: str) -> None:
    """A page size above 100, or a value of the wrong type, is a 400 that names the parameter."""
    answer = ask((name, value))
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "message"}
    assert name in answer.json()["message"]


@pytest.mark.parametrize("query", [("page", "0"), ("page", "-1"), ("pageSize", "0")])
def test_no_page_is_the_whole_table(
    registry: FakeRegistry, ask: Ask, query: tuple[str, str]
) -> None:
    """A page or size of 0 or less answers with everything at once, as the service was seen to."""
    for number in range(25):
        registry.catalog.publish("a", str(number))
    assert len(versions(ask(query))) == 25


def test_nodes(registry: FakeRegistry) -> None:
    """`GET /nodes` compares ids with their case, has ten rows a page, and shows banned nodes only on request."""
    for number in range(11):
        registry.catalog.publish(f"Pack-{number}", "1.0.0")
    registry.catalog.ban_node("pack-3")
    registry.catalog.edit_pack(
        "pack-4", status="deleted", repository="https://github.com/ann/x"
    )
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        assert len(client.get("/nodes").json()["nodes"]) == 10
        whole = client.get(
            "/nodes", params={"limit": "100", "include_banned": "true"}
        ).json()
        assert (whole["total"], whole["totalPages"], whole["nodes"][3]["status"]) == (
            11,
            1,
            "NodeStatusBanned",
        )
        some = client.get(
            "/nodes", params={"node_id": ["Pack-3", "Pack-4", "pack-5"]}
        ).json()["nodes"]
        assert [(one["id"], one["status"], one["repository"]) for one in some] == [
            ("Pack-4", "NodeStatusDeleted", "https://github.com/ann/x")
        ]
        assert client.get("/nodes", params={"limit": "x"}).status_code == 400
        registry.serves_nodes = False
        assert client.get("/nodes").status_code == 404


def test_whose_a_pack_is(registry: FakeRegistry) -> None:
    """`GET /nodes` says it; a ban of a publisher shows with each of its packs, and the list of all may be refused."""
    for node in ("one", "two"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.give("two", "ann")
    registry.catalog.give("three", "ann")
    registry.catalog.ban_publisher("ann")
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        statuses = [
            one["publisher"]["status"] for one in client.get("/nodes").json()["nodes"]
        ]
        assert statuses == ["PublisherStatusActive", *["PublisherStatusBanned"] * 2]
        registry.list_of_all = 403
        assert client.get("/nodes").status_code == 403
        assert client.get("/nodes?node_id=one").status_code == 200


def test_nothing_but_versions_and_nodes(registry: FakeRegistry) -> None:
    """Another path, or another method, is a 404 with the spec's error body."""
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        for answer in (
            client.get("/nodes/a/install"),
            client.post("/versions"),
            client.get("/versions/"),
        ):
            assert answer.status_code == 404
            assert answer.json().keys() == {"error", "message"}


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(162471, "31.162471Z"), (751770, "31.75177Z"), (500000, "31.5Z"), (0, "31Z")],
)
def test_times_have_no_trailing_zeros(microsecond: int, text: str) -> None:
    """A time is RFC 3339 in UTC whose fraction ends with a digit that counts."""
    assert (
        rfc3339(datetime(2026, 1, 2, 3, 4, 31, microsecond, UTC))
        == f"2026-01-02T03:04:{text}"
    )
