"""Packs as a whole: what `GET /nodes` says, and that nothing fails where it says nothing usable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import A_PAGE, without_host
from tests.support.fakes.fault import asked as query_of
from watcher.model.pack import NodeRecord, NodeRecords
from watcher.model.reading import Fault, ReadFailure
from watcher.registry import packs
from watcher.registry.client import Registry, RequestLimits
from watcher.registry.packs import read_all_nodes, read_nodes
from watcher.streams import silent


def read(registry: FakeRegistry, *ids: str, **limits: Any) -> NodeRecords:
    """Ask about packs over a pool of its own, without retries."""

    async def work() -> NodeRecords:
        async with Registry(
            registry.url, RequestLimits(**{"timeout": 10.0, "retries": 0} | limits)
        ) as client:
            return await read_nodes(client, ids)

    return asyncio.run(work())


def serve(registry: FakeRegistry, document: object, status: int = 200) -> None:
    """Answer everything with one document."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    registry.respond = responding()(status, body)


def test_status_detail_and_repository(registry: FakeRegistry) -> None:
    """A record has the registry's spelling, the short status, its detail and the repository, by lower-case id."""
    registry.catalog.publish("My-Pack", "1.0.0")
    registry.catalog.publish("gone", "1.0.0")
    registry.catalog.edit_pack(
        "My-Pack", repository="https://github.com/ann/ComfyUI-My-Pack", status="banned"
    )
    registry.catalog.edit_pack("my-pack", status_detail="Malware")
    registry.catalog.edit_pack(
        "gone", status="deleted", repository=None, status_detail=None
    )
    found = read(registry, "My-Pack", "gone", "nowhere")
    assert found.records == {
        "my-pack": NodeRecord(
            id="My-Pack",
            status="banned",
            status_detail="Malware",
            repository="https://github.com/ann/ComfyUI-My-Pack",
            publisher="example",
        ),
        "gone": NodeRecord(id="gone", status="deleted", publisher="example"),
    }
    assert found.failure is None


def test_one_request_asks_for_all_statuses_of_many_packs(
    registry: FakeRegistry,
) -> None:
    """Ids go out in groups of at most a hundred, banned packs included, and each id is asked for in lower case too."""
    ids = [f"Pack-{number}" for number in range(120)]
    for one in ids:
        registry.catalog.publish(one, "1.0.0")
    found = read(registry, *ids)
    assert found.records.keys() == {one.lower() for one in ids}
    assert [len(asked.query["node_id"]) for asked in registry.requests] == [
        100,
        100,
        40,
    ]
    for asked in registry.requests:
        assert asked.path == "/nodes"
        assert {
            name: asked.query[name] for name in ("include_banned", "page", "limit")
        } == {
            "include_banned": ["true"],
            "page": ["1"],
            "limit": ["100"],
        }
    assert {one for asked in registry.requests for one in asked.query["node_id"]} == {
        *ids,
        *map(str.lower, ids),
    }


def test_long_ids_make_no_address_that_is_refused(registry: FakeRegistry) -> None:
    """A request's address stays below the 8 KB that servers and proxies take."""
    ids = [f"{number:03}" + "x" * 97 for number in range(100)]
    for one in ids:
        registry.catalog.publish(one, "1.0.0")
    assert read(registry, *ids).records.keys() == set(ids)
    assert max(len(asked.query_string) for asked in registry.requests) < 7000


@pytest.mark.parametrize("said", ["totalPages", "", "total"])
def test_pages_of_a_registry_that_ignores_the_limit(
    registry: FakeRegistry, said: str
) -> None:
    """Where a page has fewer rows than were asked for, the following ones are read, also if it counts none."""
    ids = [f"pack-{number}" for number in range(25)]
    for one in ids:
        registry.catalog.publish(one, "1.0.0")

    async def ten_rows(request: web.BaseRequest) -> web.StreamResponse:
        query = {name: request.query.getall(name) for name in request.query} | {
            "limit": ["10"]
        }
        document = registry.catalog.packs(query)[1] | {"total": 0}
        return web.json_response(
            {name: value for name, value in document.items() if name in {"nodes", said}}
        )

    registry.respond = ten_rows
    assert read(registry, *ids) == NodeRecords(records=read(registry, *ids).records)
    assert read(registry, *ids).records.keys() == set(ids)
    del registry.requests[3:]
    assert [asked.query["page"] for asked in registry.requests] == [["1"], ["2"], ["3"]]


