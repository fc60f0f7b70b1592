"""One poll's reading of every watched node: what is asked of whom, and what one node's trouble costs the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from tests.support.fakes.faults import FAULTS, inflict
from tests.support.parameters import one_of
from tests.support.polls import Watcher, reported
from watcher.registry.client import RequestLimits


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


def _play_where(
    registry: FakeRegistry, fault: str, matches: Callable[[dict[str, list[str]]], bool]
) -> None:
    """Play a fault where a request's query matches."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return (
            await FAULTS[fault].play(request, registry.catalog)
            if matches(query_of(request))
            else None
        )

    registry.respond = respond


# Reasons


@pytest.mark.parametrize("status", ["flagged", "banned", "deleted"])
def test_a_reason_is_asked_of_what_changed_only(
    registry: FakeRegistry, watcher: Callable[..., Watcher], status: str
) -> None:
    """Only the node with a problem is asked for reasons of that status, and only the event of it has the reason."""
    made = watcher("a", "b")
    registry.catalog.set_status("b", "1.1.0", status, "Found eval; ask rev@example.org")
    registry.catalog.deprecate("b", "1.1.0")
    reasons = {event.kind: (event.node, event.reason) for event in made.poll().events}
    assert reasons == {
        status: ("b", "Found eval; ask (address removed)"),
        "deprecated": ("b", ""),
    }
    assert made.asked() == ["a", "b", "b"]
    assert registry.requests[-1].query["statuses"] == [
        f"NodeVersionStatus{status.capitalize()}"
    ]


def test_what_needs_no_reason_asks_for_none(
    registry: FakeRegistry, watcher: Callable[..., Watcher]
) -> None:
    """A first poll, a quiet one, and new, deprecated and changed versions take one question a node."""
    made = watcher("a")
    assert reported(made.poll()) == []
    assert made.asked() == ["a"]
    registry.catalog.publish("a", "2.0.0")
    registry.catalog.deprecate("a", "1.0.0")
    registry.catalog.edit("a", "1.1.0", downloadUrl="https://cdn.example/other.zip")
    assert sorted(kind for kind, _, _ in reported(made.poll())) == [
        "changed",
        "deprecated",
        "new",
    ]
    assert (made.asked(), made.asked("include_status_reason")) == (["a"], [])


@pytest.mark.parametrize(
    "fault",
    one_of(
        "hang", "status_500_json", "html_200", "gzip_bomb", "reset_mid_body", fast=2
    ),
)
def test_an_alert_does_not_wait_for_its_reason(
    registry: FakeRegistry, watcher: Callable[..., Watcher], fault: str
) -> None:
    """Where the reason cannot be had in time, the event comes without it, in the same poll and only once."""
    made = watcher("a")
    registry.catalog.set_status("a", "1.1.0", "flagged", "because")
    _play_where(registry, fault, lambda query: "include_status_reason" in query)
    (event,) = made.poll(
        limits=RequestLimits(timeout=0.5, retries=0, max_bytes=2**20)
    ).events
    assert (event.kind, event.reason) == ("flagged", "")
    registry.respond = None
    assert reported(made.poll()) == []


def test_a_reason_that_came_in_time_is_kept(
    registry: FakeRegistry, watcher: Callable[..., Watcher]
) -> None:
    """Of a node whose second reason does not come in time, the first is reported."""
    made = watcher("a")
    registry.catalog.set_status("a", "1.0.0", "banned", "because")
    registry.catalog.set_status("a", "1.1.0", "flagged", "late")
    _play_where(
        registry,
        "hang",
        lambda query: query.get("statuses") == ["NodeVersionStatusFlagged"],
    )
    events = made.poll(
        limits=RequestLimits(timeout=1.0, retries=0, max_bytes=2**20)
    ).events
    assert {event.kind: event.reason for event in events} == {
        "banned": "because",
        "flagged": "",
    }


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


@pytest.mark.parametrize("fault", one_of("closed_unanswered", "hang"))
def test_a_registry_that_does_not_answer_is_not_asked_for_every_node(
    registry: FakeRegistry, state: Path, fault: str
) -> None:
    """After a run of nodes without any answer the rest is not tried, and still each node is accounted for."""
    nodes = [f"pack-{number}" for number in range(200)]
    made = Watcher(
        registry,
        state,
        *nodes,
        limits=RequestLimits(timeout=0.3, retries=1, concurrency=4),
    )
    inflict(registry, fault)
    report = made.poll()
    causes = Counter(dict(report.errors).values())
    tried = 200 - causes["not tried, since the registry could not be reached"]
    # That is 24 nodes, and three more that were under way. A busy server may not have seen a request that timed out.
    assert 24 <= tried <= 27
    assert len(set(made.asked())) <= tried
    assert (len(report.errors), made.progress) == (200, 200)
    assert reported(report) == [("failing", None, None)]


@pytest.mark.parametrize(
    "fault",
    one_of(
        "truncated_body",
        "status_503_json",
        "redirect_elsewhere",
        "rate_limited_missing",
        "status_403_html",
    ),
)
def test_a_registry_that_answers_wrongly_is_asked_once_for_every_node(
    registry: FakeRegistry, state: Path, fault: str
) -> None:
    """A registry that answers at all may have an answer for the next node: each is asked, the later ones once."""
    nodes = [f"pack-{number}" for number in range(60)]
    made = Watcher(
        registry,
        state,
        *nodes,
        limits=RequestLimits(timeout=5, retries=1, concurrency=4),
    )
    inflict(registry, fault, nodes=set(nodes) - {"pack-59"})
    registry.catalog.publish("pack-59", "1.0.0")
    report = made.poll()
    asked = Counter(made.asked())
    assert asked.keys() == set(nodes)
    assert asked.total() <= 60 + 11
    assert (len(report.errors), reported(report)) == (
        59,
        [("baseline", "pack-59", None), ("failing", None, None)],
    )


@pytest.mark.bounded
def test_a_node_that_is_answered_gives_the_others_their_attempts_back(
    registry: FakeRegistry, state: Path
) -> None:
    """After a run of failures a node has one attempt, and after a good answer as many as ever."""
    bad = [f"bad-{number}" for number in range(9)]
    made = Watcher(
        registry,
        state,
        *bad,
        "good",
        "shaky",
        limits=RequestLimits(timeout=5, retries=1, concurrency=1),
    )
    for node in ("good", "shaky"):
        registry.catalog.publish(node, "1.0.0")
    fault, asked = FAULTS["status_500_json"], Counter[str]()

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        node = query_of(request)["nodeId"][0]
        asked[node] += 1
        fails = node in bad or (node == "shaky" and asked[node] == 1)
        return await fault.play(request, registry.catalog) if fails else None

    registry.respond = respond
    report = made.poll(failure_threshold=9)
    assert {node for node, _ in report.errors} == set(bad)
    assert asked == dict.fromkeys(bad[:8], 2) | {bad[8]: 1, "good": 1, "shaky": 2}


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
