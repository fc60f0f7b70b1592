"""All pages of a query: each comes once, or is said to be missing, and the reading of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import hurried, of_pack
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import A_PAGE, without_host
from tests.support.fakes.fault import asked as query_of
from watcher.model.reading import Fault
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.pages import ALL_VERSIONS, Bounds, PageRead, Pages
from watcher.registry.schema import VersionRow, parse_page

TEN = Query(page_size=10)


async def collected(
    url: str, query: Query = TEN, bounds: Bounds = ALL_VERSIONS, **limits: Any
) -> list[PageRead[VersionRow]]:
    """Read all pages over a pool of its own, without retries."""
    of_requests = RequestLimits(**{"timeout": 10.0, "retries": 0} | limits)
    async with Registry(url, of_requests) as registry:
        reading = Pages(registry, query, parse_page, bounds)
        return [read async for read in reading.read()]


def read(
    url: str, query: Query = TEN, bounds: Bounds = ALL_VERSIONS, **limits: Any
) -> list[PageRead[VersionRow]]:
    """Return the pages."""
    return asyncio.run(collected(url, query, bounds, **limits))


def rows(reads: list[PageRead[VersionRow]]) -> list[str]:
    """Return the versions that came."""
    return sorted(
        str(row.version) for one in reads if one.page for row in one.page.rows
    )


def altered(
    registry: FakeRegistry, alter: Callable[[int, dict[str, Any]], Any]
) -> None:
    """Answer with what `alter` makes of the number of a page and its true document; with an answer as it is."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        query = query_of(request)
        made = alter(int(query["page"][0]), registry.catalog.answer(query)[1])
        return made if isinstance(made, web.StreamResponse) else web.json_response(made)

    registry.respond = respond


def numbers(registry: FakeRegistry) -> list[int]:
    """Return the pages that were requested, in their order."""
    return [int(one.query["page"][0]) for one in registry.requests]


def test_every_page_comes_once(registry: FakeRegistry) -> None:
    """Each page is requested once with the query's filters, the first one alone."""
    of_pack(registry, "one", 25)
    of_pack(registry, "two", 18)
    registry.catalog.set_status("one", "1.3.0", "banned")
    query = Query(statuses=("active",), page_size=10)
    reads = read(registry.url, query)
    assert [(one.number, one.pages, one.code, one.error) for one in reads] == [
        (number, 1, 200, "") for number in range(1, 6)
    ]
    assert len(rows(reads)) == 42
    assert sorted(numbers(registry)) == [1, 2, 3, 4, 5]
    assert numbers(registry)[0] == 1
    assert {one.query["statuses"][0] for one in registry.requests} == {
        "NodeVersionStatusActive"
    }
    assert all(
        "nodeId" not in one.query and "status_reason" not in one.query
        for one in registry.requests
    )


def test_a_search_in_reasons(registry: FakeRegistry) -> None:
    """The query's text for the registry's search is sent as it is, with every page."""
    for number in range(13):
        registry.catalog.publish(
            "pack", f"1.{number}.0", status="flagged", reason="Exfiltrates & more"
        )
    registry.catalog.publish("pack", "2.0.0")
    assert (
        len(
            rows(
                read(registry.url, Query(status_reason="exfiltrates & M", page_size=10))
            )
        )
        == 13
    )
    assert [one.query["status_reason"] for one in registry.requests] == [
        ["exfiltrates & M"]
    ] * 2


def test_as_many_requests_at_once_as_there_may_be(registry: FakeRegistry) -> None:
    """The pages after the first are requested together, but never more than `concurrency`."""
    of_pack(registry, versions=75)
    under_way, most = 0, 0
    all_came = asyncio.Event()

    async def respond(request: web.BaseRequest) -> None:
        nonlocal under_way, most
        if request.query.get("page", "1") == "1":
            return
        under_way += 1
        most = max(most, under_way)
        if most == 3:
            all_came.set()
        await asyncio.wait_for(all_came.wait(), 10)
        await asyncio.sleep(0.02)  # long enough for one too many to arrive
        under_way -= 1

    registry.respond = respond
    assert len(rows(read(registry.url, concurrency=3))) == 75
    assert most == 3


