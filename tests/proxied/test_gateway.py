"""A proxy that lets nothing through: nothing of a message has left, whatever the proxy says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.proxied.scenes import ban
from tests.proxied.services.table import PEERS
from tests.support.fakes.ports import Refused
from watcher.delivery.client import Worker
from watcher.delivery.process import Job
from watcher.model.channel import Outcome

pytestmark = pytest.mark.bounded


@contextlib.contextmanager
def _gateway(answer: bytes) -> Iterator[int]:
    """Serve an HTTP proxy that gives one answer to each connection and closes it; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as connection:
                        connection.recv(65_536)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Authentication\r\n\r\n",
            "PROXY wants a login: write USER:PASSWORD@ before its host",
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "PROXY refused the connection: ask for the channel's host to be allowed",
        ),
        (b"", "the connection was lost"),
        (b"HTTP/1.1 200 OK\r\n\r\nnot TLS", "the TLS connection failed"),
    ],
)
def test_what_a_proxy_refuses_has_not_left(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, reason: str
) -> None:
    """A message that a proxy did not let through counts as not sent, and the reason names the proxy if it answered."""
    with _gateway(answer) as port, Worker() as worker:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        job = Job(url=PEERS["discord"].url, events=(ban(),), timeout=20)
        named = reason.replace("PROXY", f"the proxy 127.0.0.1:{port} (HTTPS_PROXY)")
        assert asyncio.run(worker.deliver(job)) == Outcome(reason=named)


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that it is the proxy that cannot be reached, and never its password."""
    with Refused() as nobody, Worker() as worker:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@127.0.0.1:{nobody.port}")
        job = Job(url=PEERS["discord"].url, events=(ban(),), timeout=20)
        outcome = asyncio.run(worker.deliver(job))
    proxy = f"the proxy 127.0.0.1:{nobody.port} (HTTPS_PROXY)"
    reason = f"{proxy} cannot be reached: check that it runs, and its address"
    assert outcome == Outcome(reason=reason)
