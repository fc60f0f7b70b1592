"""A poll by sweep: what its pages show counts at once, and nothing is believed that they do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from tests.support.fakes.pages import UnsteadyPages
from tests.support.polls import Watcher, reported
from watcher.model.event import BadVersion, Tally
from watcher.polling.model import Report
from watcher.polling.reading import plan

PACKS = 12
BASELINE = [("baseline", None, None)]
FAILING, RECOVERED = ("failing", None, None), ("recovered", None, None)
INCOMPLETE = "the pages of all node packs are incomplete: "
WAITING = "; until they are complete, nothing is reported of node packs that only a new pattern includes"
"""What an incomplete sweep costs where there is no baseline of all."""
OLD = {"created_at": "2020-01-01T00:00:00Z"}


@pytest.fixture
def swept(registry: FakeRegistry, state: Path) -> Watcher:
    """A watcher of the whole registry after its first poll of a dozen packs with two versions each."""
    publish(registry, *(f"Pack-{number:02}" for number in range(PACKS)))
    for number in range(PACKS):
        status = "flagged" if number == 3 else "active"
        registry.catalog.publish(f"Pack-{number:02}", "1.1.0", status=status)
    made = Watcher(registry, state, globs=("*",))
    (event,) = made.poll().events
    assert (event.kind, event.node, event.after) == ("baseline", None, "flagged")
    assert event.reason == "12 node packs with 24 versions; flagged: 1"
    bad = BadVersion(node="Pack-03", version="1.1.0", status="flagged")
    assert event.bad_versions == (bad,)
    assert event.tally == Tally(packs=12, versions=24, flagged=1)
    return made


def publish(registry: FakeRegistry, *nodes: str, **fields: Any) -> None:
    """Publish a first version of packs."""
    for node in nodes:
        registry.catalog.publish(node, "1.0.0", **fields)


def alter(
    registry: FakeRegistry,
    change: Callable[[dict[str, Any]], object] | int,
    *,
    answers: bool = False,
) -> None:
    """Have pages of all packs come changed, or with a status; of packs that are asked by themselves too if `answers`.

    A change that returns an answer replaces the page.
    """

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        query = query_of(request)
        if ("nodeId" in query and not answers) or request.path == "/nodes":
            return None
        if isinstance(change, int):
            return web.Response(status=change)
        _, document = registry.catalog.answer(query)
        answer = change(document)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(document)

    registry.respond = respond


def refuse_single(registry: FakeRegistry) -> None:
    """Have packs fail that are asked by themselves."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if "nodeId" in query_of(request) else None

    registry.respond = respond


def without(*texts: str) -> Callable[[dict[str, Any]], None]:
    """Leave versions out of every page, as an unstable order does; the total still counts them."""

    def change(document: dict[str, Any]) -> None:
        document["versions"] = [
            row
            for row in document["versions"]
            if f"{row['node_id']} {row['version']}" not in texts
        ]

    return change


def broken(text: str, **fields: object) -> Callable[[dict[str, Any]], None]:
    """Have fields of a version come with values that do not fit."""

    def change(document: dict[str, Any]) -> None:
        for row in document["versions"]:
            if f"{row['node_id']} {row['version']}" == text:
                row.update(fields)

    return change


def a_day_later(swept: Watcher) -> Report:
    """Poll as if the last turn had been a day ago."""
    with swept.folder.locked():
        state = swept.folder.load()
        old = replace(state.checks, polled_at=OLD["created_at"], listed_at="")
        swept.folder.save_checks(old, state.snapshot.revision)
    return swept.poll()


# The baseline of all


def test_a_quiet_sweep_asks_no_pack(swept: Watcher) -> None:
    """A quiet poll reads the pages and asks no pack by itself."""
    report = swept.poll()
    assert (reported(report), swept.asked(), report.requests) == ([], [], 1)
    assert (report.watched, report.checked) == (PACKS, PACKS)


