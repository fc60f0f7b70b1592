"""What a job does, however its process came to be: it loads apprise, and judges URLs or sends messages.

The program asks with pickles, and is answered with one JSON object a line. Before anything of a message leaves the job,
it waits for a byte by which the program lets it go out.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import socket
from functools import partial
from typing import BinaryIO


def load() -> list[str]:
    """Load all that a message may need, and return files of what was loaded."""
    import netrc  # noqa: F401 - requests has it wait for the first request

    import apprise
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    from watcher.delivery import sender, urls  # noqa: F401 - what jobs run

    urls.load()
    gc.collect()
    gc.freeze()  # a job then collects its own garbage only: 14 ms of CPU instead of 52, and 9 MB of its own, not 21
    return [str(apprise.__file__), str(DEFAULT_CA_BUNDLE_PATH)]


class Bounds:
    """What holds a job's process to the program. Nothing does by itself where its end is seen to by other means."""

    def prepare(self) -> None:
        """Begin work for which the program does not wait yet."""

    def hold(self) -> None:
        """Let this process end as soon as the program closes the socket."""

    def release(self) -> None:
        """Let it read from the socket again."""


def work(end: socket.socket, asked: BinaryIO, bounds: Bounds) -> None:
    """Do what the socket asks for, one thing after the other: judge a URL, or send a message."""
    from watcher.delivery import sender, urls
    from watcher.delivery.outcome import encoded

    with contextlib.suppress(EOFError):
        while True:
            job = pickle.load(asked)  # noqa: S301 - it comes from the program itself
            result: object
            if isinstance(job, str):
                bounds.hold()
                result = urls.refusal(job)
            else:
                tell(end, "allow", job.timeout)
                bounds.prepare()
                taken, allow, out = (
                    partial(tell, end, name) for name in ("taken", "allow", "out")
                )
                result = encoded(
                    sender.send(job, taken, allow, out, partial(_begin, asked, bounds))
                )
            bounds.release()
            tell(end, "result", result)


def _begin(asked: BinaryIO, bounds: Bounds) -> None:
    """Wait until the program lets the message go out, which it has prepared meanwhile."""
    if not asked.read(1):  # the program is gone, or sends something else first
        os._exit(0)
    bounds.hold()


def tell(to: socket.socket, name: str, value: object) -> None:
    """Tell the program one thing."""
    to.sendall(json.dumps({name: value}).encode() + b"\n")
