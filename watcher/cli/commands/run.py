"""`run`: poll after poll until stopped, and the lines of its log."""

from __future__ import annotations

import asyncio
import os

from watcher import durations, log
from watcher.cli.loading import collect_rarely
from watcher.cli.report import event_row, summary
from watcher.cli.signals import Stop
from watcher.cli.terminal import ProgressLine, unstyle
from watcher.delivery.client import Worker
from watcher.errors import (
    InstallationError,
    ReplacedError,
    StateError,
    WatchError,
    line_of,
)
from watcher.model.event import rank
from watcher.polling.clock import clock
from watcher.polling.model import Dispatch, Report
from watcher.polling.poll import Poller
from watcher.polling.problems import Problem
from watcher.polling.setup import (
    lock_holder,
    poll_config,
    preload,
    warnings,
)
from watcher.service import systemd
from watcher.service.daemon import Daemon
from watcher.service.heartbeat import Heartbeat
from watcher.service.observer import Observer, Observers, Schedule
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.text.sanitize import Trusted, plural

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""


def run(*, loaded: Loaded) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    WatchError for what is wrong before the first poll.
    """
    worker = Worker()
    speaker = LogLines()
    manager = systemd.from_environment(os.environ, lambda: bool(worker.under_way))
    # Each failed ping is a line in the log, and no failure of the poll.
    heartbeat = Heartbeat(speaker)
    observer = Observers([speaker, *([manager] if manager else []), heartbeat])

    def end(signal: str) -> None:
        # The process that sends may hang in a service's answer; what it has not acknowledged stays owed.
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
        config = poll_config(loaded, folder, worker.refusal)
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
                    budget=CHANNEL_BUDGET,
                )
                daemon = Daemon(poller, schedule, check_installation, observer)
                async with heartbeat:
                    await daemon.run()

        with folder.locked(lock_holder("run")):
            # A state that cannot be used is said before the first poll, with exit code 4.
            folder.load()
            try:
                asyncio.run(serve())
            # All other errors are of one poll; after these the next poll would do harm.
            except (ReplacedError, InstallationError) as error:
                observer.gave_up(error)
                return error.exit_code
    # From here a late signal ends a process that has nothing left to do.
    stop.is_over = True
    observer.stopped(stop.name)
    return 0


class LogLines(Observer):
    """Writes what it hears to the log: each line has its fields, and a `message` that says the same in words."""

    def started(self, schedule: Schedule) -> None:
        """Log what is watched, and how often, after each warning about the settings."""
        for warning in schedule.warnings:
            log.warning("settings", message=Trusted(warning))
        config = schedule.config
        counts = {
            "pack": len(config.nodes),
            "pattern": len(config.globs),
            "publisher": len(config.publishers),
            "install": len(config.installs),
            "channel": len(config.channels),
        }
        said = [plural(count, noun) for noun, count in counts.items() if count]
        every = f"every {durations.show(schedule.interval)}"
        log.info(
            "started",
            **{f"{noun}s": count for noun, count in counts.items()},
            interval=schedule.interval,
            message=f"watching {', '.join([*said, every])}",
        )

    def problem(self, problem: Problem) -> None:
        """Log a problem at its level."""
        emit = log.warning if problem.level == "warning" else log.error
        emit(problem.event, message=Trusted(problem.sentence))

    def poll_finished(self, report: Report) -> None:
        """Log each event, the worst first, then a summary of the poll."""
        # As `check` prints them, so that who knows one knows the other.
        for event in sorted(report.events, key=rank):
            names = ("node", "version", "channel", "install", "folder")
            fields = {name: getattr(event, name) for name in names}
            if event.installed:
                # False is worth a field: it is installed, and nobody runs it.
                fields["runs"] = event.runs_its_pack
            log.info(
                "event",
                kind=event.kind.value,
                severity=event.severity.value,
                **{name: one for name, one in fields.items() if one is not None},
                reason=event.reason,
                id=event.id,
                message=Trusted(unstyle(" ".join(event_row(event, report.events)))),
            )
        log.info(
            "poll",
            checked=report.checked,
            failed=report.watched - report.checked,
            requests=report.requests,
            events=len(report.events),
            delivered=report.delivered,
            unconfirmed=report.unconfirmed,
            pending=report.undelivered,
            expired=report.expired,
            seconds=round(report.seconds, 3),
            message=Trusted(summary(report)),
        )

    def failed(self, work: str, error: Exception) -> None:
        """Log why."""
        # Who watches the log tells a full disk from a registry that is down by the event.
        cause = ": state" if isinstance(error, StateError) else ""
        why = f"the {work} failed: {line_of(error)}"
        log.error(f"{work} failed{cause}", message=Trusted(why))

    def delivered(self, done: Dispatch) -> None:
        """Log how many alerts it was, if it was any."""
        # Between two polls most rounds deliver nothing, and each failure has a line of its own.
        if done.delivered or done.unconfirmed:
            log.info("delivery", delivered=done.delivered, unconfirmed=done.unconfirmed)

    def stopping(self, signal: str) -> None:
        """Log which signal came."""
        log.info("stopping", signal=signal)

    def stopped(self, signal: str) -> None:
        """Log which signal it was."""
        log.info("stopped", signal=signal)

    def gave_up(self, error: WatchError) -> None:
        """Log why."""
        what = "state" if isinstance(error, ReplacedError) else "installation"
        log.error(f"stopped: {what}", message=Trusted(error.line))
