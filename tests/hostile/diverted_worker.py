"""The worker of `tests.hostile.diverted`.

apprise builds and sends every message as ever. Below it, the library that carries the request gets another address:
`http://127.0.0.1:PORT/HOST/PATH`, PORT being `$DIVERTED_TO`; hosts in `.invalid` stay nowhere. What
`$DIVERTED_EXPLODES` names (a built-in exception) is raised instead, with the whole request in its words.
"""

from __future__ import annotations

import builtins
import os
from typing import Any
from urllib.parse import urlsplit

import requests

from watcher.delivery import worker

_send = requests.adapters.HTTPAdapter.send


def _diverted(
    self: requests.adapters.HTTPAdapter,
    request: requests.PreparedRequest,
    *args: Any,
    **options: Any,
) -> requests.Response:
    if name := os.environ.get("DIVERTED_EXPLODES"):
        raise getattr(builtins, name)(
            f"{request.method} {request.url} {request.headers} {request.body!r}"
        )
    parts = urlsplit(str(request.url))
    if not str(parts.hostname).startswith("127.") and not str(parts.hostname).endswith(
        ".invalid"
    ):
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"http://127.0.0.1:{os.environ['DIVERTED_TO']}/{parts.hostname}{parts.path}{query}"
    return _send(self, request, *args, **options)


requests.adapters.HTTPAdapter.send = _diverted  # type: ignore[method-assign]  # every request of any service goes through it

if __name__ == "__main__":
    worker.main()
