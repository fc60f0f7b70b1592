"""An HTTP proxy on loopback that becomes every host: its authority, its server, and how it takes a connection."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import trustme

_PATIENCE = 30.0


class Authority:
    """Certifies every host, and is in a file."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory()
        self.file = Path(self._folder.name, "authority.pem")
        self._authority.cert_pem.write_to_path(self.file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._folder.cleanup()

    def context(self, host: str) -> ssl.SSLContext:
        """Return what makes a connection this host's."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(self._contexts[host])
            return self._contexts[host]

    def environment(self, port: int) -> dict[str, str]:
        """Return what has a process send its traffic for HTTPS to a proxy at a port, and trust it."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{port}",
            "REQUESTS_CA_BUNDLE": os.fspath(self.file),
        }


class QuietServer(ThreadingHTTPServer):
    """Serves each connection in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def serve_in_a_thread(self) -> threading.Thread:
        """Begin to serve."""
        thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        return thread

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing: a client may leave."""


class Interceptor(BaseHTTPRequestHandler):
    """Takes one connection."""

    timeout = _PATIENCE
    protocol_version = "HTTP/1.1"

    def become(self, authority: Authority) -> None:
        """Become the host that the client wants to talk to."""
        self.send_response_only(200, "Connection established")
        self.end_headers()
        context = authority.context(self.path.rpartition(":")[0].lower())
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        """Close what the client was answered through."""
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: the requests are kept."""
