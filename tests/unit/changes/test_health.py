"""Who counts as failing and who has recovered: a node, or the registry as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.support.factories import NOW, minute
from watcher.changes.health import (
    Turn,
    registry_is_down,
)
from watcher.model.event import About, Event, Kind
from watcher.model.reading import Fault, ReadFailure
from watcher.model.snapshot import Snapshot

NODES = ("Alpha", "beta", "gamma", "delta")
NAMES = {name.lower(): name for name in (*NODES, "New")}
SNAPSHOT = Snapshot()


def unread(
    *names: str, wide: bool = True, error: str = "it timed out"
) -> dict[str, ReadFailure]:
    """Make failures of these nodes."""
    return {
        name.lower(): ReadFailure(
            node=name, error=error, fault=Fault.REGISTRY if wide else Fault.OWN
        )
        for name in names
    }


def poll(
    before: Turn | None,
    failed: dict[str, ReadFailure],
    *read: str,
    empty: tuple[str, ...] = (),
    threshold: int = 3,
    at: str = NOW,
) -> Turn:
    """Take one poll after another."""
    streaks, snapshot = (before.streaks, before.snapshot) if before else ({}, SNAPSHOT)
    turn = Turn(streaks, snapshot, threshold, at)
    turn.take_nodes(failed, {name.lower() for name in read}, empty, NAMES)
    return turn


def polls(count: int, failed: dict[str, ReadFailure], *read: str) -> Turn:
    """Assess the same poll several times, a minute apart."""
    done = poll(None, failed, *read)
    for number in range(1, count):
        done = poll(done, failed, *read, at=minute(number))
    return done


def said(events: Iterable[Event]) -> list[tuple[Kind, str | None]]:
    """Return kind and node of each event."""
    return [(event.kind, event.node) for event in events]


def test_a_node_fails_at_the_threshold_and_recovers() -> None:
    """A node that could not be read so many polls in a row is one `failing`, then one `recovered`, and counts anew."""
    twice = polls(2, unread("Alpha", wide=False, error="HTTP 500"), *NODES[1:])
    due = poll(twice, unread("Alpha", wide=False), *NODES[1:], at=minute(5))
    late = poll(due, unread("Alpha", wide=False), *NODES[1:])
    back = poll(late, {}, *NODES)
    assert [said(one.events) for one in (twice, due, late, back)] == [
        *([], [(Kind.FAILING, "Alpha")], [], [(Kind.RECOVERED, "Alpha")]),
    ]
    (event,) = due.events
    assert (event.before, event.after, event.version) == (None, "failing", None)
    assert (
        event.reason == "it timed out; in 3 polls in a row, since 2026-03-02 00:00 UTC"
    )
    assert (back.events[0].before, back.events[0].after) == ("failing", None)
    assert not any(back.streaks.values())


def test_pages_that_fail_are_the_registrys_failure() -> None:
    """The pages of all nodes are no node: their failure is the registry's, also where single nodes can be read."""
    early, due, late = (polls(count, unread("*"), "Alpha") for count in (2, 3, 4))
    assert [said(one.events) for one in (early, due, late)] == [
        [],
        [(Kind.FAILING, None)],
        [],
    ]
    assert "*" not in late.snapshot.nodes
    assert said(poll(late, {}, "Alpha").events) == [(Kind.RECOVERED, None)]


def test_an_unchanged_snapshot_is_the_same_object() -> None:
    """Where no node and not the registry begins or ends to fail, the snapshot is returned as it came."""
    assert poll(None, {}, *NODES).snapshot is SNAPSHOT
    assert poll(None, unread("Alpha", wide=False), *NODES[1:]).snapshot is SNAPSHOT


def test_a_node_that_was_not_polled_keeps_its_count() -> None:
    """A node that is not watched for a while neither fails nor recovers."""
    twice = polls(2, unread("Alpha", wide=False), *NODES[1:])
    between = poll(twice, {}, *NODES[1:])
    assert between.streaks == twice.streaks
    assert said(poll(between, unread("Alpha", wide=False), *NODES[1:]).events) == [
        (Kind.FAILING, "Alpha")
    ]


