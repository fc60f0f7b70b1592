"""The list of a publisher's packs: from its own endpoint or from all packs, and when it is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import NOON, PROXY_VARIABLES
from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from watcher.model.failure import Fault, ReadFailure
from watcher.model.pack import PackList
from watcher.registry import packs, publishers
from watcher.registry.client import Registry, RequestLimits
from watcher.registry.publishers import ListReading, read_lists

OWN = "/publishers/ann/nodes/v2"
ALL = "/nodes"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def read(registry: FakeRegistry, *names: str, **limits: Any) -> dict[str, ListReading]:
    """Read the lists of publishers, one request at a time is enough."""

    async def work() -> dict[str, ListReading]:
        bounds = RequestLimits(**{"timeout": 10.0, "retries": 0} | limits)
        async with Registry(registry.url, bounds) as client:
            return await read_lists(client, names or ("ann",), lambda: NOON)

    return asyncio.run(work())


def listed(registry: FakeRegistry, name: str = "ann") -> PackList:
    """Read the list of one publisher, which comes."""
    found = read(registry, name)[name]
    assert isinstance(found, PackList)
    return found


def fill(catalog: Catalog, count: int, publisher: str = "ann", name: str = "p") -> None:
    """Give a publisher some packs, each with a version."""
    for number in range(count):
        catalog.publish(f"{name}-{number:03}", "1.0.0")
        catalog.give(f"{name}-{number:03}", publisher)


def paths(registry: FakeRegistry) -> list[tuple[str, int]]:
    """Return what was requested, and which page of it."""
    return [(one.path, int(one.query["page"][0])) for one in registry.requests]


def change(
    registry: FakeRegistry, alter: Callable[[int, dict[str, Any]], object]
) -> None:
    """Have each page of a list come changed; an `alter` that returns an answer replaces the page."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        query = query_of(request)
        page = int(query["page"][0])
        if request.path == ALL:
            _, document = registry.catalog.packs(query)
        elif registry.lists_of_publishers == 200:
            _, document = registry.catalog.packs_of("ann", query)
        else:
            return None
        made = alter(page, document)
        return (
            made
            if isinstance(made, web.StreamResponse)
            else web.json_response(document)
        )

    registry.respond = respond


