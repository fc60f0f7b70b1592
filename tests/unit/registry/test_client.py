"""One request to the registry: what is asked, how long and how large it may get, when it is asked again."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import (
    answer,
    ask,
    complaint,
    gzipped,
    hurried,
    of_pack,
    responding,
)
from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes import wire
from tests.support.fakes.fault import BROKEN as BROKEN_OFF
from tests.support.fakes.fault import PORTAL, Fault, asked, without_host
from tests.support.fakes.faults import inflict
from watcher import __version__
from watcher.model.reading import Fault as Whose
from watcher.model.version import STATUSES
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import Query, Registry, RequestLimits

MEGABYTE = 2**20


async def ask_in_turn(
    registry: FakeRegistry, *nodes: str, **limits: Any
) -> list[Answer]:
    """Ask about one node after the other over one pool."""
    async with Registry(
        registry.url, RequestLimits(**{"retries": 0} | limits)
    ) as client:
        return [await client.ask(Query(node=node)) for node in nodes]


# What is asked


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (Query(), {}),
        (Query(node="pack"), {"nodeId": ["pack"]}),
        (
            Query(statuses=("flagged", "banned")),
            {"statuses": ["NodeVersionStatusFlagged", "NodeVersionStatusBanned"]},
        ),
        (
            Query(statuses=STATUSES),
            {
                "statuses": [
                    f"NodeVersionStatus{name.capitalize()}" for name in STATUSES
                ]
            },
        ),
        (Query(include_status_reason=True), {"include_status_reason": ["true"]}),
        (Query(page=3), {"page": ["3"]}),
        (Query(page_size=20), {"pageSize": ["20"]}),
    ],
    ids=repr,
)
def test_every_parameter_of_the_spec(
    registry: FakeRegistry, query: Query, parameters: dict[str, list[str]]
) -> None:
    """Each parameter goes out under the spec's name, and none that was not given."""
    assert answer(registry.url, query).code == 200
    (asked,) = registry.requests
    assert asked.path == "/versions"
    assert asked.query == {"page": ["1"], "pageSize": ["100"]} | parameters


NODE_IDS = [
    *(
        "../x",
        "..",
        "/etc/passwd",
        "a&statuses=NodeVersionStatusActive",
        "a&page=9",
        "a#b",
        "a%2F",
        "a%26page=9",
        "%",
    ),
    *(
        "a+b",
        "a b",
        "a;b",
        "a?b=c",
        "a=b",
        "http://evil.example/",
        "@evil.example",
        "a\r\nX-Evil: 1",
        "a\x00b",
    ),
    *("päck", "包", "😀", "\u202epack", "a" * 2000),
]


def test_a_node_id_cannot_alter_the_request(registry: FakeRegistry) -> None:
    """Whatever a node id is made of, it arrives as that one parameter, and path and headers stay."""
    assert {got.code for got in asyncio.run(ask_in_turn(registry, *NODE_IDS))} == {200}
    assert [asked.query for asked in registry.requests] == [
        {"nodeId": [node], "page": ["1"], "pageSize": ["100"]} for node in NODE_IDS
    ]
    assert {asked.path for asked in registry.requests} == {"/versions"}
    assert not any("X-Evil" in asked.headers for asked in registry.requests)


def test_the_headers(registry: FakeRegistry) -> None:
    """The program says who it is, wants JSON and no cache's copy, knows gzip only, and asks unconditionally."""
    answer(registry.url)
    headers = registry.requests[0].headers
    assert headers["User-Agent"].startswith(f"comfy-watch/{__version__} ")
    assert headers["Host"] == registry.url.removeprefix("http://")
    assert (headers["Accept"], headers["Accept-Encoding"]) == (
        "application/json",
        "gzip",
    )
    assert headers["Cache-Control"] == "no-cache"
    assert not {"If-None-Match", "Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/"])
def test_the_address_may_have_a_path(registry: FakeRegistry, path: str) -> None:
    """A registry behind a path, with a slash at its end or without, is asked below that path."""
    answer(registry.url + path)
    assert registry.requests[0].path == f"{path.rstrip('/')}/versions"


def test_cookies_are_not_kept(registry: FakeRegistry) -> None:
    """A cookie that the registry sets is never sent back."""
    registry.respond = responding(Set_Cookie="id=1; Path=/")(200, b"{}")
    registry.url = registry.url.replace("127.0.0.1", "localhost")
    asyncio.run(ask_in_turn(registry, "a", "b"))
    assert [("Cookie" in asked.headers) for asked in registry.requests] == [
        False,
        False,
    ]


# The answer


