"""One poll's reading of every watched node: what is asked of whom, and what one node's trouble costs the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import responding
from tests.support.factories import NOW, watch
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from tests.support.fakes.faults import FAULTS
from tests.support.polls import Watcher, reported
from tests.support.virtual import Peer, VirtualRegistry, run
from watcher.polling.reading.plan import Seen, make_plan
from watcher.polling.reading.read import Answers, read
from watcher.registry.client import RequestLimits
from watcher.state.model import State
from watcher.streams import silent


@pytest.fixture
def watcher(registry: FakeRegistry, state: Path) -> Callable[..., Watcher]:
    """Make a watcher of some nodes, each with two versions, after its first poll."""

    def make(*nodes: str, **settings: Any) -> Watcher:
        made = Watcher(registry, state, *nodes, **settings)
        for node in made.nodes:
            registry.catalog.publish(node, "1.0.0", reason="old")
            registry.catalog.publish(node, "1.1.0")
        report = made.poll()
        assert [event.kind for event in report.events] == ["baseline"] * len(made.nodes)
        return made

    return make


# Reasons


def test_a_reason_is_asked_of_what_changed_only(
    registry: FakeRegistry, watcher: Callable[..., Watcher]
) -> None:
    """Only the node with a problem is asked for reasons of that status, and only the event of it has the reason."""
    made = watcher("a", "b")
    assert (reported(made.poll()), made.asked()) == ([], ["a", "b"])
    why = "Found eval; ask rev@example.org"
    registry.catalog.set_status("b", "1.1.0", "deleted", why)
    registry.catalog.deprecate("b", "1.1.0")
    registry.catalog.publish("a", "2.0.0")
    registry.catalog.edit("a", "1.1.0", downloadUrl="https://cdn.example/other.zip")
    reasons = {event.kind: (event.node, event.reason) for event in made.poll().events}
    assert reasons == {
        "deleted": ("b", "Found eval; ask (address removed)"),
        "deprecated": ("b", ""),
        "new": ("a", ""),
        "changed": ("a", ""),
    }
    assert made.asked() == ["a", "b", "b"]
    assert made.asked("statuses") == ["NodeVersionStatusDeleted"]


def test_an_alert_does_not_wait_for_its_reason(
    registry: FakeRegistry, watcher: Callable[..., Watcher]
) -> None:
    """Where a reason cannot be had, the event comes without it, in the same poll and only once; others stay."""
    made = watcher("a")
    registry.catalog.set_status("a", "1.0.0", "banned", "because")
    registry.catalog.set_status("a", "1.1.0", "flagged", "late")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        is_late = query_of(request).get("statuses") == ["NodeVersionStatusFlagged"]
        return web.Response(status=500) if is_late else None

    registry.respond = respond
    events = made.poll().events
    assert {event.kind: event.reason for event in events} == {
        "banned": "because",
        "flagged": "",
    }
    registry.respond = None
    assert reported(made.poll()) == []


# One node's trouble


def test_a_node_whose_id_cannot_be_sent_costs_no_other(
    registry: FakeRegistry, watcher: Callable[..., Watcher]
) -> None:
    """What nobody expected of one node is that node's failure, by the error's name and no more."""
    made = watcher("a", "b")
    registry.catalog.publish("b", "2.0.0")
    report = made.poll(nodes=("a", "\ud800", "b"), failure_threshold=3)
    assert dict(report.errors) == {"\ud800": "unexpected UnicodeEncodeError"}
    assert ("new", "b", "2.0.0") in reported(report)
    assert report.checked == 2


def answered(peer: Peer, *nodes: str, **limits: Any) -> dict[str, Seen]:
    """Ask about nodes without sockets, one after the other."""

    async def work() -> Answers:
        bounds = RequestLimits(**{"concurrency": 1} | limits)
        async with VirtualRegistry(peer.answer, bounds) as registry:
            plan = make_plan(watch("", *nodes), State(), {}, NOW)
            return await read(registry, plan, lambda: NOW, silent, None)

    return dict(run(work()).seen)


def asked_of(peer: Peer) -> Counter[str]:
    """Return how often each node was asked about."""
    return Counter(
        one.query["nodeId"][0] for one in peer.requests if "nodeId" in one.query
    )


def test_a_registry_that_does_not_answer_is_not_asked_for_every_node() -> None:
    """After a run of nodes without any answer the rest is not tried, and still each node is accounted for."""
    peer = Peer(respond=lambda request: FAULTS["hang"].play(request, peer.catalog))
    nodes = [f"pack-{number}" for number in range(60)]
    seen = answered(peer, *nodes, retries=0)
    assert list(asked_of(peer)) == nodes[:24]
    failures = [seen[node].failure for node in nodes]
    errors = [one.error for one in failures if one]
    untried = "not tried, since the registry could not be reached"
    assert all("it timed out" in error for error in errors[:24])
    assert errors[24:] == [untried] * 36


def test_a_registry_that_answers_wrongly_is_asked_once_for_every_node() -> None:
    """A registry that answers at all may have an answer for the next node: each is asked, the later ones once.

    After a good answer a node has as many attempts as ever.
    """
    peer = Peer()
    bad = [f"bad-{number}" for number in range(20)]
    for node in ("good", "shaky"):
        peer.catalog.publish(node, "1.0.0")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        node = query_of(request).get("nodeId", [""])[0]
        is_first = asked_of(peer)[node] == 1
        fails = node in bad or (node == "shaky" and is_first)
        return web.Response(status=500) if fails else None

    peer.respond = respond
    seen = answered(peer, *bad, "good", "shaky", retries=1)
    assert [node for node, one in seen.items() if one.failure] == bad
    often = dict.fromkeys(bad[:8], 2) | dict.fromkeys(bad[8:], 1)
    assert asked_of(peer) == often | {"good": 1, "shaky": 2}


def test_a_long_retry_after_ends_the_poll_for_every_node(
    registry: FakeRegistry, state: Path
) -> None:
    """After a 429 that asks for ten minutes no node is asked for, each says why, and they go first the next time."""
    nodes = [f"pack-{number}" for number in range(8)]
    for node in nodes:
        registry.catalog.publish(node, "1.0.0")
    made = Watcher(
        registry,
        state,
        *nodes,
        limits=RequestLimits(timeout=5, retries=3, concurrency=1),
    )
    refuse = responding(Retry_After="600")(429, b"{}")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return await refuse(request) if len(registry.requests) == 4 else None

    registry.respond = respond
    report = made.poll()
    assert made.asked() == nodes[:4]
    assert dict(report.errors) == dict.fromkeys(
        nodes[3:], "the registry asked to wait 10m (429)"
    )
    registry.respond = None
    assert made.poll().errors == ()
    assert made.asked() == nodes[4:] + nodes[:4]
