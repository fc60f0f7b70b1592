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
from watcher.alerts.queues.queue import Queue
from watcher.changes.health import FailureStreak
from watcher.cli.commands import status
from watcher.cli.terminal import to_json
from watcher.model.channel import Cause, Grouping
from watcher.model.event import INCOMPLETE, About, Grade
from watcher.model.pack import OWN_FILES, Pack, PackKind
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.state.model import Checks, State
from watcher.state.overview import NodeRow, node_rows, watched
from watcher.text.columns import display_width

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


def test_a_poll_in_the_future_is_said() -> None:
    """Where the clock was set back the last poll is not "just now"; two clocks may differ a little."""
    polled = state(known())
    first, *_ = status.lines(view(polled, now=minute(-60 * 24)))
    assert "last poll 24 hours in the future: is the clock right?" in first
    first, *_ = status.lines(view(polled, now=minute(-1)))
    assert "last poll just now" in first


def test_the_newest_is_the_newest_one_can_install() -> None:
    """The newest version by its number that is active and was not removed."""
    rows = (
        version("1.0", created_at="2026-01-01T00:00:00Z"),
        version("1.1", created_at="2026-01-02T00:00:00Z"),
        version("1.2", created_at="2026-01-03T00:00:00Z"),
        version("2.0", "pending", created_at="2026-01-04T00:00:00Z"),
        version("2.1", "flagged", created_at="2026-01-05T00:00:00Z"),
    )
    assert row(*rows).newest == "1.2"
    assert row(*rows, marks={"id-1.2": Mark.REMOVED}).newest == "1.1"
    assert row(*rows, marks={"id-1.2": Mark.ABSENT}).newest == "1.2"
    assert row(*rows[3:]).newest is None
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


def test_a_node_is_named_as_it_is_watched() -> None:
    """The id is shown as the settings write it, and finds the node in any case."""
    assert node_row(PACK.upper(), state(known(version("1.0")))).node == PACK.upper()
    assert node_row(PACK.upper(), state(known(version("1.0")))).newest == "1.0"
    assert node_row("never-seen", state()).state == "unread"


def test_undelivered_alerts_are_counted_by_channel() -> None:
    """Each configured channel has its count and last failure; a removed one is listed while it has alerts."""
    waiting = outbox.enqueue(Outbox(), (OPS, MAIL), (event("e1"), event("e2")), 1, NOW)
    waiting = failed(waiting, "ops", "HTTP 500", NOW)
    rows = status.channel_rows(state(outbox=waiting), {"ops": False, "chat": True})
    assert [
        (
            row.name,
            row.undelivered,
            row.error,
            row.failing_since,
            row.next_try,
            row.configured,
        )
        for row in rows
    ] == [
        ("ops", 2, "HTTP 500", NOW, minute(0.5), True),
        ("chat", 0, None, None, None, True),
        ("mail", 2, None, None, None, False),
    ]


def test_what_fails_is_counted_in_the_first_line() -> None:
    """An install and a channel; of a channel that fails `--problems` has the row, also when nothing waits for it."""
    down = FailureStreak(count=2, since=NOW, error="not mounted")
    checks = Checks(polled_at=NOW, streaks={About.INSTALL: {"office": down}})
    owed = Outbox(queues={"ops": Queue(failing_since=NOW)})
    given = state(known(), outbox=owed, checks=checks)
    first, *_ = status.lines(view(given, (PACK,), ("ops",), installs=BOTH))
    assert click.unstyle(first).endswith(" · 1 install failing · 1 channel failing")
    *_, row = shown(given, channels=("ops",), only_problems=True)
    assert row.startswith("ops 0 ")