@pytest.mark.parametrize("code", [200, 204, 400, 403, 404, 418])
def test_an_answer_comes_as_it_is(registry: FakeRegistry, code: int) -> None:
    """Whatever status cannot be mended by asking again is handed on at the first try, with its body."""
    body = b"" if code == 204 else b'{"message":"m"}'
    registry.respond = responding()(code, body)
    got = answer(registry.url, retries=3)
    assert (got.code, got.body, len(registry.requests)) == (code, body, 1)


@pytest.mark.parametrize(
    ("date", "read"),
    [
        ("Mon, 02 Mar 2026 12:00:00 GMT", "2026-03-02T12:00:00.000Z"),
        *(("soon", ""), ("0", ""), ("é", ""), ("Fri, 31 Dec 9999 23:59:59 -2359", "")),
    ],
)
def test_the_registrys_clock_is_read(
    registry: FakeRegistry, date: str, read: str
) -> None:
    """The answer's `Date` comes in the program's own form; one that cannot be read is the same as none."""
    registry.respond = responding(Date=date, Age="0")(200, b"{}")
    assert answer(registry.url).server_time == read


@pytest.mark.parametrize(
    ("age", "read"),
    [
        *(
            (one, "2026-03-02T11:58:30.000Z")
            for one in ("90", "60, 90", "90,soon", "0, 90")
        ),
        *(
            (one, "2026-03-02T12:00:00.000Z")
            for one in ("", "0", "-90", "1.5", "soon", "٣")
        ),
        ("9" * 5000, "1994-06-24T10:13:21.000Z"),
    ],
)
def test_the_age_of_a_copy_counts(registry: FakeRegistry, age: str, read: str) -> None:
    """An answer was made as long before its `Date` as a cache says; an `Age` that cannot be read is none."""
    registry.respond = responding(Date="Mon, 02 Mar 2026 12:00:00 GMT", Age=age)(
        200, b"{}"
    )
    assert answer(registry.url).server_time == read


# Size


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_body_up_to_the_limit_is_read(registry: FakeRegistry, packed: bool) -> None:
    """A body of exactly the limit is an answer, one byte more is an error; packed or not, what counts is unpacked."""
    body = b"[" + b" " * (MEGABYTE - 2) + b"]"
    registry.respond = gzipped(body) if packed else responding()(200, body)
    assert answer(registry.url, max_bytes=MEGABYTE).body == body
    assert complaint(registry.url, max_bytes=MEGABYTE - 1) == (
        "its answer is larger than 0.999999 MB"
    )


async def _gzip_then_more(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """A whole gzip document, and then bytes without end."""
    response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(gzip.compress(b"{}"))
    while True:
        await response.write(b"\x00" * 65536)


AFTERMATH = Fault(name="gzip_then_more", play=_gzip_then_more)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("gzip_bomb", "its answer is larger than 1 MB"),
        ("endless_body", "its answer is larger than 1 MB"),
        (AFTERMATH, "its answer is damaged (gzip)"),
    ],
    ids=["gzip_bomb", "endless_body", "gzip_then_more"],
)
def test_no_answer_takes_more_memory_than_its_limit(
    registry: FakeRegistry, fault: str | Fault, said: str
) -> None:
    """A bomb of 200 MB, and bytes without end, cost a few megabytes at most, wherever they are."""
    inflict(registry, fault)
    complaint(registry.url, max_bytes=MEGABYTE)
    tracemalloc.start()
    try:
        assert complaint(registry.url, max_bytes=MEGABYTE) == said
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MEGABYTE


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        gzip.compress(b"{}")[:-4],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{") + gzip.compress(b"}"),
    ],
    ids=["plain", "cut", "trailing", "two"],
)
def test_a_damaged_gzip_body_is_no_answer(registry: FakeRegistry, body: bytes) -> None:
    """A body that is not one whole gzip document is an error and never half an answer."""
    registry.respond = responding(Content_Encoding="gzip")(200, body)
    assert complaint(registry.url) == "its answer is damaged (gzip)"


def test_an_encoding_that_was_not_asked_for(registry: FakeRegistry) -> None:
    """A body in a compression that the program does not know is an error."""
    registry.respond = responding(Content_Encoding="br")(200, b"xx")
    assert (
        complaint(registry.url) == "its answer has a compression that was not requested"
    )


# Asking again


