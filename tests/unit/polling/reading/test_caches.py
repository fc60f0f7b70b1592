"""Answers from caches: one that is older than the known one changes nothing, is no failure, and is asked for again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.faults.asking import responding
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.caches import CachingProxy
from tests.support.fakes.fault import as_json, ordinary
from tests.support.fakes.fault import asked as query_of
from tests.support.polls import Watcher, reported
from watcher import timestamps
from watcher.model.event import Severity
from watcher.polling.model import Report

BANNED = ("banned", "pack", "1.1.0")
_BAN = b'{"message":"Node banned"}'


@pytest.fixture
def proxy(registry: FakeRegistry) -> Iterator[CachingProxy]:
    """A caching proxy before the registry."""
    with CachingProxy(registry) as proxy:
        yield proxy


@pytest.fixture
def watcher(
    proxy: CachingProxy, registry: FakeRegistry, state: Path
) -> Callable[..., Watcher]:
    """Make a watcher of a pack behind the proxy, by whose clock it goes, after its first poll."""

    def make(versions: int = 2, **settings: Any) -> Watcher:
        for number in range(versions):
            registry.catalog.publish(
                "pack", f"1.{number}.0", created_at="2025-01-01T00:00:00Z"
            )
        made = Watcher(proxy, state, **settings)
        made.clock = lambda: timestamps.show(proxy.now)
        assert [event.kind for event in made.poll().events] == ["baseline"]
        return made

    return make


def _later(made: Watcher, proxy: CachingProxy, **settings: Any) -> Report:
    """Poll a quarter of an hour later; nothing may fail."""
    proxy.wait(minutes=15)
    report = made.poll(**settings)
    assert (report.errors, report.checked) == ((), report.watched)
    return report


def _from_edge(proxy: CachingProxy, edge: int) -> None:
    """Have an edge give its copies from now on, if it has any."""
    proxy.gives_copies, proxy.route = True, lambda _: edge


def _fresh(proxy: CachingProxy, edge: int = 1) -> None:
    """Have an edge ask the registry from now on."""
    proxy.gives_copies, proxy.route = False, lambda _: edge


# One node


def test_a_ban_is_told_once(
    watcher: Callable[..., Watcher],
    proxy: CachingProxy,
    registry: FakeRegistry,
) -> None:
    """A copy from before a ban neither ends it nor has it told again, however often it comes."""
    made = watcher()
    registry.catalog.set_status("pack", "1.1.0", "banned")
    _fresh(proxy)
    assert reported(_later(made, proxy)) == [BANNED]
    known = made.folder.load().snapshot
    _from_edge(proxy, 0)
    assert [reported(_later(made, proxy)) for _ in range(3)] == [[], [], []]
    checks = made.folder.load().checks
    assert made.folder.load().snapshot == known
    assert checks.checked["pack"] == "2026-03-01T12:15:00.000Z"
    _fresh(proxy)
    assert reported(_later(made, proxy)) == []
    assert made.folder.load().checks.stale_since == {}
    registry.catalog.set_status("pack", "1.1.0", "active")
    assert reported(_later(made, proxy)) == [("reinstated", "pack", "1.1.0")]


def test_a_reason_from_before_a_flag_is_not_its_reason(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """A version is flagged again for something worse: the copy of its first reason does not excuse that.

    Only the page of twenty is in the cache, so that the reason is read from another one.
    """
    harmless, worse = (
        json.dumps([{"issue_type": "r", "severity": severity, "file_path": "a.py"}])
        for severity in ("info", "critical")
    )
    made = watcher()
    registry.catalog.set_status("pack", "1.0.0", "flagged", reason=harmless)
    registry.catalog.set_status("pack", "1.1.0", "flagged", reason=harmless)
    assert [one.severity for one in _later(made, proxy).events] == [
        Severity.WARNING,
        Severity.INFO,
    ]
    registry.catalog.set_status("pack", "1.1.0", "active")
    assert reported(_later(made, proxy)) == [("reinstated", "pack", "1.1.0")]
    registry.catalog.set_status("pack", "1.1.0", "flagged", reason=worse)
    proxy.gives_copies = True
    proxy.route = lambda request: 0 if "include_status_reason" in request.query else 1
    [flag] = _later(made, proxy).events
    assert (flag.severity, flag.reason) == (
        Severity.WARNING,
        "1 finding (1 critical): r, in a.py",
    )


def test_what_an_incomplete_listing_showed_is_not_taken_back(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """A listing that is older than an incomplete one does not undo what that showed."""
    made = watcher()
    registry.catalog.set_status("pack", "1.1.0", "banned")

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        return as_json(ordinary(request, registry.catalog) | {"total": 3})

    registry.respond = respond
    _fresh(proxy)
    proxy.wait(minutes=15)
    report = made.poll()
    assert (reported(report)[0], len(report.errors)) == (BANNED, 1)
    _from_edge(proxy, 0)
    assert reported(_later(made, proxy)) == []


def test_a_copy_of_a_403_bans_no_pack_again(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """An older "node banned" does not ban a pack that is back, and an older listing does not end a ban."""
    made = watcher()
    registry.respond = responding()(403, _BAN)
    _fresh(proxy, 1)
    assert reported(_later(made, proxy)) == [("banned", "pack", None)]
    _from_edge(proxy, 0)
    assert reported(_later(made, proxy)) == []
    registry.respond = None
    _fresh(proxy, 2)
    assert reported(_later(made, proxy)) == [("reinstated", "pack", None)]
    _from_edge(proxy, 1)
    assert reported(_later(made, proxy)) == []


# Times that are wrong


def test_a_clock_that_is_set_back_delays_a_change_by_a_day_at_most(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """A registry whose clock was a year ahead is heard again after a day; ours may be set back meanwhile."""
    proxy.now += timedelta(days=365)
    made = watcher()
    proxy.now -= timedelta(days=365)
    now = proxy.now
    made.clock = lambda: timestamps.show(now)
    registry.catalog.set_status("pack", "1.1.0", "banned")
    assert reported(_later(made, proxy)) == []
    now += timedelta(hours=23)
    assert reported(_later(made, proxy)) == []
    now += timedelta(hours=2)
    assert reported(_later(made, proxy)) == [BANNED]


def test_our_own_clock_may_be_set_back(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """If our clock is set back while answers look older, the next one counts: the day might never pass."""
    made = watcher()
    now = proxy.now + timedelta(days=700)
    made.clock = lambda: timestamps.show(now)
    proxy.age = "2592000"
    registry.catalog.set_status("pack", "1.1.0", "banned")
    assert reported(_later(made, proxy)) == []
    now -= timedelta(days=700)
    assert reported(_later(made, proxy)) == [BANNED]


def test_an_unread_poll_between_leaves_the_day_as_it_is(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """The day begins with the first older answer, though others fail meanwhile."""
    made = watcher(failure_threshold=2)
    proxy.age = "2592000"
    registry.catalog.set_status("pack", "1.1.0", "banned")
    assert reported(_later(made, proxy)) == []
    registry.respond = responding()(500, b"{}")
    proxy.wait(hours=12)
    assert made.poll().errors
    registry.respond = None
    proxy.wait(hours=12)
    assert reported(_later(made, proxy)) == [BANNED]


def test_times_of_another_registry_say_nothing(
    watcher: Callable[..., Watcher], proxy: CachingProxy, registry: FakeRegistry
) -> None:
    """The clocks of two registries are not compared."""
    made = watcher()
    registry.catalog.set_status("pack", "1.1.0", "banned")
    with CachingProxy(registry) as another:
        another.now -= timedelta(days=30)
        assert reported(_later(made, proxy, url=another.url)) == [BANNED]


# Sweeps


def _whole(registry: FakeRegistry, proxy: CachingProxy, folder: Path) -> Watcher:
    """Make a watcher of the whole registry after its first poll."""
    for node in ("one", "other"):
        registry.catalog.publish(node, "1.1.0", created_at="2025-01-01T00:00:00Z")
    made = Watcher(proxy, folder, globs=("*",), failure_threshold=2)
    made.clock = lambda: timestamps.show(proxy.now)
    assert reported(made.poll()) == [("baseline", None, None)]
    return made


def _is_page(request: web.BaseRequest) -> bool:
    return "nodeId" not in query_of(request) and "page" in query_of(request)


@pytest.mark.parametrize("asked", ["fresh", "older"])
def test_rows_of_an_older_page_change_nothing(
    registry: FakeRegistry, proxy: CachingProxy, state: Path, asked: str
) -> None:
    """Packs whose rows are older than what is known are asked by themselves."""
    made = _whole(registry, proxy, state)
    registry.catalog.set_status("one", "1.1.0", "banned")
    banned = ("banned", "one", "1.1.0")
    _fresh(proxy, 1)
    assert reported(_later(made, proxy)) == [banned]
    proxy.copies[1].clear()  # what was asked of the pack itself
    proxy.gives_copies = True
    proxy.route = lambda request: 0 if _is_page(request) else 1
    if asked == "older":  # a copy of the pack's own from before the ban
        registry.catalog.set_status("one", "1.1.0", "active")
        before = proxy.now
        proxy.now -= timedelta(hours=1)
        Watcher(proxy, state.parent / "other", "one").poll()
        proxy.now = before
        registry.catalog.set_status("one", "1.1.0", "banned")
    assert reported(_later(made, proxy)) == []
    assert "one" in made.asked()
    _fresh(proxy, 2)
    assert reported(_later(made, proxy)) == []


def test_what_a_fresh_page_shows_counts_though_the_answer_is_older(
    registry: FakeRegistry, proxy: CachingProxy, state: Path
) -> None:
    """A row is told at once where the pack's own answer is a copy that is older than what is known."""
    made = _whole(registry, proxy, state)
    early = proxy.now
    proxy.now -= timedelta(hours=1)
    _fresh(proxy, 1)
    Watcher(proxy, state.parent / "other", "one").poll()
    proxy.now = early
    registry.catalog.set_status("one", "1.1.0", "banned")
    proxy.gives_copies = True
    proxy.route = lambda request: 2 if _is_page(request) else 1
    assert reported(_later(made, proxy)) == [("banned", "one", "1.1.0")]
    assert made.folder.load().checks.stale_since == {}
    proxy.route = lambda request: 0 if _is_page(request) else 1
    assert reported(_later(made, proxy)) == []