def test_endless_pages_end(registry: FakeRegistry) -> None:
    """A registry that never comes to its last page is left; what it said counts, and that there is more is said."""

    async def one_row(request: web.BaseRequest) -> web.StreamResponse:
        number = int(request.query["page"])
        return web.json_response(
            {"nodes": [{"id": f"pack-{number}"}], "totalPages": 10**9}
        )

    registry.respond = one_row
    found = read(registry, *(f"pack-{number}" for number in range(50)))
    assert len(registry.requests) == 20
    assert found.records.keys() == {f"pack-{number}" for number in range(1, 21)}
    assert found.failure is not None
    assert found.failure.error.startswith("page 21: not requested: ")


def test_a_page_without_anything_new_is_the_last(registry: FakeRegistry) -> None:
    """The same page again and again is read twice."""
    serve(registry, {"nodes": [{"id": "pack"}], "totalPages": 50})
    assert read(registry, "pack", "other").records.keys() == {"pack"}
    assert len(registry.requests) == 2


@pytest.mark.parametrize(
    ("status", "document", "why"),
    [
        (403, b"<html>no</html>", "the registry does not answer GET /nodes (403)"),
        (400, {"error": "x"}, "the registry does not answer GET /nodes (400)"),
        (503, b"", "the registry does not answer GET /nodes (503)"),
        (200, b"<html>", A_PAGE),
        (200, b"[" * 100_000, "the answer of GET /nodes is nested too deeply"),
        (200, b"\xff\xfe{\x00}\x00", "the answer of GET /nodes is no readable JSON"),
        (
            200,
            b'{"nodes": [' + b"[]," * 300_000 + b"[]]}",
            "the answer of GET /nodes holds too many values to be a page of nodes",
        ),
        (200, [], "the answer of GET /nodes has no list of nodes"),
        (
            200,
            {"nodes": {"id": "pack"}},
            "the answer of GET /nodes has no list of nodes",
        ),
        (200, {"nodes": [], "total": 1}, "0 of 1 pack came"),
        (200, {"versions": [], "total": 1}, "0 of 1 pack came"),
        (200, {"nodes": [1, None, {"id": 7}, {"id": " "}]}, ""),
        (200, {"nodes": [{"id": "other"}]}, ""),
        (200, {"nodes": []}, ""),
        (
            200,
            b'{"nodes": "' + b"x" * 2_000_000,
            "its answer is larger than 1 MB",
        ),
    ],
)
def test_no_usable_answer_is_none(
    registry: FakeRegistry, status: int, document: object, why: str
) -> None:
    """Whatever else the endpoint answers, nothing is known, nothing is raised, and a person reads why."""
    serve(registry, document, status)
    found = read(registry, "pack", max_bytes=2**20)
    assert found.records == {}
    assert without_host(found.failure.error if found.failure else "") == why


def test_a_failure_ends_the_questions(registry: FakeRegistry) -> None:
    """After a first answer that is of no use, the packs of the other requests are not asked for."""
    registry.serves_nodes = False
    found = read(registry, *(f"pack-{number}" for number in range(250)))
    assert len(registry.requests) == 1
    assert found == NodeRecords(
        failure=ReadFailure(
            error="the registry does not answer GET /nodes (404)",
            fault=Fault.NOT_FOUND,
        )
    )


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_registry_without_the_endpoint(registry: FakeRegistry, status: int) -> None:
    """That it does not have the endpoint is told apart from an answer that failed."""
    serve(registry, {"message": "Not Found"}, status)
    assert read(registry, "pack") == NodeRecords(
        failure=ReadFailure(
            error=f"the registry does not answer GET /nodes ({status})",
            fault=Fault.NOT_FOUND,
        )
    )


@pytest.mark.parametrize("status", [500, 404])
def test_a_page_that_fails_costs_only_the_packs_on_it(
    registry: FakeRegistry, status: int
) -> None:
    """What the pages before it said counts, and the reason is kept; a later 404 is no registry without the endpoint."""

    async def fail_on_page_2(request: web.BaseRequest) -> web.StreamResponse:
        row = {"id": "one", "status": "NodeStatusBanned"}
        if request.query["page"] == "1":
            return web.json_response({"nodes": [row], "totalPages": 2})
        return web.Response(status=status)

    registry.respond = fail_on_page_2
    found = read(registry, "one", "two")
    assert {key: record.status for key, record in found.records.items()} == {
        "one": "banned"
    }
    assert found.failure is not None
    assert f"GET /nodes ({status})" in found.failure.error
    assert found.failure.fault is Fault.OWN