def test_other_globs_have_a_baseline_of_their_own(
    swept: Watcher, registry: FakeRegistry, state: Path
) -> None:
    """Globs that choose more packs set a baseline for these, and report no version of them as new."""
    publish(registry, "other")
    narrow = Watcher(registry, state / "narrow", globs=("pack-0*", "!pack-03"))
    first = narrow.poll()
    assert (first.watched, reported(first)) == (9, BASELINE)
    (event,) = narrow.poll(globs=("*",)).events
    assert "4 more node packs with 7 versions; flagged: 1" in event.reason


def test_what_is_no_pack(registry: FakeRegistry, state: Path) -> None:
    """Globs choose no id that was named once and never had a version, nor a node called `*`."""
    publish(registry, "pack")
    made = Watcher(registry, state, "pack", "no-such-pack")
    made.poll()
    publish(registry, "*", status="banned")
    registry.catalog.ban_node("*")
    report = made.poll(nodes=(), globs=("*",))
    assert (report.watched, report.checked, report.errors) == (1, 1, ())
    assert made.asked() == []


def test_a_ban_of_a_whole_pack_is_in_the_baseline(
    registry: FakeRegistry, state: Path
) -> None:
    """Packs that are banned as a whole at the first sweep are counted in its event, and are no events."""
    publish(registry, "a", "b")
    registry.catalog.edit_pack("a", status="banned")
    made = Watcher(registry, state, globs=("*",))
    (event,) = made.poll().events
    assert (event.after, "banned as a whole: 1" in event.reason) == ("banned", True)
    assert reported(made.poll()) == []