FACES = {"404": False, "503": True}
"""Two ways in which a node cannot be read: by its own fault, and by the registry's."""
F, R = Kind.FAILING, Kind.RECOVERED
ALPHA, REGISTRY = (F, "Alpha"), (F, None)


@pytest.mark.parametrize(
    ("answers", "events"),
    [
        ("404 404 503 503 ok", [[], [], [REGISTRY], [], [(R, None)]]),
        ("503 503 404 404 404 ok", [[], [], [ALPHA], [], [], [(R, "Alpha")]]),
        ("404,404,ok,ok 404,404,ok,ok 503 503", [[], [], [ALPHA, (F, "beta")], []]),
        ("503 503 503 404,ok,ok,ok", [[], [], [REGISTRY], [(R, None), ALPHA]]),
    ],
)
def test_what_each_poll_reports(
    answers: str, events: list[list[tuple[Kind, str | None]]]
) -> None:
    """With the threshold 3, every poll that could not read a node counts for it, whatever the reason. One outage is one
    event, of the registry where at least three nodes are due, else of the node; what stays down after it is reported.
    """
    done, found, ids = None, [], list[str]()
    for answer in answers.split():
        nodes = NODES if "," in answers else NODES[:1]
        each = dict(
            zip(
                nodes,
                answer.split(",") if "," in answer else [answer] * len(nodes),
                strict=True,
            )
        )
        failed: dict[str, ReadFailure] = {}
        for node, got in each.items():
            failed |= unread(node, wide=FACES[got], error=got) if got in FACES else {}
        done = poll(done, failed, *(node for node in nodes if each[node] == "ok"))
        found.append(said(done.events))
        ids += [one.id for one in done.events]
    assert found == events
    assert len(ids) == len({*ids})


def test_the_registrys_error_is_the_most_common_one() -> None:
    """The event says what most nodes met that were tried, and has the longest count of those that it stands for."""
    twice = polls(2, unread("Alpha", wide=False), *NODES[1:])
    untried = {
        key: replace(one, fault=Fault.UNTRIED)
        for key, one in unread("u1", "u2", "u3", error="not tried").items()
    }
    failed = unread("Alpha", error="HTTP 500") | unread("beta", "gamma") | untried
    (event,) = poll(twice, failed, threshold=1).events
    assert (
        event.reason == "it timed out; in 3 polls in a row, since 2026-03-02 00:00 UTC"
    )


@pytest.mark.parametrize(
    ("wide", "narrow", "watched", "down"),
    [
        *((1, 0, 1, True), (3, 0, 4, True), (0, 3, 3, True)),
        *((0, 1, 1, False), (1, 1, 2, False), (2, 0, 4, False)),
    ],
)
def test_whose_fault_it_is(wide: int, narrow: int, watched: int, down: bool) -> None:
    """It is the registry's when the way to it failed for all or most nodes, or all of at least three failed."""
    failed = unread(*(f"w{number}" for number in range(wide)))
    failed |= unread(*(f"n{number}" for number in range(narrow)), wide=False)
    assert registry_is_down(failed, watched) is down


def test_an_id_without_versions_fails_at_the_threshold_and_once() -> None:
    """A node that never had a version is one `failing` at the threshold, and `recovered` when it has one.

    A poll that cannot read it neither counts nor ends the count, and adds no second `failing`.
    """
    done, found = None, list[Event]()
    for failed in (False, False, True, False, False, True, True, True, False):
        failures = unread("New", wide=False) if failed else {}
        empty = () if failed else ("new",)
        done = poll(done, failures, "Alpha", *empty, empty=empty)
        found += done.events
    assert said(found) == [(Kind.FAILING, "New")]
    assert (
        found[0].reason
        == "no versions found in 3 polls in a row, since 2026-03-02 00:00 UTC: is the id right?"
    )
    assert (found[0].before, found[0].after) == (None, "empty")
    back = poll(done, {}, "new")
    assert said(back.events) == [(Kind.RECOVERED, "New")]
    assert (back.events[0].before, back.events[0].after) == ("empty", None)
    assert back.streaks[About.EMPTY] == {}
