"""A port on loopback that answers no connection, as a firewall that drops packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def unanswering_port() -> Iterator[int]:
    """Give the port of a listener whose queue of connections is full."""
    with ExitStack() as ends:
        listener = ends.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            end = ends.enter_context(socket.socket())
            end.setblocking(False)
            with suppress(BlockingIOError):
                end.connect(listener.getsockname())
        yield listener.getsockname()[1]