def test_a_page_that_hangs_holds_few_others(registry: FakeRegistry) -> None:
    """While one page hangs, no more than a few after it are requested, for all of them are held; then all come."""
    of_pack(registry, versions=400)
    requested = 0

    async def respond(request: web.BaseRequest) -> None:
        nonlocal requested
        if request.query["page"] == "2":
            await asyncio.sleep(0.5)  # long enough for all others to come
            requested = len(registry.requests)

    registry.respond = respond
    assert len(rows(read(registry.url, concurrency=2))) == 400
    assert 2 < requested <= 1 + 2 * 2


@pytest.mark.parametrize(
    ("code", "ban"),
    [(400, None), (403, None), (403, "stolen"), (404, None), (503, None)],
)
def test_a_refused_first_page_is_the_only_one(
    registry: FakeRegistry, code: int, ban: str | None
) -> None:
    """If the first page is refused, no other is requested; the code, the message and a ban are kept apart."""
    of_pack(registry, versions=30)
    said = {"error": "Node banned", "message": ban} if ban else {"message": "no"}
    altered(registry, lambda _number, _true: web.json_response(said, status=code))
    [one] = read(registry.url)
    assert (one.number, one.page, one.code, one.ban) == (1, None, code, ban)
    assert one.error.endswith(f"({code}): {ban or 'no'}")
    assert numbers(registry) == [1]


def test_no_answer_to_the_first_page(registry: FakeRegistry) -> None:
    """A registry that cannot be reached is one failure, without a code."""
    url = registry.url
    registry.__exit__()
    [one] = read(url)
    assert (one.number, one.code) == (1, 0)
    assert "the connection was refused" in one.error
    assert one.fault is Fault.UNREACHED
    registry.__enter__()


def test_a_later_page_that_fails_costs_no_other(registry: FakeRegistry) -> None:
    """Of pages that are refused or unreadable it is said which and why; all others come."""
    of_pack(registry, versions=55)

    def alter(number: int, true: dict[str, Any]) -> Any:
        faults = {
            2: web.json_response({"message": "busy"}, status=500),
            5: web.Response(body=b"<html>"),
        }
        return faults.get(number, true)

    altered(registry, alter)
    reads = read(registry.url)
    assert [one.number for one in reads] == [1, 2, 3, 4, 5, 6]
    unread = [one for one in reads if one.page is None]
    assert {one.number: (one.code, without_host(one.error)) for one in unread} == {
        2: (500, "registry error (500): busy"),
        5: (0, A_PAGE),
    }
    assert len(rows(reads)) == 35


def test_a_registry_that_stops_answering_is_left(registry: FakeRegistry) -> None:
    """After failures in a row the other pages are not requested, and one entry says how many these are."""
    of_pack(registry, versions=400)
    altered(
        registry, lambda number, true: true if number < 3 else web.Response(status=502)
    )
    reads = read(registry.url, concurrency=2)
    assert [one.number for one in reads if one.page] == [1, 2]
    assert reads[-1].pages == 40 - len(registry.requests)
    assert reads[-1].number == len(registry.requests) + 1
    assert reads[-1].error.startswith("not requested, since ")
    assert len(registry.requests) <= 11
    assert sum(one.pages for one in reads) == 40


def test_a_registry_that_asks_to_wait_is_left(registry: FakeRegistry) -> None:
    """After a 429 with a wait that is too long no further page is requested."""
    of_pack(registry, versions=400)
    late = web.Response(status=429, headers={"Retry-After": "3600"})
    altered(registry, lambda number, true: true if number < 3 else late)
    reads, naps = hurried(collected(registry.url, concurrency=1, retries=3))
    assert len(registry.requests) == 3
    assert naps == []
    assert [(one.number, one.pages, one.error) for one in reads[2:]] == [
        (3, 1, "the registry asked to wait 1h (429)"),
        (4, 37, "the registry asked to wait 1h (429)"),
    ]


@pytest.mark.parametrize(
    "claim", [{"total": 10**12}, {"totalPages": 10**12}], ids=["total", "pages"]
)
def test_absurd_claims_are_bounded(
    registry: FakeRegistry, claim: dict[str, int]
) -> None:
    """However many versions an answer claims, at most so many pages are read, and the rest is said in one entry."""
    of_pack(registry, versions=20)
    altered(
        registry,
        lambda _number, true: true | {"versions": true["versions"] or [true]} | claim,
    )
    reads = read(registry.url, bounds=Bounds(pages=30))
    assert len(registry.requests) == 30
    assert (reads[-1].number, reads[-1].pages > 10**9) == (31, True)
    assert reads[-1].error.endswith("more than are read")


