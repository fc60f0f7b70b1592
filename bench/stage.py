"""What the contenders run on: an embedded registry in a process of its own, and their configuration in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost, run

CONCURRENCY = 16
"""Requests under way at once: the program's default, given to every contender."""

PLAIN = Path(".venv-plain/bin").absolute()
"""An environment with what a user installs and nothing else: httpx imports rich where it finds it."""

PROGRAM = PLAIN / "comfy-watch"
NVCHECKER = Path(".venv-bench/bin/nvchecker").absolute()


@contextmanager
def registry(*, nodes: int, versions: int, latency: float = 0.0) -> Iterator[str]:
    """Serve `nodes` packs of `versions` versions, each answer after `latency` seconds; give the address."""
    command = [sys.executable, "-m", "watcher.fake_registry.server", "--port", "0"]
    command += [
        "--nodes",
        str(nodes),
        "--versions",
        str(versions),
        "--latency",
        str(latency),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One registry with the folder of those who poll it: `folder` is empty at first, `nodes` is how many to watch."""

    folder: Path
    url: str
    nodes: int

    @property
    def output(self) -> Path:
        """Where the run under way writes what it says."""
        return self.folder / "output.txt"

    @property
    def snapshot_mb(self) -> float:
        """The size of the program's snapshot, in MB."""
        return (self.folder / "state" / "snapshot.json").stat().st_size / 1e6

    def program(self) -> tuple[Sequence[str], Cost]:
        """Set the program up and let it make its baseline; give a quiet poll's command, and the first one's cost."""
        config = self.folder / "comfy-watch.toml"
        ids = ", ".join(f'"node-{number}"' for number in range(self.nodes))
        config.write_text(
            f'nodes = [{ids}]\nregistry_url = "{self.url}"\nstate_dir = "state"\nbaseline = "silent"\n'
            f"concurrency = {CONCURRENCY}\n"
        )
        command = [str(PROGRAM), "check", "--config", str(config)]
        return command, run(command, output=self.output)

    def nvchecker(self) -> Sequence[str]:
        """Set nvchecker up to compare status and deprecation of every version; give the command of a quiet run."""
        config = self.folder / "nvchecker.toml"
        seen = [str(self.folder / name) for name in ("old.json", "new.json")]
        wanted = "[.versions[]|[.version,.status,.deprecated]]|tojson"
        config.write_text(
            f'[__config__]\noldver = "{seen[0]}"\nnewver = "{seen[1]}"\nmax_concurrency = {CONCURRENCY}\n'
            + "".join(
                f'["node-{number}"]\nsource = "jq"\nfilter = \'{wanted}\'\n'
                f'url = "{self.url}/versions?nodeId=node-{number}&page=1&pageSize=100"\n'
                for number in range(self.nodes)
            )
        )
        command = [
            str(NVCHECKER),
            "--file",
            str(config),
            "--logger",
            "json",
            "--failures",
        ]
        run(command, output=self.output)
        found = Path(seen[1]).read_bytes()
        if len(json.loads(found)["data"]) != self.nodes:
            raise ValueError("nvchecker did not read every node")
        Path(seen[0]).write_bytes(found)
        return command

    def bare(self) -> Sequence[str]:
        """Return the command of the bare loop over the same requests."""
        return [
            str(PLAIN / "python"),
            "-m",
            "bench.bare",
            self.url,
            "nodes",
            str(self.nodes),
            str(CONCURRENCY),
        ]
