"""A whole registry as one watch, beside a bare loop that reads and decodes the same pages. A part of `make bench`."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ContenderError, Cost, Row, against, run, shown, side_by_side
from bench.stage import CONCURRENCY, PLAIN, PROGRAM

NODES, VERSIONS = 5100, 30_600
LARGE_NODES, LARGE_VERSIONS = 20_000, 150_000
WATCHED = 1000
ROUNDS = 5
_LATENCY, _SHORT_LATENCY = 0.1, 0.005
"""Seconds: of a registry far away, and of one nearby."""
_MORE = 20
"""Requests beside the pages that a quiet poll may take."""
_CHANGED_NODES = 80
"""As in `bench.registry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole registry with the folder of those who poll it."""

    folder: Path
    url: str
    nodes: int
    versions: int

    @property
    def pages(self) -> int:
        """How many pages of a hundred versions it has."""
        return -(-self.versions // 100)

    @property
    def output(self) -> Path:
        """Where the run under way writes what it says."""
        return self.folder / "output.txt"

    def watch(self, nodes: Sequence[str]) -> Sequence[str]:
        """Return the command of a poll of some nodes, with a state of its own that has nothing yet."""
        config, ids = (
            self.folder / "comfy-watch.toml",
            ", ".join(f'"{node}"' for node in nodes),
        )
        config.write_text(
            f'nodes = [{ids}]\nregistry_url = "{self.url}"\nstate_dir = "state"\nalert_urls = "none"\n'
            f"concurrency = {CONCURRENCY}\n"
        )
        self.forget()
        return [str(PROGRAM), "check", "--config", str(config)]

    def forget(self) -> None:
        """Remove the state."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def keep(self) -> Callable[[], object]:
        """Return what puts the state back to what it is now."""
        kept = self.folder / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.folder / "state", kept)

        def restore() -> None:
            self.forget()
            shutil.copytree(kept, self.folder / "state")

        return restore

    def bare(self, what: str, count: int) -> Sequence[str]:
        """Return the command of a bare loop over all `pages`, or one that asks for so many `nodes`."""
        return [
            str(PLAIN / "python"),
            "-m",
            "bench.bare",
            self.url,
            what,
            str(count),
            str(CONCURRENCY),
        ]

    def change(self) -> None:
        """Change 100 versions of 80 nodes."""
        self._ask("changes", "PUT")

    def requests(self) -> int:
        """Return how many requests came since this was last called."""
        return int(self._ask("requests"))

    def _ask(self, what: str, method: str = "GET") -> str:
        request = urllib.request.Request(f"{self.url}/{what}", method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return str(json.load(answer))


@contextlib.contextmanager
def registry(
    nodes: int = NODES, versions: int = VERSIONS, latency: float = 0.0
) -> Iterator[Whole]:
    """Serve a whole registry."""
    command = [
        sys.executable,
        "-m",
        "bench.registry",
        str(nodes),
        str(versions),
        str(latency),
    ]
    with (
        tempfile.TemporaryDirectory(prefix="comfy-watch-bench-") as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        url = server.stdout.readline().strip() if server.stdout else ""
        yield Whole(folder=Path(folder), url=url, nodes=nodes, versions=versions)
        server.communicate()


def counted(one: Whole, command: Sequence[str], most: int, why: str) -> Row:
    """Run a poll once more and return how many requests it takes, beside how many it may."""
    one.requests()
    run(command, output=one.output)
    return (
        "  its requests",
        f"{one.requests():,}",
        f"{one.pages:,} pages",
        f"<= {most:,}: {why}",
    )


def whole_registry() -> Iterator[Row]:
    """Poll a whole registry beside a bare sweep over its pages."""
    with registry() as one:
        poll, bare = one.watch(["*"]), one.bare("pages", one.pages)
        run(poll, output=one.output)
        restore = one.keep()
        contenders = {"bare": bare, "first": poll, "quiet": poll}
        before = {"first": one.forget, "quiet": restore}
        best = side_by_side(contenders, rounds=ROUNDS, output=one.output, before=before)
        yield (
            f"bare sweep, {one.nodes:,} nodes, {one.versions:,} versions",
            shown(best["bare"]),
            "",
            "",
        )
        yield (
            "whole registry, quiet",
            shown(best["quiet"]),
            against(best["quiet"], best["bare"]),
            "<= 3x, <= 100 MB",
        )
        yield counted(one, poll, one.pages + _MORE, f"pages + {_MORE}")
        yield (
            "whole registry, first poll",
            shown(best["first"]),
            against(best["first"], best["bare"]),
            "<= 6x",
        )
        one.forget()
        turn = -(-one.nodes // 100)
        yield counted(
            one,
            poll,
            one.pages + _MORE + turn,
            f"pages + {_MORE} + nodes / 100 for a whole day",
        )
        one.change()
        contenders = {"bare": bare, "changed": poll}
        best = side_by_side(
            contenders, rounds=ROUNDS, output=one.output, before={"changed": restore}
        )
        if "100 events" not in (said := one.output.read_text(errors="replace")):
            raise ContenderError(
                f"a poll with 100 changed versions said: {said[-200:]}"
            )
        figure = against(best["changed"], best["bare"])
        yield (
            "whole registry, 100 changed versions in 80 nodes",
            shown(best["changed"]),
            figure,
            "<= 4x",
        )
        restore()
        yield counted(
            one,
            poll,
            one.pages + 2 * _CHANGED_NODES + _MORE,
            f"pages + 2 x nodes that differ + {_MORE}",
        )


def whole_registry_behind_latency() -> Iterator[Row]:
    """Poll a whole registry whose pages each come after 100 ms, beside the time that the pages alone need."""
    with registry(latency=_LATENCY) as one:
        poll = one.watch(["*"])
        run(poll, output=one.output)
        best = side_by_side({"quiet": poll}, rounds=3, output=one.output)["quiet"]
        least = one.pages / CONCURRENCY * _LATENCY
        yield (
            "whole registry, quiet, at 100 ms",
            shown(best),
            f"{best.seconds / least:.2f}x of {least:.2f} s",
            "<= 1.50x",
        )


def many_of_a_whole_registry() -> Iterator[Row]:
    """Poll 1,000 nodes of a whole registry beside a bare loop that asks each of them."""
    with registry() as one:
        poll = one.watch([f"node-{number}" for number in range(WATCHED)])
        run(poll, output=one.output)
        contenders = {"bare": one.bare("nodes", WATCHED), "quiet": poll}
        best = side_by_side(contenders, rounds=ROUNDS, output=one.output)
        yield (
            f"{WATCHED:,} nodes of it, quiet",
            shown(best["quiet"]),
            against(best["quiet"], best["bare"]),
            "< 1x",
        )
        yield counted(one, poll, one.pages + _MORE, f"pages + {_MORE}")
    with registry(latency=_SHORT_LATENCY) as one:
        poll = one.watch([f"node-{number}" for number in range(WATCHED)])
        run(poll, output=one.output)
        contenders = {"bare": one.bare("nodes", WATCHED), "quiet": poll}
        best = side_by_side(contenders, rounds=ROUNDS, output=one.output)
        yield (
            "  each answer after 5 ms",
            shown(best["quiet"]),
            against(best["quiet"], best["bare"]),
            "< 1x",
        )


def larger_registry() -> Iterator[Row]:
    """Poll a registry of four times the nodes and five times the versions."""
    costs: list[dict[str, Cost]] = []
    for nodes, versions in ((NODES, VERSIONS), (LARGE_NODES, LARGE_VERSIONS)):
        with registry(nodes, versions) as one:
            poll, bare = one.watch(["*"]), one.bare("pages", one.pages)
            run(poll, output=one.output)
            restore = one.keep()
            contenders = {"bare": bare, "first": poll, "quiet": poll}
            before = {"first": one.forget, "quiet": restore}
            costs.append(
                side_by_side(contenders, rounds=2, output=one.output, before=before)
            )
    small, large = costs
    much = LARGE_VERSIONS / VERSIONS
    for name in ("bare", "first", "quiet"):
        one_cost, other = large[name], small[name]
        growth = f"{one_cost.seconds / other.seconds:.1f}x, CPU {one_cost.cpu / other.cpu:.1f}x"
        memory = f"memory {one_cost.peak_mb / other.peak_mb:.1f}x"
        title = f"{LARGE_NODES:,} nodes, {LARGE_VERSIONS:,} versions, {name}"
        yield (
            title,
            shown(one_cost),
            f"time {growth}, {memory}",
            f"linear: <= {much:.1f}x",
        )


PARTS: tuple[Callable[[], Iterator[Row]], ...] = (
    whole_registry,
    whole_registry_behind_latency,
    many_of_a_whole_registry,
    larger_registry,
)
