"""From answers to a reading: every page put together, and each way it can go wrong decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import NOON, of_pack, read, responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from tests.support.fakes.fault import ordinary, without_host
from tests.support.fakes.faults import FAULTS, Means, inflict
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher.model.reading import (
    Fault,
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
    ServerTime,
)
from watcher.registry.client import Registry, RequestLimits
from watcher.registry.listing import Rows, moment, read_node
from watcher.registry.pages import PageRead
from watcher.registry.schema import parse_page

MEGABYTES = 32


def listing_of(registry: FakeRegistry, **limits: Any) -> Listing:
    """Read `pack`, which must give a listing."""
    reading = read(registry.url, "pack", **limits)
    assert isinstance(reading, Listing), reading
    return reading


def texts(listing: Listing) -> list[str]:
    """Return the version texts of a listing."""
    return [version.version for version in listing.versions]


# Every fault


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_means_what_is_expected(registry: FakeRegistry, name: str) -> None:
    """Each fault gives the reading that is expected of it, with words for a person."""
    of_pack(registry)
    of_pack(registry, "another")
    inflict(registry, name)
    limits = {
        "timeout": 0.3 if FAULTS[name].slow else 20.0,
        "max_bytes": MEGABYTES * 2**20,
    }
    reading = read(registry.url, "pack", **limits)
    expected = FAULTS[name]
    match expected.means:
        case Means.COMPLETE | Means.OLDER:
            assert isinstance(reading, Listing)
            assert (reading.incomplete, len(reading.versions)) == ("", 5)
        case Means.EMPTY:
            assert isinstance(reading, Listing)
            assert (reading.incomplete, reading.versions) == ("", ())
        case Means.INCOMPLETE:
            assert isinstance(reading, Listing)
            assert without_host(reading.incomplete) == expected.said
        case Means.UNREADABLE | Means.REGISTRY:
            fault = Fault.OWN
            if expected.means is Means.REGISTRY:
                fault = Fault.UNREACHED if expected.unreached else Fault.REGISTRY
            elif name.startswith("status_404"):
                fault = Fault.NOT_FOUND
            assert isinstance(reading, ReadFailure)
            assert (reading.node, reading.fault) == ("pack", fault)
            assert without_host(reading.error) == expected.said
        case Means.BANNED:
            assert isinstance(reading, NodeBanned)
            assert reading.message == expected.said


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("empty_later_pages", 2),
        ("filter_ignored", 5),
        ("row_of_another", 4),
        ("wrong_row_types", 4),
    ],
)
def test_what_was_seen_of_an_incomplete_listing_counts(
    registry: FakeRegistry, name: str, seen: int
) -> None:
    """An incomplete listing holds every readable version of the node that came, and none of another."""
    of_pack(registry)
    of_pack(registry, "another")
    ids = {row["id"] for row in _rows(registry, "pack")}
    inflict(registry, name)
    listing = listing_of(registry)
    assert len(listing.versions) == seen
    assert {version.id for version in listing.versions} <= ids


def test_the_registrys_own_spelling(registry: FakeRegistry) -> None:
    """A listing says how the registry spells the id, whose case is ignored; one without versions cannot."""
    of_pack(registry, "PACK")
    listing = listing_of(registry)
    assert (listing.spelling, listing.node) == ("PACK", "pack")
    assert (len(listing.versions), listing.incomplete) == (5, "")
    for row in _rows(registry, "pack"):
        registry.catalog.remove("pack", row["version"])
    assert listing_of(registry).spelling == ""


def _rows(registry: FakeRegistry, node: str) -> list[dict[str, Any]]:
    rows: Any = registry.catalog.answer({"nodeId": [node], "pageSize": ["100"]})[1][
        "versions"
    ]
    return list(rows)


def _serve(registry: FakeRegistry, *rows: Any) -> None:
    """Answer with one page of these rows."""
    registry.respond = responding()(
        200, json.dumps({"total": len(rows), "versions": rows}).encode()
    )


def swept_rows(*rows: dict[str, Any]) -> Rows:
    """Return what a sweep makes of one page of these rows."""
    swept = Rows(is_wanted=lambda _: True)
    body = json.dumps({"total": len(rows), "versions": rows}).encode()
    swept.take(PageRead(number=1, page=parse_page(body)))
    return swept


def _altered(
    registry: FakeRegistry, alter: Callable[[dict[str, Any]], Any], **query: str
) -> None:
    """Answer with what `alter` makes of each true answer; `query` overrides parameters."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        parameters = query_of(request) | {
            name: [value] for name, value in query.items()
        }
        made = alter(registry.catalog.answer(parameters)[1])
        return made if isinstance(made, web.Response) else web.json_response(made)

    registry.respond = respond


