"""A limit on the memory of a program and all that it starts: a cgroup made by hand, which takes root on Linux."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_LIMITS = ("memory/{}/memory.limit_in_bytes", "{}/memory.max")
"""The file below /sys/fs/cgroup that limits a group, in the first and in the second version."""
_PATIENCE = 20.0


@contextlib.contextmanager
def memory_limit(size: int) -> Iterator[str]:
    """Make a group of processes with so many bytes, and give the file that takes members; "" where there can be none.

    The kernel kills what does not fit.
    """
    for limit in _LIMITS:
        file = Path("/sys/fs/cgroup", limit.format(f"comfy-watch-{os.getpid()}"))
        with contextlib.suppress(OSError):
            file.parent.mkdir()
            try:
                if file.exists():
                    file.write_text(str(size))
                    swap = file.with_name("memory.swap.max")
                    if swap.exists():
                        swap.write_text("0")
                    yield str(file.with_name("cgroup.procs"))
                    return
            finally:
                _remove(file.parent)
    yield ""


def _remove(group: Path) -> None:
    """Remove a group once its last process has ended."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
