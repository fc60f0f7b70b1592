"""A small registry on loopback that answers as the real one from a catalog in memory.

The tests and the benchmark poll it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog

Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request that was received."""

    path: str
    query_string: str
    """As sent, not decoded."""
    headers: Mapping[str, str]
    at: float
    """Monotonic seconds."""

    @property
    def query(self) -> dict[str, list[str]]:
        """The decoded query: every name with all its values, in order."""
        return parse_qs(self.query_string, keep_blank_values=True)


class FakeRegistry:
    """Serves a catalog on a free port of 127.0.0.1 from a daemon thread while its `with` block runs.

    `url` is set on entry. `requests` are in order of arrival. `respond`, if set, runs before the ordinary
    answer and may return another one, or None. `latency` (seconds) delays every ordinary answer. Leaving the block cuts
    the answers under way, closes every connection and joins the thread. The block may be entered again.
    """

    def __init__(self, catalog: Catalog | None = None, *, latency: float = 0.0) -> None:
        self.catalog = Catalog() if catalog is None else catalog
        self.requests: list[RecordedRequest] = []
        self.respond: Respond | None = None
        self.url = ""
        self._latency = latency
        self._answers: dict[str, tuple[int, bytes]] = {}
        self._answers_of = 0
        """The edits of the catalog that the kept answers are of."""
        self.serves_nodes = True
        """Whether there is a `GET /nodes`, which is optional."""
        self.list_of_all = 200
        """The status of `GET /nodes` without ids."""

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, started)),
            name="fake-registry",
            daemon=True,
        )
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()

    async def _serve(self, listener: socket.socket, started: threading.Event) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        listening = await self._loop.create_server(server, sock=listener, backlog=1024)
        started.set()
        await self._leave.wait()
        # Accept no more. To close the listener now would leave a connection half made. Windows has no remove_reader.
        with contextlib.suppress(NotImplementedError):
            self._loop.remove_reader(listener)
        await _close_connections(server)
        listening.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.path_qs.partition("?")
        self.requests.append(
            RecordedRequest(
                path=path,
                query_string=query,
                headers=request.headers,
                at=time.monotonic(),
            )
        )
        if (
            self.respond is not None
            and (response := await self.respond(request)) is not None
        ):
            return response
        if self._latency:
            await asyncio.sleep(self._latency)
        is_of_packs = path == "/nodes" and self.serves_nodes
        is_list = path == "/nodes" and "node_id=" not in query
        if is_list and self.list_of_all != 200:
            return web.json_response({"message": "No list"}, status=self.list_of_all)
        known = path == "/versions" or is_of_packs
        status, body = (
            self._encoded(path, query)
            if request.method == "GET" and known
            else (404, _NOT_FOUND)
        )
        return web.Response(status=status, body=body, content_type="application/json")

    def _encoded(self, path: str, query: str) -> tuple[int, bytes]:
        """Return the answer's status and bytes, kept until the catalog changes: a benchmark requests them often."""
        if self._answers_of != (now := self.catalog.edits):
            self._answers.clear()
            self._answers_of = now
        key = f"{path}?{query}"
        if key not in self._answers:
            asked = parse_qs(query, keep_blank_values=True)
            answers = {
                "/versions": self.catalog.answer,
                "/nodes": self.catalog.packs,
            }
            status, document = answers[path](asked)
            self._answers[key] = status, encoded(document)
        return self._answers[key]


async def _close_connections(server: web.Server) -> None:
    """Close every connection at once, also one that is still being accepted or has bytes to send."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for connection in server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.wait(tasks)


def encoded(document: object) -> bytes:
    """Return a document as the registry's JSON: UTF-8, with lone surrogates as escapes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )


_NOT_FOUND = encoded(
    {
        "error": "Not Found",
        "message": "There is nothing here but GET /versions and GET /nodes",
    }
)
