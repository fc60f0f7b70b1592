"""The problems of a poll, a sentence each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.factories import poll_report
from watcher.model.reading import Fault, ReadFailure
from watcher.polling.problems import (
    ProblemReporter,
    delivery_problems,
    may_last,
    problems,
    set_aside_problems,
)


def sentences(**fields: Any) -> list[str]:
    """Return the problems of a poll as `check` prints them."""
    return [
        f"{problem.level}: {problem.sentence}"
        for problem in problems(poll_report(**fields))
    ]


def test_each_problem_has_a_sentence_and_a_name_for_a_log() -> None:
    """Failed nodes, empty ones, failed channels, expired alerts and unsaved files are reported; else nothing is."""
    done = poll_report(
        errors=(("x\x1b[2J", "it timed out\n::error::"),),
        empty=("y",),
        unsaved=("history.jsonl cannot be written",),
        channel_errors={"ops": "HTTP 500", "mail": "HTTP 401"},
        expired_by_channel={"mail": 1},
    )
    assert [(one.level, one.event, one.sentence) for one in problems(done)] == [
        ("error", "node unread", "x[2J: it timed out : :error::"),
        ("warning", "node empty", "y: no versions found: is the id right?"),
        (
            "error",
            "state unsaved",
            "history.jsonl cannot be written; no change and no alert is lost",
        ),
        (
            "error",
            "channel failed",
            "channel ops: HTTP 500; its alerts are kept and retried",
        ),
        ("error", "channel failed", "channel mail: HTTP 401"),
        (
            "error",
            "alerts expired",
            "channel mail: 1 alert expired: not delivered within alert_expiry",
        ),
    ]
    assert sentences() == []


def test_nodes_with_the_same_error_share_a_line() -> None:
    """A registry that is down is one line that names a few nodes and counts the rest."""
    errors = tuple((f"node-{number}", "it timed out") for number in range(5))
    assert sentences(errors=(*errors, ("other", "HTTP 500"))) == [
        "error: node-0, node-1, node-2 and 2 more packs: it timed out",
        "error: other: HTTP 500",
    ]


def test_a_registry_that_is_down_is_one_sentence() -> None:
    """It is about the registry, with the packs as a count; a single pack, and one that fails otherwise, is named."""
    down = [
        ReadFailure(node=node, error="it timed out", fault=Fault.UNREACHED)
        for node in ("alpha", "bravo")
    ]
    untried = ReadFailure(node="c", error="not tried", fault=Fault.UNTRIED)

    def said(*unread: ReadFailure, **fields: Any) -> list[str]:
        done = poll_report(**{"checked": 0, "watched": len(unread), **fields})
        return [one.sentence for one in problems(replace(done, unread=unread))]

    assert said(*down, untried) == [
        "the registry cannot be read: it timed out (3 packs)"
    ]
    assert said(*down, watched=3, checked=1) == ["alpha, bravo: it timed out"]
    odd = replace(untried, error="HTTP 500", fault=Fault.REGISTRY)
    assert said(*down, odd) == ["the registry cannot be read: it timed out (3 packs)"]
    assert said(odd) == ["c: HTTP 500"]


def test_a_list_of_publishers_packs_that_cannot_be_read() -> None:
    """It is a problem of its own, with its own end, also where no pack can be read either."""
    unlisted = ReadFailure(error="the packs cannot be listed: HTTP 500")
    packs = [
        ReadFailure(node=node, error="HTTP 500", fault=Fault.REGISTRY)
        for node in ("alpha", "bravo")
    ]
    part = "not all of the registry can be read"

    def said(*unread: ReadFailure, **fields: Any) -> list[tuple[str, Any]]:
        done = replace(poll_report(watched=2, **fields), unread=unread)
        return [(one.sentence, one.about) for one in problems(done)]

    assert said(unlisted, checked=2) == [(unlisted.error, (part,))]
    assert said(unlisted, *packs, checked=0) == [
        (
            "the registry cannot be read: HTTP 500 (2 packs)",
            ("the registry cannot be read",),
        ),
        (unlisted.error, (part,)),
    ]
    down = poll_report(watched=2, checked=0, errors=(("alpha", "HTTP 500"),))
    assert may_last(down)(part)


def test_only_a_channel_that_takes_alerts_has_recovered() -> None:
    """One that failed and whose alerts have expired has not, nor has one that left the settings."""
    about = "channel {} takes no alerts".format
    expired = poll_report(
        channel_errors={"ops": "HTTP 500"}, expired_by_channel={"ops": 2}
    )
    assert [one.about for one in problems(expired)] == [(about("ops"),), ()]
    later = may_last(poll_report(taking=frozenset({"mail"})))
    assert [later(about(name)) for name in ("ops", "mail")] == [True, False]


def test_alerts_that_are_set_aside_have_a_sentence() -> None:
    """It names the channel, and says until when the alerts are kept."""
    assert [problem.sentence for problem in set_aside_problems({"json": 2})] == [
        "channel json: its URL was removed; 2 alerts for it are kept until it is back or alert_expiry"
    ]


def test_a_problem_is_reported_once() -> None:
    """What was reported before the end of the poll is not repeated there."""
    reported: list[str] = []
    report = ProblemReporter(lambda problem: reported.append(problem.event))
    found = [*delivery_problems({"ops": "HTTP 500"}, {"ops": 1})]
    report(found[:1])
    report(found)
    assert reported == ["channel failed", "alerts expired"]
