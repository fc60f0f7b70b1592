"""What a poll requests, and what its answers mean, by what is known: no request is made here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import known, watch
from watcher import timestamps
from watcher.changes.health import FailureStreak
from watcher.changes.transitions import DiffOptions
from watcher.model.event import About
from watcher.model.pack import (
    Claim,
    Identity,
    NodeRecord,
    NodeRecords,
    Pack,
    PackKind,
    Scanned,
)
from watcher.model.reading import (
    Listing,
    NodeBanned,
    ReadFailure,
    Reading,
)
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Publisher, Snapshot, SweepBaseline
from watcher.model.version import Version
from watcher.polling.reading.compare import compare_nodes
from watcher.polling.reading.plan import (
    Plan,
    Seen,
    is_due,
    make_plan,
    take_list,
    with_records,
)
from watcher.polling.reading.read import Answers
from watcher.registry.listing import NodeRows
from watcher.registry.sweep import Sweep
from watcher.state.model import Checks, State

BEFORE, NOW = "2026-03-01T12:00:00.000Z", "2026-03-01T13:00:00.000Z"
NAMES = [f"pack-{number}" for number in range(240)]


def _version(status: str = "active") -> Version:
    return Version(
        version="1.0.0", id="1", status=status, created_at="2026-01-01T00:00:00Z"
    )


def _plan(*names: str, polled_at: str = NOW) -> Plan:
    """Return the plan of a poll of everything, with packs of one active version each: none is due by default."""
    nodes = {name: known(_version(), node=name, baseline_at=BEFORE) for name in names}
    whole = SweepBaseline(globs=("*",), baseline_at=BEFORE)
    return Plan(
        nodes={},
        globs=Selection(globs=("*",)),
        snapshot=Snapshot(nodes=nodes, sweep_baseline=whole),
        checks=Checks(polled_at=polled_at),
        options=DiffOptions(now=NOW),
    )


def _sweep(**statuses: str) -> Sweep:
    """Return a complete sweep that shows packs with their one version."""
    nodes = {
        name: NodeRows(spelling=name, versions={"1": _version(status)})
        for name, status in statuses.items()
    }
    return Sweep(at=NOW, total=len(nodes), nodes=nodes)


def _records(*banned: str, known: list[str]) -> NodeRecords:
    return NodeRecords(
        records={
            name: NodeRecord(id=name, status="banned" if name in banned else "active")
            for name in known
        }
    )


def _asked(plan: Plan, sweep: Sweep, records: NodeRecords) -> list[str]:
    """Return the packs that a poll asks by themselves after a sweep."""
    return plan.questions(sweep, with_records(plan.seen(sweep), records))


def _compared(
    plan: Plan,
    sweep: Sweep | None,
    packs: NodeRecords = NodeRecords(),  # noqa: B008 - a value
    **nodes: Reading,
) -> dict[str, Seen]:
    """Return what a poll finds that reads a sweep, and of some packs their own answers."""
    seen = with_records(plan.answered(plan.seen(sweep), nodes), packs)
    return compare_nodes(plan, Answers(sweep=sweep, seen=seen, packs=packs))


def _after(found: dict[str, Seen], name: str) -> Node:
    """Return a pack that changed."""
    node = found[name].after
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("named", "globs", "tries"),
    [(99, (), False), (100, (), True), (1, ("a*",), True)],
)
def test_many_packs_begin_with_a_page(
    named: int, globs: tuple[str, ...], tries: bool
) -> None:
    """From a hundred packs on page 1 is requested, and always where globs are watched; then fewer pages than packs."""
    nodes = {name: name for name in NAMES[:named]}
    plan = replace(_plan(), nodes=nodes, globs=Selection(globs=globs))
    assert plan.tries_sweep is tries
    worth = [plan.is_worth_it(pages * 100) for pages in (named - 1, named)]
    assert worth == [True, bool(globs)]


def test_of_many_packs_none_waits_for_ever() -> None:
    """A poll asks 200; those that failed more often are asked last, and before them those that were checked last."""
    plan = _plan(*NAMES)
    checked = dict.fromkeys(NAMES, NOW) | {"pack-239": BEFORE}
    failed = FailureStreak(count=2, since=BEFORE, error="")
    streaks = {About.NODE: {"pack-0": failed}}
    checks = replace(plan.checks, checked=checked, streaks=streaks)
    sweep = _sweep(**dict.fromkeys(NAMES, "deleted"))
    asked = _asked(replace(plan, checks=checks), sweep, _records(known=[]))
    assert len(asked) == 200
    assert "pack-239" in asked
    assert "pack-0" not in asked


def test_named_packs_are_due_in_every_poll() -> None:
    """`GET /nodes` is asked about them by id, but for what the list of all packs has said in this poll."""
    plan = replace(_plan("chosen"), nodes={"one": "One", "two": "two"})
    nothing = NodeRecords()
    assert plan.due(plan.seen(None), nothing) == ["one", "two"]
    assert plan.due(plan.seen(_sweep(chosen="active")), nothing) == ["one", "two"]
    assert plan.due(plan.seen(None), _records(known=["one"])) == ["two"]


def test_what_a_publisher_has_is_a_pack_whatever_folders_say() -> None:
    """A pack that only an installed folder is named after may be none; one that a publisher has is one, unless
    a pattern leaves it out.
    """
    folders = [
        Pack(
            folder=one,
            others=(Identity(id=one, by=Claim.FOLDER),),
            kind=PackKind.REGISTRY,
        )
        for one in ("one", "two")
    ]
    scans = {"studio": Scanned(name="studio", packs=tuple(folders))}
    config = watch(
        "http://localhost", "named", publishers=("Ann", "bob"), globs=("!x*",)
    )
    ann = Publisher(publisher="ann", packs=("One", "x-pack"))
    state = State(snapshot=Snapshot(publishers={"ann": ann}))
    plan = make_plan(config, state, scans, NOW)
    assert plan.nodes == {"named": "named", "one": "One", "two": "two"}
    assert plan.only_folders == frozenset({"two"})
    assert plan.doubted == frozenset({"named"})
    assert plan.only_installed == frozenset({"two"})


def _listing(*versions: Version, incomplete: str = "") -> Listing:
    return Listing(
        node="one", versions=versions, at=NOW, incomplete=incomplete, spelling="one"
    )


def test_rows_of_what_its_own_answer_shows_are_older() -> None:
    """An incomplete answer takes nothing back that it shows; of other versions the rows count."""
    other = replace(_version(), id="2", version="2.0.0")
    plan, flagged = _plan("one"), _version("flagged")
    sweep = _sweep(one="active")
    sweep.nodes["one"].versions["2"] = replace(other, status="banned")
    answer = _listing(flagged, incomplete="page 2 is missing")
    found = _compared(plan, sweep, one=answer)
    kinds = [(event.kind.value, event.version) for event in found["one"].events]
    assert kinds == [("flagged", "1.0.0"), ("banned", "2.0.0")]
    assert [one.status for one in _after(found, "one").rows] == ["flagged", "banned"]


def test_older_pages_that_show_what_is_known_are_no_check() -> None:
    """A pack of which only an older page came keeps the time of its last check, and is not asked."""
    plan, sweep = _plan("one"), _sweep(one="active")
    sweep.nodes["one"].made.add(BEFORE)
    for last, at in ((NOW, ""), (BEFORE, NOW)):
        checks = replace(plan.checks, server_times={"one": last})
        seen = replace(plan, checks=checks).seen(sweep)["one"]
        assert (seen.is_read, seen.checked_at) == (True, at)


def test_only_its_own_answer_ends_a_ban_that_it_began() -> None:
    """Of packs whose rows are as known only one is asked that its own answer called banned, whatever lacks a record."""
    plan = _plan("fine", "silent", "refused", "recorded", polled_at="")
    nodes = dict(plan.snapshot.nodes)
    nodes["refused"] = replace(nodes["refused"], banned=True)
    nodes["recorded"] = replace(nodes["recorded"], banned=True, ban_recorded=True)
    plan = replace(plan, snapshot=replace(plan.snapshot, nodes=nodes))
    due = ["fine", "recorded", "refused", "silent"]
    records = _records("refused", "recorded", known=["fine", "refused", "recorded"])
    sweep = _sweep(**dict.fromkeys(due, "active"))
    assert set(_asked(plan, sweep, records)) == {"refused"}
    sweep.incomplete = "rows are missing"
    assert set(_asked(plan, sweep, records)) == {"refused"}


def _knowing(plan: Plan, name: str, **fields: Any) -> Plan:
    """Return the plan with something else known of a pack."""
    nodes = {**plan.snapshot.nodes}
    nodes[name] = replace(nodes[name], **fields)
    return replace(plan, snapshot=replace(plan.snapshot, nodes=nodes))


def _without_baseline(*names: str) -> Plan:
    """Return the plan of a poll before the baseline of all, with packs that were seen."""
    plan = _plan(*names)
    for name in names:
        plan = _knowing(plan, name, baseline_at="")
    snapshot = replace(plan.snapshot, sweep_baseline=SweepBaseline())
    return replace(plan, snapshot=snapshot)


def test_pages_do_not_end_a_failure_of_a_banned_pack() -> None:
    """Whatever rows it has, only its own answer shows that it can be read."""
    plan = _knowing(_plan("refused", "fine"), "refused", banned=True)
    failed = FailureStreak(count=2, since=BEFORE, error="")
    streaks = {About.NODE: {"refused": failed, "fine": failed}}
    plan = replace(plan, checks=replace(plan.checks, streaks=streaks))
    sweep = _sweep(refused="active", fine="active")
    found = _compared(plan, sweep)
    assert [key for key, one in found.items() if one.is_read] == ["fine"]


def test_a_record_does_not_end_a_ban_that_its_own_answer_says() -> None:
    """Where `GET /nodes` calls a pack active and its own answer a ban, it stays banned, without an event."""
    plan = _knowing(_plan("one"), "one", banned=True, ban_recorded=True)
    ban = NodeBanned(node="one", message="spam")
    plan = replace(plan, nodes={"one": "one"})
    found = _compared(plan, None, _records(known=["one"]), one=ban)
    assert (found["one"].events, _after(found, "one").banned) == ((), True)


def test_a_pack_that_the_baseline_of_all_does_not_show_is_news_later() -> None:
    """It was seen before that and is gone, so that it has a baseline from then on."""
    plan, sweep = _without_baseline("gone", "there"), _sweep(there="active")
    found = _compared(plan, sweep)
    assert _after(found, "gone").baseline_at == NOW


def test_a_folder_that_a_page_shows_to_be_a_pack_is_in_the_baseline_of_all() -> None:
    """A name that only a folder has is a pack's where there are rows of it, asked or not, and else none."""
    names = frozenset({"there", "nowhere"})
    plan, sweep = _without_baseline(), _sweep(there="banned")
    plan = replace(plan, nodes={name: name for name in names}, only_folders=names)
    failed = NodeRecords(failure=ReadFailure(error="500"))
    found = _compared(plan, sweep, failed)
    assert set(found) == {"there"}
    assert found["there"].joins_baseline
    assert _after(found, "there").baseline_at == NOW


