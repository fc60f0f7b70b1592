"""A webhook on loopback that remembers every message and answers as set, path by path."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PATIENCE = 60.0
_APART = 0.05
"""Seconds between two pieces of a body, so that they are read one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a path answers: `delay` seconds late, never (`hang`, until the peer closes), or with a reset connection.

    With `endless` the body comes again and again, so many seconds apart, until the peer leaves. `pieces` leave one
    after the other, in place of `body`.
    """

    status: int = 200
    delay: float = 0.0
    hang: bool = False
    reset: bool = False
    endless: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    pieces: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request as it came; `json` is the decoded body, or None where it is no JSON. Header names ignore case."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    json: Any

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events beside the text (docs/scripts.md)."""
        return [event["id"] for event in self.json["events"]]


class Webhook:
    """Listens on 127.0.0.1 while its `with` block runs.

    `answer[path]` is a status or an `Answer`; a path that is not in it gets 200. A message is remembered before it is
    answered, so also one that is refused, reset or left hanging. Leaving lets every hanging answer end and joins all
    threads.
    """

    def __init__(self) -> None:
        self.answer: dict[str, int | Answer] = {}
        self._messages: list[Message] = []
        self._arrived = threading.Condition()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._servers: list[tuple[_Server, threading.Thread]] = []
        self.port = self.listen_on(0)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.server_close()

    def listen_on(self, port: int) -> int:
        """Listen on a port, on any that is free for 0, and return it."""
        server = _Server(self, port)
        thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), name="webhook", daemon=True
        )
        thread.start()
        self._servers.append((server, thread))
        return int(server.server_address[1])

    def apprise_url(self, path: str = "/") -> str:
        """Return the apprise URL that posts JSON to the path."""
        return f"json://127.0.0.1:{self.port}{path}"

    def messages(self, path: str | None = None) -> list[Message]:
        """Return what has come so far, in order; of one path, or of all."""
        with self._arrived:
            return [
                message for message in self._messages if path in (None, message.path)
            ]

    def wait_for(
        self, count: int, path: str | None = None, timeout: float = _PATIENCE
    ) -> list[Message]:
        """Wait until so many messages have come and give them; AssertionError when they do not come in time."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self.messages(path)) >= count, timeout)
            found = self.messages(path)
        assert len(found) >= count, f"{len(found)} of {count} messages in {timeout:g} s"
        return found

    def meet(self, path: str) -> None:
        """Called when a message to the path begins to arrive: its head has, its body may not have."""

    def remember(self, message: Message) -> Answer | None:
        """Keep the message and give its answer; None when the peer closed before the answer was due."""
        return self.play(message, self.answer_for(message.path))

    def answer_for(self, path: str) -> Answer:
        """Return the answer that is set for a path."""
        answer = self.answer.get(path, 200)
        return Answer(status=answer) if isinstance(answer, int) else answer

    def play(self, message: Message, answer: Answer) -> Answer | None:
        """Keep the message, and return the answer when it is due; None when the peer closed before."""
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()
        if answer.hang:
            self._closing.wait()
        elif answer.delay:
            self._closing.wait(answer.delay)
        return (
            None if self._closing.is_set() and (answer.hang or answer.delay) else answer
        )

    def is_closing(self, patience: float) -> bool:
        """Wait so many seconds for the end of the `with` block, and return whether it has come."""
        return self._closing.wait(patience)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128  # many channels knock at once, and one turned away would be a failure of the test's own

    def __init__(self, webhook: Webhook, port: int) -> None:
        self.webhook = webhook
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing: a client that has gone away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE

    def do_POST(self) -> None:
        self.server.webhook.meet(self.path.partition("?")[0])
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        try:
            decoded = json.loads(body)
        except ValueError:
            decoded = None
        message = Message(
            method=self.command,
            path=path,
            query=query,
            headers=self.headers,
            body=body,
            json=decoded,
        )
        answer = self.server.webhook.remember(message)
        if answer is None:
            return
        if answer.reset:
            reset(self.connection)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        pieces = answer.pieces or (answer.body,)
        if answer.endless is None:
            self.send_header("Content-Length", str(sum(map(len, pieces))))
        self.end_headers()
        for number, piece in enumerate(pieces):
            time.sleep(_APART if number else 0.0)
            self.wfile.write(piece)
        if answer.endless is not None:
            self._flood(answer.endless, answer.body)

    def _flood(self, pause: float, body: bytes) -> None:
        with contextlib.suppress(OSError):
            while not self.server.webhook.is_closing(pause):
                self.wfile.write(body)

    do_PUT = do_POST  # noqa: N815 - the base class's names
    do_GET = do_POST  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: the messages are remembered."""


def reset(connection: socket.socket) -> None:
    """Close a connection so that the other side sees a reset and not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Topics(Webhook):
    """An ntfy server whose topics answer each in their own way."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: dict[str, Answer] = {}

    def remember(self, message: Message) -> Answer | None:
        return self.play(message, self.topic.get(message.json["topic"], Answer()))

    def url_of(self, *topics: str) -> str:
        """Return the apprise URL of topics, which apprise posts to from Z to A."""
        return f"ntfy://127.0.0.1:{self.port}/{'/'.join(topics)}"

    def got(self) -> list[str]:
        """Return the topics of all messages, in order."""
        return [message.json["topic"] for message in self.messages()]