def test_alerts_aside_are_shown_with_why() -> None:
    """A message that the service refuses also in its plainest form is counted, and says when it is tried again."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (event("e1"), event("e2")), 1, NOW)
    for _ in range(2):
        waiting = failed(waiting, "ops", "HTTP 413", NOW, cause=Cause.CONTENT)
    (row,) = status.channel_rows(state(outbox=waiting), {"ops": False})
    assert (row.undelivered, row.aside, row.aside_error, row.next_try) == (
        2,
        2,
        "HTTP 413",
        minute(1),
    )
    *_, head, line = shown(state(known(), outbox=waiting), channels=("ops",))
    assert head == "CHANNEL UNDELIVERED NEXT TRY PROBLEM"
    refused = "2 alerts refused also in the plainest form (HTTP 413); tried until alert_expiry"
    assert line == f"ops 2 at the next poll failing for 3 minutes: HTTP 413; {refused}"
    *_, line = shown(state(known(), outbox=waiting), channels=("ops",), now=NOW)
    assert line.startswith("ops 2 in 1 minute ")


def test_alerts_that_may_have_arrived_are_shown() -> None:
    """Beside the last failure, and also when the channel has taken another message since."""
    waiting = outbox.enqueue(
        Outbox(),
        (replace(OPS, grouping=Grouping.EVENT),),
        (event("e1"), event("e2")),
        1,
        NOW,
    )
    waiting = failed(waiting, "ops", "timed out", NOW, unanswered=True)
    (row,) = status.channel_rows(state(outbox=waiting), {"ops": False})
    assert (row.undelivered, row.may_have_arrived, row.error) == (2, 1, "timed out")
    assert (
        "timed out; may have arrived"
        in shown(state(known(), outbox=waiting), channels=("ops",))[-1]
    )
    waiting = taken(waiting, number=1)
    (row,) = status.channel_rows(state(outbox=waiting), {"ops": False})
    assert (row.undelivered, row.may_have_arrived, row.error) == (1, 1, None)
    assert (
        "no answer; may have arrived"
        in shown(state(known(), outbox=waiting), channels=("ops",))[-1]
    )


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


def test_a_fresh_state_is_empty() -> None:
    """Before the first poll there is neither a time nor a node."""
    document = printed(view(State(), []))
    assert [document[key] for key in ("polled_at", "late")] == [None] * 2
    assert (document["nodes"], document["channels"]) == ([], [])


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
    checks = Checks(streaks={About.NODE: {PACK.lower(): streak}})
    given = state(known(version("1.0")), checks=checks)
    _, said = shown(given)
    assert said.startswith(f"{PACK} unread 1.0 - never timed out")
    assert "\x1b" not in said
    read_once = replace(given.checks, polled_at=NOW, checked={PACK.lower(): NOW})
    _, said = shown(replace(given, checks=read_once))
    assert said.startswith(f"{PACK} unread 1.0 - 3 minutes ago timed out")


def test_a_former_channel_is_marked_as_such() -> None:
    """A removed channel with undelivered alerts is marked, once."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (event("e1"),), 1, NOW)
    assert any(
        "not configured" in line for line in shown(state(known(), outbox=waiting))
    )
    set_aside = Outbox(
        queues={"ops (former)": waiting.queues["ops"]}, events=waiting.events
    )
    (line,) = (
        line
        for line in shown(state(known(), outbox=set_aside))
        if line.startswith("ops (former)")
    )
    assert (
        line
        == "ops (former) 1 - not configured: kept until its URL is back or alert_expiry"
    )


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
    """One line says how many are ok, how many not, how long ago the last poll was, and what is undelivered."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (event("e1"),), 1, NOW)
    given = state(known(version("1.0"), node="fine"), ODD[1], outbox=waiting)
    first, *_ = status.lines(view(given, ["fine", "suspicious", "fresh"], ["ops"]))
    assert click.unstyle(first) == (
        "1 ok, 1 unread, 1 flagged · last poll 3 minutes ago · 1 alert undelivered"
    )
    given = state(known(version("1.0"), node="fine"))
    first, *_ = status.lines(view(given, ["fine"], now=minute(60 * 24 * 56)))
    assert (
        first
        == f"1 ok · {click.style('last poll 8 weeks ago, which is late (at most 45 minutes)', fg='red')}"
    )
    first, *_ = status.lines(view(State(), ["fine"]))
    assert click.unstyle(first) == "0 ok, 1 unread · no poll has been completed yet"


def test_problems_are_on_top() -> None:
    """The worst node is first, then the others in the order of the settings; `--problems` shows no other."""
    given = crowd(*ODD, total=6)
    names = [
        "pack-000",
        "old",
        "pack-001",
        "never-read",
        "suspicious",
        "pack-002",
        "evil",
    ]
    rows = [line.split()[0] for line in shown(given, names)]
    assert rows == [
        "PACK",
        "evil",
        "never-read",
        "suspicious",
        "old",
        "pack-000",
        "pack-001",
        "pack-002",
    ]
    rows = [
        line.split()[0] for line in shown(given, names, ["ops"], only_problems=True)
    ]
    assert rows == ["PACK", "evil", "never-read", "suspicious", "old"]
    assert shown(given, ["pack-000"], only_problems=True) == []
    document = printed(view(given, names, only_problems=True))
    assert [row["node"] for row in document["nodes"]] == [
        "old",
        "never-read",
        "suspicious",
        "evil",
    ]
    assert document["summary"] == {
        "watched": 7,
        "states": states(ok=3, banned=1, flagged=1, deprecated=1, unread=1),
    }


def test_one_node_can_be_chosen() -> None:
    """Of the chosen nodes the rows are shown, whatever chose them, and no channels."""
    rows = shown(
        crowd(*ODD),
        ["pack-000", "old", "evil"],
        ["ops"],
        chosen=frozenset({"evil", "pack-000"}),
        globs=("*",),
        width=80,
    )
    assert [line.split()[0] for line in rows[1:]] == ["PACK", "evil", "pack-000"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_many_nodes_fit_a_screen(columns: int) -> None:
    """Of 300 nodes a terminal gets the fifty worst and a count; a pipe gets them all."""
    given = crowd(*ODD[1:])
    names = list(given.snapshot.nodes.keys())
    lines = status.lines(view(given, names, ["ops"]), columns)
    assert max(map(display_width, lines)) <= columns
    assert click.unstyle(lines[0]).startswith(
        "298 ok, 1 banned, 1 flagged · last poll 3 minutes ago"
    )
    said = shown(given, names, ["ops"], columns)
    assert [line.split()[0] for line in said[1:4]] == ["evil", "suspicious", "pack-000"]
    assert any(
        line == "and 250 more packs; --node ID shows one, --json all" for line in said
    )
    assert len(shown(given, names)) == 301


@pytest.mark.parametrize("columns", [None, 80])
def test_what_globs_choose_is_summed_up(columns: int | None) -> None:
    """Of a whole registry there are a line of counts, and rows of what is named or has a problem."""
    failure = FailureStreak(count=1, since=NOW, error="it timed out")
    given = crowd(
        *ODD,
        known(version("1.0"), node="lost", banned=True),
        known(version("1.0"), node="down"),
    )
    given = replace(
        given, checks=replace(given.checks, streaks={About.NODE: {"down": failure}})
    )
    names = ["pack-007", *given.snapshot.nodes]
    named = frozenset({"pack-007"})
    said = shown(
        given, list(dict.fromkeys(names)), ["ops"], columns, named=named, globs=["*"]
    )
    assert " ".join(said[:2]).startswith("watching *: 300 node packs")
    table = [
        line.split()[0]
        for line in said
        if line.split()[1:2] and line.split()[1] in ("STATE", *Grade)
    ]
    assert table == ["PACK", "evil", "lost", "down", "suspicious", "old", "pack-007"]
    assert len(said) < 14


def test_pages_that_could_not_be_read_are_one_line() -> None:
    """Where no page of a sweep came every pack is unread, and the reason is said once; `--json` has it too."""
    failure = FailureStreak(count=2, since=NOW, error="it timed out")
    given = crowd(*ODD, total=60)
    given = replace(
        given,
        checks=replace(given.checks, streaks={About.NODE: {"*": failure}}),
    )
    nodes = watched(
        ["old"], replace(given, checks=replace(given.checks, watched=("*", "pack-001")))
    )
    assert nodes == ("old", "pack-001")
    said = shown(given, nodes, named=frozenset({"old"}), globs=["*"])
    assert said[:2] == [
        "the registry could not be read: it timed out",
        "watching *: 2 node packs",
    ]
    assert [line.split()[:2] for line in said[2:]] == [
        ["PACK", "STATE"],
        ["old", "unread"],
    ]
    found = printed(view(given, nodes, named=frozenset({"old"}), globs=["*"]))
    assert found["errors"] == ["the registry could not be read: it timed out"]


def test_incomplete_sweeps_are_one_line() -> None:
    """While sweeps lack something that is said; `--json` has it too."""
    why = "the pages of all node packs are incomplete: page 2: HTTP 500"
    streak = FailureStreak(count=3, since=NOW, error=why)
    given = crowd(total=60)
    given = replace(
        given,
        checks=replace(
            given.checks, requests=9, streaks={About.REGISTRY: {INCOMPLETE: streak}}
        ),
    )
    assert shown(given, ["pack-001"], named=frozenset(), globs=["*"])[0] == why
    assert printed(view(given, ["pack-001"], globs=["*"]))["errors"] == [why]


def test_a_registry_of_which_nothing_is_known() -> None:
    """Before the first poll the summary says so."""
    said = shown(State(), [], named=frozenset(), globs=["*", "!test-*"])
    assert said == ["watching *, !test-*: 0 node packs"]


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
    problems = shown(given, installs=BOTH, only_problems=True)
    assert [line.split()[0] for line in problems] == ["INSTALL", "office"]
    both = replace(given, installs={"studio": packs, "office": packs[:1]})
    _, line, *_ = shown(both, installs=BOTH)
    assert "1.0 (office), 1.0 (studio), unknown version (studio, disabled)" in line
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


def test_a_file_to_create_is_named_as_it_is_typed() -> None:
    """The words of a scan are the program's, and a name in them is no host."""
    empty = FailureStreak(count=2, since=NOW, error=f"create {OWN_FILES[0]} in it")
    checks = Checks(polled_at=NOW, streaks={About.INSTALL: {"office": empty}})
    *_, office = shown(state(checks=checks), installs={"office": "office"})
    assert office.endswith(": create example_node.py.example in it")


