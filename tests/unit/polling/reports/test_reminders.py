"""Problems that last are said when they begin, once a day, and when they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.factories import NOW, minute
from tests.support.fakes.faults import inflict
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.fake_registry.server import FakeRegistry
from watcher.polling.reports.reminders import News, news

pytestmark = pytest.mark.measured

_DAY = 24 * 60.0


def test_a_problem_is_said_when_it_begins_once_a_day_and_when_it_ends() -> None:
    """What is new is due, then again after a day; what is gone has ended, once."""
    first = news({}, {"a", "b"}, NOW)
    assert first == News(due=frozenset("ab"), ended=(), reported={"a": NOW, "b": NOW})
    second = news(first.reported, {"a", "c"}, minute(15))
    assert second == News(
        due=frozenset("c"), ended=("b",), reported={"a": NOW, "c": minute(15)}
    )
    third = news(second.reported, {"a", "c"}, minute(_DAY))
    assert third == News(
        due=frozenset("a"), ended=(), reported={"a": minute(_DAY), "c": minute(15)}
    )
    assert news(third.reported, (), minute(_DAY + 1)).reported == {}


@pytest.mark.parametrize("moment", [minute(1), "", "2026-13-01T00:00:00.000Z"])
def test_a_clock_that_was_wrong_silences_nothing(moment: str) -> None:
    """What was said in the future, or at no time at all, is due."""
    assert news({"a": moment}, {"a"}, NOW).due == {"a"}


def test_cron_hears_what_is_news(
    tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer
) -> None:
    """Off a terminal a problem is on stderr when it begins and when it ends; the exit code says it every time."""
    registry.catalog.publish("alpha", "1.0.0")
    settings = {"nodes": "alpha wrong-id", "alert_urls": "", "baseline": "silent"}
    watch = Watcher(tmp_path, registry, fork_server=fork_server, **settings)
    inflict(registry, "status_404_json", nodes={"alpha"})
    mailed = {"CI": ""}
    first = watch.run("check", env=mailed)
    assert (first.code, len(first.err.splitlines())) == (1, 3)
    again = watch.run("check", env=mailed)
    assert (again.code, again.err) == (1, "")
    assert again.out.startswith("1 node checked, 1 failed")
    for name in ("CI", "GITHUB_ACTIONS", "INVOCATION_ID"):
        assert watch.run("check", env={**mailed, name: "1"}).err == first.err
    assert watch.run("check", "--dry-run", env=mailed).err == first.err
    registry.respond = None
    registry.catalog.publish("wrong-id", "1.0.0")
    ended = watch.run("check", env=mailed)
    assert (ended.code, ended.err) == (
        0,
        "wrong-id: has versions now\nalpha: can be read again\n",
    )
    assert watch.run("check", env=mailed).err == ""
