"""Keeps a test process on loopback: Python refuses, by audit hook, to look up or talk to anything else.

`tests.conftest` imports it for pytest itself. The programs that tests start get this folder on their PYTHONPATH, where
Python finds the module by its name at start.
"""

from __future__ import annotations

import socket
import sys


def _guard(event: str, args: tuple[object, ...]) -> None:
    looked_up = event in (
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
    )
    if looked_up:
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else ""
    else:
        return
    name = (
        host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host or "")
    )
    if name and name not in ("localhost", "::1") and not name.startswith("127."):
        why = f"a test wanted to reach {name}"
        raise (
            socket.gaierror(socket.EAI_NONAME, why)
            if looked_up
            else PermissionError(why)
        )


sys.addaudithook(_guard)
