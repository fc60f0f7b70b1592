"""`make bench`: measures, prints one table, fails nothing. Targets stand beside the figures they are for."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import whole
from bench.measure import ContenderError, Cost, Row, against, shown, side_by_side
from bench.stage import CONCURRENCY, PLAIN, Stage, registry

ROUNDS = 5
SHORT_ROUNDS = 15
OF_MANY = 3060
"""Nodes of a registry of 306 pages."""
IMPORTS = [str(PLAIN / "python"), "-c", "import httpx, pydantic_settings"]


@contextmanager
def stage(
    *, nodes: int, versions: int, of: int = 0, latency: float = 0.0
) -> Iterator[Stage]:
    """Return a registry and an empty folder for those who poll it; both are gone afterwards.

    The registry has the `nodes` that they watch, or `of` if that is more.
    """
    with (
        tempfile.TemporaryDirectory(prefix="comfy-watch-bench-") as folder,
        registry(nodes=max(nodes, of), versions=versions, latency=latency) as url,
    ):
        yield Stage(folder=Path(folder), url=url, nodes=nodes)


def beside_others() -> Iterator[Row]:
    """Poll 300 nodes of 10 versions beside nvchecker and the bare loop.

    The registry has so many others that a sweep over all would take more requests than asking each of them.
    """
    with stage(nodes=300, versions=10, of=OF_MANY) as one:
        quiet, first = one.program()
        contenders = {
            "program": quiet,
            "nvchecker": one.nvchecker(),
            "bare": one.bare(),
        }
        best = side_by_side(contenders, rounds=ROUNDS, output=one.output)
        program = best["program"]
        yield "first poll, 300 nodes x 10 versions, each asked", shown(first), "", ""
        yield (
            "quiet poll, the same",
            shown(program),
            f"{program.peak_mb:.0f} MB at its peak",
            "<= 60 MB",
        )
        yield (
            "  beside nvchecker (jq)",
            shown(program),
            against(program, best["nvchecker"]),
            "<= 0.60x",
        )
        yield (
            "  beside a bare aiohttp loop",
            shown(program),
            against(program, best["bare"]),
            "<= 4x",
        )


def beside_imports() -> Iterator[Row]:
    """Poll one node beside a process that only imports the two largest libraries."""
    with stage(nodes=1, versions=10) as one:
        quiet, _ = one.program()
        best = side_by_side(
            {"program": quiet, "imports": IMPORTS},
            rounds=SHORT_ROUNDS,
            output=one.output,
        )
        text = f"{best['program'].seconds / best['imports'].seconds:.2f}x of importing httpx and pydantic-settings"
        yield (
            "quiet poll, 1 node",
            f"{best['program'].seconds * 1000:.0f} ms",
            text,
            "<= 1.20x",
        )


def behind_latency() -> Iterator[Row]:
    """Poll 300 nodes of which each answers after 50 ms, beside the time the answers alone need."""
    latency, nodes = 0.05, 300
    with stage(nodes=nodes, versions=10, of=OF_MANY, latency=latency) as one:
        quiet, _ = one.program()
        cost = side_by_side({"program": quiet}, rounds=2, output=one.output)["program"]
        least = nodes / CONCURRENCY * latency
        yield (
            "quiet poll, 300 nodes at 50 ms, each asked",
            shown(cost),
            f"{cost.seconds / least:.2f}x of {least:.2f} s",
            "<= 1.30x",
        )


def growing() -> Iterator[Row]:
    """Poll five times as many nodes of 7 versions: 7,000 versions, then 35,000."""
    found: list[tuple[Cost, float]] = []
    for nodes in (1000, 5000):
        with stage(nodes=nodes, versions=7) as one:
            quiet, _ = one.program()
            cost = side_by_side({"program": quiet}, rounds=3, output=one.output)[
                "program"
            ]
            found.append((cost, one.snapshot_mb))
    (small, small_mb), (large, large_mb) = found
    yield (
        "quiet poll, 1,000 nodes x 7 versions",
        shown(small),
        f"snapshot {small_mb:.1f} MB",
        "",
    )
    yield (
        "quiet poll, 5,000 nodes x 7 versions",
        shown(large),
        f"snapshot {large_mb:.1f} MB",
        "",
    )
    growth = f"time {large.seconds / small.seconds:.1f}x, memory {large.peak_mb / small.peak_mb:.1f}x"
    yield (
        "  five times the nodes",
        growth,
        f"snapshot {large_mb / small_mb:.1f}x",
        "linear: <= 5x",
    )


def main() -> None:
    """Measure all, or the parts named, then print the table; what could not be measured says why in its place."""
    parts: tuple[Callable[[], Iterator[Row]], ...] = (
        beside_others,
        beside_imports,
        behind_latency,
        growing,
        *whole.PARTS,
    )
    rows: list[Row] = [("measured", "figure", "against", "target")]
    chosen = [part for part in parts if part.__name__ in sys.argv[1:]] or parts
    for part in chosen:
        title = (part.__doc__ or "").partition("\n")[0].rstrip(".")
        print(f"{title} …", file=sys.stderr, flush=True)
        try:
            rows.extend(part())
        except (ContenderError, OSError, ValueError) as error:
            rows.append(
                (part.__name__.replace("_", " "), "not measured", str(error), "")
            )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print(
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
        )


if __name__ == "__main__":
    main()
