"""One request to the registry: what is asked, how long and how large it may get, when it is asked again."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import answer, ask, hurried, of_pack, responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS, inflict
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher import __version__
from watcher.model.version import STATUSES
from watcher.registry.answer import (
    NoAnswerError,
    parse_retry_after,
    parse_server_time,
    read_body,
)
from watcher.registry.client import Query, Registry, RequestLimits

MEGABYTE = 2**20


def ask_in_turn(registry: FakeRegistry, *nodes: str) -> None:
    """Ask about one node after the other over one pool."""

    async def work() -> None:
        async with Registry(registry.url, RequestLimits(retries=0)) as client:
            for node in nodes:
                assert (await client.ask(Query(node=node))).code == 200

    asyncio.run(work())


# What is asked


def test_every_parameter_of_the_spec(registry: FakeRegistry) -> None:
    """Each parameter goes out under the spec's name, and none that was not given."""
    answer(registry.url, Query())
    query = Query(
        node="pack",
        statuses=STATUSES,
        include_status_reason=True,
        status_reason="Exfiltrates & more",
        page=3,
        page_size=20,
    )
    answer(registry.url, query)
    assert {asked.path for asked in registry.requests} == {"/versions"}
    assert [asked.query for asked in registry.requests] == [
        {"page": ["1"], "pageSize": ["100"]},
        {
            "nodeId": ["pack"],
            "statuses": [f"NodeVersionStatus{name.capitalize()}" for name in STATUSES],
            "include_status_reason": ["true"],
            "status_reason": ["Exfiltrates & more"],
            "page": ["3"],
            "pageSize": ["20"],
        },
    ]


def test_a_node_id_cannot_alter_the_request(registry: FakeRegistry) -> None:
    """Whatever a node id is made of, it arrives as that one parameter, and path and headers stay."""
    nodes = [
        *("../x", "a&page=9", "a#b", "a%26page=9", "a+b", "a b", "a?b=c"),
        *("http://evil.example/", "a\r\nX-Evil: 1", "a\x00b", "包\u202e", "a" * 2000),
    ]
    ask_in_turn(registry, *nodes)
    assert [asked.query for asked in registry.requests] == [
        {"nodeId": [node], "page": ["1"], "pageSize": ["100"]} for node in nodes
    ]
    assert {asked.path for asked in registry.requests} == {"/versions"}
    assert not any("X-Evil" in asked.headers for asked in registry.requests)


def test_the_headers(registry: FakeRegistry) -> None:
    """The program says who it is, wants JSON and no cache's copy, knows gzip only, and asks unconditionally.

    Requests in turn share a connection, and no cookie is kept.
    """
    peers = set()

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        peers.add(request.get_extra_info("peername"))
        return web.Response(headers={"Set-Cookie": "id=1; Path=/"})

    registry.respond = respond
    registry.url = registry.url.replace("127.0.0.1", "localhost")
    ask_in_turn(registry, "a", "b")
    headers = registry.requests[1].headers
    assert headers["User-Agent"].startswith(f"comfy-watch/{__version__} ")
    assert headers["Host"] == registry.url.removeprefix("http://")
    assert (headers["Accept"], headers["Accept-Encoding"]) == (
        "application/json",
        "gzip",
    )
    assert headers["Cache-Control"] == "no-cache"
    assert not {"If-None-Match", "Cookie", "Authorization", "Referer"} & set(headers)
    assert len(peers) == 1


@pytest.mark.parametrize("path", ["/", "/api/"])
def test_the_address_may_have_a_path(registry: FakeRegistry, path: str) -> None:
    """A registry behind a path, with a slash at its end or without, is asked below that path."""
    answer(registry.url + path)
    assert registry.requests[0].path == f"{path.rstrip('/')}/versions"


# The answer


@pytest.mark.parametrize(
    ("date", "age", "read"),
    [
        ("Mon, 02 Mar 2026 12:00:00 GMT", "", "2026-03-02T12:00:00.000Z"),
        *((date, "0", "") for date in ("", "soon", "é")),
        ("Fri, 31 Dec 9999 23:59:59 -2359", "0", ""),
        *(
            ("Mon, 02 Mar 2026 12:00:00 GMT", age, "2026-03-02T11:58:30.000Z")
            for age in ("90", "60, 90", "90,soon")
        ),
        *(
            ("Mon, 02 Mar 2026 12:00:00 GMT", age, "2026-03-02T12:00:00.000Z")
            for age in ("-90", "1.5", "٣")
        ),
        ("Mon, 02 Mar 2026 12:00:00 GMT", "9" * 5000, "1994-06-24T10:13:21.000Z"),
    ],
)
def test_the_registrys_clock_is_read(date: str, age: str, read: str) -> None:
    """An answer was made as long before its `Date` as a cache says; what cannot be read is the same as none."""
    assert parse_server_time(date, age) == read