def test_empty_pages_end_the_reading(registry: FakeRegistry) -> None:
    """Where nothing but empty pages comes, the reading ends, whatever they claim; one empty page costs no other."""
    of_pack(registry, versions=50)
    altered(registry, lambda _number, true: true | {"total": 10_000})
    reads = read(registry.url, concurrency=2)
    assert len(registry.requests) <= 5 + 8 + 2
    assert "pages in a row showed nothing" in reads[-1].error
    registry.requests.clear()
    altered(
        registry, lambda number, true: true | ({"versions": []} if number == 2 else {})
    )
    assert len(rows(read(registry.url))) == 40


def test_a_registry_that_does_not_count(registry: FakeRegistry) -> None:
    """Without a total and a number of pages one page after the other is read, up to an empty one."""
    of_pack(registry, versions=35)
    altered(registry, lambda _number, true: {"versions": true["versions"]})
    assert len(rows(read(registry.url))) == 35
    assert numbers(registry) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("says", [True, False], ids=["says so", "does not"])
def test_pages_that_are_smaller_than_requested(
    registry: FakeRegistry, says: bool
) -> None:
    """A registry that shows fewer rows on a page, whether it says so or not, is read to its end."""
    of_pack(registry, versions=33)

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        true = registry.catalog.answer(query_of(request) | {"pageSize": ["5"]})[1]
        return web.json_response(
            {**true, **({} if says else {"pageSize": 10, "totalPages": None})}
        )

    registry.respond = respond
    assert len(rows(read(registry.url))) == 33
    assert sorted(numbers(registry)) == [1, 2, 3, 4, 5, 6, 7]


def test_rows_that_are_added_meanwhile(registry: FakeRegistry) -> None:
    """A page that a version added is read too."""
    of_pack(registry, versions=20)

    def alter(number: int, true: dict[str, Any]) -> Any:
        if number == 2:
            registry.catalog.publish("pack", "0.1.0")
            return registry.catalog.answer({"page": ["2"], "pageSize": ["10"]})[1]
        return true

    altered(registry, alter)
    assert rows(read(registry.url))[0] == "0.1.0"
    assert numbers(registry) == [1, 2, 3]


def test_a_reading_that_takes_too_long_ends(registry: FakeRegistry) -> None:
    """After the longest time no further page is requested."""
    of_pack(registry, versions=30)
    reads = read(registry.url, bounds=Bounds(pages=30, seconds=0.0))
    assert [(one.number, one.pages, one.error) for one in reads[1:]] == [
        (2, 2, "not requested, since the other pages took too long")
    ]


def test_pages_that_are_too_large_together(registry: FakeRegistry) -> None:
    """All pages together have a bound, so that an endless registry does not fill the memory."""
    bounds = Bounds(pages=30, bytes=2**20)
    of_pack(registry, versions=1)
    registry.catalog.edit("pack", "1.0.0", changelog="x" * 2**20)
    of_pack(registry, "other", versions=30)
    reads = read(registry.url, bounds=bounds, concurrency=1)
    assert reads[-1].error == "not requested, since the other pages hold more than 1 MB"
    assert len(reads) == len(registry.requests) + 1


def test_leaving_before_the_end(registry: FakeRegistry) -> None:
    """Leaving before the end ends the requests under way, and nothing is left to wait for."""
    of_pack(registry, versions=300)

    async def work() -> set[asyncio.Task[Any]]:
        before = asyncio.all_tasks()
        async with Registry(registry.url, RequestLimits()) as client:
            reading = Pages(client, TEN, parse_page, ALL_VERSIONS)
            async with aclosing(reading.read()) as reads:
                async for one in reads:
                    if one.number > 1:
                        break
            return asyncio.all_tasks() - before

    assert asyncio.run(work()) == set()
    assert len(registry.requests) < 30


def test_progress(registry: FakeRegistry) -> None:
    """What is waited for is reported with the number of pages, and ended."""
    of_pack(registry, versions=25)
    said: list[tuple[str, str]] = []

    async def work() -> None:
        async with Registry(registry.url, RequestLimits(concurrency=1)) as client:
            reading = Pages(
                client,
                TEN,
                parse_page,
                ALL_VERSIONS,
                lambda *report: said.append(report),
            )
            async for _ in reading.read():
                pass

    asyncio.run(work())
    assert said == [
        ("pages ", text)
        for text in (
            "reading the first page",
            "1 of 3 pages read",
            "2 of 3 pages read",
            "",
        )
    ]
