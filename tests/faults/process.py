"""Cells of the fault matrix lived by the real program: `comfy-watch check --json` as a process, run after run."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import program
from tests.faults.decided import SLOW, Means
from tests.faults.matrix import BAD, GOOD, MEGABYTES, RAW, Breadth, Cell, Told, Verdict, change, faulty, publish
from watcher.embedded import EmbeddedRegistry

MOST_MEMORY = 400 * 2**20
"""Bytes that no process may come to, the program's own 60 MB included."""
SLACK = 8.0
"""Seconds beyond its deadlines that a run may take: it starts in one, and the machine may be loaded."""


def live_as_process(cell: Cell) -> Verdict:
    """Live four runs: before, with, and twice after a fault that comes with a real change."""
    verdict = Verdict(cell)
    failed = cell.failing is not None or cell.doubted
    before = _largest_process()
    with EmbeddedRegistry() as registry, tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        publish(registry, cell.nodes)
        events = _check(verdict, folder, registry.url, code=0, failed=())
        changes = [event for node in {GOOD[0], BAD} & set(cell.nodes) for event in change(registry, node, 1)]
        with faulty(cell, registry) as url:
            met = cell.met if failed else ()
            events += (now := _check(verdict, folder, url, code=int(failed), failed=met, slow=cell.fault in SLOW))
        if cell.breadth in {Breadth.ONE, Breadth.CROWD}:
            elsewhere = {event for event in now if event[1] == GOOD[0]}
            verdict.expect(len(elsewhere) == 2, "other nodes affected", f"{now}")
        events += _check(verdict, folder, registry.url, code=0, failed=())
        verdict.expect(_check(verdict, folder, registry.url, code=0, failed=()) == [], "false events", "when quiet")
    real = [*changes, *(("baseline", node, None) for node in cell.nodes)]
    if not failed and cell.decision.means is Means.BANNED:
        real += [("banned", BAD, None), ("reinstated", BAD, None)]
    verdict.expect(not set(events) - set(real) and len(set(events)) == len(events), "false events", f"{events}")
    verdict.expect(not set(real) - set(events), "lost events", f"{events}")
    peak = _largest_process()
    verdict.expect(peak in (before, min(peak, MOST_MEMORY)), "unbounded", f"{peak / 2**20:.0f} MB")
    return verdict


def _largest_process() -> int:
    """Give the bytes that the largest process of all that were started here came to."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _check(
    verdict: Verdict, folder: Path, url: str, *, code: int, failed: tuple[str, ...], slow: bool = False
) -> list[Told]:
    """Run the program once, judge its exit code, its document and its lines, and give its events."""
    retries = int(verdict.cell.fault.startswith("rate_limited_s"))
    timeout = 0.3 if slow else 10.0
    settings = {
        "NODES": " ".join(verdict.cell.nodes),
        "REGISTRY_URL": url,
        "RETRIES": str(retries),
        "TIMEOUT": str(timeout),
        "MAX_RESPONSE_MB": str(MEGABYTES),
        "FAILURE_THRESHOLD": "2",
    }
    environment = {f"COMFY_WATCH_{name}": value for name, value in settings.items()}
    began = time.monotonic()
    done = program.run("check", "--json", cwd=folder, env=environment)
    took = time.monotonic() - began
    verdict.expect(took < (retries + 1) * (timeout if slow else 0) + SLACK, "too slow", f"{took:.1f} s")
    verdict.expect(done.code == code, "wrong exit codes", f"{done}")
    document: dict[str, Any] = json.loads(done.out)
    told = {error["node"] for error in document["errors"]}
    verdict.expect(told == set(failed), "other nodes affected", f"{document['errors']}")
    verdict.expect(document["nodes"]["failed"] == len(failed), "other nodes affected", f"{document['nodes']}")
    lines = done.err.splitlines()
    clear = all(line.startswith("error: ") and not RAW.search(line) for line in lines)
    verdict.expect(clear and bool(lines) == bool(failed) and len(lines) <= len(failed), "unclear lines", done.err)
    return [(event["kind"], event["node"], event["version"]) for event in document["events"]]
