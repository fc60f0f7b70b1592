"""How a pack stands: one answer for `status`, the published files and `health`, from one corpus of whole states."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import click
import pytest

from tests.support import figures
from tests.support.factories import (
    HARMLESS,
    NOW,
    PACK,
    exposed_to,
    install,
    known,
    running,
    version,
)
from watcher.changes.health import FailureStreak, Streaks
from watcher.cli.commands import status
from watcher.cli.commands.health import judge
from watcher.model.event import About, Grade
from watcher.model.finding import JudgedCopy
from watcher.model.pack import Pack, PackKind
from watcher.model.selection import Selection
from watcher.model.snapshot import Mark, Node, Snapshot
from watcher.publish.documents import metrics
from watcher.publish.page import page
from watcher.publish.public import Terms, published
from watcher.state.model import Checks, State
from watcher.state.overview import node_rows

KEY = PACK.lower()
HOME = {"home": "home"}
"""The name of an install, by what the state knows it by."""
FAILED = FailureStreak(count=1, since=NOW, error="it timed out")
UNREAD: Streaks = {About.NODE: {KEY: FAILED}}
EMPTY: Streaks = {About.EMPTY: {KEY: FAILED}}
DOWN: Streaks = {About.NODE: {"*": FAILED}}
GOOD, OLD_BAN = version("1.1"), version("1.0", "banned")
GONE = known(GOOD, marks={GOOD.key: Mark.REMOVED}, emptied=True)


def of(node: Node | None, *, streaks: Streaks | None = None, **checks: Any) -> State:
    """Make a state of one pack after a poll."""
    nodes = {KEY: node} if node else {}
    return State(
        snapshot=Snapshot(nodes=nodes),
        checks=Checks(polled_at=NOW, watched=(PACK,), streaks=streaks or {}, **checks),
    )


def reported(state: State, about: About = About.NODE, key: str = KEY) -> State:
    """Return the state with something reported failing."""
    failing = {about: {key: "failing"}}
    return replace(state, snapshot=replace(state.snapshot, failing=failing))


def down(streaks: Streaks) -> State:
    """Make a state in which the registry was reported failing."""
    return reported(of(known(GOOD), streaks=streaks), About.REGISTRY, "failing")


def run(*copies: JudgedCopy, node: Node | None = None, enabled: bool = True) -> State:
    """Make a state in which these copies are run, and were judged so."""
    packs = [
        Pack(
            folder=str(number),
            kind=PackKind.REGISTRY,
            id=PACK,
            version=one.version,
            enabled=enabled,
        )
        for number, one in enumerate(copies)
    ]
    given = of(node or known(OLD_BAN, GOOD), run={KEY: copies} if enabled else {})
    return replace(given, installs={"home": tuple(packs)})


def copy(grade: str, text: str | None = "1.0", *, accepted: bool = False) -> JudgedCopy:
    """Make a copy that was judged so."""
    return JudgedCopy(
        install="home", version=text, grade=Grade(grade), accepted=accepted
    )


def shown(view: status.Overview) -> list[str]:
    """Return what `status` prints, without its colours."""
    return [click.unstyle(line) for line in status.lines(view)]


CORPUS: dict[str, tuple[State, str]] = {
    "read": (of(known(GOOD)), "ok"),
    "not read now": (of(known(GOOD), streaks=UNREAD), "unread"),
    "not read, and reported": (reported(of(known(GOOD), streaks=UNREAD)), "failing"),
    "the registry is down": (
        of(known(GOOD), streaks=DOWN),
        "unread",
    ),
    "the registry is reported": (down(DOWN), "failing"),
    "never read": (of(None), "unread"),
    "read in part": (of(known(GOOD, baseline_at="")), "unread"),
    "never a version": (
        of(Node(node=PACK, empty_since=NOW), streaks=EMPTY),
        "unknown",
    ),
    "not in the registry": (of(None, unknown=(KEY,)), "unknown"),
    "no version any more": (of(GONE), "delisted"),
    "the whole pack": (of(Node(node=PACK, banned=True)), "banned"),
    "an old version that nobody runs": (of(known(OLD_BAN, GOOD)), "ok"),
    "the newest version": (of(known(GOOD, version("1.2", "flagged"))), "flagged"),
    "a calm flag": (
        of(known(version("1.2", "flagged"), scans={"id-1.2": HARMLESS})),
        "flagged-info",
    ),
    "all were deleted": (of(known(version("1.2", "deleted"))), "deleted"),
    "the newest waits": (of(known(GOOD, version("1.2", "pending"))), "pending"),
    "a strange status": (of(known(version("1.2", "Quarantined"))), "unknown"),
    "run and old": (run(copy("outdated", "0.9")), "outdated"),
    "run and bad": (run(copy("banned")), "banned"),
    "one of two is bad": (run(copy("ok", "1.1"), copy("deleted")), "deleted"),
    "run and not judged": (
        replace(run(copy("ok")), checks=Checks(polled_at=NOW, watched=(PACK,))),
        "unknown",
    ),
    "run and gone": (run(copy("delisted"), node=GONE), "delisted"),
    "run and accepted": (run(copy("delisted", accepted=True), node=GONE), "ok"),
    "one of two is accepted": (
        run(copy("flagged", None, accepted=True), copy("unknown", None)),
        "unknown",
    ),
    "run, while a newer one is flagged": (
        run(copy("ok", "1.1"), node=known(GOOD, version("1.2", "flagged"))),
        "ok",
    ),
    "disabled": (
        run(copy("banned"), node=known(version("1", "deleted")), enabled=False),
        "deleted",
    ),
    "run of a pack that is banned": (
        run(copy("ok", "1.1"), node=known(GOOD, banned=True)),
        "banned",
    ),
}

RUN_AND_BAD = {"run and bad", "one of two is bad", "run and gone"}


@pytest.mark.parametrize("name", CORPUS)
def test_everything_that_shows_it_agrees(name: str) -> None:
    """`status` in each of its forms, the page and the figures say the same of a state."""
    state, expected = CORPUS[name]
    (row,) = node_rows([PACK], state, HOME)
    assert row.state == expected
    words = Grade(expected).in_words

    view = status.Overview(
        state=state, nodes=[PACK], installs=HOME, now=NOW, max_age=60
    )
    summary = cast("dict[str, Any]", status.document(view)["summary"])
    assert {one: n for one, n in summary["states"].items() if n} == {expected: 1}
    first, *_ = lines = shown(view)
    assert first.startswith("1 ok · " if expected == "ok" else f"0 ok, 1 {words} · ")
    [line] = [one for one in lines if one.startswith(PACK)]
    runs = "runs " * (name in RUN_AND_BAD)
    assert re.split(" {2,}", line)[1] == runs + words
    has_failed = bool(state.checks.streaks)
    assert ("it timed out" in line) is has_failed
    listed = shown(replace(view, only_problems=True))
    assert any(one.startswith(PACK) for one in listed) is row.has_problem

    terms = Terms(
        selection=Selection(names=(PACK,)),
        minimum_age=0,
        installs=(install("home", is_named=False),),
    )
    public = published(state, (), terms, "1.2.3")
    found = figures.read(metrics(public))
    packs = {label: n for (metric, label), n in found.items() if metric == "packs"}
    assert {one: n for one, n in packs.items() if n} == {expected: 1}
    text = page(public)
    is_run = any(one.enabled for one in row.installed)
    assert bool(re.search(r'"standing \w+">[^<]*ou run', text)) is is_run
    assert ('<span class="quiet">you run ' in text) is is_run
    assert ("You run 1 bad pack" in text) is (name in RUN_AND_BAD)
    assert ("audit says why" in line) is (
        name in {"run and not judged", "one of two is accepted"}
    )
    is_there = any(node.is_there for node in state.snapshot.nodes.values())
    assert ("registry.comfy.org/nodes/" in text) is is_there
    tag = rf'<span class="tag \w+">{re.escape(words)}</span>'
    assert len(re.findall(rf"<td>{tag}</td>", text)) == 1
    assert re.search(rf'<span class="tag \w+">1 {re.escape(words)}</span>', text)

    healthy, _ = judge(
        state, 60, NOW, nodes=[PACK], channels=[], installs=HOME, strict=True
    )
    assert healthy is (expected != "failing")


def test_what_is_known_of_a_ban_is_not_hidden_by_a_failure() -> None:
    """A pack that cannot be read stands so; that what is run of it is bad is said all the same, and puts it first."""
    bad = running(
        of(known(OLD_BAN, GOOD), streaks=UNREAD),
        **{PACK: exposed_to("banned", install="home")},
    )
    (row,) = node_rows([PACK], bad, HOME)
    assert (row.state, row.runs, row.runs_bad) == ("unread", "banned", True)
    view = status.Overview(state=bad, nodes=[PACK], installs=HOME, now=NOW, max_age=60)
    assert any("unread " in one and "1.0 banned" in one for one in shown(view))
    assert not any("runs unread" in one for one in shown(view))
