"""A channel that cannot confirm: what it got is done, is counted apart, and every command calls it unconfirmed."""

from __future__ import annotations

import socket

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher, counts


def test_each_command_calls_it_unconfirmed(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """The alert goes out once, with exit code 0; a poll, a sample, `status` and `config` say so, in JSON too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        url = f"rsyslog://127.0.0.1:{server.getsockname()[1]}"
        watch = watch.but(channels=[{"name": "a", "url": url}])
        watch.check()
        registry.catalog.set_status("alpha", "1.0.0", "banned", "malware")
        assert "1 event, 1 alert sent unconfirmed (" in watch.run("check").out
        assert b"BANNED alpha 1.0.0" in server.recv(65_536)
        assert watch.check()["alerts"] == counts()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(65_536)
        sample = watch.run("test-alerts").out
    assert sample.startswith("a: sent, unconfirmed: syslog cannot say")
    assert "\na (unconfirmed)  0" in watch.run("status").out
    assert watch.channel("a")["unconfirmed"] is True
    assert '{url = "rsyslog://***"}, unconfirmed' in watch.run("config").out