@pytest.mark.parametrize(
    "fault",
    [
        "status_500_json",
        "html_502",
        "status_503_json",
        "rate_limited_missing",
        "reset_mid_body",
        "truncated_body",
        "no_http",
    ],
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


def test_the_last_answer_counts(registry: FakeRegistry) -> None:
    """After as many retries as allowed the last answer is handed on, and nobody waits after it."""
    inflict(registry, "rate_limited_seconds")
    got, naps = hurried(ask(registry.url, retries=2))
    assert (got.code, len(registry.requests), naps) == (429, 3, [1.0, 1.0])


def test_one_question_may_have_fewer_retries(registry: FakeRegistry) -> None:
    """Retries can be fewer for what nothing hangs on."""
    inflict(registry, "status_500_json")

    async def work() -> Answer:
        async with Registry(registry.url, RequestLimits(retries=5)) as client:
            return await client.ask(Query(), retries=1)

    got, naps = hurried(work())
    assert (got.code, len(naps), len(registry.requests)) == (500, 1, 2)


NOON = "Mon, 02 Mar 2026 12:00:00 GMT"
BACK_OFF = (0.25, 0.5)
RETRY_AFTER: dict[str, tuple[dict[str, str], tuple[float, float]]] = {
    "seconds": ({"Retry_After": "7"}, (7, 7)),
    "now": ({"Retry_After": "0"}, (0, 0)),
    "date": ({"Retry_After": "Mon, 02 Mar 2026 12:00:07 GMT", "Date": NOON}, (7, 7)),
    "past date": (
        {"Retry_After": "Mon, 02 Mar 2026 11:00:00 GMT", "Date": NOON},
        (0, 0),
    ),
    "date without a clock": (
        {"Retry_After": "Mon, 02 Mar 2026 12:00:07 GMT", "Date": "noon"},
        BACK_OFF,
    ),
    "negative": ({"Retry_After": "-5"}, BACK_OFF),
    "word": ({"Retry_After": "soon"}, BACK_OFF),
    "no ASCII": ({"Retry_After": "²"}, BACK_OFF),
    "missing": ({}, BACK_OFF),
}


@pytest.mark.parametrize(("headers", "wait"), RETRY_AFTER.values(), ids=RETRY_AFTER)
@pytest.mark.parametrize("code", [429, 503])
def test_retry_after(
    registry: FakeRegistry,
    code: int,
    headers: dict[str, str],
    wait: tuple[float, float],
) -> None:
    """`Retry-After` is waited for, in seconds or as a date by the registry's own clock, up to a minute.

    What is neither is as if it were missing.
    """
    refuse, asked = responding(**headers)(code, b"{}"), registry.requests

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return await refuse(request) if len(asked) == 1 else None

    registry.respond = respond
    got, naps = hurried(ask(registry.url, retries=1, timeout=300.0))
    assert got.code == 200
    least, most = wait
    assert least <= sum(naps) <= most + 1e-6


TOO_LONG: dict[str, tuple[dict[str, str], str]] = {
    "ten minutes": ({"Retry_After": "600"}, "10m"),
    "just over a minute": ({"Retry_After": "61"}, "1m1s"),
    "endless": ({"Retry_After": "9" * 4000}, "11574d1h46m39s"),
    "date": ({"Retry_After": "Mon, 02 Mar 2026 13:00:00 GMT", "Date": NOON}, "1h"),
}


@pytest.mark.parametrize(("headers", "shown"), TOO_LONG.values(), ids=TOO_LONG)
@pytest.mark.parametrize("code", [429, 503])
def test_a_retry_after_that_is_too_long_ends_the_attempts(
    registry: FakeRegistry, code: int, headers: dict[str, str], shown: str
) -> None:
    """Where the registry asks for more than a minute it is not asked again earlier, and the error says for how much."""
    registry.respond = responding(**headers)(code, b"{}")
    assert (
        complaint(registry.url, retries=3)
        == f"the registry asked to wait {shown} ({code})"
    )
    assert len(registry.requests) == 1


@pytest.mark.parametrize(
    ("code", "later"), [(429, ["", "", ""]), (503, ["good", "", "good"])]
)
def test_whom_a_long_retry_after_ends(
    registry: FakeRegistry, code: int, later: list[str]
) -> None:
    """A long wait that a 429 asks for is everybody's, one of a 503 its own question's."""
    _refusing_bad(registry, code, "600", 100)
    said: list[str] = []
    errors: list[NoAnswerError] = []

    async def work() -> None:
        async with Registry(registry.url, RequestLimits(retries=3)) as client:
            for node in ("bad", "good", "bad", "good"):
                try:
                    await client.ask(Query(node=node))
                    said.append(node)
                except NoAnswerError as error:
                    errors.append(error)
                    said.append("")

    asyncio.run(work())
    assert said == ["", *later]
    assert len(registry.requests) == (1 if code == 429 else 4)
    assert {(str(error), error.fault) for error in errors} == {
        (f"the registry asked to wait 10m ({code})", Whose.REGISTRY)
    }


def test_a_question_that_waits_is_given_up_with_the_others(
    registry: FakeRegistry,
) -> None:
    """A question that a short 429 holds back is not asked any more once another 429 asks for too long a wait."""
    shorter, longer = (
        responding(Retry_After="2")(429, b"{}"),
        responding(Retry_After="600")(429, b"{}"),
    )

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return await (shorter if asked(request)["nodeId"] == ["first"] else longer)(
            request
        )

    registry.respond = respond

    async def work() -> list[object]:
        async with Registry(
            registry.url, RequestLimits(concurrency=2, retries=3)
        ) as client:
            both = [client.ask(Query(node=node)) for node in ("first", "second")]
            return list(await asyncio.gather(*both, return_exceptions=True))

    results = asyncio.run(work())
    assert list(map(str, results)) == ["the registry asked to wait 10m (429)"] * 2
    assert len(registry.requests) == 2


def test_everybody_waits_when_asked_to(registry: FakeRegistry) -> None:
    """A `Retry-After` holds back the other questions too, not only the one that was refused."""
    inflict(registry, "rate_limited_seconds", times=1)

    async def work() -> list[Answer]:
        async with Registry(
            registry.url, RequestLimits(concurrency=1, retries=1)
        ) as client:
            return await asyncio.gather(*(client.ask(Query()) for _ in range(3)))

    assert [got.code for got in asyncio.run(work())] == [200, 200, 200]
    first, *others = (asked.at for asked in registry.requests)
    assert len(others) == 3
    assert min(others) - first >= 0.99


def _refusing_bad(
    registry: FakeRegistry, code: int, retry_after: str, times: int
) -> None:
    """Refuse questions for nodes called bad so many times."""
    refuse, refused = responding(Retry_After=retry_after)(code, b"{}"), 0

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        nonlocal refused
        if refused == times or asked(request)["nodeId"][0] != "bad":
            return None
        refused += 1
        return await refuse(request)

    registry.respond = respond


def test_a_503_holds_back_its_own_node_only(registry: FakeRegistry) -> None:
    """What a 503 says in `Retry-After` is waited for by the question that got it; the others go on."""
    _refusing_bad(registry, 503, "1", 1)

    async def work() -> None:
        async def ask_all(*nodes: str) -> None:
            for node in nodes:
                await client.ask(Query(node=node))

        async with Registry(
            registry.url, RequestLimits(concurrency=1, retries=1)
        ) as client:
            await asyncio.gather(ask_all("bad"), ask_all("a", "b", "c"))

    asyncio.run(work())
    assert [request.query["nodeId"][0] for request in registry.requests] == [
        "bad",
        "a",
        "b",
        "c",
        "bad",
    ]


def test_refusals_hold_a_poll_back_for_minutes_at_most(registry: FakeRegistry) -> None:
    """However many questions are answered by 429, with whatever `Retry-After`, the others wait five minutes in all."""
    _refusing_bad(registry, 429, "60", 100)
    answers, naps = hurried(
        ask_in_turn(
            registry, *["bad", "good"] * 12, concurrency=1, retries=3, timeout=3000.0
        )
    )
    assert [got.code for got in answers] == [429, 200] * 12
    assert 240 <= sum(naps) <= 301


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(registry: FakeRegistry, code: int) -> None:
    """An answer cannot send the program to another address; where it leads is said, and what may be the cause."""
    elsewhere = registry.url.replace("127.0.0.1", "localhost")
    registry.respond = responding(Location=f"{elsewhere}/versions")(code, b"")
    said = without_host(complaint(registry.url))
    where = f"HOST redirects to localhost ({code}), which is not followed"
    assert (said, len(registry.requests)) == (f"{where}; {PORTAL}", 1)


# The connection


def _raw(
    sent: bytes,
) -> Callable[[web.BaseRequest, Catalog], Awaitable[web.StreamResponse]]:
    return lambda request, _: wire.cut(request, b"HTTP/1.1 " + sent, reset=False)


BROKEN = {
    "endless_headers": b"200 OK\r\nX-Long: " + b"z" * MEGABYTE,
    "no_status": b"what OK\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_none(registry: FakeRegistry, sent: bytes) -> None:
    """An answer that is no HTTP is no answer, and nothing of it is quoted."""
    inflict(registry, Fault(name="broken", play=_raw(sent)))
    assert without_host(complaint(registry.url)) == BROKEN_OFF


def test_a_connection_is_used_again(registry: FakeRegistry) -> None:
    """Requests in turn share one connection."""
    peers = set()

    async def respond(request: web.BaseRequest) -> None:
        peers.add(request.get_extra_info("peername"))

    registry.respond = respond
    asyncio.run(ask_in_turn(registry, "a", "b", "c"))
    assert len(peers) == 1
