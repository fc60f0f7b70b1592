"""`status`: how every watched node stands and what is undelivered, from the state alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import click
import pytest

from tests.support.factories import (
    NOW,
    PACK,
    channel,
    event,
    exposed_to,
    failed,
    known,
    minute,
    running,
    taken,
    version,
)
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.changes.health import FailureStreak
from watcher.cli.commands import status
from watcher.cli.terminal import to_json
from watcher.model.channel import Cause, Grouping
from watcher.model.event import INCOMPLETE, About, Grade
from watcher.model.pack import Pack, PackKind
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.state.model import Checks, State
from watcher.state.overview import NodeRow, node_rows, watched

COUNTS = ("undelivered", "aside", "may_have_arrived")
UNTROUBLED: dict[str, object] = {
    "aside_error": None,
    "error": None,
    "failing_since": None,
    "next_try": None,
    "configured": True,
    "unconfirmed": False,
}


def node_row(name: str, given: State) -> NodeRow:
    """Return the row of a node of which nothing is installed."""
    (found,) = node_rows([name], given, {})
    return found


def printed(overview: status.Overview) -> dict[str, Any]:
    """Return the document as it is printed."""
    return cast("dict[str, Any]", json.loads(to_json(status.document(overview))))


def states(**counts: int) -> dict[str, int]:
    """Return how many nodes stand in each way."""
    return {**dict.fromkeys(map(str, Grade), 0), **counts}


OPS, MAIL = channel("ops"), channel("mail")
BOTH = {"studio": "studio", "office": "office"}
"""The names of installs, by what the state knows them by."""


def state(*nodes: Node, **fields: Any) -> State:
    """Make a state of these nodes, all of them checked."""
    snapshot = Snapshot(revision=1, nodes={node.node.lower(): node for node in nodes})
    checks = Checks(
        polled_at=NOW,
        checked={key: NOW for key, node in snapshot.nodes.items() if node.baseline_at},
    )
    given: dict[str, Any] = {"snapshot": snapshot, "checks": checks}
    return State(**given | fields)


def row(*versions: Any, **fields: Any) -> NodeRow:
    """Return the row of a node with these versions."""
    return node_row(PACK, state(known(*versions, **fields)))


def view(
    given: State,
    nodes: Sequence[str] = (PACK,),
    channels: Sequence[str] = (),
    **fields: Any,
) -> status.Overview:
    """Return what is seen of a state three minutes after its poll."""
    said: dict[str, Any] = {"now": minute(3), "max_age": 2700.0}
    configured = dict.fromkeys(channels, False)
    return status.Overview(
        state=given, nodes=nodes, channels=configured, **said | fields
    )


def shown(
    given: State,
    nodes: Sequence[str] = (PACK,),
    channels: Sequence[str] = (),
    width: int | None = None,
    **fields: Any,
) -> list[str]:
    """Return the lines below the summary, without their colours and with one blank between two words."""
    _, *tables = status.lines(view(given, nodes, channels, **fields), width)
    return [" ".join(click.unstyle(line).split()) for line in tables if line]


def test_the_newest_is_the_newest_one_can_install() -> None:
    """The newest version by its number that is active and was not removed."""
    rows = (version("1.1"), version("1.2"), version("2.0", "pending"))
    assert row(*rows).newest == "1.2"
    assert row(*rows, marks={"id-1.2": Mark.REMOVED}).newest == "1.1"
    assert row(*rows, marks={"id-1.2": Mark.ABSENT}).newest == "1.2"
    assert row(rows[2]).newest is None
    assert row(*rows, banned=True).newest is None


def test_problems_are_flagged_banned_and_deprecated_versions() -> None:
    """Whatever is wrong with a version today makes it a problem; what was removed or deleted is none."""
    rows = (
        version("1.0", "flagged"),
        version("2.0", "banned"),
        version("3.0", deprecated=True),
        version("4.0", "deleted"),
        version("5.0", "pending"),
        version("6.0", "flagged"),
        version("7.0"),
    )
    problems = row(*rows, marks={"id-6.0": Mark.REMOVED}).problems
    assert [one.version for one in problems] == ["1.0", "2.0", "3.0"]


def test_what_was_watched_beside_the_settings_is_shown() -> None:
    """Nodes of the last poll's command line stand behind the configured ones, each once."""
    given = State(checks=Checks(watched=(PACK.upper(), "beside")))
    assert watched([PACK], given) == (PACK, "beside")