def test_a_later_request_does_not_show_that_the_endpoint_is_absent(
    registry: FakeRegistry,
) -> None:
    """After a usable answer a 404 is a failure, so that the packs it was about are not taken for fine."""
    ids = [f"pack-{number}" for number in range(120)]
    for one in ids:
        registry.catalog.publish(one, "1.0.0")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
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
        ({"id": "Pack"}, NodeRecord(id="Pack", status="")),
        (
            {"id": "pack", "status": "NodeStatusActive", "repository": 7},
            NodeRecord(id="pack"),
        ),
        (
            {"id": "pack", "status": ["NodeStatusBanned"]},
            NodeRecord(id="pack", status=""),
        ),
        (
            {"id": "pack", "status": "NodeStatusSleeping"},
            NodeRecord(id="pack", status="NodeStatusSleeping"),
        ),
        (
            {"id": "pack", "status": "banned", "x": {}},
            NodeRecord(id="pack", status="banned"),
        ),
        (
            {"id": "pack", "status": "active", "publisher": {"id": 7, "status": None}},
            NodeRecord(id="pack"),
        ),
        (
            {"id": "pack", "status": "active", "publisher": "PublisherStatusBanned"},
            NodeRecord(id="pack"),
        ),
    ],
)
def test_odd_fields_cost_only_themselves(
    registry: FakeRegistry, row: object, record: NodeRecord
) -> None:
    """A field of a wrong type is empty, an unknown status stays as it came, and rows without an id are passed over."""
    serve(registry, {"nodes": [None, row, {"name": "x"}]})
    assert read(registry, "pack").records == {"pack": record}


@pytest.mark.parametrize("status", ["active", "deleted", "banned", "NodeStatusAsleep"])
def test_the_ban_of_a_publisher_is_one_of_each_of_its_packs(
    registry: FakeRegistry, status: str
) -> None:
    """Whatever else the registry says of a pack, it is banned with its publisher; the reason says so."""
    publisher = {"id": "ann", "status": "PublisherStatusBanned"}
    row = {"id": "pack", "status": status, "publisher": publisher}
    serve(registry, {"nodes": [row]})
    assert read(registry, "pack").records["pack"] == NodeRecord(
        id="pack",
        status="banned",
        status_detail="its publisher is banned",
        publisher="ann",
    )


def test_a_ban_of_its_own_says_why(registry: FakeRegistry) -> None:
    """Of a pack that is banned as its publisher is, the registry's own reason for the pack is kept."""
    publisher = {"id": "ann", "status": "PublisherStatusBanned"}
    own = {"id": "pack", "status": "banned", "status_detail": "Steals tokens"}
    serve(registry, {"nodes": [own | {"publisher": publisher}]})
    assert read(registry, "pack").records["pack"].status_detail == "Steals tokens"


def test_the_worse_of_two_rows_counts(registry: FakeRegistry) -> None:
    """A pack that comes twice has its worse status; one that is not known is worse than active."""
    for statuses, worst in (
        (("Deleted", "Banned", "Active"), "banned"),
        (("Asleep", "Active"), "NodeStatusAsleep"),
    ):
        serve(
            registry,
            {
                "nodes": [
                    {"id": "pack", "status": f"NodeStatus{status}"}
                    for status in statuses
                ]
            },
        )
        assert read(registry, "pack").records["pack"].status == worst


def test_the_worse_of_two_requests_counts(registry: FakeRegistry) -> None:
    """A pack whose two spellings are in different requests has the worse status of both."""
    ids = [f"Pack-{number}" for number in range(49)]

    async def respond(_: web.BaseRequest) -> web.StreamResponse:
        status = "Banned" if len(registry.requests) == 1 else "Active"
        row = {"id": "odd", "status": f"NodeStatus{status}"}
        return web.json_response({"nodes": [row]})

    registry.respond = respond
    found = read(registry, *ids, "plain", "ODD")
    assert found.records["odd"].status == "banned"


def test_long_texts_are_cut(registry: FakeRegistry) -> None:
    """A record keeps no more than the beginning of a text that never ends."""
    serve(registry, {"nodes": [{"id": "pack", "status_detail": "x" * 500_000}]})
    assert len(read(registry, "pack").records["pack"].status_detail) == 10_000


# All packs


def read_all(registry: FakeRegistry) -> NodeRecords:
    """Read the list of all packs, without retries."""

    async def work() -> NodeRecords:
        limits = RequestLimits(timeout=10.0, retries=0)
        async with Registry(registry.url, limits) as client:
            return await read_all_nodes(client, silent)

    return asyncio.run(work())


def fill(registry: FakeRegistry, count: int) -> None:
    """Publish some packs, of which one is banned."""
    for number in range(count):
        registry.catalog.publish(f"p-{number:03}", "1.0.0")
    if count > 1:
        registry.catalog.edit_pack("p-001", status="banned")


