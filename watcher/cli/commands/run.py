"""`run`: poll after poll until stopped, and what it says on a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime

from watcher import durations, log, timestamps
from watcher.cli import report as reports
from watcher.cli.loading import collect_rarely
from watcher.cli.report import watched_in_words
from watcher.cli.signals import Stop
from watcher.cli.terminal import ProgressLine, echo, echo_error, warn
from watcher.delivery.client import Worker
from watcher.errors import InstallationError, ReplacedError, WatchError, line_of
from watcher.model.selection import Selection
from watcher.polling.clock import clock
from watcher.polling.model import Dispatch, Report
from watcher.polling.poll import Poller
from watcher.polling.problems import Problem
from watcher.polling.setup import (
    config_to_watch,
    lock_holder,
    preload,
    warnings,
)
from watcher.service import systemd
from watcher.service.daemon import Daemon
from watcher.service.heartbeat import Heartbeat
from watcher.service.observer import LogLines, Observer, Observers, Schedule
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.streams import is_journal, width
from watcher.text.sanitize import plural

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""


def run(*, loaded: Loaded) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    WatchError for what is wrong before the first poll.
    """
    worker = Worker()
    # Lines for people on a terminal and in the journal, log lines elsewhere or if asked for.
    speaker: Observer = RunLines() if log.is_for_people() else LogLines()
    manager = systemd.from_environment(os.environ, lambda: bool(worker.under_way))
    heartbeat = Heartbeat(speaker)
    observer: Observer = Observers(
        [speaker, *([manager] if manager else []), heartbeat]
    )

    def end(signal: str) -> None:
        worker.kill()
        observer.stopped(signal)

    stop = Stop(observer.stopping, end, 0)  # judging alert URLs can take seconds
    with worker:
        settings, folder = loaded.settings, StateFolder(loaded.settings.state_dir)
        # All that will be needed is imported while it can be, and watched from here on: judging alert URLs takes time.
        check_installation = preload(
            worker if settings.all_channels() else None,
            publishes=settings.publish_dir is not None,
        )
        config = config_to_watch(loaded, folder, worker.refusal)
        schedule = Schedule(
            config=config,
            interval=settings.interval,
            heartbeat_url=settings.heartbeat_address(),
            warnings=warnings(loaded),
        )

        async def serve() -> None:
            stop.heard_in_loop()
            collect_rarely()
            with ProgressLine() as progress:
                poller = Poller(
                    config=config,
                    folder=folder,
                    clock=clock,
                    stopping=stop.event,
                    worker=worker,
                    progress=progress,
                    channel_budget=CHANNEL_BUDGET,
                )
                daemon = Daemon(poller, schedule, check_installation, observer)
                async with heartbeat:
                    await daemon.run()

        with folder.locked(lock_holder("run")):
            # A state that cannot be used is said before the first poll, with exit code 4.
            folder.load()
            try:
                asyncio.run(serve())
            except (ReplacedError, InstallationError) as error:
                observer.gave_up(error)
                return error.exit_code
    stop.is_over = True
    observer.stopped(stop.name)
    return 0


class RunLines(Observer):
    """Writes what it hears to stderr, as the log would; what the log's level leaves out is not said.

    systemd's journal gives each line its time, and has no Ctrl-C.
    """

    def __init__(self) -> None:
        self._is_journal = is_journal(sys.stderr)

    def started(self, schedule: Schedule) -> None:
        """Say what is watched, how often, and what is odd about the settings."""
        if log.is_logged("warning"):
            warn(*schedule.warnings)
        config = schedule.config
        counts = [plural(len(config.channels), "channel")]
        if config.installs:
            counts.insert(0, plural(len(config.installs), "install"))
        if config.publishers:
            counts.insert(0, plural(len(config.publishers), "publisher"))
        chosen = Selection(globs=config.globs)
        globs = config.globs if chosen.chooses else ()
        if config.nodes or globs or not (config.publishers or config.installs):
            counts.insert(0, watched_in_words(len(config.nodes), globs))
        every = f"every {durations.show(schedule.interval)}"
        end = "" if self._is_journal else "; Ctrl-C ends it"
        _say(f"watching {', '.join([*counts, every])}{end}")

    def problem(self, problem: Problem) -> None:
        """Say what is wrong."""
        if log.is_logged(problem.level):
            echo(f"{problem.level}: {problem.sentence}", error=True)

    def poll_finished(self, report: Report, next_poll: str) -> None:
        """Show the events and a line that sums up the poll."""
        for line in reports.event_lines(report.events, width(sys.stderr)):
            _say(line)
        summary = reports.summary(report)
        next_one = _next(next_poll, report.finished)
        self._say_at(report.finished, f"{summary}; {next_one}")

    def poll_failed(self, error: Exception, next_poll: str) -> None:
        """Say why, and when the next one is."""
        echo(
            f"error: the poll failed: {line_of(error)}; {_next(next_poll, clock())}",
            error=True,
        )

    def delivered(self, done: Dispatch) -> None:
        """Say how many alerts it was, if it was any."""
        if done.delivered:
            self._say_at(clock(), f"{plural(done.delivered, 'alert')} delivered")
        if done.unconfirmed:
            self._say_at(
                clock(), f"{plural(done.unconfirmed, 'alert')} sent unconfirmed"
            )

    def delivery_failed(self, error: Exception) -> None:
        """Say why."""
        echo(f"error: nothing could be delivered: {line_of(error)}", error=True)

    def stopping(self, signal: str) -> None:
        """Say which signal came."""
        _say(f"stopping ({signal})")

    def stopped(self, signal: str) -> None:
        """Say that it is over."""
        _say("stopped")

    def gave_up(self, error: WatchError) -> None:
        """Say why."""
        echo_error(error)

    def _say_at(self, moment: str, line: str) -> None:
        _say(line if self._is_journal else f"{_at(moment)} {line}")


def _say(line: str) -> None:
    if log.is_logged("info"):
        echo(line, error=True)


def _next(moment: str, now: str) -> str:
    is_today = _local(moment).date() == _local(now).date()
    day = "" if is_today else f"{_local(moment):%Y-%m-%d} "
    return f"next poll at {day}{_at(moment)}"


def _at(moment: str) -> str:
    """Return a time as this machine's clock shows it."""
    return f"{_local(moment):%H:%M:%S}"


def _local(moment: str) -> datetime:
    return timestamps.read(moment).astimezone()
