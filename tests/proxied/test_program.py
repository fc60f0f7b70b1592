"""The whole program with every service as a channel: what it says of its alerts is what the services say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxied.peer import Reply
from tests.proxied.proxy import Proxy
from tests.proxied.services.table import PEERS
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, counts

pytestmark = pytest.mark.bounded

_PACK = "comfyui-night-lights"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """The services."""
    with Proxy(PEERS.values()) as opened:
        yield opened


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A program with a channel for each service; its pack's baseline has been taken without a word."""
    registry.catalog.publish(_PACK, "1.0.0", created_at="2026-01-01T00:00:00Z")
    registry.catalog.publish(_PACK, "1.1.0", created_at="2026-01-02T00:00:00Z")
    channels = [{"name": name, "url": peer.url} for name, peer in PEERS.items()]
    watch = Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        nodes=_PACK,
        baseline="silent",
        channels=channels,
        timeout=30,
    )
    watch.check()
    return watch


def _check(watch: Watcher, proxy: Proxy, code: int) -> dict[str, int]:
    done = watch.run("check", "--json", env=proxy.environment)
    assert done.code == code, done
    found: dict[str, int] = json.loads(done.out)["alerts"]
    return found


def _taken(proxy: Proxy) -> Counter[str]:
    return Counter(one.peer.name for one in proxy.received() if one.is_taken)


def test_what_services_refuse_is_owed(
    watch: Watcher, proxy: Proxy, registry: FakeRegistry
) -> None:
    """While every service refuses, nothing counts as delivered; once they take again, each has the alert once."""
    registry.catalog.set_status(_PACK, "1.1.0", "banned")
    proxy.refusing |= dict.fromkeys(PEERS, Reply(status=503))
    assert _check(watch, proxy, 1) == counts(pending=len(PEERS))
    proxy.forget()
    watch.end_backoffs()
    alerts = _check(watch, proxy, 0)
    assert (alerts["delivered"], alerts["pending"]) == (len(PEERS), 0)
    assert _taken(proxy) == Counter(PEERS.keys())


def test_a_certificate_that_nobody_trusts_says_what_to_do(
    watch: Watcher, proxy: Proxy, registry: FakeRegistry
) -> None:
    """The line names the variable that makes an authority trusted, and nothing is lost."""
    watch = watch.but(channels=[{"name": "chat", "url": PEERS["discord"].url}])
    registry.catalog.set_status(_PACK, "1.1.0", "banned")
    surrounding = {
        name: value
        for name, value in proxy.environment.items()
        if name != "REQUESTS_CA_BUNDLE"
    }
    done = watch.run("check", env=surrounding | {"CI": "1"})
    assert (done.code, "name its authority in REQUESTS_CA_BUNDLE" in done.err) == (
        1,
        True,
    )
    watch.end_backoffs()
    assert _check(watch, proxy, 0)["delivered"] == 1
