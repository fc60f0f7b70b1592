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
        if _makes(file, size):
            try:
                yield str(file.with_name("cgroup.procs"))
            finally:
                _remove(file.parent)
            return
    yield ""


def _makes(limit: Path, size: int) -> bool:
    """Make a group and limit it, swap included, if that can be done here."""
    try:
        limit.parent.mkdir()
    except OSError:
        return False
    try:
        swap = limit.with_name("memory.swap.max")
        for file, value in ((limit, size), *([(swap, 0)] if swap.exists() else [])):
            with file.open("r+") as opened:
                opened.write(str(value))
    except OSError:
        _remove(limit.parent)
        return False
    return True


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
