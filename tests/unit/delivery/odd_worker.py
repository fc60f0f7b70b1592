"""A worker in whose processes ntfy pauses briefly, one host's name is looked up for ever, and two hosts end a job."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from apprise.plugins.ntfy import NotifyNtfy

from watcher.delivery import worker

_lookup = socket.getaddrinfo


def _odd(host: str, *args: Any, **more: Any) -> Any:
    if host == "hangs.invalid":
        # No signal ends the real one.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)
    if host == "crashes.invalid":
        os.abort()
    if host == "tears.invalid":
        for link in Path("/proc/self/fd").iterdir():
            if link.is_socket():
                os.write(int(link.name), b'{"resu')
        os.abort()
    return _lookup(host, *args, **more)


NotifyNtfy.request_rate_per_sec = 0.3
socket.getaddrinfo = _odd  # type: ignore[assignment]  # it takes what the real one takes
if __name__ == "__main__":
    worker.main()
