"""The registry's reasons: only those that are wanted are read, and none is made up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import hurried
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS, inflict
from tests.support.parameters import one_of
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher.polling.reading.read import read_all
from watcher.registry.client import Registry, RequestLimits


def _reasons(
    registry: FakeRegistry, wanted: dict[str, str], **limits: Any
) -> dict[str, str]:
    async def work() -> dict[str, str]:
        async with Registry(
            registry.url, RequestLimits(**{"retries": 0} | limits)
        ) as client:
            statuses = {("pack", key): status for key, status in wanted.items()}
            found = await read_all(client, statuses, 3600.0)
            return {key: reason.summary for (_, key), reason in found.items()}

    found, _ = hurried(work())
    return found


def test_reasons_are_asked_for_by_status_and_few_at_a_time(
    registry: FakeRegistry,
) -> None:
    """Only the statuses in question are read, twenty rows a page, and only until all were found.

    What else is in the same answers comes with them.
    """
    ids = [
        registry.catalog.publish(
            "pack", f"{number:03}", status="flagged", reason=f"because {number}"
        )
        for number in range(200)
    ]
    assert _reasons(registry, {ids[0]: "flagged"})[ids[0]] == "because 0"
    registry.requests.clear()
    found = _reasons(registry, {ids[199]: "flagged", ids[175]: "flagged"})
    assert found == {ids[at]: f"because {at}" for at in range(160, 200)}
    assert [asked.query for asked in registry.requests] == [
        {
            "nodeId": ["pack"],
            "statuses": ["NodeVersionStatusFlagged"],
            "include_status_reason": ["true"],
            "page": [page],
            "pageSize": ["20"],
        }
        for page in ("1", "2")
    ]


def test_each_status_is_asked_once(registry: FakeRegistry) -> None:
    """Versions of two statuses take one question each; one of no known status takes none."""
    flagged = registry.catalog.publish("pack", "1", status="flagged", reason="f")
    banned = registry.catalog.publish("pack", "2", status="banned", reason="b")
    found = _reasons(
        registry,
        {flagged: "flagged", banned: "banned", "x": "NodeVersionStatusQuarantined"},
    )
    assert found == {flagged: "f", banned: "b"}
    assert len(registry.requests) == 2


def test_the_search_for_a_reason_ends(registry: FakeRegistry) -> None:
    """A version that is not there costs the pages that there are and one more, and never more than fifty."""
    for number in range(30):
        registry.catalog.publish("pack", f"{number:04}", status="flagged", reason="r")
    assert "missing" not in _reasons(registry, {"missing": "flagged"})
    assert len(registry.requests) == 3
    for number in range(30, 1020):
        registry.catalog.publish("pack", f"{number:04}", status="flagged", reason="r")
    registry.requests.clear()
    assert "missing" not in _reasons(registry, {"missing": "flagged"})
    assert len(registry.requests) == 50


def test_large_reasons_of_others_hide_no_reason(registry: FakeRegistry) -> None:
    """Where a page is too large, the wanted rows are read one by one; a reason that is too large itself is left out."""
    for number in range(0, 80, 2):
        registry.catalog.publish(
            "pack", f"{number:03}", status="flagged", reason="x" * 3_000
        )
    ids = [
        registry.catalog.publish(
            "pack", f"{at:03}", status="flagged", reason=f"for {at}"
        )
        for at in (1, 35, 77)
    ]
    large = registry.catalog.publish(
        "pack", "033", status="flagged", reason="x" * 30_000
    )
    found = _reasons(
        registry, dict.fromkeys([*ids, large], "flagged"), max_bytes=20_000
    )
    assert [found[one] for one in ids] == ["for 1", "for 35", "for 77"]
    assert large not in found


@pytest.mark.parametrize(
    "name",
    one_of(
        *sorted(
            FAULTS.keys()
            - {"huge_reason", "findings_bomb", "endless_body", "gzip_bomb"}
        ),
        fast=4,
    ),
)
def test_a_reason_that_cannot_be_had_is_left_out(
    registry: FakeRegistry, name: str
) -> None:
    """Whatever the registry answers, no reason is made up, and nothing but a reason is lost."""
    wanted = registry.catalog.publish(
        "pack", "1.0.0", status="flagged", reason="because"
    )
    inflict(registry, name)
    found = _reasons(
        registry, {wanted: "flagged"}, timeout=0.1 if FAULTS[name].slow else 5.0
    )
    assert found in ({}, {wanted: "because"}, {wanted: ""})


def test_another_nodes_reason_is_not_taken(registry: FakeRegistry) -> None:
    """A row of another node with the same key lends it no reason."""
    wanted = registry.catalog.publish(
        "pack", "1.0.0", status="flagged", reason="because"
    )
    inflict(registry, "row_of_another")
    assert _reasons(registry, {wanted: "flagged"}) == {}


def test_a_reason_that_comes_too_late() -> None:
    """What has come by then is enough."""
    peer = Peer()
    wanted = {
        (
            "pack",
            peer.catalog.publish("pack", status, status=status, reason="r"),
        ): status
        for status in ("banned", "flagged")
    }

    async def respond(request: web.BaseRequest) -> None:
        if asked(request)["statuses"] == ["NodeVersionStatusFlagged"]:
            await asyncio.sleep(31)

    async def work() -> tuple[list[str], float]:
        limits = RequestLimits(timeout=300, retries=0)
        async with VirtualRegistry(peer.answer, limits) as client:
            found = await read_all(client, wanted, 30)
        statuses = [wanted[key] for key in found]
        return statuses, asyncio.get_running_loop().time()

    peer.respond = respond
    assert run(work()) == (["banned"], 30)
