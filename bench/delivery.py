"""How fast queued messages leave, and what a large poll and many messages cost: `python -m bench.delivery`.

A part of `make bench`; it prints one table and fails nothing. A real `check` sends what a state owes to a webhook on
loopback that answers after 50 ms. Beside it, in turn, a bare requests session posts as often to the same webhook. Both
are timed by the webhook, from the first message to the last answer, so that no start of a program is in it. Where the
system allows it (to root), all of this runs with real-time priority, so that other load on the machine counts little.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.measure import PLAIN, ContenderError, memory_mb, print_table, run
from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import end_backoffs, write_settings

LATENCY = 0.05
PAIRS = {400: 3, 4000: 1}
"""How often each number of messages is sent by both."""
BURST = 10_000
BURSTS = 3
MEMORY_AT = (100, 1000, 4000)
PER_NODE = 100
_MESSAGE = 800
"""Bytes of a bare message, about as many as one of the program's."""
_PATIENCE = 600.0

Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """A `bench.service` that runs."""

    url: str

    def begin(self, status: int = 200) -> None:
        """Count from now on, and answer with this status."""
        counted = urllib.request.Request(f"{self.url}/{status}", method="PUT")  # noqa: S310 - loopback
        with urllib.request.urlopen(counted):  # noqa: S310
            pass

    def counted(self) -> tuple[int, float]:
        """Return how many messages came, and the seconds from the first one to the last answer."""
        with urllib.request.urlopen(self.url) as answer:  # noqa: S310 - loopback
            found = json.load(answer)
        return found["count"], found["seconds"]