# What is asked


UNFITTING = "the answer claims {} versions on {} pages, which does not fit"


@pytest.mark.parametrize(
    ("known", "claims", "seen", "requests", "fault"),
    [
        (150, {"total": 100}, 150, 2, UNFITTING.format(100, 2)),
        (0, {"totalPages": 2}, 0, 1, UNFITTING.format(0, 2)),
        (5, {"totalPages": 10**9}, 5, 2, UNFITTING.format(5, 10**9)),
        (
            5,
            {"total": None, "totalPages": None},
            5,
            2,
            "the answer does not say how many versions there are",
        ),
        (5, {"total": 4}, 5, 1, "5 of 4 versions came"),
        (250, {"total": 100, "totalPages": None}, 200, 2, "200 of 100 versions came"),
        (150, {"pageSize": None, "totalPages": None}, 150, 2, ""),
        (0, {"totalPages": 1}, 0, 1, ""),
    ],
)
def test_a_listing_whose_own_numbers_disagree_is_incomplete(
    registry: FakeRegistry,
    known: int,
    claims: dict[str, int | None],
    seen: int,
    requests: int,
    fault: str,
) -> None:
    """What is claimed by either number is read, within reason; and it is all only if both numbers agree."""
    of_pack(registry, versions=known)
    _altered(registry, lambda document: document | claims)
    listing = listing_of(registry)
    assert (len(listing.versions), len(registry.requests), listing.incomplete) == (
        seen,
        requests,
        fault,
    )


def test_the_number_of_pages_is_the_same_on_every_page(registry: FakeRegistry) -> None:
    """A number of pages that differs from page to page, though each fits its own page size, is a fault."""
    of_pack(registry, versions=150)
    second = {"pageSize": 50, "totalPages": 3}
    _altered(
        registry, lambda document: document | (second if document["page"] == 2 else {})
    )
    listing = listing_of(registry)
    assert (len(listing.versions), listing.incomplete) == (
        150,
        "the number of pages changed between pages",
    )


@pytest.mark.parametrize(
    "wrong", [{"status": 7}, {"version": "1.5.0", "id": "the-same"}]
)
def test_a_row_that_is_wrong_hides_no_later_page(
    registry: FakeRegistry, wrong: dict[str, Any]
) -> None:
    """Every page is read of a node one of whose first rows can't be, or came twice: its other versions are seen."""
    of_pack(registry, versions=250)

    def alter(document: dict[str, Any]) -> dict[str, Any]:
        if document["page"] == 1:
            for row in document["versions"][:2]:
                row.update(wrong)
        return document

    _altered(registry, alter)
    listing = listing_of(registry)
    assert listing.incomplete
    assert len(listing.versions) in {248, 249}
    assert [asked.query["page"] for asked in registry.requests] == [["1"], ["2"], ["3"]]


def test_one_page_again_and_again_is_no_endless_reading(registry: FakeRegistry) -> None:
    """Of a registry that always gives the first page, no page is read after one that has nothing new."""
    of_pack(registry, versions=250)
    _altered(registry, dict, page="1")
    listing = listing_of(registry)
    assert (len(listing.versions), listing.incomplete) == (100, "a version came twice")
    assert [asked.query for asked in registry.requests] == [
        {"nodeId": ["pack"], "page": [page], "pageSize": ["100"]} for page in "12"
    ]


