"""The connections below the registry's requests: when one is used again, and how a proxy's tunnel carries TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.faults.asking import answer, complaint, hurried, without_proxies
from tests.support.fakes.ports import Listener
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import Limits, Query, Registry

pytestmark = pytest.mark.measured

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
UNASKED = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"versions":[]}'


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy but the test's own."""
    yield from without_proxies(monkeypatch)


def head_of(connection: socket.socket) -> bytes:
    """Return one request's head; b"" if the client left."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = connection.recv(1)
        if not more:
            return b""
        head += more
    return head


class Plain(Listener):
    """Answers each request with `sent`; `asked` counts the requests of each connection."""

    def __init__(self, sent: bytes = ANSWER) -> None:
        self.sent = sent
        self.asked: list[int] = []

    def serve(self, connection: socket.socket) -> None:
        """Answer until the client leaves."""
        self.asked.append(0)
        while head_of(connection):
            self.asked[-1] += 1
            connection.sendall(self.sent)
            self.answered(connection)

    def answered(self, connection: socket.socket) -> None:
        """Do something after an answer."""


async def ask_thrice(url: str, pause: float = 0.0) -> list[Answer]:
    """Ask three times in turn over the same connections, with a pause after each."""
    answers = []
    async with Registry(url, Limits(retries=0)) as client:
        for _ in range(3):
            answers.append(await client.ask(Query()))
            await asyncio.sleep(pause)
    return answers


def test_a_connection_is_used_again() -> None:
    """Requests in turn share one connection."""
    with Plain() as server:
        answers = asyncio.run(ask_thrice(server.url))
    assert [got.body for got in answers] == [b"{}"] * 3
    assert server.asked == [3]


def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    """After some seconds a server may be about to close it, so a new one is opened."""
    with Plain() as server:
        hurried(ask_thrice(server.url, pause=6.0))
    assert server.asked == [1, 1, 1]


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ANSWER + UNASKED,
        ANSWER + b"x",
    ],
)
def test_a_connection_that_is_over_is_not_used_again(sent: bytes) -> None:
    """Nothing is asked over a connection that its server does not keep, or that has more than the answer."""
    with Plain(sent) as server:
        answers = asyncio.run(ask_thrice(server.url))
    assert [got.body for got in answers] == [b"{}"] * 3
    assert server.asked == [1, 1, 1]


@pytest.mark.parametrize(("begun", "sound"), [(b"", True), (b"HTTP/1.1 2", False)])
def test_a_request_that_crosses_a_close_is_sent_again(
    begun: bytes, sound: bool
) -> None:
    """A request over a used connection that closes without a byte of answer goes out again at once over a new one."""

    class Once(Plain):
        def serve(self, connection: socket.socket) -> None:
            self.asked.append(0)
            for sent in (self.sent, begun):
                if head_of(connection):
                    self.asked[-1] += 1
                    connection.sendall(sent)

    with Once() as server:
        if sound:
            assert [got.body for got in asyncio.run(ask_thrice(server.url))] == [
                b"{}"
            ] * 3
        else:
            with pytest.raises(NoAnswerError, match="broke off"):
                asyncio.run(ask_thrice(server.url))
        assert server.asked == ([2, 2, 1] if sound else [2])


def test_what_comes_unasked_is_no_answer() -> None:
    """What a server sends over an idle connection is never taken for the answer to the next question."""

    class Eager(Plain):
        said = threading.Event()

        def answered(self, connection: socket.socket) -> None:
            connection.sendall(UNASKED)
            self.said.set()

    async def work(url: str) -> list[bytes]:
        async with Registry(url, Limits(retries=0)) as client:
            first = await client.ask(Query())
            await asyncio.to_thread(Eager.said.wait, 10)
            await asyncio.sleep(0.05)  # on loopback what was sent has arrived by then
            return [first.body, (await client.ask(Query())).body]

    with Eager() as server:
        assert asyncio.run(work(server.url)) == [b"{}", b"{}"]
    assert server.asked == [1, 1]


def test_a_connection_whose_answer_was_not_read_is_closed() -> None:
    """An answer that is given up for its size ends its connection, and the next question gets its own answer."""
    with Plain(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b" " * 4_000_000
    ) as server:
        for _ in range(2):
            assert "is larger than 1 MB" in complaint(server.url, max_bytes=2**20)
    assert server.asked == [1, 1]


def test_a_host_with_two_addresses_that_refuse() -> None:
    """Where every address of a host refuses, that is what is said."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert (
            complaint(f"http://localhost:{bound.getsockname()[1]}")
            == "the connection was refused"
        )


def test_an_early_hint_is_no_answer() -> None:
    """Interim answers are passed over."""
    with Plain(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ANSWER) as server:
        assert answer(server.url).body == b"{}"


class Tunnel(Listener):
    """A proxy, and behind its tunnel the registry itself, which speaks TLS; `asked` has both requests' heads."""

    def __init__(self, authority: trustme.CA, *, tls: bool) -> None:
        self.asked: list[bytes] = []
        self.scheme = "https" if tls else "http"
        self._own, self._registrys = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)
        )
        authority.issue_cert("127.0.0.1").configure_cert(self._own)
        authority.issue_cert("registry.test").configure_cert(self._registrys)

    def serve(self, connection: socket.socket) -> None:
        """Open the tunnel and answer one request in it, all bytes by way of two pipes: TLS may be within TLS."""
        outer = (
            self._own.wrap_socket(connection, server_side=True)
            if self.scheme == "https"
            else connection
        )
        with outer:
            self.asked.append(head_of(outer))
            outer.sendall(b"HTTP/1.1 200 Go ahead\r\n\r\n")
            arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
            inner = self._registrys.wrap_bio(arrived, leaving, server_side=True)
            head = b""
            shaken = False
            while not head.endswith(b"\r\n\r\n"):
                try:
                    if shaken:
                        head += inner.read(65536)
                    else:
                        inner.do_handshake()
                        shaken = True
                except ssl.SSLWantReadError:
                    outer.sendall(leaving.read())
                    if not (more := outer.recv(65536)):
                        return
                    arrived.write(more)
            self.asked.append(head)
            inner.write(ANSWER)
            outer.sendall(leaving.read())


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_tunnel_carries_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: bool
) -> None:
    """Through a proxy's tunnel the registry's own certificate is checked; the proxy's password stays with the proxy."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Tunnel(authority, tls=tls) as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url.replace("://", "://me:secret@"))
        assert answer("https://registry.test").body == b"{}"
    outer, inner = (head.splitlines() for head in tunnel.asked)
    assert (outer[0], inner[0].split(b"?")[0]) == (
        b"CONNECT registry.test:443 HTTP/1.1",
        b"GET /versions",
    )
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in outer
    assert not any(b"Proxy" in line for line in inner)


def test_another_hosts_certificate_behind_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A certificate of a trusted authority for another host than was asked for is refused."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Tunnel(authority, tls=False) as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url)
        assert complaint("https://other.test").startswith(
            "its TLS certificate is not trusted (Hostname mismatch"
        )
    assert len(tunnel.asked) == 1