@contextlib.contextmanager
def service(latency: float) -> Iterator[Service]:
    """Run a webhook."""
    command = [sys.executable, "-m", "bench.service", str(latency)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield Service(
            f"http://127.0.0.1:{json.loads(server.stdout.readline() if server.stdout else '')}"
        )
        server.communicate()


def catalog_of(versions: int) -> Catalog:
    """Return so many versions, `PER_NODE` of each node."""
    catalog = Catalog()
    for number in range(versions):
        catalog.publish(f"node-{number // PER_NODE}", f"1.{number % PER_NODE}.0")
    return catalog


class Owing:
    """A folder whose state owes messages, as a poll left it while the channel was down."""

    def __init__(
        self, root: Path, hook: Service, registry_url: str, *, messages: int
    ) -> None:
        self.root, self.hook, self.messages = root, hook, messages
        self._write(registry_url, interval="15m")
        self._left = root / "left"
        hook.begin(503)
        with contextlib.suppress(ContenderError):  # it exits 1: alerts are undelivered
            run(self.check, root)
        end_backoffs(root / "state")
        owed = json.loads((root / "state/owed.jsonl").read_bytes())
        waiting = owed["messages"]["hook"]
        if len(waiting) != messages:
            raise ContenderError(f"{len(waiting)} messages are owed, not {messages}")
        shutil.copytree(root / "state", self._left)

    def _write(self, registry_url: str, **settings: object) -> None:
        channel = {
            "name": "hook",
            "url": self.hook.url.replace("http", "json"),
            "grouping": "event",
        }
        nodes = [f"node-{number}" for number in range(self.messages // PER_NODE)]
        settings |= {
            "nodes": nodes,
            "registry_url": registry_url,
            "retries": 0,
            "baseline": "full",
        }
        write_settings(
            self.root, [channel], state_dir=str(self.root / "state"), **settings
        )

    @property
    def check(self) -> Sequence[str]:
        """The command that sends them."""
        return self.command("check")

    def command(self, name: str) -> Sequence[str]:
        """Return a command on this folder."""
        return [
            str(PLAIN / "comfy-watch"),
            name,
            "--config",
            str(self.root / "comfy-watch.toml"),
        ]

    def restore(self) -> None:
        """Owe all of them again."""
        shutil.rmtree(self.root / "state")
        shutil.copytree(self._left, self.root / "state")
        self.hook.begin()


@contextlib.contextmanager
def owing(messages: int, latency: float) -> Iterator[Owing]:
    """Run a registry and a webhook, and owe so many messages."""
    with (
        tempfile.TemporaryDirectory(prefix="comfy-watch-bench-") as folder,
        FakeRegistry(catalog_of(messages)) as registry,
        service(latency) as hook,
    ):
        yield Owing(Path(folder), hook, registry.url, messages=messages)


def queued(messages: int) -> Row:
    """Send what is owed beside a bare session, in turn."""
    ratios, extra, load = [], [], os.getloadavg()[0]
    with owing(messages, LATENCY) as owed:
        bare = [
            str(PLAIN / "python"),
            str(Path("bench/posts.py").absolute()),
            owed.hook.url,
            str(messages),
            str(_MESSAGE),
        ]
        for _ in range(PAIRS[messages]):
            seconds = []
            for command in (bare, owed.check):
                owed.restore()
                run(command, owed.root)
                count, spent = owed.hook.counted()
                if count != messages:
                    raise ContenderError(f"{count} messages came, not {messages}")
                seconds.append(spent)
            ratios.append(seconds[1] / seconds[0])
            extra.append((seconds[1] - seconds[0]) / messages)
    return (
        f"{messages:,} queued messages at 50 ms",
        f"{median(ratios):.3f}x of a bare session",
        f"{median(extra) * 1000:.1f} ms more a message (load {load:.1f})",
        "<= 1.10x",
    )


def burst() -> Row:
    """Poll a first time 10,000 events, with a channel and without one, in turn."""
    more, loads = [], []
    with (
        tempfile.TemporaryDirectory(prefix="comfy-watch-bench-") as folder,
        FakeRegistry(catalog_of(BURST)) as registry,
        service(0) as hook,
    ):
        root = Path(folder)
        nodes = [f"node-{number}" for number in range(BURST // PER_NODE)]
        for _ in range(BURSTS):
            seconds = []
            for channels in (
                [],
                [{"name": "hook", "url": hook.url.replace("http", "json")}],
            ):
                shutil.rmtree(root / "state", ignore_errors=True)
                settings = {
                    "nodes": nodes,
                    "registry_url": registry.url,
                    "state_dir": str(root / "state"),
                    "baseline": "full",
                }
                write_settings(
                    root,
                    channels,
                    **settings,
                    **({} if channels else {"alert_urls": "none"}),
                )
                hook.begin()
                command = [
                    str(PLAIN / "comfy-watch"),
                    "check",
                    "--config",
                    str(root / "comfy-watch.toml"),
                ]
                seconds.append(run(command, root).seconds)
                if hook.counted()[0] != len(channels):
                    raise ContenderError(f"{hook.counted()[0]} messages came")
            more.append(seconds[1] - seconds[0])
            loads.append(seconds[0])
    return (
        f"first poll with {BURST:,} events, one channel",
        f"{median(more):.2f} s more",
        f"{median(loads):.2f} s without a channel (load {os.getloadavg()[0]:.1f})",
        "<= 1 s more",
    )


def memory() -> Row:
    """Have `run` send 4,000 messages, and look at the memory of all its processes on the way."""
    found = []
    with owing(MEMORY_AT[-1], 0) as owed:
        owed.restore()
        with (
            (owed.root / "output.txt").open("wb") as output,
            subprocess.Popen(
                owed.command("run"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ) as running,
        ):
            until = time.monotonic() + _PATIENCE
            for count in MEMORY_AT:
                while (
                    owed.hook.counted()[0] < count
                    and time.monotonic() < until
                    and running.poll() is None
                ):
                    time.sleep(0.05)
                found.append([memory_mb(pid) for pid in family(running.pid)])
            running.send_signal(signal.SIGTERM)
        if owed.hook.counted()[0] != MEMORY_AT[-1]:
            raise ContenderError(f"{owed.hook.counted()[0]} messages came")
    shown = [" + ".join(f"{each:.0f}" for each in one) for one in found]
    at = ", ".join(f"{count:,}" for count in MEMORY_AT)
    return (
        f"memory of `run` after {at} messages",
        ", ".join(shown) + " MB",
        "program, worker, job",
        "the same",
    )


def family(pid: int) -> list[int]:
    """Return a process and those that it started, directly or not."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        return [
            pid,
            *(
                one
                for child in children.read_text().split()
                for one in family(int(child))
            ),
        ]
    return []


def main() -> None:
    """Measure all, or the named parts, then print the table."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    parts: dict[str, Callable[[], Row]] = {"burst": burst, "memory": memory}
    parts |= {str(count): partial(queued, count) for count in PAIRS}
    rows: list[Row] = [("measured", "figure", "against", "target")]
    for name in sys.argv[1:] or parts:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows.append(parts[name]())
        except (ContenderError, OSError, ValueError) as error:
            rows.append((name, "not measured", str(error), ""))
    print_table(rows)


if __name__ == "__main__":
    main()