@pytest.mark.parametrize("status", [200, 401, 403, 404])
@pytest.mark.parametrize("count", [0, 3, 100, 101, 230])
def test_all_pages_of_a_list(registry: FakeRegistry, status: int, count: int) -> None:
    """A list is whole with as many packs as there are, banned ones too, from both endpoints; a full page has a next."""
    fill(registry.catalog, 20, "bob", "q")
    fill(registry.catalog, count)
    if count:
        registry.catalog.edit_pack("p-001", status="banned")
    registry.lists_of_publishers = status
    found = listed(registry)
    assert found.incomplete == ""
    assert found.packs == tuple(f"p-{number:03}" for number in range(count))
    rows = count if status == 200 else count + 20
    last = max(-(-rows // 100), 1) + (rows == 100)
    path = OWN if status == 200 else ALL
    of_all = [(path, page) for page in range(1, last + 1)]
    assert paths(registry) == of_all if status == 200 else [(OWN, 1), *of_all]
    for asked in registry.requests:
        assert asked.query["limit"] == ["100"]
        assert asked.query["include_banned"] == ["true"]


def test_one_reading_of_all_packs_serves_all_publishers(registry: FakeRegistry) -> None:
    """Where the own lists of several are refused, all packs are read once, and ids compare without regard to case."""
    fill(registry.catalog, 3)
    fill(registry.catalog, 2, "Bob", "q")
    registry.lists_of_publishers = 401
    found = read(registry, "Ann", "bob", "cyd")
    lists = {
        name: one.packs for name, one in found.items() if isinstance(one, PackList)
    }
    assert lists == {
        "Ann": ("p-000", "p-001", "p-002"),
        "bob": ("q-000", "q-001"),
        "cyd": (),
    }
    assert [path for path, _ in paths(registry)].count(ALL) == 1


def test_only_the_refused_list_is_looked_for_among_all(registry: FakeRegistry) -> None:
    """One publisher's refusal costs another nothing: its own list is used."""
    fill(registry.catalog, 2)
    fill(registry.catalog, 1, "bob", "q")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=404) if "bob" in request.path else None

    registry.respond = respond
    found = read(registry, "ann", "bob")
    assert [one.packs for one in found.values() if isinstance(one, PackList)] == [
        ("p-000", "p-001"),
        ("q-000",),
    ]


def _without_a_row(page: int, document: dict[str, Any]) -> None:
    if page == 1:
        del document["nodes"][5]


def _twice(page: int, document: dict[str, Any]) -> None:
    if page == 2:
        document["nodes"][0] = {"id": "P-000", "publisher": {"id": "ann"}}


def _other_total(page: int, document: dict[str, Any]) -> None:
    document["total"] += page - 1


def _no_total(_: int, document: dict[str, Any]) -> None:
    del document["total"]


def _no_id(page: int, document: dict[str, Any]) -> None:
    if page == 1:
        document["nodes"][3]["id"] = None


def _odd_id(page: int, document: dict[str, Any]) -> None:
    if page == 1:
        document["nodes"][3]["id"] = "*"


def _refused(page: int, _: dict[str, Any]) -> web.Response | None:
    return web.Response(status=403) if page == 2 else None


def _no_json(page: int, _: dict[str, Any]) -> web.Response | None:
    return web.Response(text="{") if page == 2 else None


ODD: dict[str, tuple[Callable[[int, dict[str, Any]], object], str]] = {
    "a row is missing": (_without_a_row, "149 of 150 packs came"),
    "a row twice": (_twice, "149 of 150 packs came"),
    "another total": (_other_total, "150 of 150 or 151 packs came"),
    "no total": (_no_total, "150 of an unknown number of packs came"),
    "no id": (_no_id, "149 of 150 packs came"),
    "an impossible id": (_odd_id, "a pack has an impossible id"),
    "a refused page": (_refused, "page 2: the registry does not answer GET PATH (403)"),
    "no JSON": (_no_json, "page 2: GET PATH answers with no readable JSON"),
}


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_list_is_incomplete(
    registry: FakeRegistry, name: str, status: int
) -> None:
    """What was seen of it is there; why the rest may be missing is said in words."""
    fill(registry.catalog, 150)
    registry.lists_of_publishers = status
    alter, why = ODD[name]
    change(registry, alter)
    found = listed(registry)
    path = OWN if status == 200 else ALL
    assert found.incomplete == why.replace("PATH", path)
    assert len(found.packs) >= 99
    assert "p-001" in found.packs
    assert "*" not in found.packs


def test_others_packs_are_nobodys(registry: FakeRegistry) -> None:
    """An own list with somebody else's packs, as if the publisher were ignored, is incomplete and has only its own."""
    fill(registry.catalog, 2)
    fill(registry.catalog, 2, "bob", "q")

    def everybody(_: int, document: dict[str, Any]) -> None:
        document.update(registry.catalog.packs({})[1])

    change(registry, everybody)
    found = listed(registry)
    assert found.packs == ("p-000", "p-001")
    assert found.incomplete == "it has other publishers' packs"


def test_an_own_list_need_not_say_whose_it_is(registry: FakeRegistry) -> None:
    """The address says it: rows without a publisher count."""
    fill(registry.catalog, 2)

    def anonymous(_: int, document: dict[str, Any]) -> None:
        for row in document["nodes"]:
            row["publisher"] = None

    change(registry, anonymous)
    assert (listed(registry).packs, listed(registry).incomplete) == (
        ("p-000", "p-001"),
        "",
    )
    registry.lists_of_publishers = 403
    failure = read(registry)["ann"]
    assert failure == ReadFailure(error="GET /nodes does not say whose the packs are")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (500, "the registry does not answer GET PATH (500)"),
        (400, "the registry does not answer GET PATH (400)"),
        (b"{", "GET PATH answers with no readable JSON"),
        (b"{}", "GET PATH answers without a list of packs"),
        (b'{"nodes": {}}', "GET PATH answers without a list of packs"),
        (b"[" * 300_000, "GET PATH answers with too many values"),
        (
            b'{"nodes": [%s0]}' % (b"0," * 5_000),
            "GET PATH answers with far more packs than were requested",
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 401])
def test_an_unusable_first_page(
    registry: FakeRegistry, answer: int | bytes, error: str, status: int
) -> None:
    """There is no list then, and the reason names the endpoint; a 5xx is tried once more."""
    registry.lists_of_publishers = status

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if status != 200 and request.path == OWN:
            return None
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(body=answer)

    registry.respond = respond
    failure = read(registry, retries=3 if answer == 500 else 0)["ann"]
    assert isinstance(failure, ReadFailure)
    path = OWN if status == 200 else ALL
    assert failure.error == error.replace("PATH", path)
    assert [one for one, _ in paths(registry)].count(path) == 1 + (answer == 500)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_neither_endpoint(registry: FakeRegistry, status: int) -> None:
    """Where both are refused there is no list."""
    registry.lists_of_publishers = status
    registry.serves_nodes = False
    failure = read(registry)["ann"]
    assert isinstance(failure, ReadFailure)
    assert failure.error == "the registry does not have GET /nodes (404)"


