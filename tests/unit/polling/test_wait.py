"""Waiting for a verdict: when it looks again, when it ends, and what counts as the version."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from aiohttp import web

from tests.support.fake_registry.server import encoded
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher.errors import UsageError
from watcher.polling.wait import Look, Waiter
from watcher.registry.client import RequestLimits

TIMEOUT = 30.0


def wait(
    peer: Peer, version: str = "1.0.0", longest: float = 600.0, every: float = 30.0
) -> tuple[Look, float]:
    """Wait, and return what was seen last and how long it took."""

    async def work() -> tuple[Look, float]:
        loop = asyncio.get_running_loop()
        limits = RequestLimits(timeout=TIMEOUT, retries=0)
        waiter = Waiter(
            seen=Look(node="lamps", text=version),
            connect=partial(VirtualRegistry, peer.answer, limits),
            timeout=TIMEOUT,
            every=every,
            longest=longest,
            report=lambda _: None,
        )
        return await waiter.run(), loop.time()

    return run(work())


def is_of_reasons(query: dict[str, list[str]]) -> bool:
    """Return whether a request asks for reasons."""
    return "include_status_reason" in query


def looks(peer: Peer) -> list[float]:
    """Return when each look began."""
    return [
        one.at
        for one in peer.requests
        if one.path == "/versions" and not is_of_reasons(one.query)
    ]


@pytest.mark.parametrize(
    ("status", "asked_for", "pause"),
    [
        (429, "7", 30.0),
        (503, "120", 120.0),
        (429, "99999999", 300.0),
    ],
)
def test_a_pause_that_is_asked_for(status: int, asked_for: str, pause: float) -> None:
    """`Retry-After` is kept to if it is longer than the pause, up to five minutes; then it asks again."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0")

    async def once(_: web.BaseRequest) -> web.StreamResponse | None:
        headers = {"Retry-After": asked_for}
        is_first = len(peer.requests) == 1
        return web.Response(status=status, headers=headers) if is_first else None

    peer.respond = once
    look, seconds = wait(peer)
    assert looks(peer) == [0.0, pause]
    assert (look.is_judged, seconds) == (True, pause)


def test_silence_at_the_end() -> None:
    """A last look that gets no answer ends after one `timeout`; what it saw before that is kept."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0")

    async def silent(request: web.BaseRequest) -> web.StreamResponse | None:
        is_of_packs = request.path == "/nodes"
        hang = FAULTS["hang"].play
        return await hang(request, peer.catalog) if is_of_packs else None

    peer.respond = silent
    look, seconds = wait(peer, longest=0.0)
    assert (look.is_judged, seconds, look.status) == (False, TIMEOUT, "active")
    assert look.why


def test_packs_that_cannot_be_asked_about() -> None:
    """An active version is not judged while its pack may be banned: a failure of `GET /nodes` says nothing of that."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0")

    async def failing(request: web.BaseRequest) -> web.StreamResponse | None:
        is_of_packs = request.path == "/nodes" and len(looks(peer)) < 3
        return web.Response(status=500) if is_of_packs else None

    peer.respond = failing
    look, seconds = wait(peer)
    assert (look.is_judged, look.status, seconds) == (True, "active", 60.0)


def test_a_slow_look_at_the_end() -> None:
    """A last look of several slow answers ends after one `timeout`, and not after one for each answer."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0", status="pending")

    async def slow(_: web.BaseRequest) -> None:
        await asyncio.sleep(TIMEOUT * 0.9)

    peer.respond = slow
    look, seconds = wait(peer, longest=0.0)
    assert seconds == TIMEOUT
    assert (look.status, look.why) == ("pending", "the registry took too long")


def test_an_incomplete_first_listing() -> None:
    """Without a version's name it waits for a whole listing, or for one with a pending version, before it gives up."""
    peer = Peer()
    peer.catalog.publish("lamps", "0.9.0")
    peer.catalog.publish("lamps", "1.0.0", status="pending")

    async def torn(request: web.BaseRequest) -> web.StreamResponse | None:
        is_first = len(peer.requests) == 1
        played = FAULTS["wrong_row_types"].play
        return await played(request, peer.catalog) if is_first else None

    peer.respond = torn
    look, _ = wait(peer, version="", longest=30.0)
    assert look.version is not None
    assert look.version.version == "1.0.0"
    peer.catalog.set_status("lamps", "1.0.0", "active")
    with pytest.raises(UsageError, match=r"no version of lamps is pending"):
        wait(peer, version="")