@pytest.mark.parametrize(("timeout", "seen"), [(25.0, 160), (60.0, 250)])
def test_one_node_does_not_hold_the_others_for_ever(timeout: float, seen: int) -> None:
    """Five minutes, or ten timeouts, after its first page no more of a node is requested, and what came counts."""
    peer = Peer()
    for number in range(250):
        peer.catalog.publish("pack", f"1.{number}.0")

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(20)
        query = query_of(request) | {"pageSize": ["10"]}
        return web.json_response(peer.catalog.answer(query)[1])

    async def work() -> Reading:
        limits = RequestLimits(timeout=timeout, retries=0)
        async with VirtualRegistry(peer.answer, limits) as client:
            return await read_node(client, "pack", lambda: NOON)

    peer.respond = respond
    listing = run(work())
    assert isinstance(listing, Listing)
    assert len(listing.versions) == seen
    assert ("the other pages took too long" in listing.incomplete) == (seen < 250)


@pytest.mark.parametrize("first", [True, False])
def test_of_a_version_with_and_without_id_one_is_taken(
    registry: FakeRegistry, first: bool
) -> None:
    """One text in a row with an id and in one without is a version that came twice, here on two pages: only the
    row with the id is taken, whichever came first, so that what is known of it does not change to and fro.
    """
    of_pack(registry)
    rows = _rows(registry, "pack")
    twin = rows[2] | {"id": None, "status": "NodeVersionStatusFlagged"}
    rows_sent = [twin, *rows] if first else [*rows, twin]

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        page = int(query_of(request)["page"][0])
        shown = rows_sent[3 * page - 3 : 3 * page]
        return web.json_response(
            {"total": len(rows_sent), "pageSize": 3, "versions": shown}
        )

    registry.respond = respond
    listing = listing_of(registry)
    assert listing.incomplete == "a version came twice"
    assert {version.id for version in listing.versions} == {row["id"] for row in rows}
    assert {version.status for version in listing.versions} == {"active"}


@pytest.mark.parametrize(
    ("one", "other"), [("Active", "Flagged"), ("Flagged", "Pending")]
)
def test_of_contradicting_rows_the_worst_is_believed(
    registry: FakeRegistry, one: str, other: str
) -> None:
    """Of a version that comes twice with two statuses the worse one counts, whichever came first: a flag is a flag, and
    what is known of it does not change to and fro.
    """
    of_pack(registry, versions=1)
    (row,) = _rows(registry, "pack")
    _serve(
        registry,
        *(row | {"status": f"NodeVersionStatus{status}"} for status in (one, other)),
    )
    listing = listing_of(registry)
    assert listing.incomplete == "a version came twice"
    assert [version.status for version in listing.versions] == ["flagged"]


def test_a_bad_detail_hides_no_flag(registry: FakeRegistry) -> None:
    """A version one of whose details is of a wrong type is seen in part, status and all; the listing is incomplete."""
    of_pack(registry, versions=3)
    first, *rows = _rows(registry, "pack")
    bad = first | {
        "status": "NodeVersionStatusFlagged",
        "dependencies": [{"name": "linux"}],
    }
    _serve(registry, bad, *rows)
    listing = listing_of(registry)
    assert listing.incomplete == "a row is unreadable in part on page 1"
    assert {
        one.id: one.status for one in listing.versions if one.status != "active"
    } == {first["id"]: "flagged"}
    assert listing.unreported == {first["id"]: {"dependencies"}}


def test_a_bad_field_that_is_not_compared(registry: FakeRegistry) -> None:
    """It makes a node's own listing incomplete, and costs nothing in a sweep."""
    of_pack(registry, versions=1)
    [row] = _rows(registry, "pack")
    bad = row | {"createdAt": 7}
    _serve(registry, bad)
    assert listing_of(registry).incomplete == "a row is unreadable in part on page 1"
    swept = swept_rows(bad)
    assert (swept.nodes["pack"].fault, swept.whole.end()) == ("", "")
    assert swept_rows(row | {"dependencies": 7}).nodes["pack"].fault


