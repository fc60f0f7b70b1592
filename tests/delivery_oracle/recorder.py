"""The server that stands in for every host: it keeps each request, with the answer that it got, and fails at one.

It is an HTTP proxy with an authority of its own. One server serves one message at a time.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Self
from urllib.parse import unquote_plus

from tests.delivery_oracle.faults import Fault
from tests.delivery_oracle.service import Answer, Service
from tests.proxied.intercepting import Authority, Interceptor, QuietServer

NO_FAULTS: Mapping[int, Fault] = {}
_NO_SUCCESS = {
    Fault.DENIED: ("application/json", b'{"sent": [], "success": false}'),
    Fault.PAGE: ("text/html", b"<!doctype html><title>Log in</title>"),
}
"""The Content-Type and the body."""
_PATIENCE = 30.0
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request that came whole. `status` is the head that was sent, None if there was none."""

    line: str
    """The method, the host, the path and the query."""
    text: str
    """The line and the body, in every encoding that is known."""
    head: str
    """The values of the head's fields: some of them name a target."""
    status: int | None
    fault: Fault | None = None

    @property
    def is_taken(self) -> bool:
        """Return whether the head of a success was sent that does not say otherwise."""
        if self.status is None or (self.fault is not None and self.fault.is_no_success):
            return False
        return self.status // 100 == 2


def readable(*parts: str) -> str:
    """Return texts as they are, and what they are encodings of: a form, base64, mail."""
    texts = [text for part in parts for text in (part, unquote_plus(part))]
    seen = [*texts]
    for _ in range(2):  # mail in base64 in JSON in base64
        texts = [decoded for text in texts for decoded in _decoded(text)]
        seen += texts
    return "\n".join(seen).lower()


def _decoded(text: str) -> list[str]:
    """Return the texts whose base64 is in a text."""
    found = []
    for run in _ENCODED.findall(
        re.sub(r"=?\r?\n|\\r?\\n", "", text)
    ) + _ENCODED.findall(text):
        whole = run.rstrip("=").translate(str.maketrans("-_", "+/"))
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        with contextlib.suppress(binascii.Error):
            found.append(
                base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1")
            )
    return found


class Recorder:
    """Answers as one service at a time, which fails at one request, and keeps all requests."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._lock = threading.Lock()
        self._begun = 0
        self._records: dict[int, Record] = {}
        self._service: Service | None = None
        self._faults: Mapping[int, Fault] = NO_FAULTS
        self._server: _Server | None = None
        self.port = 0
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    @property
    def environment(self) -> dict[str, str]:
        """What has a process send its traffic here."""
        plain = {"HTTP_PROXY": f"http://127.0.0.1:{self.port}"}
        return self.authority.environment(self.port) | plain

    def begin(self, service: Service, faults: Mapping[int, Fault] = NO_FAULTS) -> None:
        """Be this service from now on, and fail so at the requests with these numbers."""
        if self._server is None:
            self._open()
        with self._lock:
            self._service, self._faults = service, faults
            self._begun, self._records = 0, {}
        if faults.get(0) is Fault.DOWN:
            self._close()

    def records(self) -> list[Record]:
        """Return the requests since then, in order."""
        with self._lock:
            return [self._records[number] for number in sorted(self._records)]

    def connected(self) -> tuple[int, Fault | None]:
        """Return the number of the request that a new connection brings, and what happens to it."""
        with self._lock:
            number, self._begun = self._begun, self._begun + 1
            return number, self._faults.get(number)

    def came(
        self, number: int, line: str, head: str, body: bytes, fault: Fault | None
    ) -> tuple[Answer, int | None]:
        """Keep a request that is there, and return the answer where nothing fails, and the status that it gets."""
        with self._lock:
            assert self._service is not None
            answer = self._service.answer(line, body.decode("latin-1"))
            status = answer.status if fault is None else fault.status(answer.status)
            text = readable(line, body.decode("latin-1"))
            self._records[number] = Record(
                line=line, text=text, head=head, status=status, fault=fault
            )
        if self._faults.get(number + 1) is Fault.DOWN:
            self._close()  # before this request is answered, so before the next one comes
        return answer, status

    def _open(self) -> None:
        self._server = _Server(self, self.port)
        self.port = int(self._server.server_address[1])
        self._thread = self._server.serve_in_a_thread()

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            self._thread.join()
            server.server_close()


class _Server(QuietServer):
    block_on_close = False

    def __init__(self, recorder: Recorder, port: int) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(Interceptor):
    server: _Server
    host = ""
    number = -1
    fault: Fault | None = None

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to talk to, or refuse that."""
        self.host = self.path.removesuffix(":443").lower()
        self.number, self.fault = self.server.recorder.connected()
        if self.fault is Fault.REFUSED:
            self.send_error(502)
            self.close_connection = True
            return
        self.become(self.server.recorder.authority)

    def do_POST(self) -> None:
        recorder, self.close_connection = self.server.recorder, True
        if self.number < 0:
            self.number, self.fault = recorder.connected()
            self.host, _, self.path = self.path.partition("://")[2].partition("/")
            self.path = f"/{self.path}"
        fault = self.fault
        body = self._body()
        head = "\n".join(self.headers.values()).lower()
        answer, status = recorder.came(
            self.number, f"{self.command} {self.host}{self.path}", head, body, fault
        )
        if fault is Fault.RESET:
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        elif fault is Fault.HANG:
            with contextlib.suppress(OSError):
                self.connection.settimeout(_PATIENCE)
                self.connection.recv(1)
        elif status is not None:
            self._say(answer, status, fault)

    do_GET = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_POST  # noqa: N815 - the base class's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def _say(self, answer: Answer, status: int, fault: Fault | None) -> None:
        body = b'{"error": "refused"}' if status != answer.status else answer.body
        kind = "application/json" if body[:1] in b"{[" else "text/plain"
        if fault is not None:
            kind, body = _NO_SUCCESS.get(fault, (kind, body))
        head = [f"HTTP/1.1 {status} {responses.get(status, '')}", "Connection: close"]
        head += [
            f"{name}: {value}"
            for name, value in answer.headers
            if status == answer.status
        ]
        half = body[: max(len(body) // 2, 1)] or b"{"
        if fault is Fault.CUT:
            head += [f"Content-Type: {kind}", f"Content-Length: {len(half) + 10}"]
            body = half
        elif fault is Fault.CUT_CHUNK:
            head += [f"Content-Type: {kind}", "Transfer-Encoding: chunked"]
            body = b"%x\r\n%s\r\n20\r\n" % (len(half), half)
        elif status != 204:
            head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        else:
            body = b""
        self.wfile.write(
            "\r\n".join([*head, "", ""]).encode()
            + (b"" if self.command == "HEAD" else body)
        )
