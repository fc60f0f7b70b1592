"""`check`: one poll, from settings to exit code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from watcher.cli import repeats, report
from watcher.cli.loading import collect_rarely
from watcher.cli.signals import Stop
from watcher.cli.terminal import ProgressLine, columns, echo, show_result
from watcher.delivery.client import Worker
from watcher.errors import InUseError, StateError, WatchError
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.reports.problems import (
    Problem,
    ProblemReporter,
    may_last,
    problems,
)
from watcher.polling.setup import channel_warnings, config_to_watch, lock_holder
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.streams import Progress

CHECK_BUDGET = 300.0
"""Seconds after which `check`, which holds the lock, leaves a channel's other messages to the next poll."""


def check(
    *,
    settings: Callable[..., Loaded],
    nodes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    fail_on: frozenset[str],
) -> int:
    """Do one poll, print its result and return the exit code.

    WatchError as the parts raise it.
    """
    # A dry run writes nothing, no notes either.
    notes = None if dry_run or repeats.are_wanted() else repeats.Notes()
    try:
        done, signal = _poll(settings(nodes), notes, dry_run=dry_run)
    except WatchError:
        if notes is not None:
            notes.note_failure()
        raise
    if done is None:
        echo("stopped; nothing was changed", error=True)
    elif as_json:
        show_result(report.document(done))
    else:
        show_result(
            report.lines(done, dry_run=dry_run, width=columns(), fail_on=fail_on)
        )
    if done is None or signal:
        return 128 + signal
    return report.code_of(done, fail_on)


def _poll(
    chosen: Loaded, notes: repeats.Notes | None, *, dry_run: bool
) -> tuple[Report | None, int]:
    """Poll, and say to the monitor too that the state cannot be used; results as `_poll_and_report`."""
    try:
        return _poll_and_report(chosen, notes, dry_run=dry_run)
    except InUseError:  # the run that holds the state polls, and says so to the monitor
        raise
    except StateError:
        settings = chosen.settings
        if dry_run or not (url := settings.heartbeat_address()):
            raise
        from watcher.service import heartbeat

        # The error is what is to be said, whether or not the monitor hears it.
        asyncio.run(heartbeat.send(url, settings.timeout, failed=True))
        raise


def _poll_and_report(
    chosen: Loaded, notes: repeats.Notes | None, *, dry_run: bool
) -> tuple[Report | None, int]:
    """Poll, and write its problems to stderr.

    Return the report, None if the poll was stopped while it was reading, and the signal or 0.
    """
    settings = chosen.settings
    folder = StateFolder(settings.state_dir)
    report_problems = ProblemReporter(_echo_problem)
    url = "" if dry_run else settings.heartbeat_address()
    pings: list[Problem] = []

    async def poll(progress: Progress) -> tuple[Report | None, int]:
        stop = Stop()
        poller = Poller(
            config=config,
            folder=folder,
            clock=clock,
            stopping=stop.event,
            worker=worker,
            progress=progress,
            channel_budget=CHECK_BUDGET,
            dry_run=dry_run,
            on_expired=report_problems.expired,
            on_set_aside=report_problems.set_aside,
        )
        try:
            done = await poller.poll()
        except StoppedError:
            return None, stop.signal
        if url:
            from watcher.service import heartbeat

            failed = heartbeat.has_failed(done)
            if why := await heartbeat.send(url, settings.timeout, failed=failed):
                pings.append(heartbeat.problem(why))
        return done, stop.signal

    with Worker() as worker:
        config = config_to_watch(chosen, folder, worker.refusal)
        lock = (
            contextlib.nullcontext() if dry_run else folder.locked(lock_holder("check"))
        )
        with lock:
            collect_rarely()
            with ProgressLine() as progress:
                done, signal = asyncio.run(poll(progress))
            if done is not None:
                found = [*_setting_problems(chosen), *problems(done), *pings]
                if notes is None:
                    report_problems(found)
                else:
                    _report_news(notes, done, found, report_problems)
    return done, signal


def _echo_problem(problem: Problem) -> None:
    echo(f"{problem.level}: {problem.sentence}", error=True)


def _setting_problems(chosen: Loaded) -> list[Problem]:
    """Return the warnings about the settings; those about the channels last, as a name above may be why."""
    said = [(warning, warning) for warning in chosen.warnings]
    said += [
        (f"{one}; comfy-watch config shows what was read", "no channel is configured")
        for one in channel_warnings(chosen)
    ]
    return [
        Problem(level="warning", event="settings", sentence=sentence, about=(key,))
        for sentence, key in said
    ]


def _report_news(
    notes: repeats.Notes,
    done: Report,
    found: Sequence[Problem],
    report_problems: ProblemReporter,
) -> None:
    """Report problems that are new, that were last reported a day ago, and that have ended."""
    keys = [key for problem in found for key in problem.about]
    due, ended = notes.news(keys, may_last(done))
    report_problems(
        problem
        for problem in found
        if not problem.about or not due.isdisjoint(problem.about)
    )
    for key in ended:
        echo(f"no longer: {key}", error=True)