def test_one_id_in_two_packs_is_two_versions(registry: FakeRegistry) -> None:
    """A sweep with both is complete, readable or not; one version whose node is written in two ways is still one."""
    of_pack(registry, versions=1)
    [row] = _rows(registry, "pack")
    for other in ({}, {"status": 7}):
        assert swept_rows(row, row | {"node_id": "other"} | other).whole.end() == ""
    same = swept_rows(row, row | {"node_id": "Pack"})
    assert same.whole.end() == "1 of 2 versions came"


def test_a_listing_is_no_larger_than_an_answer(registry: FakeRegistry) -> None:
    """Pages that are small enough each, and too much together, are not all read; what was seen counts."""
    of_pack(registry, versions=12)
    for number in range(12):
        registry.catalog.edit("pack", f"1.{number}.0", dependencies=["x" * 200_000])
    _altered(registry, dict, pageSize="1")
    listing = listing_of(registry, max_bytes=2**20)
    assert listing.incomplete == (
        "page 7: not requested, since the other pages hold more than 1 MB"
    )
    assert (len(listing.versions), len(registry.requests)) == (6, 6)


def test_one_text_under_two_ids_is_two_versions(registry: FakeRegistry) -> None:
    """A version is known by its id: what shares its text with another is still another."""
    of_pack(registry)
    rows = _rows(registry, "pack")
    _serve(registry, *rows, rows[0] | {"id": "another"})
    listing = listing_of(registry)
    assert (len(listing.versions), listing.incomplete) == (6, "")


# When, and whether anything changed


@pytest.mark.parametrize(
    ("made", "at"),
    [
        ("2026-03-02T11:00:00.000Z", "2026-03-02T11:00:00.000Z"),
        ("2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T11:59:59.000Z", NOON),
        ("2099-01-01T00:00:00.000Z", NOON),
        ("", NOON),
    ],
)
def test_the_time_is_ours_or_a_little_earlier(made: str, at: str) -> None:
    """A reading is as old as our clock says, or as the registry's if that is at most a day behind."""
    assert moment(NOON, made) == at


def test_a_ban_says_when_it_was_made(registry: FakeRegistry) -> None:
    """It has the registry's own time, less the age of a cache's copy, as a listing has."""
    made = responding(Date="Mon, 02 Mar 2026 12:00:00 GMT", Age="60")
    registry.respond = made(403, b'{"message":"Node banned"}')
    reading = read(registry.url, "pack")
    assert isinstance(reading, NodeBanned)
    assert reading.server_time == ServerTime.of("2026-03-02T11:59:00.000Z")


@pytest.mark.parametrize(
    ("ages", "oldest", "newest"),
    [
        (("0", "60", "30"), "2026-03-02T11:59:00.000Z", "2026-03-02T12:00:00.000Z"),
        (("30", "30", None), "", "2026-03-02T11:59:30.000Z"),
    ],
)
def test_a_listing_is_as_old_as_its_oldest_page(
    registry: FakeRegistry, ages: tuple[str | None, ...], oldest: str, newest: str
) -> None:
    """Pages may come from caches of different ages; where one has no time, that of the listing is not known."""
    of_pack(registry, versions=250)

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        age = ages[int(query_of(request)["page"][0]) - 1]
        date = "" if age is None else "Mon, 02 Mar 2026 12:00:00 GMT"
        document = ordinary(request, registry.catalog)
        return web.json_response(document, headers={"Date": date, "Age": age or "0"})

    registry.respond = respond
    listing = listing_of(registry)
    assert (listing.incomplete, len(listing.versions)) == ("", 250)
    assert listing.server_time == ServerTime(oldest=oldest, newest=newest)
    assert listing.at == (oldest or NOON)


def test_the_time_is_from_before_the_question(registry: FakeRegistry) -> None:
    """What is published while an answer is under way is later than the reading."""
    times: list[int] = []

    def now() -> str:
        times.append(len(registry.requests))
        return NOON

    async def work() -> Reading:
        async with Registry(registry.url, RequestLimits(retries=0)) as client:
            return await read_node(client, "pack", now)

    asyncio.run(work())
    assert times == [0]