def test_undelivered_alerts_are_counted_by_channel() -> None:
    """Each configured channel has its count and last failure; a removed one is listed while it has alerts."""
    waiting = outbox.enqueue(Outbox(), (OPS, MAIL), (event("e1"), event("e2")), 1, NOW)
    waiting = failed(waiting, "ops", "HTTP 500", NOW)
    given = state(known(), outbox=waiting)
    rows = status.channel_rows(given, {"ops": False, "chat": True})
    assert [(row.name, row.undelivered, row.configured) for row in rows] == [
        ("ops", 2, True),
        ("chat", 0, True),
        ("mail", 2, False),
    ]
    ops = rows[0]
    assert (ops.error, ops.failing_since, ops.next_try) == (
        "HTTP 500",
        NOW,
        minute(0.5),
    )
    first, *_ = status.lines(view(given, (PACK,), ("ops",)))
    assert click.unstyle(first).endswith(" · 1 channel failing · 4 alerts undelivered")
    head, line, former = shown(given, channels=("ops",), only_problems=True)
    assert head == "CHANNEL UNDELIVERED NEXT TRY PROBLEM"
    assert line == "ops 2 at the next poll failing for 3 minutes: HTTP 500"
    assert former == (
        "mail 2 - not configured: kept until its URL is back or alert_expiry"
    )


