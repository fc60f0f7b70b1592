"""The real program behind a proxy whose edges keep answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fakes.caches import CachingProxy
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, reported
from watcher.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.measured

_BANNED = ("banned", "alpha", "1.0.0")


def test_a_copy_from_before_a_ban(
    tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer
) -> None:
    """A ban is one event, though a copy shows the version as active once more; that poll ends with 0 and says nothing.

    The next answer is fresh, and what changed by then is told.
    """
    registry.catalog.publish("alpha", "1.0.0")
    with CachingProxy(registry) as proxy:
        watch = Watcher(tmp_path, proxy, fork_server=fork_server)
        watch.check()
        registry.catalog.set_status("alpha", "1.0.0", "banned")
        proxy.wait(minutes=15)
        proxy.route = lambda _: 1
        assert watch.reported() == [_BANNED]
        proxy.wait(minutes=15)
        proxy.route, proxy.gives_copies = (lambda _: 0), True
        done = watch.real().run("check", "--json")
        found = json.loads(done.out)
        assert (done.code, found["events"], found["errors"], done.err) == (
            0,
            [],
            [],
            "",
        )
        assert found["nodes"] == {"watched": 1, "checked": 1, "failed": 0}
        proxy.wait(minutes=15)
        proxy.gives_copies = False
        assert watch.reported() == []
        proxy.wait(minutes=15)
        registry.catalog.publish("alpha", "1.1.0")
        assert watch.reported() == [("new", "alpha", "1.1.0")]
        history = json.loads(watch.run("history", "--json").out)
    assert [event[0] for event in reported(history["events"])] == [
        "new",
        "banned",
        "baseline",
    ]
