"""The real program behind a proxy whose edges keep answers."""

from __future__ import annotations

import json

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.caches import CachingProxy
from tests.support.harness import Watcher

pytestmark = pytest.mark.measured


def test_a_copy_from_before_a_ban(watch: Watcher, registry: FakeRegistry) -> None:
    """A ban is one event, though a copy shows the version as active once more; that poll ends with 0 and says nothing.

    The next answer is fresh, and what changed by then is told.
    """
    with CachingProxy(registry) as proxy:
        watch = watch.but(registry_url=proxy.url)
        watch.check()
        registry.catalog.set_status("alpha", "1.0.0", "banned")
        proxy.wait(minutes=15)
        proxy.route = lambda _: 1
        assert watch.reported() == [("banned", "alpha", "1.0.0")]
        proxy.wait(minutes=15)
        proxy.route, proxy.gives_copies = (lambda _: 0), True
        done = watch.run("check", "--json")
        found = json.loads(done.out)
        assert (done.code, done.err) == (0, "")
        assert (found["events"], found["nodes"]["failed"]) == ([], 0)
        proxy.wait(minutes=15)
        proxy.gives_copies = False
        assert watch.reported() == []
        proxy.wait(minutes=15)
        registry.catalog.publish("alpha", "1.1.0")
        assert watch.reported() == [("new", "alpha", "1.1.0")]