def test_a_banned_pack_that_nobody_runs_has_a_problem() -> None:
    """No version of it says that it is banned as a whole, as one that is run does."""
    given = state(known(version("1.0"), banned=True))
    _, banned = shown(given)
    assert banned.endswith(" the whole pack banned")
    given = running(given, **{PACK: exposed_to("banned")})
    _, banned, *_ = shown(given, installs={"studio": "studio"})
    assert "whole" not in banned


def test_what_is_run_and_bad_is_a_problem() -> None:
    """A version that is run and deleted or delisted is shown, and so is which finding is accepted."""
    accepted = exposed_to("flagged-info", accepted=True)
    deleted = exposed_to("deleted", "0.9")
    exposures = {
        PACK: replace(deleted, copies=(*deleted.copies, *accepted.copies)),
        "gone": exposed_to("delisted", "2.0"),
        "cloned": exposed_to("deleted", None),
    }
    nodes = (
        known(version("1.0", status="flagged")),
        *(known(version("3.0"), node=one) for one in ("gone", "cloned")),
    )
    given = running(state(*nodes), **exposures)
    names = (PACK, "gone", "cloned", "fine")
    rows = {
        line.split()[0]: line
        for line in shown(
            given, names, installs={"studio": "studio"}, only_problems=True
        )
    }
    assert "0.9 deleted, 1.0 flagged (info) (accepted)" in rows[PACK]
    assert "2.0 delisted" in rows["gone"]
    assert " deleted " in rows["cloned"]
    assert " unread " in rows["fine"]
    said = printed(view(given, names, installs={"studio": "studio"}))["nodes"]
    assert [[tuple(each.values()) for each in one["run"]] for one in said] == [
        [("0.9", "deleted", False), ("1.0", "flagged", True)],
        [("2.0", "delisted", False)],
        [(None, "deleted", False)],
        [],
    ]
    assert [one["run"] for one in printed(view(given, names))["nodes"]] == [[]] * 4


