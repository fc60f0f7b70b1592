"""`check`: one poll, from settings to exit code."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace

from watcher.cli import repeats, report
from watcher.cli.poller import ready_poller
from watcher.cli.repeats import Notes
from watcher.cli.signals import Stop
from watcher.cli.terminal import OutputError, echo, echo_result, error_lines
from watcher.delivery.client import Worker
from watcher.errors import InUseError, StateError, WatchError
from watcher.model.event import Kind
from watcher.polling.model import PollConfig, Report
from watcher.polling.poll import StoppedError
from watcher.polling.reports.problems import (
    Problem,
    ProblemReporter,
    ended_problems,
    problems,
)
from watcher.polling.setup import channel_warnings, config_to_watch, lock_holder
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.streams import width

CHECK_BUDGET = 300.0
"""Seconds after which `check`, which holds the lock, leaves a channel's other messages to the next poll."""


def check(
    load: Callable[[], Loaded],
    *,
    dry_run: bool,
    as_json: bool,
    fail_on: frozenset[Kind],
) -> int:
    """Do one poll, print its result and return the exit code.

    WatchError as the parts raise it. One that was said within a day is on stdout instead, where nobody reads along.
    """
    notes = None if dry_run or repeats.are_wanted() else Notes()
    try:
        return _check(load(), notes, dry_run=dry_run, as_json=as_json, fail_on=fail_on)
    except OutputError:
        raise
    except WatchError as error:
        if notes is None or as_json or notes.is_due(repeats.key_of(error)):
            raise
        echo_result(error_lines(error))
        return error.exit_code


def _check(
    chosen: Loaded,
    notes: Notes | None,
    *,
    dry_run: bool,
    as_json: bool,
    fail_on: frozenset[Kind],
) -> int:
    """Do one poll; a state that cannot be used is said to the monitor too."""
    try:
        return _poll(chosen, notes, dry_run=dry_run, as_json=as_json, fail_on=fail_on)
    except InUseError:  # the run that holds the state polls, and says so to the monitor
        raise
    except StateError as error:
        settings = chosen.settings
        if dry_run or not (url := settings.heartbeat_address()):
            raise
        from watcher.service import heartbeat

        why = asyncio.run(heartbeat.send(url, heartbeat.Ping.FAIL, settings.timeout))
        if why:  # a part of the error, so that it is said as often as the error
            raise type(error)(
                f"{error.what}\n{heartbeat.failed(why)}", error.hint
            ) from None
        raise


def _poll(
    chosen: Loaded,
    notes: Notes | None,
    *,
    dry_run: bool,
    as_json: bool,
    fail_on: frozenset[Kind],
) -> int:
    folder = StateFolder(chosen.settings.state_dir)
    report_problem = ProblemReporter(_echo_problem)
    url = "" if dry_run else chosen.settings.heartbeat_address()
    pings: list[Problem] = []

    async def poll_once(
        config: PollConfig, worker: Worker
    ) -> tuple[Report | None, int]:
        """Return the report, None if the poll was stopped while it was reading, and the signal or 0."""
        stop = Stop()
        with ready_poller(
            chosen.settings, config, folder, worker, CHECK_BUDGET, stop
        ) as poller:
            reporting = replace(
                poller,
                dry_run=dry_run,
                on_expired=report_problem.expired,
                on_set_aside=report_problem.set_aside,
            )
            try:
                if not url:
                    return await reporting.poll(), stop.signal
                from watcher.service import heartbeat

                report, why = await heartbeat.with_pings(
                    reporting.poll(), url, config.limits.timeout
                )
                pings.extend([heartbeat.problem(why)] if why else [])
                return report, stop.signal
            except StoppedError:
                return None, stop.signal

    with Worker() as worker:
        config = config_to_watch(chosen, folder, worker.refusal)
        with (
            contextlib.nullcontext() if dry_run else folder.locked(lock_holder("check"))
        ):
            done, stopped_by = asyncio.run(poll_once(config, worker))
            if done is not None:
                found = [*_setting_problems(chosen), *problems(done), *pings]
                if notes is None:
                    report_problem(found)
                else:
                    _report_news(notes, config, done, found, report_problem, url)
    if done is None:
        echo("stopped; nothing was changed", error=True)
        return 128 + stopped_by
    wide = width(sys.stdout)
    echo_result(
        [report.as_json(done)]
        if as_json
        else report.lines(done, dry_run=dry_run, width=wide)
    )
    return 128 + stopped_by if stopped_by else report.exit_code(done, fail_on)


def _echo_problem(problem: Problem) -> None:
    echo(f"{problem.level}: {problem.sentence}", error=True)


def _setting_problems(chosen: Loaded) -> list[Problem]:
    return [
        Problem(
            level="warning",
            event="settings",
            fields={},
            sentence=sentence,
            about=("settings channels",),
        )
        for sentence in channel_warnings(chosen)
    ]


def _report_news(
    notes: Notes,
    config: PollConfig,
    done: Report,
    found: list[Problem],
    report_problem: ProblemReporter,
    url: str,
) -> None:
    """Report problems that are new, that were last reported a day ago, and that have ended."""
    due, ended = notes.news({key for problem in found for key in problem.about})
    report_problem(
        problem
        for problem in found
        if not problem.about or due.intersection(problem.about)
    )
    channels = {channel.name for channel in config.channels} - done.set_aside
    installs = [source.name for source in config.installs]
    for sentence in ended_problems(ended, done.nodes, channels, installs):
        echo(sentence, error=True)
    if any(key.startswith(repeats.ERROR) for key in ended):
        echo("comfy-watch check works again", error=True)
    if url:
        from watcher.service import heartbeat

        if heartbeat.ABOUT in ended:
            echo(heartbeat.ARRIVES_AGAIN, error=True)
