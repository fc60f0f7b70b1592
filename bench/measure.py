"""What the benchmarks share: a registry in a process of its own, and the time and memory of a program that polls it.

This process stays small on purpose: a child's peak memory as Linux reports it begins at its parent's.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PLAIN = Path(".venv-plain/bin").absolute()
"""An environment with what a user installs and nothing else: httpx imports rich where it finds it."""


class ContenderError(Exception):
    """A measured program did not do its work, so that its figures would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took: `seconds` of wall time, `cpu` seconds of its own, `peak_mb` of resident memory (MiB)."""

    seconds: float
    cpu: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s CPU, {self.peak_mb:.0f} MB"


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a program in a folder to its end; raise ContenderError unless it exits 0."""
    output = folder / "output.txt"
    with output.open("wb") as sink:
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        last = output.read_text(errors="replace").strip().splitlines()[-1:]
        name = Path(command[0]).name
        raise ContenderError(f"{name} exited {child.returncode}: {last}")
    return Cost(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
    )


def memory_mb(pid: int) -> float:
    """Return the memory of a process in MiB, of what it shares only its share."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a registry saw since it was last asked."""

    requests: int
    seconds: float
    """From the first request to the last answer."""


@dataclass(frozen=True, slots=True)
class RegistryProcess:
    """A `bench.registry` that runs."""

    url: str

    def seen(self, *, forget: bool = True) -> Seen:
        """Return what it saw since it last forgot."""
        method = "PUT" if forget else "GET"
        asked = urllib.request.Request(f"{self.url}/seen", method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - loopback
            return Seen(**json.load(answer))


@contextlib.contextmanager
def registry(
    *, nodes: int, versions: int, latency: float = 0.0
) -> Iterator[RegistryProcess]:
    """Serve nodes that share so many versions, each answer after `latency` seconds."""
    given = [str(nodes), str(versions), str(latency)]
    command = [sys.executable, "-m", "bench.registry", *given]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield RegistryProcess(server.stdout.readline().strip() if server.stdout else "")
        server.communicate()


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = map(str.ljust, row, widths)
        print("  ".join(cells).rstrip())
