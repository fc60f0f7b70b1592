"""Cases of the fault matrix lived by the real program: `comfy-watch check --json`, run after run, with a channel."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

from tests.chaos.receiver import Receiver
from tests.faults import due
from tests.faults.cases import THRESHOLD, Case
from tests.faults.due import Due, Moment
from tests.faults.matrix import (
    RAW,
    Verdict,
    moments,
    quick_folder,
    right_number,
)
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fork_server import ForkServer
from tests.support.harness import counts, write_settings
from watcher.model.reading import ALL

POLLS_WITH_FAULT = THRESHOLD
MOST_MEMORY = 400 * 2**20
"""Bytes that no process may come to, the program's own 100 MB included."""
_PATH = "/alerts"


class Stand:
    """Where programs are started and their alerts taken, case after case; a context manager."""

    def __enter__(self) -> Self:
        self._ends = contextlib.ExitStack()
        self._fork_server = self._ends.enter_context(ForkServer())
        self._receiver = self._ends.enter_context(Receiver())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ends.close()

    def live(self, case: Case) -> Verdict:
        """Live one case, a process for each poll, and say what was wrong in it."""
        verdict = Verdict(case)
        with FakeRegistry() as registry, quick_folder() as folder:
            due.publish(registry, case.nodes)
            for now, url in moments(
                case, registry, POLLS_WITH_FAULT, with_change=False
            ):
                self._run(verdict, folder, url, now)
        return verdict

    def _run(self, verdict: Verdict, folder: Path, url: str, now: Due) -> None:
        """Run the program once; judge its exit code, document and lines, and what its channel got.

        What takes longer than the fork server allows breaks off.
        """
        slow = now.moment is Moment.FAULT and verdict.case.expected.slow
        asked_again = (
            verdict.case.fault == "rate_limited_seconds" and now.moment is Moment.FAULT
        )
        timeout = 0.3 if slow else 10.0
        write_settings(
            folder,
            [{"name": "hook", "url": self._receiver.apprise_url(_PATH)}],
            nodes=verdict.case.nodes,
            registry_url=url,
            timeout=timeout,
            retries=int(asked_again),
            failure_threshold=THRESHOLD,
        )
        self._receiver.forget()
        began = time.monotonic()
        done = self._fork_server.run("check", "--json", cwd=folder)
        took = time.monotonic() - began
        verdict.expect(
            not asked_again or took > 1, "wrong waits", f"{now}: {took:.1f} s"
        )
        verdict.expect(
            done.peak < MOST_MEMORY, "unbounded", f"{now}: {done.peak / 2**20:.0f} MB"
        )
        verdict.expect(
            done.code == int(bool(now.failed)), "wrong exit codes", f"{now}: {done}"
        )
        document: dict[str, Any] = json.loads(done.out)
        events = Counter(
            (event["kind"], event["node"], event["version"])
            for event in document["events"]
        )
        verdict.expect_reported(now, events, "events")
        facts = {
            event["id"]: (event["kind"], event["node"], event["version"])
            for event in document["events"]
        }
        delivered = [
            facts.get(event, ("unknown", None, event))
            for taken in self._receiver.taken
            for event in taken.shown(facts)
        ]
        # A webhook gets the first events of a long message, and how many more there are.
        lacking = now.events - Counter(delivered)
        if lacking.total() == sum(taken.more for taken in self._receiver.taken):
            delivered += lacking.elements()
        verdict.expect_reported(now, Counter(delivered), "alerts")
        alerts = counts(now.events.total())
        verdict.expect(
            document["alerts"] == alerts, "lost", f"{now}: {document['alerts']}"
        )
        failed = {error["node"] or ALL for error in document["errors"]}
        if failed == {ALL} and len(now.failed) > 1:  # one entry says it of all
            failed = set(now.failed)
        right = failed == set(now.failed) and document["nodes"]["failed"] == len(failed)
        verdict.expect(right, "other nodes affected", f"{now}: {document['errors']}")
        said = done.err.splitlines()
        level = "error: " if failed else "warning: "
        clear = all(line.startswith(level) and not RAW.search(line) for line in said)
        many = right_number(verdict.case, now, len(said))
        verdict.expect(clear and many, "unclear lines", f"{now}: {done.err}")
