"""All pages of a query: each comes once, or is said to be missing, and the reading of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from tests.support.fakes.fault import A_PAGE, asked
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher.registry.client import Query, RequestLimits
from watcher.registry.pages import ALL_VERSIONS, Bounds, PageRead, Pages
from watcher.registry.schema import VersionRow, parse_page

TEN = Query(page_size=10)
Said = list[tuple[str, str]]


def of_pack(versions: int) -> Peer:
    """Return a registry with so many versions of a node."""
    peer = Peer()
    for number in range(versions):
        peer.catalog.publish("pack", f"1.{number}.0")
    return peer


def read(
    peer: Peer,
    query: Query = TEN,
    bounds: Bounds = ALL_VERSIONS,
    said: Said | None = None,
    **limits: Any,
) -> list[PageRead[VersionRow]]:
    """Return all pages, read without retries; `said` gets the progress."""
    progress = [] if said is None else said

    async def work() -> list[PageRead[VersionRow]]:
        of_requests = RequestLimits(**{"retries": 0} | limits)
        async with VirtualRegistry(peer.answer, of_requests) as registry:
            reading = Pages(
                registry, query, parse_page, bounds, lambda *one: progress.append(one)
            )
            return [read async for read in reading.read()]

    return run(work())


def rows(reads: list[PageRead[VersionRow]]) -> list[str]:
    """Return the versions that came."""
    return sorted(
        str(row.version) for one in reads if one.page for row in one.page.rows
    )


def alter(peer: Peer, change: Callable[[int, dict[str, Any]], Any]) -> None:
    """Answer with what `change` makes of the number of a page and its true document; with an answer as it is."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        query = asked(request)
        made = change(int(query["page"][0]), peer.catalog.answer(query)[1])
        return made if isinstance(made, web.StreamResponse) else web.json_response(made)

    peer.respond = respond


def numbers(peer: Peer) -> list[int]:
    """Return the pages that were requested, in their order."""
    return [int(one.query["page"][0]) for one in peer.requests]


def test_every_page_comes_once() -> None:
    """Each page is requested once with the query's filters, the first one alone; progress is reported, and ended."""
    peer, said = of_pack(43), Said()
    peer.catalog.set_status("pack", "1.3.0", "banned")
    query = Query(statuses=("active",), page_size=10)
    reads = read(peer, query, said=said, concurrency=1)
    assert [(one.number, one.pages, one.code, one.error) for one in reads] == [
        (number, 1, 200, "") for number in range(1, 6)
    ]
    assert len(rows(reads)) == 42
    assert numbers(peer) == [1, 2, 3, 4, 5]
    assert {one.query["statuses"][0] for one in peer.requests} == {
        "NodeVersionStatusActive"
    }
    assert said == [
        ("pages ", "reading the first page"),
        *(("pages ", f"{number} of 5 pages read") for number in range(1, 5)),
        ("pages ", ""),
    ]


def test_as_many_requests_at_once_as_there_may_be() -> None:
    """The pages after the first are requested together, but never more than `concurrency`."""
    peer = of_pack(75)

    async def respond(_: web.BaseRequest) -> None:
        await asyncio.sleep(1)

    peer.respond = respond
    assert len(rows(read(peer, concurrency=3))) == 75
    assert [one.at for one in peer.requests] == [0.0, *[1.0] * 3, *[2.0] * 3, 3.0]


def test_a_page_that_hangs_holds_few_others() -> None:
    """While one page hangs, no more than a few after it are requested, for all of them are held; then all come."""
    peer = of_pack(400)

    async def respond(request: web.BaseRequest) -> None:
        if asked(request)["page"] == ["2"]:
            await asyncio.sleep(10)

    peer.respond = respond
    assert len(rows(read(peer, concurrency=2))) == 400
    assert 2 < sum(one.at < 10 for one in peer.requests) <= 1 + 2 * 2


@pytest.mark.parametrize(("code", "ban"), [(403, "stolen"), (503, None)])
def test_a_refused_first_page_is_the_only_one(code: int, ban: str | None) -> None:
    """If the first page is refused, no other is requested; the code, the message and a ban are kept apart."""
    peer = of_pack(30)
    said = {"error": "Node banned", "message": ban} if ban else {"message": "no"}
    alter(peer, lambda _number, _true: web.json_response(said, status=code))
    [one] = read(peer)
    assert (one.number, one.page, one.code, one.ban) == (1, None, code, ban)
    assert one.error.endswith(f"({code}): {ban or 'no'}")
    assert numbers(peer) == [1]


