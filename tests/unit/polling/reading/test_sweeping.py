"""A poll by sweep: what its pages show counts at once, and nothing is believed that they do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry, encoded
from tests.support.fakes.fault import asked as query_of
from tests.support.fakes.pages import UnsteadyPages
from tests.support.polls import Watcher, reported
from watcher.model.event import BadVersion, Tally
from watcher.polling.model import Report

PACKS = 12
WAITING = "; until they are complete, nothing is reported of node packs that only a new pattern includes"
"""What an incomplete sweep costs where there is no baseline of all."""


@pytest.fixture
def first(registry: FakeRegistry, state: Path) -> tuple[Watcher, Report]:
    """A watcher of the whole registry, and its first poll of a dozen packs with two versions each."""
    for number in range(PACKS):
        registry.catalog.publish(f"Pack-{number:02}", "1.0.0")
        registry.catalog.publish(
            f"Pack-{number:02}", "1.1.0", status="flagged" if number == 3 else "active"
        )
    made = Watcher(registry, state, globs=("*",))
    return made, made.poll()


@pytest.fixture
def swept(first: tuple[Watcher, Report]) -> Watcher:
    """The watcher of the whole registry after that poll."""
    return first[0]


def _answer_pages(
    registry: FakeRegistry, change: Callable[[dict[str, Any]], object]
) -> None:
    """Have pages of all packs come changed; a change that returns an answer replaces the page."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        query = query_of(request)
        if "nodeId" in query or not request.path.endswith("versions"):
            return None
        _, document = registry.catalog.answer(query)
        answer = change(document)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(body=encoded(document), content_type="application/json")

    registry.respond = respond


def _refused(status: int, _: object) -> web.Response:
    return web.Response(status=status)


def _rows(registry: FakeRegistry, **query: str) -> list[dict[str, Any]]:
    """Return the rows of one page, as the registry has them now."""
    document: Any = registry.catalog.answer(
        {"pageSize": ["100"], **{name: [value] for name, value in query.items()}}
    )[1]
    return list(document["versions"])


def _without(*texts: str) -> Callable[[dict[str, Any]], None]:
    """Leave versions out of every page, as an unstable order does; the total still counts them."""

    def change(document: dict[str, Any]) -> None:
        document["versions"] = [
            row
            for row in document["versions"]
            if f"{row['node_id']} {row['version']}" not in texts
        ]

    return change


# The baseline of all


def test_one_baseline_of_all(first: tuple[Watcher, Report]) -> None:
    """The first sweep is one event, which counts the packs, the versions and the bad ones, and names these."""
    _, report = first
    (event,) = report.events
    assert (event.kind, event.node, event.after) == ("baseline", None, "flagged")
    assert event.reason == "12 node packs with 24 versions; flagged: 1"
    assert event.bad_versions == (
        BadVersion(node="Pack-03", version="1.1.0", status="flagged"),
    )
    assert event.tally == Tally(packs=12, versions=24, flagged=1)
    assert (report.watched, report.checked) == (PACKS, PACKS)


def test_a_quiet_sweep_asks_no_pack(swept: Watcher) -> None:
    """A quiet poll reads the pages and asks no pack by itself."""
    report = swept.poll()
    assert (reported(report), swept.asked(), report.requests) == ([], [], 1)
    assert (report.watched, report.checked) == (PACKS, PACKS)


def test_other_globs_have_a_baseline_of_their_own(
    swept: Watcher, registry: FakeRegistry, state: Path
) -> None:
    """Globs that choose more packs set a baseline for these, and report no version of them as new."""
    registry.catalog.publish("other", "1.0.0")
    narrow = Watcher(registry, state / "narrow", globs=("pack-0*", "!pack-03"))
    first = narrow.poll()
    assert (first.watched, reported(first)) == (9, [("baseline", None, None)])
    (event,) = narrow.poll(globs=("*",)).events
    assert "4 more node packs with 7 versions; flagged: 1" in event.reason


def test_an_id_without_versions_is_no_pack(registry: FakeRegistry, state: Path) -> None:
    """An id that was named once and never had a version is none of the packs that globs choose."""
    registry.catalog.publish("pack", "1.0.0")
    made = Watcher(registry, state, "pack", "no-such-pack")
    made.poll()
    report = made.poll(nodes=(), globs=("*",))
    assert (report.watched, report.checked, report.errors, made.asked()) == (
        1,
        1,
        (),
        [],
    )