def test_a_pack_that_came_since_the_last_baseline_waits_for_no_other() -> None:
    """Other globs need a baseline of their own; what the earlier ones had not is news, and is asked at once."""
    plan = replace(_plan(), globs=Selection(globs=("f*",)))
    sweep = _sweep(fresh="deleted")
    sweep.incomplete = "rows are missing"
    assert _asked(plan, sweep, _records(known=[])) == ["fresh"]


def test_pages_that_are_not_all_say_nothing_of_a_pack_without_a_row() -> None:
    """A pack of which no version is listed, as a publisher's new one, is asked if a page lacks that may have one."""
    plan = _plan()
    nodes = {"fresh": Node(node="fresh", baseline_at=BEFORE)}
    plan = replace(
        plan,
        nodes={"fresh": "fresh"},
        snapshot=replace(plan.snapshot, nodes=nodes),
    )
    sweep = _sweep()
    assert plan.questions(sweep, plan.seen(sweep)) == []
    sweep = replace(sweep, incomplete="page 3: HTTP 500")
    assert plan.questions(sweep, plan.seen(sweep)) == ["fresh"]


LISTED = Publisher(publisher="ann", baseline_at=BEFORE)


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ({}, False),
        ({"publishers": ("bob",)}, True),
        ({"publishers": (), "registry_url": "http://other"}, False),
        ({"registry_url": "http://other"}, True),
        ({"globs": ("*",)}, True),
    ],
)
def test_when_the_list_is_due(changed: dict[str, Any], due: bool) -> None:
    """It is read once a day, and at once for another publisher, registry or glob; where nothing needs it, never."""
    config = replace(watch("http://here", publishers=("ann",)), **changed)
    checks = Checks(listed_at=BEFORE, registry_url="http://here")
    state = State(snapshot=Snapshot(publishers={"ann": LISTED}), checks=checks)
    assert is_due(config, state, {}, NOW) is due
    tomorrow = timestamps.later(BEFORE, 86400)
    assert is_due(config, state, {}, tomorrow) is bool(config.publishers)


@pytest.mark.parametrize(
    ("publisher", "failure", "why"),
    [("ann", "", ""), ("ann", "page 2", "page 2"), ("", "", "does not say whose")],
)
def test_a_list_that_lacks_something_is_no_first_one(
    publisher: str, failure: str, why: str
) -> None:
    """So that what comes with the next list is no news; one that says nobody's packs shows nobody without packs."""
    records = {"one": NodeRecord(id="one", publisher=publisher)}
    given = NodeRecords(
        records=records, failure=ReadFailure(error=failure) if failure else None
    )
    config = watch("http://here", publishers=("ann",))
    state, found = take_list(config, State(), given, NOW)
    assert why in (found.failure.error if found.failure else "")
    known = state.snapshot.publishers.get("ann", Publisher(publisher="ann"))
    assert bool(known.baseline_at) is not bool(found.failure)