def body(
    *chunks: bytes,
    encoding: str = "gzip",
    limit: int = MEGABYTE,
    then: bytes = b"",
) -> bytes:
    """Read a body that comes in chunks, and `then` goes on without end."""

    async def coming() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        while then:
            yield then

    return asyncio.run(read_body(coming(), encoding, limit, asyncio.Lock()))


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_up_to_the_limit_is_read(encoding: str) -> None:
    """A body of exactly the limit is an answer, one byte more is an error; packed or not, what counts is unpacked."""
    plain = b" " * MEGABYTE
    sent = gzip.compress(plain) if encoding else plain
    assert body(sent[:500], sent[500:], encoding=encoding) == plain
    with pytest.raises(NoAnswerError, match=r"^its answer is larger than 0\.999999 MB"):
        body(sent, encoding=encoding, limit=MEGABYTE - 1)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"encoding": "", "then": b" " * 65536}, "its answer is larger than 1 MB"),
        ({"then": b"\0" * 65536}, "its answer is damaged"),
    ],
    ids=["endless", "after a whole document"],
)
def test_no_answer_takes_more_memory_than_its_limit(
    sent: dict[str, Any], said: str
) -> None:
    """A gzip bomb, and bytes without end, cost a few megabytes at most, wherever they are."""
    bomb = gzip.compress(bytes(64 * MEGABYTE), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(NoAnswerError, match="larger than 1 MB"):
            body(bomb)
        with pytest.raises(NoAnswerError, match=said):
            body(gzip.compress(b"{}"), **sent)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MEGABYTE


def test_large_bodies_are_read_one_at_a_time() -> None:
    """What all requests under way hold at once stays bounded: a small body waits for nobody, a large one its turn."""
    large: set[int] = set()
    most: list[int] = []

    async def coming(number: int, chunks: int) -> AsyncIterator[bytes]:
        for place in range(chunks):
            if place > 4:
                large.add(number)
            most.append(len(large))
            yield bytes(MEGABYTE)
            await asyncio.sleep(0)
        large.discard(number)

    async def read_all() -> list[bytes]:
        turn = asyncio.Lock()
        sizes = [12] * 4 + [2] * 4
        return await asyncio.gather(
            *(
                read_body(coming(number, size), "", 32 * MEGABYTE, turn)
                for number, size in enumerate(sizes)
            )
        )

    read = asyncio.run(read_all())
    assert [len(one) // MEGABYTE for one in read] == [12] * 4 + [2] * 4
    assert max(most) == 1


@pytest.mark.parametrize(
    "chunk",
    [
        gzip.compress(b"{}")[:-4],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{") + gzip.compress(b"}"),
    ],
    ids=["cut", "trailing", "two"],
)
def test_a_damaged_gzip_body_is_no_answer(chunk: bytes) -> None:
    """A body that is not one whole gzip document is an error and never half an answer."""
    with pytest.raises(NoAnswerError, match=r"its answer is damaged \(gzip\)"):
        body(chunk)


def test_an_encoding_that_was_not_asked_for() -> None:
    """A body in a compression that the program does not know is an error."""
    with pytest.raises(NoAnswerError, match="a compression that was not requested"):
        body(b"xx", encoding="br")


# Asking again


def test_what_asking_again_cannot_mend(registry: FakeRegistry) -> None:
    """Another status than 429 and 5xx is handed on at the first try."""
    registry.respond = responding()(404, b"{}")
    got = answer(registry.url, retries=3)
    assert (got.code, len(registry.requests)) == (404, 1)


@pytest.mark.parametrize(
    "fault", ["status_500_json", "rate_limited_missing", "no_http"]
)
def test_what_may_pass_is_asked_again(registry: FakeRegistry, fault: str) -> None:
    """Network errors, 429 and 5xx are asked again, after waits that double and are spread by half."""
    of_pack(registry)
    inflict(registry, fault, times=2)
    got, naps = hurried(ask(registry.url, retries=3))
    assert (got.code, len(registry.requests)) == (200, 3)
    first, second = naps
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1.0


DATE = "Mon, 02 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", "", 7),
        ("0", "", 0),
        ("9" * 4000, "", 999_999_999),
        ("Mon, 02 Mar 2026 12:00:07 GMT", DATE, 7),
        ("Mon, 02 Mar 2026 11:00:00 GMT", DATE, 0),
        ("Mon, 02 Mar 2026 12:00:07 GMT", "noon", None),
        *((text, DATE, None) for text in ("-5", "soon", "²", "")),
    ],
)
def test_retry_after(text: str, date: str, seconds: float | None) -> None:
    """It is a number of seconds, or a date by the registry's own clock; what is neither is as if it were missing."""
    assert parse_retry_after({"retry-after": text, "date": date}) == seconds


