"""What `check` prints about a poll: lines, one JSON document, an exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
import pytest

from tests.support.factories import HARMLESS, NOW, PACK, URL, event, minute, poll_report
from watcher.cli import report
from watcher.cli.terminal import to_json
from watcher.model.event import Event, FieldChange, Kind, Severity
from watcher.model.pack import Copy
from watcher.model.reading import Fault, ReadFailure

DEPENDENCIES = FieldChange(field="dependencies", before=(), after=("x",))


def lines(*events: Event, dry_run: bool = False, **fields: Any) -> list[str]:
    """Return the lines for a poll, without their colours."""
    return [
        click.unstyle(line)
        for line in report.lines(poll_report(*events, **fields), dry_run=dry_run)
    ]


def test_the_json_document() -> None:
    """`check --json` has exactly the documented keys."""
    done = poll_report(
        event(
            "e1",
            changes=(DEPENDENCIES,),
            reason="Rejected by admin",
            installed=(Copy(install="workstation", version="1.0", enabled=True),),
        ),
        watched=2,
        errors=(("x", "it timed out"),),
        delivered=1,
        unconfirmed=4,
        undelivered=2,
        expired_by_channel={"ops": 1, "mail": 2},
        requests=309,
    )
    assert json.loads(to_json(report.document(done))) == {
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
                "changes": [{"field": "dependencies", "before": "", "after": '["x"]'}],
                "at": NOW,
                "published": None,
                "severity": "warning",
                "installed": [
                    {"install": "workstation", "version": "1.0", "enabled": True}
                ],
                "url": URL,
            }
        ],
        "errors": [{"node": "x", "error": "it timed out"}],
        "alerts": {"delivered": 1, "unconfirmed": 4, "pending": 2, "expired": 3},
    }


def test_a_registry_that_gives_no_answer_is_one_entry() -> None:
    """Its `node` is null, and all nodes count as failed; so it is with a single node."""
    for number in (1, 3):
        unread = tuple(
            ReadFailure(node=f"n{one}", error="refused", fault=Fault.UNREACHED)
            for one in range(number)
        )
        done = replace(poll_report(watched=number, checked=0), unread=unread)
        document = json.loads(to_json(report.document(done)))
        assert document["errors"] == [{"node": None, "error": "refused"}]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"empty": (PACK,)}, 0),
        ({"delivered": 3, "unconfirmed": 1}, 0),
        ({"watched": 2}, 1),
        ({"undelivered": 1}, 1),
        ({"expired_by_channel": {"ops": 1}}, 1),
        ({"unsaved": ("history.jsonl cannot be written: No space left on device",)}, 1),
    ],
)
def test_the_exit_code(fields: dict[str, Any], code: int) -> None:
    """0 if everything was checked and delivered; 1 if a node, an alert or a file was not; 3 if `--fail-on` matched."""
    done = poll_report(event(), **fields)
    assert [
        report.code_of(done, kinds)
        for kinds in ((), {Kind.BANNED}, {Kind.BANNED, Kind.FLAGGED})
    ] == [
        code,
        code,
        3,
    ]


def test_a_flag_that_is_info_is_a_match_of_its_own() -> None:
    """`flagged` is a warning, and `flagged-info` the rest; `exposed` is either, and what stands for one."""
    calm = event(scan=HARMLESS)
    for word, one, code in (
        ("flagged", event(), 3),
        ("flagged", calm, 0),
        ("flagged-info", calm, 3),
        ("flagged-info", event(), 0),
        ("exposed", replace(calm, kind=Kind.EXPOSED), 3),
        ("exposed", replace(event(), exposes=True), 3),
        ("exposed", event(), 0),
    ):
        done = poll_report(one)
        assert report.code_of(done, {word}) == code
    *_, line = report.lines(
        poll_report(calm, event("e2")), dry_run=False, fail_on={"flagged-info"}
    )
    assert line.endswith("; exit 3: 1 flagged-info")


def test_the_last_line_sums_up() -> None:
    """It counts what was checked, found, delivered, and so on, leaving out zeros, and says how long the poll took."""
    assert lines() == ["1 pack checked, 0 events (1.5 s)"]
    assert lines(requests=1, finished=minute(-5)) == [
        "1 pack checked, 0 events (1 request, 0.0 s)"
    ]
    given: dict[str, Any] = {
        "watched": 3,
        "checked": 2,
        "empty": (PACK,),
        "delivered": 1,
        "unconfirmed": 4,
        "undelivered": 2,
        "next_try": minute(0.5),
        "expired_by_channel": {"ops": 3},
        "unscanned": (ReadFailure(install="laptop", error="it is locked"),),
        "unsaved": ("owed.jsonl: full",),
    }
    said = lines(event(), dry_run=True, **given)[-1]
    assert said.partition(" (1.5 s)")[0] == (
        "2 of 3 packs checked, 1 without versions, 1 event, 1 install not scanned in full, 1 alert delivered,"
        " 4 alerts sent unconfirmed, 2 alerts still undelivered (next try in 28 seconds), 3 alerts expired,"
        " 1 file not written"
    )
    assert "; dry run: nothing saved or sent: " in said


def test_the_last_line_says_why_the_exit_code_is_3() -> None:
    """It counts the events whose kinds were asked for, worst first; the others are no reason."""
    events = (event(), event("e2", Kind.BANNED), event("e3", Kind.BANNED))
    done = poll_report(*events)
    kinds = {event().kind, Kind.BANNED, Kind.DELETED}
    *_, line = report.lines(done, dry_run=False, fail_on=kinds)
    assert line.endswith(f"; exit 3: 2 banned, 1 {event().kind}")
    *_, calm = report.lines(done, dry_run=False, fail_on={Kind.DELETED})
    assert "exit" not in calm


def test_the_last_line_says_what_is_wrong() -> None:
    """It ends with the errors, as a person reads them, unless a terminal has them above it."""
    given: dict[str, Any] = {"checked": 0, "errors": ((PACK, "it timed out"),)}
    done = poll_report(**given, channel_errors={"ops": "HTTP 500"})
    (line,) = report.lines(done, dry_run=False)
    ops = "channel ops: HTTP 500; its alerts are kept and retried"
    assert line.endswith(f"(1.5 s): {PACK}: it timed out; {ops}")
    many = poll_report(**given, channel_errors=dict.fromkeys("abcdef", "x"))
    assert report.lines(many, dry_run=False)[0].endswith("retried (and 2 more)")
    (shown,) = report.lines(done, dry_run=False, width=200)
    assert shown.endswith("(1.5 s)")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": Kind.BANNED}, "31"),
        ({"kind": Kind.EXPOSED, "after": "flagged"}, "33"),
        ({"kind": Kind.FLAGGED, "scan": HARMLESS}, ""),
        ({"kind": Kind.REINSTATED, "ends": Severity.WARNING}, "32"),
        ({"kind": Kind.NEW}, ""),
    ],
)
def test_a_kind_is_coloured_by_how_bad_the_event_is(
    fields: dict[str, Any], code: str
) -> None:
    """What is critical is red, what is a warning yellow, what ends something bad green, and anything else plain."""
    line, *_ = report.lines(poll_report(event(**fields)), dry_run=False, width=80)
    kind = fields["kind"].value
    assert line.startswith(f"\x1b[{code}m{kind}\x1b[0m" if code else f"{kind}  ")
