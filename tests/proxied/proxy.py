"""The proxy: it takes connections to any host of the table, decrypts them, and answers in the service's place.

The program under test is the real one. Its environment names the proxy, and the authority to trust.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote

import trustme

from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Reply, says

_PATIENCE = 20.0
_INVALID = says({"error": "invalid"}, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message to a service; `violations` is empty for one that it could take, `is_taken` whether it did."""

    peer: Peer
    asked: Asked
    violations: tuple[str, ...]
    is_taken: bool


class Proxy:
    """Stands in for the services between `with` and its end.

    What `refusing` holds for a service's name is the answer to every message to it; otherwise a message is taken if it
    is valid.
    """

    def __init__(self, peers: Iterable[Peer]) -> None:
        self.refusing: dict[str, Reply] = {}
        self.strays: list[str] = []
        """Requests that no service would know."""
        self.peers = tuple(peers)
        self._received: list[Received] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory()
        self.authority = Path(self._folder.name, "authority.pem")
        authority.cert_pem.write_to_path(self.authority)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.hosts).configure_cert(self.tls)
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    @property
    def hosts(self) -> list[str]:
        """Whom it can stand in for."""
        return sorted({peer.host for peer in self.peers})

    @property
    def environment(self) -> dict[str, str]:
        """What has a process send its traffic here; only what is on loopback goes there itself."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": os.fspath(self.authority),
        }

    def answer(self, asked: Asked) -> Reply:
        """Keep a request, and return the answer of the service that it is for."""
        for peer in self.peers:
            if peer.takes(asked):
                wrong = tuple(peer.violations(asked))
                with self._lock:
                    said = self.refusing.get(peer.name)
                    is_taken = said is None and not wrong
                    self._received.append(
                        Received(
                            peer=peer, asked=asked, violations=wrong, is_taken=is_taken
                        )
                    )
                return said or (_INVALID if wrong else peer.taken)
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
            self.refusing.clear()
            self.strays.clear()
            self._received.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing: a client may leave."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    protocol_version = "HTTP/1.1"
    host = ""

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to talk to."""
        self.host = self.path.rpartition(":")[0].lower()
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.connection = self.server.proxy.tls.wrap_socket(
            self.connection, server_side=True
        )
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

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

    def finish(self) -> None:
        """Close what the client was answered through."""
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: the messages are kept."""
