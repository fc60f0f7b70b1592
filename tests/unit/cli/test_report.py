"""What `check` says of a poll: lines, one JSON document, an exit code."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from tests.support.factories import NOW, PACK, URL, event, minute
from watcher.cli import report
from watcher.model.event import Change, Event, Kind
from watcher.polling.model import Report
from watcher.polling.problems import problems


def done(*events: Event, **fields: Any) -> Report:
    """Make the report of a poll of one node that went well."""
    given: dict[str, Any] = {
        "started": NOW,
        "finished": minute(0.025),
        "watched": 1,
        "checked": 1,
        "events": events,
        "errors": (),
        "empty": (),
        "delivered": 0,
        "pending": 0,
        "expired_by_channel": {},
        "channel_errors": {},
    }
    return Report(**given | fields)


def shown(given: Report, *, dry_run: bool = False) -> list[str]:
    """Give the lines without their colours."""
    return [click.unstyle(line) for line in report.lines(given, dry_run=dry_run)]


def sentences(given: Report) -> list[str]:
    """Give the problems as `check` prints them."""
    return [f"{problem.level}: {problem.sentence}" for problem in problems(given)]


def test_the_document_is_the_contracts() -> None:
    """`check --json` has exactly the contract's keys."""
    change = Change(field="tags", before="", after='["x"]')
    given = done(
        event("e1", changes=(change,), reason="Rejected by admin"),
        watched=2,
        errors=(("x", "it timed out"),),
        delivered=1,
        pending=2,
        expired_by_channel={"ops": 1, "mail": 2},
    )
    assert json.loads(report.as_json(given)) == {
        "started": NOW,
        "finished": minute(0.025),
        "nodes": {"watched": 2, "checked": 1, "failed": 1},
        "events": [
            {
                "id": "e1",
                "kind": "flagged",
                "node": PACK,
                "version": "1.0.0",
                "version_id": "id-1.0.0",
                "before": "active",
                "after": "flagged",
                "reason": "Rejected by admin",
                "changes": [{"field": "tags", "before": "", "after": '["x"]'}],
                "at": NOW,
                "url": URL,
            }
        ],
        "errors": [{"node": "x", "error": "it timed out"}],
        "alerts": {"delivered": 1, "pending": 2, "expired": 3},
    }


def test_a_node_level_event_has_null_for_its_version() -> None:
    """`version` and `version_id` are null where a node or the registry is meant."""
    (told,) = json.loads(report.as_json(done(event(node=None, version=None, version_id=None))))["events"]
    assert (told["node"], told["version"], told["version_id"]) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"empty": (PACK,)}, 0),
        ({"delivered": 3}, 0),
        ({"watched": 2}, 1),
        ({"pending": 1}, 1),
        ({"expired_by_channel": {"ops": 1}}, 1),
        ({"unsaved": ("history.jsonl cannot be written: No space left on device",)}, 1),
    ],
)
def test_the_exit_code_says_what_was_left_undone(fields: dict[str, Any], code: int) -> None:
    """0 when everything was checked and delivered, 1 when a node, an alert or a file that can wait was not."""
    assert report.exit_code(done(event(), **fields), ()) == code
    assert report.exit_code(done(event(), **fields), {Kind.BANNED}) == code
    assert report.exit_code(done(event(), **fields), {Kind.BANNED, Kind.FLAGGED}) == 3


def test_events_come_worst_first() -> None:
    """Banned comes before flagged, and both before the rest."""
    kinds = [Kind.NEW, Kind.FLAGGED, Kind.DEPRECATED, Kind.BANNED]
    said = shown(done(*(event(str(kind), kind) for kind in kinds)))
    assert [line.split()[2] for line in said[:-1]] == ["banned", "flagged", "deprecated", "new"]


def test_a_quiet_poll_is_one_line() -> None:
    """Nothing new is said in one line, with how long it took."""
    assert shown(done()) == ["1 node checked, 0 events (1.5 s)"]


def test_the_last_line_sums_up() -> None:
    """What was checked, found, failed, delivered, kept and expired is counted."""
    given = done(event(), watched=3, checked=2, delivered=1, pending=2, expired_by_channel={"ops": 3})
    counts = "2 nodes checked, 1 failed, 1 event, 1 alert delivered, 2 alerts still undelivered, 3 alerts expired"
    assert shown(given)[-1] == f"{counts} (1.5 s)"
    assert shown(given, dry_run=True)[-1] == f"{counts} (1.5 s); dry run: nothing saved or sent"