def test_no_answer(registry: FakeRegistry) -> None:
    """A registry that cannot be reached is no refusal: all packs are not asked for, and the failure says so."""

    async def never(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError("the answer is not waited for")

    registry.respond = never
    failure = read(registry, timeout=0.1)["ann"]
    assert isinstance(failure, ReadFailure)
    assert failure.fault is Fault.UNREACHED
    assert paths(registry) == [(OWN, 1)]


def test_whatever_comes_fails_nothing(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a mistake of our own in reading a page is a failure of that list alone."""

    def broken(*_: object) -> None:
        raise RuntimeError("our own")

    monkeypatch.setattr(packs, "parse_packs", broken)
    assert read(registry)["ann"] == ReadFailure(error="unexpected RuntimeError")


def test_endless_pages_end(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short pages are read on, up to so many, and for so long."""
    fill(registry.catalog, 150)
    monkeypatch.setattr(publishers, "_MOST_PAGES", 3)

    def short(page: int, document: dict[str, Any]) -> None:
        rows = [{"id": f"p-{page}-{number}"} for number in range(10)]
        document.update(nodes=rows, total=150, totalPages=None, limit=None)

    change(registry, short)
    assert listed(registry).incomplete == "30 of 150 packs came"
    assert len(registry.requests) == 3
    monkeypatch.setattr(publishers, "_MOST_PAGES", 30)
    registry.requests.clear()
    assert listed(registry).incomplete == ""
    assert len(registry.requests) == 15
    monkeypatch.setattr(publishers, "_LONGEST_READING", -1.0)
    found = listed(registry)
    assert found.incomplete == "page 2 was not requested: it took too long"


def test_no_list_is_longer_than_any_registry(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many packs a page has, no more are read once there are too many; an id too long for one is none."""
    monkeypatch.setattr(publishers, "_MOST_PACKS", 900)

    def large(page: int, document: dict[str, Any]) -> None:
        rows = [{"id": f"p-{page}-{number}"} for number in range(500)]
        document.update(nodes=[*rows, {"id": f"{page}" * 10_000}], total=10**9)

    change(registry, large)
    found = listed(registry)
    assert found.incomplete == "page 3 was not requested: there are too many packs"
    assert len(found.packs) == 1_000


def test_an_id_is_one_part_of_the_address(registry: FakeRegistry) -> None:
    """No id of a publisher leads to another endpoint."""
    read(registry, "../nodes", "a.b")
    assert {one.path for one in registry.requests} == {
        "/publishers/..%2Fnodes/nodes/v2",
        "/publishers/a.b/nodes/v2",
    }
