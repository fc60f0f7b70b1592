"""The proxy: it takes connections to any host of the table, decrypts them, and answers in the service's place.

The program under test is the real one. Its environment names the proxy, and the authority to trust.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from tests.proxied.asked import Asked
from tests.proxied.intercepting import Authority, Interceptor, QuietServer
from tests.proxied.peer import Peer, Reply, says

_INVALID = says({"error": "invalid"}, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message to a service; `violations` is empty for one that it takes."""

    peer: Peer
    asked: Asked
    violations: tuple[str, ...]


class Proxy:
    """Stands in for the services between `with` and its end: a message is taken if it is valid."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        self.strays: list[str] = []
        """Requests that no service would know."""
        self.peers = tuple(peers)
        self._received: list[Received] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.authority = Authority()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self._thread = self._server.serve_in_a_thread()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.authority.__exit__()

    @property
    def environment(self) -> dict[str, str]:
        """What has a process send its traffic here; only what is on loopback goes there itself."""
        local = {"NO_PROXY": "127.0.0.1,localhost"}
        return self.authority.environment(self.port) | local

    def answer(self, asked: Asked) -> Reply:
        """Keep a request, and return the answer of the service that it is for."""
        for peer in self.peers:
            if peer.takes(asked):
                wrong = tuple(peer.violations(asked))
                message = Received(peer=peer, asked=asked, violations=wrong)
                with self._lock:
                    self._received.append(message)
                return _INVALID if wrong else peer.taken
        for peer in self.peers:
            if (other := peer.other(asked)) is not None:
                return other
        with self._lock:
            self.strays.append(f"{asked.method} https://{asked.host}{asked.path}")
        return Reply(status=404)

    def received(self, name: str | None = None) -> list[Received]:
        """Return the messages so far, to one service or to all."""
        with self._lock:
            return [one for one in self._received if name in (None, one.peer.name)]

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self.strays.clear()
            self._received.clear()


class _Server(QuietServer):
    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(Interceptor):
    server: _Server
    host = ""

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to talk to."""
        self.host = self.path.rpartition(":")[0].lower()
        self.become(self.server.proxy.authority)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        reply = self.server.proxy.answer(
            Asked(
                method=self.command,
                host=self.host,
                path=unquote(path),
                query=query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
        )
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if reply.status != 204:
            self.wfile.write(reply.body)

    do_GET = do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815 - the base class's names