def test_the_state_says_what_you_run() -> None:
    """Of a pack that is run and bad it is no green ok, but says so."""
    nodes = [
        known(version("1.0", "banned"), version("1.1"), node="evil"),
        known(version("1.0", "flagged"), version("1.1"), node="calm"),
        known(version("1.0", "flagged"), version("1.1"), node="odd"),
        known(version("1.0", "flagged"), version("1.1"), node="known-odd"),
        known(version("1.0"), node="fine"),
    ]
    packs = tuple(
        Pack(
            folder=node.node,
            kind=PackKind.REGISTRY,
            id=node.node,
            version="1.0",
        )
        for node in nodes
    )
    exposures = {
        "evil": exposed_to("banned"),
        "odd": exposed_to("flagged"),
        "calm": exposed_to("flagged-info"),
        "known-odd": exposed_to("flagged", accepted=True),
    }
    given = running(state(*nodes, installs={"studio": packs}), **exposures)
    names = [node.node for node in nodes]
    text = status.lines(view(given, names, installs={"studio": "studio"}), 120)
    states = {line.split()[0]: line for line in text[2:] if line}
    assert click.style("runs banned", fg="red") in states["evil"]
    assert click.style("runs flagged", fg="yellow") in states["odd"]
    assert "\x1b" not in states["calm"]
    assert states["calm"].count("flagged (info)") == 2
    assert "1.0 flagged (accepted)" in click.unstyle(states["known-odd"])
    for name in ("fine", "known-odd"):
        assert click.style("ok", fg="green") in states[name]
    assert click.unstyle(text[0]).startswith(
        "2 ok, 1 banned, 1 flagged, 1 flagged (info) · "
    )


def test_what_is_run_comes_first_among_what_is_equally_bad() -> None:
    """Of two packs with a banned version the one that is run is on top; what is run and only old is not."""
    nodes = [known(version("1.0", "banned"), node=name) for name in ("a", "b", "c")]
    given = running(
        state(*nodes), b=exposed_to("banned"), c=exposed_to("outdated", "0.9")
    )
    rows = shown(given, ["a", "b", "c"], installs={"studio": "studio"})
    assert [line.split()[0] for line in rows[1:4]] == ["b", "a", "c"]
