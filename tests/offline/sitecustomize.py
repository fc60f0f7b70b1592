"""Keeps a test process on loopback: Python refuses, by audit hook, to look up or talk to anything else.

`tests.conftest` imports it for pytest itself. The programs that tests start get this folder on their PYTHONPATH, where
Python finds the module by its name at start.
"""

from __future__ import annotations

import sys


def _guard(event: str, args: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    else:
        return
    name = host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host or "")
    if name and name not in ("localhost", "::1") and not name.startswith("127."):
        raise PermissionError(f"a test wanted to reach {name}")


sys.addaudithook(_guard)
