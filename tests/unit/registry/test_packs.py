"""Packs as a whole: what `GET /nodes` says, and that nothing fails where it says nothing usable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import A_PAGE, without_host
from tests.support.fakes.fault import asked as query_of
from watcher.model.pack import NodeRecord, NodeRecords
from watcher.model.reading import Fault, ReadFailure
from watcher.registry.client import Registry, RequestLimits
from watcher.registry.packs import read_all_nodes, read_nodes
from watcher.streams import silent


def read(registry: FakeRegistry, *ids: str) -> NodeRecords:
    """Ask about packs, or for the list of all, over a pool of its own, without retries."""

    async def work() -> NodeRecords:
        limits = RequestLimits(timeout=10.0, retries=0)
        async with Registry(registry.url, limits) as client:
            if ids:
                return await read_nodes(client, ids)
            return await read_all_nodes(client, silent)

    return asyncio.run(work())


def serve(registry: FakeRegistry, document: object, status: int = 200) -> None:
    """Answer everything with one document."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    registry.respond = responding()(status, body)


def fill(registry: FakeRegistry, count: int) -> list[str]:
    """Publish some packs, of which one is banned."""
    names = [f"p-{number:03}" for number in range(count)]
    for name in names:
        registry.catalog.publish(name, "1.0.0")
    registry.catalog.edit_pack(names[-1], status="banned")
    return names


def pages(registry: FakeRegistry) -> list[str]:
    """Return the pages that were requested."""
    return [asked.query["page"][0] for asked in registry.requests]


def test_status_detail_and_repository(registry: FakeRegistry) -> None:
    """A record has the registry's spelling, the short status, its detail and the repository, by lower-case id."""
    registry.catalog.publish("My-Pack", "1.0.0")
    registry.catalog.publish("gone", "1.0.0")
    at = "https://github.com/ann/ComfyUI-My-Pack"
    registry.catalog.edit_pack(
        "My-Pack", repository=at, status="banned", status_detail="Malware"
    )
    registry.catalog.edit_pack(
        "gone", status="deleted", repository=None, status_detail=None
    )
    assert read(registry, "My-Pack", "gone", "nowhere").records == {
        "my-pack": NodeRecord(
            id="My-Pack",
            status="banned",
            status_detail="Malware",
            repository=at,
            publisher="example",
        ),
        "gone": NodeRecord(id="gone", status="deleted", publisher="example"),
    }


def test_one_request_asks_for_all_statuses_of_many_packs(
    registry: FakeRegistry,
) -> None:
    """Ids go out in groups of at most a hundred, banned packs included, and each id is asked for in lower case too."""
    ids = [f"Pack-{number}" for number in range(120)]
    for one in ids:
        registry.catalog.publish(one, "1.0.0")
    found = read(registry, *ids)
    assert found.records.keys() == {one.lower() for one in ids}
    asked = [one.query for one in registry.requests]
    assert [len(query["node_id"]) for query in asked] == [100, 100, 40]
    assert {one for query in asked for one in query.pop("node_id")} == {
        *ids,
        *map(str.lower, ids),
    }
    assert asked == [{"include_banned": ["true"], "page": ["1"], "limit": ["100"]}] * 3


def test_long_ids_make_no_address_that_is_refused(registry: FakeRegistry) -> None:
    """A request's address stays below the 8 KB that servers and proxies take."""
    ids = [f"{number:03}" + "x" * 97 for number in range(100)]
    read(registry, *ids)
    assert sum(len(asked.query["node_id"]) for asked in registry.requests) == 100
    assert max(len(asked.query_string) for asked in registry.requests) < 7000


def test_pages_of_a_registry_that_ignores_the_limit(registry: FakeRegistry) -> None:
    """Where a page has fewer rows than were asked for, the following ones are read, also if it counts none."""
    ids = fill(registry, 25)

    async def ten_rows(request: web.BaseRequest) -> web.StreamResponse:
        query = query_of(request) | {"limit": ["10"]}
        return web.json_response({"nodes": registry.catalog.packs(query)[1]["nodes"]})

    registry.respond = ten_rows
    found = read(registry, *ids)
    assert (list(found.records), found.failure) == (ids, None)
    assert pages(registry) == ["1", "2", "3"]


def test_a_page_without_anything_new_is_the_last(registry: FakeRegistry) -> None:
    """The same page again and again is read twice."""
    serve(registry, {"nodes": [{"id": "pack"}], "totalPages": 50})
    assert read(registry, "pack", "other").records.keys() == {"pack"}
    assert len(registry.requests) == 2


@pytest.mark.parametrize(
    ("status", "document", "why"),
    [
        (403, b"<html>no</html>", "the registry does not answer GET /nodes (403)"),
        (200, b"<html>", A_PAGE),
        (200, b"\xff\xfe{\x00}\x00", "the answer of GET /nodes is no readable JSON"),
        (200, {"nodes": {"id": "x"}}, "the answer of GET /nodes has no list of nodes"),
        (200, {"versions": [], "total": 1}, "0 of 1 pack came"),
        (200, {"nodes": [1, None, {"id": 7}, {"id": " "}]}, ""),
        (200, {"nodes": [{"id": "other"}]}, ""),
    ],
)
def test_no_usable_answer_is_none(
    registry: FakeRegistry, status: int, document: object, why: str
) -> None:
    """Whatever else the endpoint answers, nothing is known, nothing is raised, and a person reads why."""
    serve(registry, document, status)
    found = read(registry, "pack")
    assert found.records == {}
    assert without_host(found.failure.error if found.failure else "") == why


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_registry_without_the_endpoint(registry: FakeRegistry, status: int) -> None:
    """That it does not have the endpoint is told apart from an answer that failed, and it is asked once."""
    serve(registry, {"message": "Not Found"}, status)
    found = read(registry, *(f"pack-{number}" for number in range(250)))
    assert len(registry.requests) == 1
    assert found == NodeRecords(
        failure=ReadFailure(
            error=f"the registry does not answer GET /nodes ({status})",
            fault=Fault.NOT_FOUND,
        )
    )