def test_globs_that_only_leave_out_keep_no_baseline_of_all(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A later `*` begins with one: what came meanwhile is no news."""
    swept.poll(nodes=("Pack-01",), globs=("!pack-02",))
    publish(registry, "meanwhile")
    assert reported(swept.poll()) == BASELINE


def test_a_pack_that_failed_before_it_came_is_news(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """That it was named, and reported failing, before the registry had it gives a pack no baseline."""
    refuse_single(registry)
    assert reported(swept.poll(nodes=("late",))) == [("failing", "late", None)]
    registry.respond = None
    publish(registry, "late")
    assert reported(swept.poll(nodes=("late",))) == [
        ("new", "late", "1.0.0"),
        ("recovered", "late", None),
    ]


def test_a_named_pack_that_the_baseline_of_all_lacks_is_news(
    registry: FakeRegistry, state: Path
) -> None:
    """Also if its own answer failed in that poll, and `GET /nodes` had it without a version, however it is written."""
    publish(registry, "there")
    registry.catalog.give("late", "ann")
    refuse_single(registry)
    made = Watcher(registry, state, "Late", globs=("*",), failure_threshold=9)
    assert reported(made.poll()) == BASELINE
    registry.respond = None
    publish(registry, "late")
    assert reported(made.poll()) == [("new", "Late", "1.0.0")]


# Rows that cannot be read


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"status": 7}, "row 1 is unreadable"),
        ({"dependencies": 7}, "a row is unreadable in part"),
    ],
)
def test_a_row_that_cannot_be_read_concerns_its_pack_alone(
    registry: FakeRegistry, state: Path, fields: dict[str, object], named: str
) -> None:
    """The baseline of all is set without the pack, which is failing by itself, and has its own once it can be read."""
    publish(registry, "p0", "p1", "p2", status="flagged", **OLD)
    made = Watcher(registry, state, globs=("*",), failure_threshold=2)
    alter(registry, broken("p2 1.0.0", **fields), answers=True)
    first = made.poll()
    assert reported(first) == BASELINE
    assert "2 node packs with 2 versions" in first.events[0].reason
    assert first.errors == (("p2", f"the listing is incomplete: {named} on page 1"),)
    assert reported(made.poll()) == [("failing", "p2", None)]
    publish(registry, "p9")
    assert reported(made.poll()) == [("new", "p9", "1.0.0")]
    registry.respond = None
    assert sorted(reported(made.poll())) == [
        ("baseline", "p2", None),
        ("recovered", "p2", None),
    ]


@pytest.mark.parametrize("field", ["status", "dependencies"])
def test_a_known_pack_with_a_row_that_cannot_be_read(
    swept: Watcher, registry: FakeRegistry, field: str
) -> None:
    """Its other rows count at once, it alone is asked, and the sweep is a complete one."""
    alter(registry, broken("Pack-04 1.0.0", **{field: 7}), answers=True)
    assert reported(swept.poll(failure_threshold=3)) == []
    assert set(swept.asked()) == {"Pack-04"}
    registry.catalog.set_status("Pack-04", "1.1.0", "banned")
    report = swept.poll(failure_threshold=3)
    assert reported(report) == [("banned", "Pack-04", "1.1.0")]
    assert [node for node, _ in report.errors] == ["Pack-04"]


def test_a_new_pack_whose_row_cannot_be_read_yet(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A pack that comes later is news once it can be read, though it was reported failing, and globs were edited."""
    publish(registry, "Later", status="banned", **OLD)
    alter(registry, broken("Later 1.0.0", status=7), answers=True)
    globs = ("*", "!zzz")
    assert reported(swept.poll(globs=globs)) == [("failing", "Later", None)]
    registry.respond = None
    assert reported(swept.poll(globs=globs)) == [
        ("banned", "Later", "1.0.0"),
        ("recovered", "Later", None),
    ]


def test_a_row_that_is_nobodys_makes_the_sweep_incomplete(
    registry: FakeRegistry, state: Path
) -> None:
    """Where a row does not even say whose it is there is no baseline."""
    publish(registry, "p1")
    made = Watcher(registry, state, globs=("*",), failure_threshold=2)
    alter(registry, broken("p1 1.0.0", status=7, node_id=None))
    report = made.poll()
    why = f"{INCOMPLETE}row 1 is unreadable on page 1{WAITING}"
    assert (reported(report), report.errors) == ([], (("*", why),))


# What is no pack, or no longer one


def test_an_empty_answer_is_no_baseline(registry: FakeRegistry, state: Path) -> None:
    """A registry that says it has no version at all sets no baseline: what comes then is not all news."""
    made = Watcher(registry, state, globs=("*",), failure_threshold=3)
    report = made.poll()
    why = f"{INCOMPLETE}no versions came{WAITING}"
    assert (reported(report), report.errors) == ([], (("*", why),))
    publish(registry, "p")
    assert reported(made.poll()) == BASELINE


def test_a_later_pack_is_news_whatever_its_dates_say(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A pack that the baseline of all did not have is news, though its versions are dated before that."""
    for text, status in (("1.0", "flagged"), ("1.2", "active"), ("1.3", "deleted")):
        registry.catalog.publish("Late", text, status=status, **OLD)
    assert sorted(reported(swept.poll())) == [
        ("flagged", "Late", "1.0"),
        ("new", "Late", "1.2"),
    ]
    registry.catalog.publish("Late", "1.4", status="banned", **OLD)
    assert reported(swept.poll()) == [("banned", "Late", "1.4")]


def test_a_later_pack_that_is_banned_as_a_whole(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """The ban of a pack that comes later says nothing of a status before; its versions are news when it ends."""
    publish(registry, "Late", status="flagged", **OLD)
    registry.catalog.ban_node("Late", "malware")
    (event,) = swept.poll().events
    assert (event.kind, event.node, event.before) == ("banned", "Late", None)
    registry.catalog.pardon_node("Late")
    registry.serves_nodes = False
    found = reported(a_day_later(swept))
    assert sorted(found, key=str) == [
        ("flagged", "Late", "1.0.0"),
        ("reinstated", "Late", None),
    ]


def test_a_pack_that_only_a_page_has(swept: Watcher, registry: FakeRegistry) -> None:
    """A pack that has rows on a page, and no version when it is asked, is no event and no id to be doubted."""
    UnsteadyPages(registry).faults = {1: "row_of_another"}
    for _ in range(2):
        report = swept.poll()
        assert "somebody-elses" in swept.asked()
        assert (reported(report), report.errors, report.empty) == ([], (), ())


def test_globs_that_match_nothing_say_so(swept: Watcher) -> None:
    """A baseline of no pack is an event too, since the glob may be mistyped; one of known packs only is none."""
    assert reported(swept.poll(globs=("pack-*",))) == []
    (event,) = swept.poll(globs=("pakc-*",)).events
    assert (
        event.reason == "0 node packs with 0 versions for pakc-*: is the pattern right?"
    )


# What pages show, and what they do not


def test_what_a_page_shows_counts_without_an_answer(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A flag that a page shows is reported though the pack itself cannot be read, and is not reported twice."""
    registry.catalog.set_status("Pack-05", "1.0.0", "flagged")
    refuse_single(registry)
    report = swept.poll(failure_threshold=3)
    assert reported(report) == [("flagged", "Pack-05", "1.0.0")]
    assert (report.checked, set(swept.asked())) == (PACKS - 1, {"Pack-05"})
    registry.respond = None
    assert reported(swept.poll()) == []


def test_a_row_that_is_not_shown_means_nothing(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """Rows that an unstable order hides are asked for, poll after poll, and never reported as removed."""
    alter(registry, without("Pack-04 1.0.0", "Pack-04 1.1.0", "Pack-07 1.0.0"))
    for _ in range(3):
        report = swept.poll(failure_threshold=4)
        assert (reported(report), report.checked) == ([], PACKS)
        assert report.errors == (("*", f"{INCOMPLETE}21 of 24 versions came"),)
        assert set(swept.asked()) == {"Pack-04", "Pack-07"}


def test_rows_that_a_page_border_hides_come_with_other_borders(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """If rows are missing the pages are read once more in another size, so that what one size hides is seen."""
    registry.catalog.publish("Pack-04", "1.2.0")

    def change(document: dict[str, Any]) -> None:
        if document["pageSize"] == 100:
            without("Pack-04 1.2.0")(document)

    alter(registry, change)
    assert reported(swept.poll()) == [("new", "Pack-04", "1.2.0")]


# Failures and refusals


def test_a_refused_sweep_asks_each(swept: Watcher, registry: FakeRegistry) -> None:
    """Where the registry refuses to list all packs, each known one is asked, and nothing is failing."""
    alter(registry, 403)
    registry.catalog.set_status("Pack-05", "1.0.0", "banned")
    report = swept.poll(failure_threshold=2)
    assert reported(report) == [("banned", "Pack-05", "1.0.0")]
    assert (report.watched, report.checked) == (PACKS, PACKS)
    [(node, why)] = report.errors
    assert (node, "(403)" in why) == ("*", True)
    said = "so each known node pack is asked, and new ones are not noticed"
    assert why.endswith(said)
    (event,) = swept.poll(failure_threshold=2).events
    assert (event.kind, event.node, event.after) == ("failing", None, "incomplete")
    registry.respond = None
    assert reported(swept.poll(failure_threshold=2)) == [RECOVERED]


def test_a_refusal_before_the_baseline_sets_none(
    registry: FakeRegistry, state: Path
) -> None:
    """Packs that only an incomplete first sweep showed wait for the baseline of all while the registry refuses one."""
    publish(registry, "p0", "p1", "p2", "p3")
    made = Watcher(registry, state, "p0", globs=("*",), failure_threshold=9)
    alter(registry, without("p2 1.0.0"))
    assert reported(made.poll()) == [("baseline", "p0", None)]
    assert set(made.asked()) == {"p0"}
    alter(registry, 400)
    assert (reported(made.poll()), set(made.asked())) == ([], {"p0"})
    registry.respond = None
    (event,) = made.poll().events
    assert "3 node packs with 3 versions" in event.reason


def test_a_banned_pack_without_a_baseline_is_asked_when_a_sweep_is_refused(
    registry: FakeRegistry, state: Path
) -> None:
    """A pack that was banned before the baseline of all is asked like those that have one, so that the end shows."""
    publish(registry, "one", "other")
    registry.catalog.ban_node("one", "malware")
    Watcher(registry, state, "one").poll()
    made = Watcher(registry, state, globs=("*",), failure_threshold=9)
    made.poll()
    registry.catalog.pardon_node("one")
    alter(registry, 403)
    assert sorted(reported(made.poll())) == [
        ("baseline", "one", None),
        ("reinstated", "one", None),
    ]


def test_a_page_that_fails_hides_nothing_of_named_packs(
    registry: FakeRegistry, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only ids are watched and a page fails each is asked by itself: nothing is missed, nothing has failed."""
    monkeypatch.setattr(plan, "_MANY", 3)
    names = ["p0", "p1", "p2"]
    for number in range(102):
        registry.catalog.publish(names[number % 3], f"1.{number}.0")
    made = Watcher(registry, state, *names)
    made.poll()
    made.poll()
    assert made.asked() == []
    alter(
        registry,
        lambda document: web.Response(status=500) if document["page"] == 2 else None,
    )
    registry.catalog.publish("p1", "2.0.0")
    report = made.poll()
    assert reported(report) == [("new", "p1", "2.0.0")]
    assert (report.checked, report.errors, set(made.asked())) == (3, (), set(names))


def test_a_registry_that_is_down_is_one_failure(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A registry that answers no page is reported as a whole after the threshold, once, and recovers."""
    alter(registry, 503)
    polls = [swept.poll(failure_threshold=2) for _ in range(3)]
    assert [reported(report) for report in polls] == [[], [FAILING], []]
    assert polls[2].checked == 0
    registry.respond = None
    assert reported(swept.poll()) == [RECOVERED]


def test_what_a_poll_may_not_ask_was_not_checked(
    swept: Watcher, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While pages hide more packs than a poll asks, the others are not checked, and the poll says why."""
    monkeypatch.setattr(plan, "_MOST_QUESTIONS", 9)
    alter(registry, lambda true: true.update(versions=[], total=0, totalPages=0))
    report = swept.poll()
    assert report.checked == 9
    [(_, why)] = report.errors
    assert why == (
        f"{INCOMPLETE}no versions came; "
        "not all versions of 3 node packs were shown; a later poll asks about these"
    )


# Bans of whole packs


def test_a_ban_of_a_whole_pack_shows_in_its_turn(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A ban that only `GET /nodes` knows is reported within a day, and so is its end."""
    registry.catalog.edit_pack("Pack-08", status="banned", status_detail="malware")
    assert reported(swept.poll()) == []
    assert reported(a_day_later(swept)) == [("banned", "Pack-08", None)]
    registry.catalog.edit_pack("Pack-08", status="active")
    assert reported(a_day_later(swept)) == [("reinstated", "Pack-08", None)]


@pytest.mark.parametrize(
    ("named", "failing"), [(("Pack-08",), "nodes"), ((), "nodes"), ((), "s")]
)
def test_what_the_list_of_packs_did_not_answer_is_asked_by_the_next_poll(
    registry: FakeRegistry, state: Path, named: tuple[str, ...], failing: str
) -> None:
    """A ban shows in the first poll after `GET /nodes`, or the whole registry, failed when it was due."""
    publish(registry, "Pack-08")
    globs = () if named else ("*",)
    made = Watcher(registry, state, *named, globs=globs, failure_threshold=9)
    made.poll()
    registry.catalog.edit_pack("Pack-08", status="banned", status_detail="malware")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if request.path.endswith(failing) else None

    registry.respond = respond
    assert reported(a_day_later(made)) == []
    registry.respond = None
    assert reported(made.poll()) == [("banned", "Pack-08", None)]


def test_a_ban_of_a_named_pack_shows_in_the_next_poll(
    registry: FakeRegistry, state: Path
) -> None:
    """`GET /nodes` is asked about it by every poll, also beside globs, in the registry's own way to write the id."""
    publish(registry, "Pack-A", "Pack-B")
    made = Watcher(registry, state, "PACK-a", globs=("*",))
    made.poll()
    for status, kind in (("banned", "banned"), ("active", "reinstated")):
        for pack in ("Pack-A", "Pack-B"):
            registry.catalog.edit_pack(pack, status=status)
        found = [(one, str(node).lower()) for one, node, _ in reported(made.poll())]
        assert found == [(kind, "pack-a")]
