"""The fault matrix: every fault, at every stage of a watcher's life, for one node, all, or one page of many.

A case is a short life: polls before, with and after the fault, over a registry whose real changes are known. What each
poll reports is held against what it must (`tests.faults.due`). `python -m tests.faults.matrix [FAULT …]` lives all
cases, or those of the faults named, and prints the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.chaos.figures import counting
from tests.faults import due
from tests.faults.asking import hurried
from tests.faults.cases import (
    BAD,
    BAD_PAGE,
    GOOD,
    THRESHOLD,
    Breadth,
    Case,
    Stage,
    cases,
    process_cases,
    without_counts,
)
from tests.faults.due import Due, Fact, Moment
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import Means, inflict
from tests.support.fakes.pages import UnsteadyPages
from tests.support.fakes.ports import Refused, Untrusted
from watcher.alerts.queues.ownership import Addresses
from watcher.cli.report import code_of
from watcher.model.event import Event
from watcher.model.version import STATUSES
from watcher.polling.clock import clock
from watcher.polling.model import PollConfig, Report
from watcher.polling.poll import Poller
from watcher.polling.problems import problems
from watcher.registry.client import RequestLimits
from watcher.state.model import State
from watcher.state.store import StateFolder

MEGABYTES = 32
POLLS_WITH_FAULT = 3
RETRIES = 2
MOST_REQUESTS = 10
"""For one node in one poll: no fault here has more pages to it."""

RAW = re.compile(
    r"Traceback|<html|SSH-2|Checking your browser|\x1b|somebody-elses|claimed-\d|aiohttp|httpx"
)
"""What no line may show: a traceback, or untrusted text."""
_QUICK = Path("/dev/shm")
"""Memory where there is such a folder: that writes reach a disk is not what is proven here."""

_SHORT, _SHORT_BESIDE_GOOD = 0.15, 2.0
"""Seconds until a request times out under a fault that only that ends. Beside it good answers are to come in time,
also from a machine that is loaded.
"""

_STOP_AFTER = 120.0


@dataclass(slots=True)
class Verdict:
    """What was wrong in a case, by the figure that it counts in."""

    case: Case
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def expect(self, true: bool, figure: str, said: str) -> None:
        """Note that something does not hold."""
        if not true:
            self.wrong.append((figure, said))

    def expect_reported(self, now: Due, got: Counter[Fact], what: str) -> None:
        """Note what one poll reported wrongly: what it owes comes with it, and nothing else does."""
        for figure, wrong in (
            ("invented", got - now.events),
            ("lost", now.events - got),
        ):
            self.expect(
                not wrong, figure, f"{what} {now}: {sorted(wrong.items(), key=str)}"
            )


FIGURES = (
    "invented",
    "lost",
    "baselines set",
    "wrong exit codes",
    "other nodes affected",
    "unclear lines",
    "changed pictures",
    "unbounded",
    "wrong waits",
    "broken off",
)


class Run:
    """A case's watcher, in a folder of its own, and what its polls reported."""

    def __init__(self, case: Case, registry: FakeRegistry, folder: Path) -> None:
        self.case = case
        self.registry = registry
        self.folder = StateFolder(folder)
        self.verdict = Verdict(case)
        self.events: list[Event] = []
        self.watch = PollConfig(
            nodes=() if case.breadth is Breadth.PAGE else case.nodes,
            globs=("*",) if case.breadth is Breadth.PAGE else (),
            statuses=STATUSES,
            registry_url=registry.url,
            limits=RequestLimits(
                timeout=30.0, retries=0, concurrency=4, max_bytes=MEGABYTES * 2**20
            ),
            baseline="summary",
            failure_threshold=THRESHOLD,
            channels=(),
            alert_expiry=7 * 86_400.0,
            addresses=Addresses(),
            minimum_age=0.0,
        )

    def poll(self, now: Due, *, url: str = "") -> Report:
        """Poll once, as `check` does, and judge what is reported.

        Under the fault it takes no time until it is asked again; under faults that take their time it is not.
        """
        limits = self.watch.limits
        hurry = now.moment is Moment.FAULT and not self.case.expected.slow
        if hurry:
            limits = replace(limits, retries=RETRIES, concurrency=1)
        elif now.moment is Moment.FAULT:
            is_alone = set(self.case.met) == set(self.case.nodes)
            short = _SHORT if is_alone else _SHORT_BESIDE_GOOD
            limits = replace(limits, timeout=short)
        watch = replace(
            self.watch, registry_url=url or self.registry.url, limits=limits
        )
        poller = Poller(
            config=watch, folder=self.folder, clock=clock, stopping=asyncio.Event()
        )
        with self.folder.locked():
            if hurry:
                report, _ = hurried(poller.poll())
            else:
                polled = asyncio.wait_for(poller.poll(), _STOP_AFTER)
                report = asyncio.run(polled)
        self.events += report.events
        self.verdict.expect_reported(now, reported(report.events), "events")
        self.verdict.expect(
            code_of(report, ()) == int(bool(now.failed)), "wrong exit codes", str(now)
        )
        errors = dict(report.errors)
        self.verdict.expect(
            errors.keys() == set(now.failed), "other nodes affected", f"{now}: {errors}"
        )
        return report

    def state(self) -> State:
        """Read what was saved."""
        return self.folder.load()