def test_a_later_404_is_no_registry_without_the_endpoint(
    registry: FakeRegistry,
) -> None:
    """What came before it counts, and the packs that it was about are not taken for fine."""
    ids = fill(registry, 120)

    async def respond(_: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=404) if len(registry.requests) > 1 else None

    registry.respond = respond
    found = read(registry, *ids)
    assert (len(found.records), found.absent) == (100, False)
    assert found.failure == ReadFailure(
        error="the registry does not answer GET /nodes (404)"
    )


@pytest.mark.parametrize(
    ("row", "record"),
    [
        ({"id": "Pack", "repository": 7}, NodeRecord(id="Pack", status="")),
        (
            {"id": "pack", "status": ["NodeStatusBanned"]},
            NodeRecord(id="pack", status=""),
        ),
        (
            {"id": "pack", "status": "NodeStatusSleeping"},
            NodeRecord(id="pack", status="NodeStatusSleeping"),
        ),
        (
            {"id": "pack", "status": "active", "publisher": {"id": 7, "status": None}},
            NodeRecord(id="pack"),
        ),
        (
            {"id": "pack", "status": "active", "publisher": "PublisherStatusBanned"},
            NodeRecord(id="pack"),
        ),
        (
            {"id": "pack", "status": "active", "status_detail": "x" * 500_000},
            NodeRecord(id="pack", status_detail="x" * 10_000),
        ),
    ],
)
def test_odd_fields_cost_only_themselves(
    registry: FakeRegistry, row: object, record: NodeRecord
) -> None:
    """A field of a wrong type is empty, an unknown status stays as it came, a text that never ends is cut."""
    serve(registry, {"nodes": [None, row, {"name": "x"}]})
    assert read(registry, "pack").records == {"pack": record}


@pytest.mark.parametrize(
    ("own", "detail"),
    [
        ({"status": "active", "status_detail": "reviewed"}, "its publisher is banned"),
        ({"status": "banned"}, "its publisher is banned"),
        ({"status": "banned", "status_detail": "Steals tokens"}, "Steals tokens"),
    ],
)
def test_the_ban_of_a_publisher_is_one_of_each_of_its_packs(
    registry: FakeRegistry, own: dict[str, str], detail: str
) -> None:
    """Whatever the registry says of a pack, it is banned with its publisher; a ban of its own says why."""
    publisher = {"id": "ann", "status": "PublisherStatusBanned"}
    serve(registry, {"nodes": [{"id": "pack", "publisher": publisher} | own]})
    assert read(registry, "pack").records["pack"] == NodeRecord(
        id="pack", status="banned", status_detail=detail, publisher="ann"
    )


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (("Deleted", "Banned", "Active"), "banned"),
        (("Asleep", "Active"), "NodeStatusAsleep"),
    ],
)
def test_the_worse_of_two_rows_counts(
    registry: FakeRegistry, statuses: tuple[str, ...], worst: str
) -> None:
    """A pack that comes twice has its worse status; one that is not known is worse than active."""
    rows = [{"id": "pack", "status": f"NodeStatus{status}"} for status in statuses]
    serve(registry, {"nodes": rows})
    assert read(registry, "pack").records["pack"].status == worst


# All packs


@pytest.mark.parametrize("count", [1, 100, 230])
def test_all_pages_of_the_list(registry: FakeRegistry, count: int) -> None:
    """It is whole with as many packs as there are, banned ones too; a full page has a next."""
    names = fill(registry, count)
    found = read(registry)
    assert found.failure is None
    assert list(found.records) == names
    assert [asked.query for asked in registry.requests] == [
        {"limit": ["100"], "include_banned": ["true"], "page": [str(number)]}
        for number in range(1, count // 100 + 2)
    ]


def _twice(document: dict[str, Any]) -> web.Response:
    document["nodes"][0] = {"id": "P-000"}
    return web.json_response(document)


def _refused(_: dict[str, Any]) -> web.Response:
    return web.Response(status=403)


@pytest.mark.parametrize(
    ("alter", "why", "came"),
    [
        (_twice, "249 of 250 packs came", 249),
        (_refused, "page 2: the registry does not answer GET /nodes (403)", 150),
    ],
)
def test_an_odd_list_is_incomplete(
    registry: FakeRegistry,
    alter: Callable[[dict[str, Any]], web.Response],
    why: str,
    came: int,
) -> None:
    """What was seen of it is there; why the rest may be missing is said in words."""
    fill(registry, 250)

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        query = query_of(request)
        document = registry.catalog.packs(query)[1]
        return alter(document) if query["page"] == ["2"] else None

    registry.respond = respond
    found = read(registry)
    assert found.failure == ReadFailure(error=why)
    assert len(found.records) == came
