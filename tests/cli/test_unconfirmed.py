"""A channel that cannot confirm: what it got is done, is counted apart, and every command calls it unconfirmed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher, counts


@pytest.fixture
def datagrams() -> Iterator[socket.socket]:
    """A port for datagrams, as a syslog server has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        yield server


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, datagrams: socket.socket) -> Watcher:
    """A watcher whose one channel is a remote syslog, with an alert for it."""
    url = f"rsyslog://127.0.0.1:{datagrams.getsockname()[1]}"
    one = watch.but(channels=[{"name": "a", "url": url}])
    one.check()
    registry.catalog.set_status("alpha", "1.0.0", "banned", "malware")
    return one


def test_what_it_got_is_done_and_counted_apart(
    watch: Watcher, datagrams: socket.socket
) -> None:
    """The alert goes out once, the exit code is 0, and it is no delivered one."""
    alerts = watch.check()["alerts"]
    assert alerts == counts(unconfirmed=1)
    assert b"BANNED alpha 1.0.0" in datagrams.recv(65_536)
    assert watch.check()["alerts"] == {**alerts, "unconfirmed": 0}
    datagrams.setblocking(False)
    with pytest.raises(BlockingIOError):
        datagrams.recv(65_536)


def test_each_command_calls_it_unconfirmed(watch: Watcher) -> None:
    """The summary of a poll, a sample, `status` and `config` say so, in JSON too; `status` needs no network for it."""
    assert "1 event, 1 alert sent unconfirmed (" in watch.run("check").out
    sample = watch.run("test-alerts").out
    assert sample.startswith("a: sent, unconfirmed: syslog cannot say")
    assert "\na (unconfirmed)  0" in watch.run("status").out
    assert watch.channel("a")["unconfirmed"] is True
    assert '{url = "rsyslog://***"}, unconfirmed' in watch.run("config").out