def test_a_clock_set_back_took_no_time() -> None:
    """A poll never seems to have ended before it began."""
    assert shown(done(finished=minute(-5))) == ["1 node checked, 0 events (0.0 s)"]


def test_a_line_says_what_changed_and_why() -> None:
    """A transition names both ends and the reason, a change its fields, a node-level event its node alone."""
    nothing: dict[str, Any] = {"version": None, "version_id": None, "before": None, "after": None}
    flagged, banned, changed, failing = (
        shown(done(one))[0].split(maxsplit=3)
        for one in (
            event(reason="Rejected by admin"),
            event(kind=Kind.BANNED, **nothing | {"before": "active", "after": "banned"}),
            event(kind=Kind.CHANGED, changes=(Change(field="tags", before="", after='["x"]'),)),
            event(kind=Kind.FAILING, node=None, **nothing, reason="could not be read"),
        )
    )
    assert flagged == [PACK, "1.0.0", "flagged", "active → flagged; Rejected by admin"]
    assert banned[:2] == [PACK, "banned"]
    assert changed == [PACK, "1.0.0", "changed", 'tags: (empty) → ["x"]']
    assert failing == ["(registry)", "failing", "could", "not be read"]


def test_what_went_wrong_is_said_with_its_place() -> None:
    """Failed nodes, empty ones, failed channels and lost alerts each have their line, without strangers' escapes."""
    given = done(
        watched=2,
        errors=(("x\x1b[2J", "it timed out\n::error::"),),
        empty=("y",),
        expired_by_channel={"mail": 1},
        channel_errors={"ops": "HTTP 500"},
    )
    said = sentences(given)
    assert len(said) == 4
    assert [line.split(": ")[0] for line in said] == ["error", "warning", "error", "error"]
    assert "is the id right?" in said[1]
    assert said[2] == "error: channel ops: HTTP 500; its alerts are kept and retried"
    assert "mail: 1 alert expired: not delivered within alert_expiry" in said[3]
    assert not {"\x1b", "\n"} & set("".join(said))
    assert problems(done()) == []


def test_nodes_that_failed_alike_share_a_line() -> None:
    """A registry that is down is one line that names a few nodes and counts the rest."""
    errors = tuple((f"node-{number}", "it timed out") for number in range(5))
    assert sentences(done(watched=6, errors=(*errors, ("other", "HTTP 500")))) == [
        "error: node-0, node-1, node-2 and 2 more nodes: it timed out",
        "error: other: HTTP 500",
    ]


def test_a_problem_is_values_for_a_log() -> None:
    """Beside its sentence a problem has a name that is always the same, and nodes, channel and cause as fields."""
    errors = tuple((f"node: {number}", "it timed out: twice\x1b") for number in range(5))
    given = done(
        watched=6,
        errors=errors,
        empty=("y",),
        channel_errors={"ops": "HTTP 500"},
        expired_by_channel={"ops": 1, "mail": 2},
    )
    assert [(one.level, one.event, dict(one.fields)) for one in problems(given)] == [
        (
            "error",
            "node unread",
            {"nodes": "node: 0, node: 1, node: 2 and 2 more nodes", "count": 5, "error": "it timed out: twice"},
        ),
        ("warning", "node empty", {"nodes": "y", "count": 1}),
        ("error", "channel failed", {"channel": "ops", "error": "HTTP 500"}),
        ("error", "alerts expired", {"channel": "ops", "alerts": 1}),
        ("error", "alerts expired", {"channel": "mail", "alerts": 2}),
    ]


def test_what_was_not_written_is_said() -> None:
    """A file that could not be written after the change was saved is a problem, so that a full disk is noticed."""
    what = "history.jsonl cannot be written: No space left on device"
    (problem,) = problems(done(unsaved=(what,)))
    assert (problem.event, problem.fields) == ("state unsaved", {"error": what})
    assert problem.sentence.startswith(what)


def test_strangers_text_stays_in_its_line() -> None:
    """Ids, versions, statuses, fields and reasons with line breaks and escapes make no line of their own."""
    hostile = "\x1b[2J\u202e\n::error::" + "x" * 5000
    changes = (Change(field="tags", before=hostile, after=hostile),)
    said = shown(
        done(
            event(node=hostile, version=hostile, before=hostile, after=hostile, reason=hostile),
            event(kind=Kind.CHANGED, changes=changes),
        )
    )
    assert len(said) == 3
    assert not {"\x1b", "\u202e", "\n"} & set("".join(said))
    assert max(map(len, said)) < 1000