def reported(events: Collection[Event]) -> Counter[Fact]:
    """Count events by kind, node and version."""
    return Counter((event.kind.value, event.node, event.version) for event in events)


def live(case: Case, registry: FakeRegistry, folder: Path) -> Verdict:
    """Live one case and say what was wrong in it."""
    life = Run(case, registry, folder)
    before = life.state()
    for now, url in moments(case, registry, POLLS_WITH_FAULT, with_change=True):
        if now.moment is Moment.FAULT:
            if now.number == 0:
                before = life.state()
            _with_fault(life, url, now)
            if now.number + 1 == POLLS_WITH_FAULT:
                _judge_pictures(life, before, life.state())
        else:
            life.poll(now)
    recorded = reported(life.folder.history().events)
    life.verdict.expect(
        recorded == reported(life.events),
        "lost",
        "the history is not what the polls reported",
    )
    return life.verdict


def moments(
    case: Case, registry: FakeRegistry, polls: int, *, with_change: bool
) -> Iterator[tuple[Due, str]]:
    """Let the world go on from poll to poll of a case's life, and return what each owes and the address to ask."""
    with contextlib.ExitStack() as until:
        url = registry.url
        for now in due.script(case, polls, with_change=with_change):
            if now.moment is Moment.FAULT and now.number == 0:
                for node in case.living if case.stage is Stage.CHANGE else ():
                    due.change(registry, node, 1)
                url = until.enter_context(faulty(case, registry))
            elif now.moment is Moment.AFTER:
                until.close()
                url = registry.url
            elif now.moment is Moment.CHANGED:
                for node in case.living:
                    due.change(registry, node, 2)
            registry.requests.clear()
            yield now, url


_EMPTY = "no versions found: is the id right?"


def _with_fault(life: Run, url: str, now: Due) -> None:
    """Poll under the fault and judge what that poll alone shows."""
    case, verdict = life.case, life.verdict
    report = life.poll(now, url=url)
    verdict.expect(
        right_words(case, now, dict(report.errors)), "unclear lines", f"{report.errors}"
    )
    lines = [f"{one.level}: {one.sentence}" for one in problems(report)]
    clear = all("\n" not in line and not RAW.search(line) for line in lines)
    fit = all(
        line.endswith(_EMPTY) if now.warned else line.startswith("error: ")
        for line in lines
    )
    verdict.expect(
        clear and fit and right_number(case, now, len(lines)),
        "unclear lines",
        f"{lines}",
    )
    for event in report.events:
        text = f"{event.reason}{event.changes}"
        verdict.expect(
            len(text) < 1000 and not RAW.search(text), "unclear lines", f"{event}"
        )
    asked = Counter(
        request.query.get("nodeId", [""])[0]
        for request in life.registry.requests
        if request.path == "/versions"
    )
    pages = asked.pop("", 0) if case.breadth is Breadth.PAGE else 0
    verdict.expect(
        max(asked.values(), default=0) <= MOST_REQUESTS, "unbounded", f"{asked}"
    )
    verdict.expect(pages <= 2 * MOST_REQUESTS, "unbounded", f"{pages} pages")


def right_words(case: Case, now: Due, errors: Mapping[str, str]) -> bool:
    """Return whether it is said of the nodes what has to be said in a poll, and nothing else; `errors` by node."""
    return {without_counts(error) for error in errors.values()} == (
        case.said if now.failed else set()
    )