def test_a_verdict_without_its_reason() -> None:
    """The reason of a refusal is asked for once, that of an active version never; the verdict stands."""
    for status, times in (("active", 0), ("flagged", 1)):
        peer = Peer()
        peer.catalog.publish("lamps", "1.0.0", status=status, reason="because")

        async def walled(request: web.BaseRequest) -> web.StreamResponse | None:
            is_reason = is_of_reasons(asked(request))
            return web.Response(status=403) if is_reason else None

        peer.respond = walled
        look, _ = wait(peer)
        of_reasons = {one.at for one in peer.requests if is_of_reasons(one.query)}
        assert len(of_reasons) == times
        assert (look.is_judged, look.status, look.reason) == (True, status, None)


def test_a_reason_within_the_time() -> None:
    """A reason that never comes does not hold it: it ends one `timeout` after the time at the latest."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0", status="flagged")

    async def silent(request: web.BaseRequest) -> web.StreamResponse | None:
        is_reason = is_of_reasons(asked(request))
        return await FAULTS["hang"].play(request, peer.catalog) if is_reason else None

    peer.respond = silent
    look, seconds = wait(peer, longest=10.0)
    assert (look.status, look.reason) == ("flagged", None)
    assert seconds <= 10.0 + TIMEOUT


def test_the_version_that_is_waited_for() -> None:
    """It is the newest pending one of the first look, though a newer one comes; of a tag of git the `v` is left out."""
    peer = Peer()
    peer.catalog.publish("lamps", "1.0.0", status="pending")

    async def judged(request: web.BaseRequest) -> None:
        if len(looks(peer)) == 2 and request.path == "/versions":
            peer.catalog.publish("lamps", "1.1.0", status="pending")
            peer.catalog.set_status("lamps", "1.0.0", "active")

    peer.respond = judged
    for version in ("", "v1.0.0"):
        look, _ = wait(peer, version=version)
        assert look.version is not None
        assert (look.version.version, look.is_judged) == ("1.0.0", True)


def of_one_text(*statuses: str, days: int = 1) -> Peer:
    """Return a registry with versions that have one text, each so many days after the one before."""
    peer = Peer()
    for number, status in enumerate(statuses):
        at = datetime(2026, 3, 1 + number * days, tzinfo=UTC)
        peer.catalog.publish("lamps", f"{number}", status=status, created_at=at)
        peer.catalog.edit("lamps", f"{number}", version="1.0.0")
    return peer


def test_the_version_that_was_created_last() -> None:
    """Of several rows with the text it is the one that was created last."""
    look, _ = wait(of_one_text("deleted", "flagged", "active"))
    assert (look.is_judged, look.status) == (True, "active")


@pytest.mark.parametrize("statuses", [("active", "flagged"), ("flagged", "active")])
def test_of_versions_of_one_moment_the_worse_counts(statuses: tuple[str, str]) -> None:
    """Of two rows with the text that were created at one time a refused one is not hidden."""
    look, _ = wait(of_one_text(*statuses, days=0))
    assert (look.is_judged, look.status) == (True, "flagged")


def test_an_older_version_with_the_same_text() -> None:
    """If a page leaves a newer row out, an older one with its text is no verdict."""
    peer = of_one_text("deleted", "pending")

    async def without(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path != "/versions":
            return None
        document = peer.catalog.answer(asked(request))[1]
        rows = document["versions"]
        assert isinstance(rows, list)
        document["versions"] = [row for row in rows if "Pending" not in row["status"]]
        return web.Response(body=encoded(document))

    peer.respond = without
    look, _ = wait(peer, longest=60.0)
    assert not look.is_judged