def change(
    registry: FakeRegistry, alter: Callable[[int, dict[str, Any]], object]
) -> None:
    """Have each page come changed; an `alter` that returns an answer replaces the page."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        query = query_of(request)
        _, document = registry.catalog.packs(query)
        made = alter(int(query["page"][0]), document)
        if isinstance(made, web.StreamResponse):
            return made
        return web.json_response(document)

    registry.respond = respond


@pytest.mark.parametrize("count", [1, 3, 100, 101, 230])
def test_all_pages_of_the_list(registry: FakeRegistry, count: int) -> None:
    """It is whole with as many packs as there are, banned ones too; a full page has a next."""
    fill(registry, count)
    found = read_all(registry)
    assert found.failure is None
    assert list(found.records) == [f"p-{number:03}" for number in range(count)]
    pages = [asked.query["page"] for asked in registry.requests]
    assert pages == [[str(number)] for number in range(1, count // 100 + 2)]
    for asked in registry.requests:
        assert asked.query["limit"] == ["100"]
        assert asked.query["include_banned"] == ["true"]
        assert "node_id" not in asked.query


def test_a_page_of_the_list_that_cannot_be_read(registry: FakeRegistry) -> None:
    """It costs its own packs alone."""
    fill(registry, 700)
    change(
        registry,
        lambda page, _: web.Response(status=500) if page in {2, 4} else None,
    )
    found = read_all(registry)
    assert len(found.records) == 500
    assert found.failure
    why = "page 2: the registry does not answer GET /nodes (500)"
    assert found.failure.error == why


def test_pages_of_the_list_come_together(registry: FakeRegistry) -> None:
    """After the first page, which says how many there are, several are requested at once."""
    fill(registry, 400)
    together = asyncio.Event()

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if len(registry.requests) == 4:
            together.set()
        if query_of(request)["page"] != ["1"]:
            await asyncio.wait_for(together.wait(), 10)
        return None

    registry.respond = respond
    assert read_all(registry).failure is None


def _without_a_row(page: int, document: dict[str, Any]) -> None:
    if page == 1:
        del document["nodes"][5]


def _twice(page: int, document: dict[str, Any]) -> None:
    if page == 2:
        document["nodes"][0] = {"id": "P-000"}


def _other_total(page: int, document: dict[str, Any]) -> None:
    document["total"] += page - 1


def _no_total(_: int, document: dict[str, Any]) -> None:
    del document["total"]


def _no_id(page: int, document: dict[str, Any]) -> None:
    if page == 1:
        document["nodes"][3]["id"] = None


def _refused(page: int, _: dict[str, Any]) -> web.Response | None:
    return web.Response(status=403) if page == 2 else None


def _no_json(page: int, _: dict[str, Any]) -> web.Response | None:
    return web.Response(text="{") if page == 2 else None


@pytest.mark.parametrize(
    ("alter", "why"),
    [
        (_without_a_row, "149 of 150 packs came"),
        (_twice, "149 of 150 packs came"),
        (_other_total, "the number of packs changed between pages"),
        (_no_total, "the answer does not say how many packs there are"),
        (_no_id, "149 of 150 packs came"),
        (_refused, "page 2: the registry does not answer GET /nodes (403)"),
        (_no_json, "page 2: the answer of GET /nodes is no readable JSON"),
    ],
)
def test_an_odd_list_is_incomplete(
    registry: FakeRegistry, alter: Callable[[int, dict[str, Any]], object], why: str
) -> None:
    """What was seen of it is there; why the rest may be missing is said in words."""
    fill(registry, 150)
    change(registry, alter)
    found = read_all(registry)
    assert found.failure
    assert found.failure.error == why
    assert len(found.records) >= 99


def test_a_list_that_never_ends_ends(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short pages are read on, up to so many, so much and for so long."""
    of_all = packs._OF_ALL
    monkeypatch.setattr(packs, "_OF_ALL", replace(of_all, pages=3))

    def short(page: int, document: dict[str, Any]) -> None:
        rows = [{"id": f"p-{page}-{number}"} for number in range(10 * (page <= 15))]
        document.update(nodes=rows, total=150, totalPages=None, limit=None)

    def why() -> str:
        failure = read_all(registry).failure
        return failure.error if failure else ""

    change(registry, short)
    assert why().startswith("page 4: not requested: ")
    assert len(registry.requests) == 3
    monkeypatch.setattr(packs, "_OF_ALL", replace(of_all, pages=30))
    assert why() == ""
    # The last one is as full as the others, so that there may be one more.
    assert len(registry.requests) == 3 + 16
    for bounds, words in (({"bytes": -1}, "hold more"), ({"seconds": -1}, "too long")):
        monkeypatch.setattr(packs, "_OF_ALL", replace(of_all, **bounds))
        assert words in why()


def test_whatever_comes_fails_nothing(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a mistake of our own in reading a page is a failure of that reading alone."""

    def broken(*_: object) -> None:
        raise RuntimeError("our own")

    monkeypatch.setattr(packs, "parse_packs", broken)
    assert read_all(registry).failure == ReadFailure(error="unexpected RuntimeError")
