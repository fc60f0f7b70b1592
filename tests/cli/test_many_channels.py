"""Thirty channels, some of which hang: what is sent to at once, in which memory, and who waits for whom."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from watcher.delivery.process import MODULE

_AT_ONCE = 4
_MEMORY = 256 * 2**20


@contextmanager
def _watched(home: Path) -> Iterator[list[tuple[int, int]]]:
    """Look again and again at the processes with a home, and give how many of them deliver, and their memory."""
    seen, over = [(0, 0)], threading.Event()

    def look() -> None:
        mark = f"HOME={home}".encode()
        while not over.wait(0.02):
            found = [
                one
                for one in Path("/proc").glob("[0-9]*")
                if mark in _read(one, "environ")
            ]
            workers = sum(MODULE.encode() in _read(one, "cmdline") for one in found)
            seen.append((workers, sum(map(_share, found))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _read(process: Path, name: str) -> list[bytes]:
    try:
        return (process / name).read_bytes().split(b"\0")
    except OSError:  # it is gone, or somebody else's
        return []


def _share(process: Path) -> int:
    """Return the bytes of a process, what it shares by halves, thirds and so on."""
    lines = _read(process, "smaps_rollup")
    shares = [line for line in b"".join(lines).splitlines() if line.startswith(b"Pss:")]
    return sum(int(line.split()[1]) * 1024 for line in shares)


@pytest.mark.bounded
def test_thirty_channels_fit_into_256_mb(watch: Watcher, webhook: Webhook) -> None:
    """With five that hang the others have the first poll's alert, sent by at most four processes; so is a sample."""
    hanging = [f"/hangs{number}" for number in range(5)]
    healthy = [f"/takes{number}" for number in range(25)]
    webhook.answer |= dict.fromkeys(hanging, Answer(hang=True))
    urls = [webhook.apprise_url(path) for path in hanging + healthy]
    watch = watch.but(alert_urls=urls, baseline="summary", timeout="5s")
    with _watched(watch.folder) as seen:
        done = watch.shell('exec "$@"', "check")
        webhook.answer.clear()
        tried = watch.shell('exec "$@"', "test-alerts")
    assert (tried.code, tried.out.count(": delivered")) == (0, 30), tried
    assert done.code == 1, done
    assert "25 alerts delivered" in done.out, done
    arrived = Counter(one.path for one in webhook.messages())
    assert arrived == dict.fromkeys(hanging + healthy, 2)
    assert max(workers for workers, _ in seen) == _AT_ONCE
    assert max(memory for _, memory in seen) < _MEMORY