def asked_at_once(peer: Peer, *nodes: str, at_most: int = 9) -> list[int | str]:
    """Ask about nodes at the same moment, one request at a time; return each status, or the error with its fault."""

    async def work() -> list[int | str]:
        limits = RequestLimits(concurrency=1, retries=3)
        async with VirtualRegistry(peer.answer, limits) as client:

            async def one(node: str) -> int | str:
                try:
                    return (await client.ask(Query(node=node), retries=at_most)).code
                except NoAnswerError as error:
                    return f"{error.fault.name}: {error}"

            return await asyncio.gather(*map(one, nodes))

    return run(work())


def refusing(code: int, retry_after: str, times: int = 100) -> Peer:
    """Return a registry that refuses so many questions about a node called bad."""
    left = times

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal left
        if asked(request)["nodeId"] != ["bad"] or not left:
            return web.Response()
        left -= 1
        return web.Response(status=code, headers={"Retry-After": retry_after})

    return Peer(respond=respond)


def when(peer: Peer) -> list[tuple[str, float]]:
    """Return which node was asked about, and when."""
    return [(one.query["nodeId"][0], round(one.at, 3)) for one in peer.requests]


@pytest.mark.parametrize(("code", "others"), [(429, 7.0), (503, 0.0)])
def test_whom_a_retry_after_holds_back(code: int, others: float) -> None:
    """That of a 429 is waited for by everybody, that of a 503 by its own question."""
    peer = refusing(code, "7", times=1)
    assert asked_at_once(peer, "bad", "a", "b") == [200, 200, 200]
    first, *later = when(peer)
    assert first == ("bad", 0.0)
    assert sorted(later) == [("a", others), ("b", others), ("bad", 7.0)]


@pytest.mark.parametrize(("at_most", "times"), [(9, 4), (1, 2)])
def test_the_last_answer_counts(at_most: int, times: int) -> None:
    """After as many retries as allowed, fewer if the question has fewer, it is handed on, and nobody waits after it."""
    peer = refusing(429, "1")
    assert asked_at_once(peer, "bad", at_most=at_most) == [429]
    assert when(peer) == [("bad", float(number)) for number in range(times)]


@pytest.mark.parametrize(("answers", "fault"), [(0, "UNREACHED"), (1, "REGISTRY")])
def test_a_registry_that_answered_once_is_reached(answers: int, fault: str) -> None:
    """Silence after an answer is the registry's failure; only one that never answers is not asked about the rest."""
    peer = Peer()

    async def silent(request: web.BaseRequest) -> web.StreamResponse | None:
        if len(peer.requests) <= answers:
            return web.Response(status=503)
        return await FAULTS["hang"].play(request, peer.catalog)

    peer.respond = silent
    [said] = asked_at_once(peer, "bad")
    assert str(said).partition(":")[0] == fault


@pytest.mark.parametrize(("code", "others"), [(429, []), (503, [200, 200])])
def test_whom_a_long_retry_after_ends(code: int, others: list[int | str]) -> None:
    """A wait of more than a minute that a 429 asks for is everybody's, one of a 503 its own question's."""
    peer = refusing(code, "61")
    why = f"REGISTRY: the registry asked to wait 1m1s ({code})"
    found = asked_at_once(peer, "bad", "a", "b")
    assert found == [why, *(others or [why, why])]
    assert len(peer.requests) == 1 + len(others)


def test_refusals_hold_a_poll_back_for_minutes_at_most() -> None:
    """However many questions are answered by 429, with whatever `Retry-After`, the others wait five minutes in all."""
    peer = refusing(429, "60")
    assert asked_at_once(peer, *["bad", "good"] * 12) == [429, 200] * 12
    assert 240 <= max(at for _, at in when(peer)) <= 301