def test_no_pack_passes_for_the_registry(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A row of a node called `*`, which stands for the registry itself elsewhere, is of no pack that globs choose."""
    registry.catalog.publish("*", "1.0.0", status="banned")
    registry.catalog.ban_node("*")
    report = swept.poll()
    assert (report.watched, report.checked, reported(report), swept.asked()) == (
        PACKS,
        PACKS,
        [],
        [],
    )


def test_a_ban_of_a_whole_pack_is_in_the_baseline(
    registry: FakeRegistry, state: Path
) -> None:
    """Packs that are banned as a whole at the first sweep are counted in its event, and are no events."""
    for node in ("a", "b"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.edit_pack("a", status="banned")
    made = Watcher(registry, state, globs=("*",))
    (event,) = made.poll().events
    assert (event.after, "banned as a whole: 1" in event.reason) == ("banned", True)
    assert reported(made.poll()) == []


@pytest.mark.parametrize("total", [4, 100])
def test_no_baseline_with_a_total_that_is_too_small(
    registry: FakeRegistry, state: Path, total: int
) -> None:
    """A registry that has more versions than it says, also on a page that it does not count, sets no baseline."""
    for number in range(120):
        registry.catalog.publish(f"p{number:03}", "1.0.0")
    made = Watcher(registry, state, globs=("*",), failure_threshold=3)
    _answer_pages(
        registry,
        lambda document: document.update(total=total, totalPages=-(-total // 100)),
    )
    report = made.poll()
    assert (reported(report), report.checked) == ([], 0)
    assert f"of {total} versions came" in report.errors[0][1]
    registry.respond = None
    assert reported(made.poll()) == [("baseline", None, None)]


def test_a_baseline_that_never_comes_is_reported(
    registry: FakeRegistry, state: Path
) -> None:
    """A registry of which a row never comes is reported after the threshold, and recovers with the baseline."""
    for number in range(4):
        registry.catalog.publish(f"p{number}", "1.0.0")
    made = Watcher(registry, state, globs=("*",))
    _answer_pages(registry, _without("p2 1.0.0"))
    polls = [made.poll(failure_threshold=3) for _ in range(4)]
    assert [reported(report) for report in polls] == [
        [],
        [],
        [("failing", None, None)],
        [],
    ]
    (event,) = polls[2].events
    assert event.after == "incomplete"
    assert f"3 of 4 versions came{WAITING}; in 3 polls in a row" in event.reason
    assert [why for _, why in polls[3].errors] == [
        f"the pages of all node packs are incomplete: 3 of 4 versions came{WAITING}"
    ]
    registry.respond = None
    assert sorted(reported(made.poll())) == [
        ("baseline", None, None),
        ("recovered", None, None),
    ]


def test_what_failed_with_other_globs_recovers(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """Sweeps that were reported incomplete are reported complete again, though the globs were edited meanwhile."""
    _answer_pages(registry, _without("Pack-04 1.0.0"))
    assert reported(swept.poll()) == [("failing", None, None)]
    registry.respond = None
    assert reported(swept.poll(globs=("pack-0*",))) == [("recovered", None, None)]


def test_a_pack_that_failed_before_it_came_is_news(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """That it was named, and reported failing, before the registry had it gives a pack no baseline."""

    async def refuse(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if "nodeId" in query_of(request) else None

    registry.respond = refuse
    assert reported(swept.poll(nodes=("late",))) == [("failing", "late", None)]
    registry.respond = None
    registry.catalog.publish("late", "1.0.0")
    assert reported(swept.poll(nodes=("late",))) == [
        ("new", "late", "1.0.0"),
        ("recovered", "late", None),
    ]


@pytest.mark.parametrize("name", ["late", "Late"])
def test_a_named_pack_that_the_baseline_of_all_lacks_is_news(
    registry: FakeRegistry, state: Path, name: str
) -> None:
    """Also if its own answer failed in that poll, and `GET /nodes` had it without a version, however it is written."""

    async def refuse(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if "nodeId" in query_of(request) else None

    registry.catalog.publish("there", "1.0.0")
    registry.catalog.give("late", "ann")
    registry.respond = refuse
    made = Watcher(registry, state, name, globs=("*",), failure_threshold=9)
    assert reported(made.poll()) == [("baseline", None, None)]
    registry.respond = None
    registry.catalog.publish("late", "1.0.0")
    assert reported(made.poll()) == [("new", name, "1.0.0")]


# Rows that cannot be read


def _broken(*texts: str, **fields: object) -> Callable[[dict[str, Any]], None]:
    """Have fields of versions come with values that do not fit, on every page and in the packs' own answers."""

    def change(document: dict[str, Any]) -> None:
        for row in document["versions"]:
            if f"{row['node_id']} {row['version']}" in texts:
                row.update(fields)

    return change


def _answer_all(
    registry: FakeRegistry, change: Callable[[dict[str, Any]], None]
) -> None:
    """Have pages of all packs, and the answers of single packs, come changed."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if not request.path.endswith("versions"):
            return None
        _, document = registry.catalog.answer(query_of(request))
        change(document)
        return web.Response(body=encoded(document), content_type="application/json")

    registry.respond = respond


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
    for number in range(4):
        registry.catalog.publish(
            f"p{number}", "1.0.0", status="flagged", created_at="2025-01-01T00:00:00Z"
        )
    made = Watcher(registry, state, globs=("*",), failure_threshold=2)
    _answer_all(registry, _broken("p2 1.0.0", **fields))
    first = made.poll()
    assert reported(first) == [("baseline", None, None)]
    assert "3 node packs with 3 versions" in first.events[0].reason
    assert first.errors == (("p2", f"the listing is incomplete: {named} on page 1"),)
    polls = [made.poll() for _ in range(3)]
    assert [reported(poll) for poll in polls] == [[("failing", "p2", None)], [], []]
    assert [poll.errors[0][0] for poll in polls] == ["p2"] * 3
    registry.catalog.publish("p9", "1.0.0")
    assert reported(made.poll()) == [("new", "p9", "1.0.0")]
    registry.respond = None
    assert sorted(reported(made.poll())) == [
        ("baseline", "p2", None),
        ("recovered", "p2", None),
    ]
    assert reported(made.poll()) == []


def test_a_pack_whose_own_answer_can_be_read_has_a_baseline_of_its_own(
    registry: FakeRegistry, state: Path
) -> None:
    """Where only the page has the broken row, the pack is asked in that poll, and is no part of the one baseline."""
    for number in range(4):
        registry.catalog.publish(f"p{number}", "1.0.0")
    made = Watcher(registry, state, globs=("*",), failure_threshold=9)
    _answer_pages(registry, _broken("p2 1.0.0", status=7))
    report = made.poll()
    assert reported(report) == [("baseline", None, None), ("baseline", "p2", None)]
    assert set(made.asked()) == {"p2"}
    assert report.events[0].reason.startswith("3 node packs with ")
    assert reported(made.poll()) == []


def test_a_known_pack_with_a_row_that_cannot_be_read(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """Its other rows count at once, it alone is asked, and the sweep is a complete one."""
    _answer_all(registry, _broken("Pack-04 1.0.0", status=7))
    registry.catalog.set_status("Pack-04", "1.1.0", "banned")
    report = swept.poll(failure_threshold=2)
    assert (reported(report), set(swept.asked())) == (
        [("banned", "Pack-04", "1.1.0")],
        {"Pack-04"},
    )
    assert [node for node, _ in report.errors] == ["Pack-04"]
    registry.respond = None
    assert reported(swept.poll(failure_threshold=2)) == []


@pytest.mark.parametrize("globs", [("*",), ("*", "!zzz")])
def test_a_new_pack_whose_row_cannot_be_read_yet(
    swept: Watcher, registry: FakeRegistry, globs: tuple[str, ...]
) -> None:
    """A pack that comes later is news once it can be read, though it was reported failing, or globs were edited."""
    registry.catalog.publish(
        "Later", "0.1.0", status="banned", created_at="2020-01-01T00:00:00Z"
    )
    _answer_all(registry, _broken("Later 0.1.0", status=7))
    assert reported(swept.poll(globs=globs)) == [("failing", "Later", None)]
    registry.respond = None
    assert reported(swept.poll(globs=globs)) == [
        ("banned", "Later", "0.1.0"),
        ("recovered", "Later", None),
    ]


def test_a_row_that_is_nobodys_makes_the_sweep_incomplete(
    registry: FakeRegistry, state: Path
) -> None:
    """Where a row does not even say whose it is there is no baseline."""
    for number in range(4):
        registry.catalog.publish(f"p{number}", "1.0.0")
    made = Watcher(registry, state, globs=("*",), failure_threshold=2)
    _answer_all(registry, _broken("p2 1.0.0", status=7, node_id=None))
    report = made.poll()
    (error,) = (why for node, why in report.errors if node == "*")
    assert reported(report) == []
    assert error.startswith("the pages of all node packs are incomplete: row ")
    assert error.endswith(f" is unreadable on page 1{WAITING}")


# What is no pack, or no longer one


def test_an_empty_answer_is_no_baseline(registry: FakeRegistry, state: Path) -> None:
    """A registry that says it has no version at all sets no baseline: what comes then is not all news."""
    made = Watcher(registry, state, globs=("*",))
    report = made.poll(failure_threshold=3)
    assert (reported(report), report.errors[0][1]) == (
        [],
        f"the pages of all node packs are incomplete: no versions came{WAITING}",
    )
    registry.catalog.publish("p", "1.0.0")
    assert reported(made.poll()) == [("baseline", None, None)]


@pytest.mark.parametrize("globs", [("*",), ("late*", "pack-*")])
def test_a_later_pack_is_news_whatever_its_dates_say(
    swept: Watcher, registry: FakeRegistry, globs: tuple[str, ...]
) -> None:
    """A pack that the baseline of all did not have is news, though its versions are dated before that."""
    swept.poll(globs=globs)
    for text, status in (
        ("1.0.0", "flagged"),
        ("1.1.0", "banned"),
        ("1.2.0", "active"),
        ("1.3.0", "deleted"),
    ):
        registry.catalog.publish(
            "Late", text, status=status, created_at="2020-01-01T00:00:00Z"
        )
    found = swept.poll(globs=globs)
    assert sorted(reported(found)) == [
        ("banned", "Late", "1.1.0"),
        ("flagged", "Late", "1.0.0"),
        ("new", "Late", "1.2.0"),
    ]
    registry.catalog.publish(
        "Late", "1.4.0", status="banned", created_at="2020-01-01T00:00:00Z"
    )
    assert reported(swept.poll(globs=globs)) == [("banned", "Late", "1.4.0")]
    assert reported(swept.poll(globs=globs)) == []


def test_a_later_pack_that_is_banned_as_a_whole(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """The ban of a pack that comes later says nothing of a status before; its versions are news when it ends."""
    registry.catalog.publish(
        "Late", "1.0.0", status="flagged", created_at="2020-01-01T00:00:00Z"
    )
    registry.catalog.ban_node("Late", "malware")
    (event,) = swept.poll().events
    assert (event.kind, event.node, event.before, event.after) == (
        "banned",
        "Late",
        None,
        "banned",
    )
    registry.catalog.pardon_node("Late")
    registry.serves_nodes = False
    found = reported(_a_day_later(swept))
    assert sorted(found, key=str) == [
        ("flagged", "Late", "1.0.0"),
        ("reinstated", "Late", None),
    ]


def test_a_pack_that_only_a_page_has(swept: Watcher, registry: FakeRegistry) -> None:
    """A pack that has rows on a page, and no version when it is asked, is no event and no id to be doubted."""
    UnsteadyPages(registry).faults = {1: "row_of_another"}
    for _ in range(3):
        report = swept.poll()
        assert "somebody-elses" in swept.asked()
        assert (reported(report), report.errors, report.empty) == ([], (), ())
    registry.respond = None
    assert reported(swept.poll()) == []


def test_an_id_that_was_named_by_mistake_becomes_no_pack(swept: Watcher) -> None:
    """An id without versions that the settings name for some time, beside globs, is forgotten."""
    assert swept.poll(nodes=("Ghost",)).empty == ("Ghost",)
    assert swept.poll().watched == PACKS
    assert "ghost" not in swept.asked()


def test_what_came_before_the_globs_changed_is_news(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A pack that the globs chose before they were edited is news, though nothing was polled in between."""
    registry.catalog.publish("Later", "0.1.0", status="flagged")
    assert reported(swept.poll(globs=("*", "!test-*"))) == [
        ("flagged", "Later", "0.1.0")
    ]


def test_globs_that_match_nothing_say_so(swept: Watcher) -> None:
    """A baseline of no pack is an event too, since the glob may be mistyped; one of known packs only is none."""
    assert reported(swept.poll(globs=("pack-*",))) == []
    (event,) = swept.poll(globs=("pakc-*",)).events
    assert (
        event.reason == "0 node packs with 0 versions for pakc-*: is the pattern right?"
    )


# What pages show, and what they do not


def test_what_a_page_shows_is_asked_and_reported(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A pack whose rows differ is asked by itself, and no other."""
    registry.catalog.set_status("Pack-05", "1.0.0", "banned", "stealer")
    report = swept.poll()
    assert reported(report) == [("banned", "Pack-05", "1.0.0")]
    assert report.events[0].reason == "stealer"
    assert set(swept.asked()) == {"Pack-05"}


def test_what_a_page_shows_counts_without_an_answer(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A flag that a page shows is reported though the pack itself cannot be read, and is not reported twice."""
    registry.catalog.set_status("Pack-05", "1.0.0", "flagged")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if "nodeId" in query_of(request) else None

    registry.respond = respond
    report = swept.poll(failure_threshold=3)
    assert (reported(report), report.checked) == (
        [("flagged", "Pack-05", "1.0.0")],
        PACKS - 1,
    )
    registry.respond = None
    assert reported(swept.poll()) == []


def test_a_row_that_is_not_shown_means_nothing(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """Rows that an unstable order hides are asked for, poll after poll, and never reported as removed."""
    _answer_pages(registry, _without("Pack-04 1.0.0", "Pack-04 1.1.0", "Pack-07 1.0.0"))
    for _ in range(3):
        report = swept.poll(failure_threshold=4)
        assert (reported(report), report.checked) == ([], PACKS)
        assert report.errors == (
            ("*", "the pages of all node packs are incomplete: 21 of 24 versions came"),
        )
        assert set(swept.asked()) == {"Pack-04", "Pack-07"}


def test_rows_that_a_page_border_hides_come_with_other_borders(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """If rows are missing the pages are read once more in another size, so that what one size hides is seen."""
    registry.catalog.publish("Pack-04", "1.2.0")

    def change(document: dict[str, Any]) -> None:
        if document["pageSize"] == 100:
            _without("Pack-04 1.2.0")(document)

    _answer_pages(registry, change)
    assert reported(swept.poll()) == [("new", "Pack-04", "1.2.0")]


def test_of_rows_that_contradict_the_worse_counts(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A row that comes twice in two forms makes its pack be asked; what it answers counts."""

    def change(document: dict[str, Any]) -> None:
        row = next(row for row in document["versions"] if row["node_id"] == "Pack-06")
        document["versions"].append(row | {"status": "NodeVersionStatusBanned"})

    _answer_pages(registry, change)
    assert (reported(swept.poll()), set(swept.asked())) == ([], {"Pack-06"})


# Failures and refusals


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_sweep_asks_each(
    swept: Watcher, registry: FakeRegistry, status: int
) -> None:
    """Where the registry refuses to list all packs, each known one is asked, and nothing is failing."""
    _answer_pages(registry, lambda _: web.Response(status=status))
    registry.catalog.set_status("Pack-05", "1.0.0", "banned")
    report = swept.poll(failure_threshold=2)
    assert reported(report) == [("banned", "Pack-05", "1.0.0")]
    assert (report.watched, report.checked) == (PACKS, PACKS)
    [(node, why)] = report.errors
    assert (node, f"({status})" in why) == ("*", True)
    assert why.endswith(
        "so each known node pack is asked, and new ones are not noticed"
    )
    later = swept.poll(failure_threshold=2)
    assert [(event.kind, event.node, event.after) for event in later.events] == [
        ("failing", None, "incomplete")
    ]
    registry.respond = None
    assert reported(swept.poll(failure_threshold=2)) == [("recovered", None, None)]


def test_a_refusal_before_the_baseline_sets_none(
    registry: FakeRegistry, state: Path
) -> None:
    """Packs that only an incomplete first sweep showed wait for the baseline of all while the registry refuses one."""
    for number in range(4):
        registry.catalog.publish(f"p{number}", "1.0.0")
    made = Watcher(registry, state, "p0", globs=("*",), failure_threshold=9)
    _answer_pages(registry, _without("p2 1.0.0"))
    made.poll()
    _answer_pages(registry, lambda _: web.Response(status=400))
    assert (reported(made.poll()), set(made.asked())) == ([], {"p0"})
    registry.respond = None
    (event,) = made.poll().events
    assert "3 node packs with 3 versions" in event.reason


def test_a_banned_pack_without_a_baseline_is_asked_when_a_sweep_is_refused(
    registry: FakeRegistry, state: Path
) -> None:
    """A pack that was banned before the baseline of all is asked like those that have one, so that the end shows."""
    for node in ("one", "other"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.ban_node("one", "malware")
    made = Watcher(registry, state, "one")
    made.poll()
    made = Watcher(registry, state, globs=("*",), failure_threshold=9)
    made.poll()
    registry.catalog.pardon_node("one")
    _answer_pages(registry, lambda _: web.Response(status=403))
    assert sorted(reported(made.poll())) == [
        ("baseline", "one", None),
        ("reinstated", "one", None),
    ]


def test_a_page_that_fails_hides_nothing_of_named_packs(
    registry: FakeRegistry, state: Path
) -> None:
    """Where only ids are watched and a page fails each is asked by itself: nothing is missed, nothing has failed."""
    names = [f"p{number:03}" for number in range(130)]
    for name in names:
        registry.catalog.publish(name, "1.0.0")
    made = Watcher(registry, state, *names, failure_threshold=1)
    made.poll()
    made.poll()
    assert made.asked() == []
    _answer_pages(
        registry,
        lambda document: web.Response(status=500) if document["page"] == 2 else None,
    )
    for name in names[::13]:
        registry.catalog.publish(name, "2.0.0")
    report = made.poll()
    assert sorted(reported(report)) == [("new", name, "2.0.0") for name in names[::13]]
    assert (report.checked, report.errors, len(set(made.asked()))) == (130, (), 130)


def test_failures_with_refusals_between_are_not_in_a_row(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A first page that fails, is refused and fails again has failed once in a row, and is no node."""
    polls = []
    for status in (503, 400, 503):
        _answer_pages(registry, partial(_refused, status))
        polls.append(reported(swept.poll(failure_threshold=2)))
    assert polls == [[], [], []]


def test_a_registry_that_is_down_is_one_failure(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A registry that answers no page is reported as a whole after the threshold, once, and recovers."""
    _answer_pages(registry, lambda _: web.Response(status=503))
    polls = [reported(swept.poll(failure_threshold=3)) for _ in range(4)]
    assert polls == [[], [], [("failing", None, None)], []]
    assert swept.poll(failure_threshold=3).checked == 0
    registry.respond = None
    assert reported(swept.poll()) == [("recovered", None, None)]


def test_a_page_that_fails_costs_only_its_rows(
    registry: FakeRegistry, state: Path
) -> None:
    """With one page of several missing, what the others show is reported, and the packs it hides are asked."""
    for number in range(120):
        registry.catalog.publish(f"p{number:03}", f"1.{number}.0")
    made = Watcher(registry, state, globs=("*",))
    made.poll()
    shown = [row["node_id"] for row in _rows(registry, page="1")]
    hidden = next(
        f"p{number:03}" for number in range(120) if f"p{number:03}" not in shown
    )
    for node in (shown[0], hidden):
        (version,) = [row["version"] for row in _rows(registry, nodeId=node)]
        registry.catalog.set_status(node, version, "banned")
    _answer_pages(
        registry,
        lambda document: web.Response(status=500) if document["page"] == 2 else None,
    )
    report = made.poll(failure_threshold=3)
    assert {event.node for event in report.events} == {shown[0], hidden}
    assert report.errors[0][0] == "*"
    assert "page 2" in report.errors[0][1]


def test_what_a_poll_may_not_ask_was_not_checked(
    registry: FakeRegistry, state: Path
) -> None:
    """While pages hide more packs than a poll asks, the others are not checked, and the poll says why."""
    for number in range(230):
        registry.catalog.publish(f"pack-{number:03}", "1.0.0")
    made = Watcher(registry, state, globs=("*",))
    made.poll()
    _answer_pages(
        registry, lambda document: document.update(versions=[], total=0, totalPages=0)
    )
    report = made.poll()
    assert report.checked == 200
    [(_, why)] = report.errors
    assert why == (
        "the pages of all node packs are incomplete: no versions came; "
        "not all versions of 30 node packs were shown; a later poll asks about these"
    )


# Bans of whole packs


def test_a_ban_of_a_whole_pack_shows_in_its_turn(
    swept: Watcher, registry: FakeRegistry
) -> None:
    """A ban that only `GET /nodes` knows is reported within a day, and so is its end."""
    registry.catalog.edit_pack("Pack-08", status="banned", status_detail="malware")
    assert reported(swept.poll()) == []
    assert reported(_a_day_later(swept)) == [("banned", "Pack-08", None)]
    registry.catalog.edit_pack("Pack-08", status="active")
    assert reported(_a_day_later(swept)) == [("reinstated", "Pack-08", None)]


@pytest.mark.parametrize("failing", ["nodes", "s"])
@pytest.mark.parametrize("named", [("Pack-08",), ()])
def test_what_the_list_of_packs_did_not_answer_is_asked_by_the_next_poll(
    registry: FakeRegistry, state: Path, named: tuple[str, ...], failing: str
) -> None:
    """A ban shows in the first poll after `GET /nodes`, or the whole registry, failed when it was due."""
    registry.catalog.publish("Pack-08", "1.0.0")
    globs = () if named else ("*",)
    made = Watcher(registry, state, *named, globs=globs, failure_threshold=9)
    made.poll()
    registry.catalog.edit_pack("Pack-08", status="banned", status_detail="malware")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=500) if request.path.endswith(failing) else None

    registry.respond = respond
    assert reported(_a_day_later(made)) == []
    registry.respond = None
    assert reported(made.poll()) == [("banned", "Pack-08", None)]
    assert reported(made.poll()) == []


def test_a_ban_of_a_named_pack_shows_in_the_next_poll(
    registry: FakeRegistry, state: Path
) -> None:
    """`GET /nodes` is asked about it by every poll, also beside globs and however few pages there are."""
    registry.catalog.publish("one", "1.0.0")
    registry.catalog.publish("two", "1.0.0")
    for globs in ((), ("*",)):
        made = Watcher(registry, state / str(len(globs)), "one", globs=globs)
        made.poll()
        for status, kind in (("banned", "banned"), ("active", "reinstated")):
            for pack in ("one", "two"):
                registry.catalog.edit_pack(pack, status=status)
            assert reported(made.poll()) == [(kind, "one", None)]


def test_a_ban_shows_whatever_way_the_settings_write_the_id(
    registry: FakeRegistry, state: Path
) -> None:
    """`GET /nodes` is asked with the registry's own way to write an id, also when no page had to be read for it."""
    for node in ("Pack-A", "Pack-B"):
        registry.catalog.publish(node, "1.0.0")
    made = Watcher(registry, state, "PACK-a")
    made.poll()
    made.poll(globs=("*",))
    made.poll(globs=("*",))
    registry.catalog.edit_pack("Pack-A", status="banned")
    made.settings["globs"] = ("*",)
    assert [kind for kind, _, _ in reported(_a_day_later(made))] == ["banned"]


def _a_day_later(swept: Watcher) -> Report:
    """Poll as if the last turn had been a day ago."""
    with swept.folder.locked():
        state = swept.folder.load()
        long_ago = "2020-01-01T00:00:00Z"
        old = replace(state.checks, polled_at=long_ago, listed_at=long_ago)
        swept.folder.save_checks(old, state.snapshot.revision)
    return swept.poll()