def right_number(case: Case, now: Due, lines: int) -> bool:
    """Return whether so many lines are what a poll has to say: nodes that failed alike, or are empty, share one."""
    return lines in case.lines if now.failed else lines == int(now.warned)


def _judge_pictures(life: Run, before: State, during: State) -> None:
    """Hold what is known under the fault against what was known before it."""
    case, means = life.case, life.case.expected.means
    if case.breadth is Breadth.PAGE:
        based = bool(during.snapshot.sweep_baseline.baseline_at)
        life.verdict.expect(
            based == (case.is_whole or case.stage is not Stage.FIRST),
            "baselines set",
            "of all",
        )
    for node in case.met:
        old, new = before.snapshot.nodes.get(node), during.snapshot.nodes.get(node)
        if case.stage is Stage.FIRST:
            based = new is not None and bool(new.baseline_at)
            life.verdict.expect(
                based == case.expected.counts_at_first,
                "baselines set",
                f"{node}: {new}",
            )
            empty = new is not None and bool(new.empty_since)
            life.verdict.expect(
                empty == (means is Means.EMPTY), "baselines set", f"{node}: {new}"
            )
            kept = new is not None and bool(new.versions)
            may_be = case.expected.counts_at_first or means is Means.INCOMPLETE
            life.verdict.expect(
                may_be or not kept, "changed pictures", f"{node}: {new}"
            )
        elif means is not Means.EMPTY and (
            means in {Means.OLDER, Means.UNREADABLE, Means.REGISTRY, Means.BANNED}
            or case.stage is Stage.QUIET
        ):
            same = old is not None and new is not None and old.versions == new.versions
            life.verdict.expect(same, "changed pictures", f"{node}: {old} became {new}")


@contextlib.contextmanager
def faulty(case: Case, registry: FakeRegistry) -> Iterator[str]:
    """Let the fault be while the `with` block runs, and return the address to ask."""
    if case.fault == "refused":
        with Refused() as refused:
            yield refused.url
    elif case.fault == "untrusted":
        # The advice names this file; a program of its own does not get the variable either.
        with pytest.MonkeyPatch.context() as surroundings, Untrusted() as untrusted:
            surroundings.delenv("SSL_CERT_FILE", raising=False)
            yield untrusted.url
    else:
        if case.breadth is Breadth.PAGE:
            UnsteadyPages(registry).faults[BAD_PAGE] = case.fault
        else:
            inflict(registry, case.fault, nodes=case.met)
        yield registry.url
        registry.respond = None


def alone(case: Case) -> Verdict:
    """Live one case with a registry and a folder of its own."""
    with FakeRegistry() as registry, quick_folder() as folder:
        due.publish(registry, dict.fromkeys((BAD, *GOOD, *case.nodes)))
        return live(case, registry, folder / "state")


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """Return a folder for the length of the `with` block, in memory where that can be had."""
    with tempfile.TemporaryDirectory(dir=_QUICK if _QUICK.is_dir() else None) as folder:
        yield Path(folder)


def _to_its_end(case: Case, lived: Callable[[Case], Verdict]) -> Verdict:
    """Live a case; one that breaks off is a figure too, and the others are lived all the same."""
    try:
        return lived(case)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        return Verdict(case, [("broken off", repr(error))])


def _share(faults: Collection[str] | None, share: int, shares: int) -> list[Verdict]:
    """Live every case of a share."""
    from tests.faults.process import Stand

    logging.getLogger(
        "aiohttp.server"
    ).disabled = True  # a loopback registry whose peer leaves has nothing to report
    verdicts = [_to_its_end(case, alone) for case in list(cases(faults))[share::shares]]
    with Stand() as stand:
        return verdicts + [
            _to_its_end(case, stand.live)
            for case in list(process_cases(faults))[share::shares]
        ]


def main() -> None:
    """Live all cases, or those of the faults named, and print the figures."""
    faults = sys.argv[1:] or None
    shares = len(os.sched_getaffinity(0))
    with program.workers(shares) as pool:
        parts = [pool.submit(_share, faults, share, shares) for share in range(shares)]
        verdicts = [verdict for part in parts for verdict in part.result()]
    result = counting(*FIGURES)
    result.add("cases", len(verdicts))
    for verdict in verdicts:
        for figure, said in verdict.wrong:
            result.wrong(figure, f"{verdict.case}: {figure}: {said}")
    result.show()


if __name__ == "__main__":
    main()