def test_a_later_page_that_fails_costs_no_other() -> None:
    """Of pages that are refused or unreadable it is said which and why; all others come."""
    peer = of_pack(55)
    faults = {
        2: web.json_response({"message": "busy"}, status=500),
        5: web.Response(body=b"<html>"),
    }
    alter(peer, faults.get)
    reads = read(peer)
    assert [one.number for one in reads] == [1, 2, 3, 4, 5, 6]
    page = A_PAGE.replace("HOST", "registry.test:80")
    assert [(one.number, one.code, one.error) for one in reads if not one.page] == [
        (2, 500, "registry error (500): busy"),
        (5, 0, page),
    ]
    assert len(rows(reads)) == 35


def test_a_registry_that_stops_answering_is_left() -> None:
    """After failures in a row the other pages are not requested, and one entry says how many these are."""
    peer = of_pack(400)
    alter(peer, lambda number, true: true if number < 3 else web.Response(status=502))
    reads = read(peer, concurrency=2)
    assert [one.number for one in reads if one.page] == [1, 2]
    asked_for = len(peer.requests)
    assert asked_for <= 11
    assert (reads[-1].number, reads[-1].pages) == (asked_for + 1, 40 - asked_for)
    assert reads[-1].error.startswith("not requested, since ")


def test_a_registry_that_asks_to_wait_is_left() -> None:
    """After a 429 with a wait that is too long no further page is requested."""
    peer = of_pack(400)
    late = web.Response(status=429, headers={"Retry-After": "3600"})
    alter(peer, lambda number, true: true if number < 3 else late)
    reads = read(peer, concurrency=1, retries=3)
    assert len(peer.requests) == 3
    assert [(one.number, one.pages, one.error) for one in reads[2:]] == [
        (3, 1, "the registry asked to wait 1h (429)"),
        (4, 37, "the registry asked to wait 1h (429)"),
    ]


@pytest.mark.parametrize("claim", ["total", "totalPages"])
def test_absurd_claims_are_bounded(claim: str) -> None:
    """However many versions an answer claims, at most so many pages are read, and the rest is said in one entry."""
    peer = of_pack(20)
    alter(peer, lambda _, true: true | {"versions": [true], claim: 10**12})
    reads = read(peer, bounds=Bounds(pages=30))
    assert len(peer.requests) == 30
    assert (reads[-1].number, reads[-1].pages > 10**9) == (31, True)
    assert reads[-1].error.endswith("more than are read")


def test_empty_pages_end_the_reading() -> None:
    """Where nothing but empty pages comes, the reading ends, whatever they claim; one empty page costs no other."""
    peer = of_pack(50)
    alter(peer, lambda _, true: true | {"total": 10_000})
    reads = read(peer, concurrency=2)
    assert len(peer.requests) <= 5 + 8 + 2
    assert "pages in a row showed nothing" in reads[-1].error
    alter(peer, lambda number, true: true | ({"versions": []} if number == 2 else {}))
    assert len(rows(read(peer))) == 40


def test_pages_that_are_smaller_than_they_say() -> None:
    """A registry that shows fewer rows on a page, and does not say so, is read to its end."""
    peer = of_pack(33)

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        true = peer.catalog.answer(asked(request) | {"pageSize": ["5"]})[1]
        return web.json_response(true | {"pageSize": 10, "totalPages": None})

    peer.respond = respond
    assert len(rows(read(peer))) == 33
    assert sorted(numbers(peer)) == [1, 2, 3, 4, 5, 6, 7]


def test_rows_that_are_added_meanwhile() -> None:
    """A page that a version added is read too."""
    peer = of_pack(20)

    def change(number: int, true: dict[str, Any]) -> Any:
        if number == 2:
            peer.catalog.publish("pack", "0.1.0")
            return peer.catalog.answer({"page": ["2"], "pageSize": ["10"]})[1]
        return true

    alter(peer, change)
    assert rows(read(peer))[0] == "0.1.0"
    assert numbers(peer) == [1, 2, 3]


def test_leaving_before_the_end() -> None:
    """Leaving before the end ends the requests under way, and nothing is left to wait for."""
    peer = of_pack(300)

    async def work() -> set[asyncio.Task[Any]]:
        before = asyncio.all_tasks()
        async with VirtualRegistry(peer.answer, RequestLimits()) as client:
            reading = Pages(client, TEN, parse_page, ALL_VERSIONS)
            async with aclosing(reading.read()) as reads:
                async for one in reads:
                    if one.number > 1:
                        break
            return asyncio.all_tasks() - before

    assert run(work()) == set()
    assert len(peer.requests) < 30