def test_alerts_aside_are_shown_with_why() -> None:
    """A message that the service refuses also in its plainest form is counted, and says when it is tried again."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (event("e1"), event("e2")), 1, NOW)
    for _ in range(2):
        waiting = failed(waiting, "ops", "HTTP 413", NOW, cause=Cause.CONTENT)
    (row,) = status.channel_rows(state(outbox=waiting), {"ops": False})
    assert (row.undelivered, row.aside, row.aside_error) == (2, 2, "HTTP 413")
    *_, line = shown(state(known(), outbox=waiting), channels=("ops",), now=NOW)
    refused = "2 alerts refused also in the plainest form (HTTP 413); tried until alert_expiry"
    assert line.startswith("ops 2 in 1 minute ")
    assert line.endswith(f": HTTP 413; {refused}")


def test_alerts_that_may_have_arrived_are_shown() -> None:
    """Beside the last failure, and also when the channel has taken another message since."""
    each = replace(OPS, grouping=Grouping.EVENT)
    events = (event("e1"), event("e2"))
    waiting = outbox.enqueue(Outbox(), (each,), events, 1, NOW)
    waiting = failed(waiting, "ops", "timed out", NOW, unanswered=True)
    for now, undelivered, error in (
        (waiting, 2, "timed out"),
        (taken(waiting, number=1), 1, None),
    ):
        given = state(known(), outbox=now)
        (row,) = status.channel_rows(given, {"ops": False})
        assert (row.undelivered, row.may_have_arrived, row.error) == (
            undelivered,
            1,
            error,
        )
        said = f"{error or 'no answer'}; may have arrived"
        assert said in shown(given, channels=("ops",))[-1]


def test_the_document_is_json_with_nulls_for_what_is_not_known() -> None:
    """`status --json` has every watched node and channel, and null for what is not known."""
    given = state(
        known(version("1.0"), version("2.0", "flagged", id="")), outbox=Outbox()
    )
    document = printed(view(given, [PACK, "other"], ["ops"]))
    assert document == {
        "polled_at": NOW,
        "late": False,
        "summary": {
            "watched": 2,
            "states": states(flagged=1, unread=1),
        },
        "errors": [],
        "nodes": document["nodes"],
        "installs": [],
        "channels": [{**dict.fromkeys(COUNTS, 0), **UNTROUBLED, "name": "ops"}],
    }
    flagged = {"version": "2.0", "version_id": None, "status": "flagged"}
    known_node, other = document["nodes"]
    assert known_node["problems"] == [{**flagged, "deprecated": False}]
    assert other == {
        "node": "other",
        "state": "unread",
        "newest": None,
        "versions": 0,
        "problems": [],
        "checked_at": None,
        "error": None,
        "installed": [],
        "run": [],
    }


def test_the_table_has_a_row_a_node() -> None:
    """A person sees state, newest version, when it was read, and problems with what ails them."""
    head, line = shown(
        state(known(version("1.0"), version("0.9", "flagged", deprecated=True)))
    )
    assert head == "PACK STATE NEWEST YOU RUN CHECKED PROBLEMS"
    assert line == f"{PACK} ok 1.0 - 3 minutes ago 0.9 flagged"


def test_many_problems_are_counted() -> None:
    """On a terminal the newest problems are named and the rest is counted; elsewhere all are there to be found."""
    rows = [
        version(f"{day}.0", "banned", created_at=f"2026-01-0{day}T00:00:00Z")
        for day in range(1, 7)
    ]
    given = state(known(*rows))
    _, line = shown(given, width=200)
    assert "6.0 banned, 5.0 banned, 4.0 banned and 3 more" in line
    _, line = shown(given)
    assert "3.0 banned, 2.0 banned, 1.0 banned" in line


def test_a_failing_node_says_why() -> None:
    """A node that cannot be read says why and when it was read, and what was known of it is still there."""
    streak = FailureStreak(count=4, since=NOW, error="timed out\x1b[2J")
    for checked, when in (({}, "never"), ({PACK.lower(): NOW}, "3 minutes ago")):
        streaks = {About.NODE: {PACK.lower(): streak}}
        checks = Checks(polled_at=NOW, checked=checked, streaks=streaks)
        _, said = shown(state(known(version("1.0")), checks=checks))
        assert said.startswith(f"{PACK} unread 1.0 - {when} timed out")
        assert "\x1b" not in said


def crowd(*odd: Node, total: int = 300) -> State:
    """Make a state of so many nodes, all read, of which some are not ok."""
    fine = [
        known(version("1.0"), node=f"pack-{number:03}")
        for number in range(total - len(odd))
    ]
    return state(*fine, *odd)


ODD = (
    known(version("1.0"), version("1.1", deprecated=True), node="old"),
    known(version("1.0"), version("1.1", "flagged"), node="suspicious"),
    known(version("1.0", "banned"), node="evil"),
)


def test_the_summary_is_first() -> None:
    """One line says how many are ok, how many not, how long ago the last poll was, and what fails."""
    down = FailureStreak(count=2, since=NOW, error="not mounted")
    streaks = {About.INSTALL: {"office": down}}
    given = state(known(version("1.0"), node="fine"), ODD[1])
    given = replace(given, checks=replace(given.checks, streaks=streaks))
    nodes = ["fine", "suspicious", "fresh"]
    first, *_ = status.lines(view(given, nodes, installs=BOTH))
    assert click.unstyle(first) == (
        "1 ok, 1 unread, 1 flagged · last poll 3 minutes ago · 1 install failing"
    )
    given = state(known(version("1.0"), node="fine"))
    late = "last poll 8 weeks ago, which is late (at most 45 minutes)"
    first, *_ = status.lines(view(given, ["fine"], now=minute(60 * 24 * 56)))
    assert first == f"1 ok · {click.style(late, fg='red')}"
    first, second = status.lines(view(State(), [], named=frozenset(), globs=["*"]))
    assert click.unstyle(first) == "0 ok · no poll has been completed yet"
    assert second == "watching *: 0 node packs"


def test_problems_are_on_top() -> None:
    """The worst node is first, then the others in the order of the settings; `--problems` shows no other."""
    given = crowd(*ODD, total=5)
    names = ["pack-000", "old", "never-read", "suspicious", "pack-001", "evil"]
    worst = ["PACK", "evil", "never-read", "suspicious", "old"]
    rows = [line.split()[0] for line in shown(given, names)]
    assert rows == [*worst, "pack-000", "pack-001"]
    rows = shown(given, names, ["ops"], only_problems=True)
    assert [line.split()[0] for line in rows] == worst
    assert shown(given, ["pack-000"], only_problems=True) == []
    document = printed(view(given, names, only_problems=True))
    assert [row["node"] for row in document["nodes"]] == [
        *("old", "never-read", "suspicious", "evil")
    ]
    counts = states(ok=2, banned=1, flagged=1, deprecated=1, unread=1)
    assert document["summary"] == {"watched": 6, "states": counts}


def test_many_nodes_fit_a_screen() -> None:
    """Of 300 nodes a terminal gets the fifty worst and a count; a pipe gets them all."""
    given = crowd(*ODD[1:])
    names = list(given.snapshot.nodes.keys())
    said = shown(given, names, ["ops"], 60)
    assert [line.split()[0] for line in said[1:4]] == ["evil", "suspicious", "pack-000"]
    assert any(
        line == "and 250 more packs; --node ID shows one, --json all" for line in said
    )
    assert len(shown(given, names)) == 301


def test_what_globs_choose_is_summed_up() -> None:
    """Of a whole registry there are a line of counts, and rows of what is named or has a problem."""
    given = crowd(*ODD)
    names = [*dict.fromkeys(["pack-007", *given.snapshot.nodes])]
    named = frozenset({"pack-007"})
    summary, *rows = shown(given, names, named=named, globs=["*"])
    assert summary == "watching *: 300 node packs"
    table = [line.split()[0] for line in rows]
    assert table == ["PACK", "evil", "suspicious", "old", "pack-007"]


@pytest.mark.parametrize(
    ("about", "key", "said"),
    [
        (About.NODE, "*", "the registry could not be read: it timed out"),
        (About.REGISTRY, INCOMPLETE, "it timed out"),
    ],
)
def test_pages_that_could_not_be_read_are_one_line(
    about: About, key: str, said: str
) -> None:
    """Where pages of a sweep are missing the reason is said once; `--json` has it too. The globs are no packs."""
    failure = FailureStreak(count=2, since=NOW, error="it timed out")
    given = crowd(*ODD, total=60)
    streaks = {about: {key: failure}}
    checks = replace(given.checks, streaks=streaks, watched=("*", "pack-001"))
    given = replace(given, checks=checks)
    nodes = watched(["old"], given)
    assert nodes == ("old", "pack-001")
    given_view: dict[str, Any] = {"named": frozenset({"old"}), "globs": ["*"]}
    assert shown(given, nodes, **given_view)[:2] == [said, "watching *: 2 node packs"]
    assert printed(view(given, nodes, **given_view))["errors"] == [said]


def test_installs_have_a_table_and_nodes_say_where_they_run() -> None:
    """With installs there is a column of installed versions, and a row for each install with its last good scan."""
    packs = (
        Pack(folder="a", kind=PackKind.REGISTRY, id=PACK, version="1.0"),
        Pack(
            folder="b",
            kind=PackKind.GIT,
            id=PACK,
            enabled=False,
            repository="https://github.com/ann/pack",
        ),
    )
    down = FailureStreak(count=2, since=NOW, error="not\x1bmounted")
    checks = Checks(polled_at=NOW, checked={PACK.lower(): NOW}, scanned={"studio": NOW})
    given = running(
        state(
            known(version("1.0")),
            installs={"studio": packs},
            checks=replace(checks, streaks={About.INSTALL: {"office": down}}),
        )
    )
    head, line, installs, studio, office = shown(given, installs=BOTH)
    assert head == "PACK STATE NEWEST YOU RUN CHECKED PROBLEMS"
    run = "1.0 (studio), unknown version (studio, disabled)"
    assert line == f"{PACK} ok 1.0 {run} 3 minutes ago -"
    assert installs == "INSTALL PACKS SCANNED PROBLEM"
    assert studio == "studio 2 3 minutes ago -"
    assert office.startswith("office - never failing for 3 minutes: not")
    assert "\x1b" not in office
    (first, second) = printed(view(given, installs=BOTH))["installs"]
    assert first == {
        "name": "studio",
        "packs": 2,
        "scanned_at": NOW,
        "error": None,
        "failing_since": None,
    }
    assert (second["packs"], second["scanned_at"], second["failing_since"]) == (
        None,
        None,
        NOW,
    )


def test_a_banned_pack_that_nobody_runs_has_a_problem() -> None:
    """No version of it says that it is banned as a whole, as one that is run does."""
    given = state(known(version("1.0"), banned=True))
    _, banned = shown(given)
    assert banned.endswith(" the whole pack banned")
    given = running(given, **{PACK: exposed_to("banned")})
    _, banned, *_ = shown(given, installs={"studio": "studio"})
    assert "whole" not in banned


def test_what_is_run_and_bad_is_a_problem() -> None:
    """A version that is run and deleted is shown, and so is which finding is accepted."""
    accepted = exposed_to("flagged-info", accepted=True)
    deleted = exposed_to("deleted", "0.9")
    exposures = {PACK: replace(deleted, copies=(*deleted.copies, *accepted.copies))}
    given = running(state(known(version("1.0", "flagged"))), **exposures)
    installs = {"studio": "studio"}
    row = shown(given, installs=installs)[1]
    assert "0.9 deleted, 1.0 flagged (info) (accepted)" in row
    [said] = printed(view(given, installs=installs))["nodes"]
    assert [tuple(each.values()) for each in said["run"]] == [
        ("0.9", "deleted", False),
        ("1.0", "flagged", True),
    ]
    assert printed(view(given))["nodes"][0]["run"] == []


def test_what_is_run_comes_first_among_what_is_equally_bad() -> None:
    """Of two packs with a banned version the one that is run is on top; what is run and only old is not."""
    nodes = [known(version("1.0", "banned"), node=name) for name in ("a", "b", "c")]
    given = running(
        state(*nodes), b=exposed_to("banned"), c=exposed_to("outdated", "0.9")
    )
    rows = shown(given, ["a", "b", "c"], installs={"studio": "studio"})
    assert [line.split()[0] for line in rows[1:4]] == ["b", "a", "c"]
