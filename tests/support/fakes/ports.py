"""Addresses on loopback that cannot be talked to: one that refuses, one whose certificate nobody trusts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Self

import trustme


class Refused:
    """A port that refuses every connection while the `with` block runs: bound, so nobody else gets it, never heard."""

    def __enter__(self) -> Self:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()


class Listener:
    """A raw port on loopback while the `with` block runs: each connection, in turn, is handed to `serve`."""

    scheme = "http"

    def serve(self, connection: socket.socket) -> None:
        """Talk to one client, who may break off; the connection is closed afterwards."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{self.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(
            target=self._accept, name=type(self).__name__.lower(), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Closing alone would not wake a thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                self.serve(connection)


class Untrusted(Listener):
    """An https address with a certificate of an unknown authority.

    `handshakes` counts those the client went through with, which none should.
    """

    scheme = "https"

    def __init__(self) -> None:
        self.handshakes = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(self._context)

    def serve(self, connection: socket.socket) -> None:
        """Shake hands. A client that does not trust the certificate says so only after the server's part is done."""
        with self._context.wrap_socket(connection, server_side=True) as talk:
            if talk.recv(1):
                self.handshakes += 1
