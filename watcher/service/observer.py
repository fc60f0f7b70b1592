"""What the loop of `run` reports as it happens: to the log or a terminal, to the service manager, to a heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial

from watcher import log
from watcher.errors import ReplacedError, StateError, WatchError, line_of
from watcher.polling.model import Dispatch, PollConfig, Report
from watcher.polling.problems import Problem
from watcher.text.sanitize import Trusted
from watcher.values import frozen


@frozen
class Schedule:
    """What is polled, and how often."""

    config: PollConfig
    interval: float
    """Seconds between the starts of two polls."""
    heartbeat_url: str = field(default="", repr=False)
    """Secret; "" where there is none."""
    warnings: tuple[str, ...] = ()
    """About settings that are valid. Safe to show."""


class Observer:
    """Hears what the loop does; here each method does nothing.

    All but `stopped` are called in the loop's thread, one at a time. A method returns at once and raises nothing: what
    has to wait for somebody else, as a request has, is started as a task of the running loop. A time is RFC 3339.
    """

    def started(self, schedule: Schedule) -> None:
        """Hear that the loop begins."""

    def poll_started(self) -> None:
        """Hear that a poll begins."""

    def poll_progressed(self) -> None:
        """Hear that the poll, or a delivery between two, gets on: something was answered, or its time was up."""

    def problem(self, problem: Problem) -> None:
        """Hear of a problem of a poll, or of a delivery between two, before its end is reported."""

    def poll_finished(self, report: Report, next_poll: str) -> None:
        """Hear that a poll is done and saved, and when the next one begins."""

    def poll_failed(self, error: Exception, next_poll: str) -> None:
        """Hear that a poll could not be done or saved, and when the next one begins."""

    def delivered(self, done: Dispatch) -> None:
        """Hear that between two polls a round of deliveries was done."""

    def delivery_failed(self, error: Exception) -> None:
        """Hear that between two polls the state allowed no deliveries."""

    def stopping(self, signal: str) -> None:
        """Hear that a signal, by its name, asks the loop to end."""

    def stopped(self, signal: str) -> None:
        """Hear that the process ends because of the signal: after the loop, or in another thread if that hangs."""

    def gave_up(self, error: WatchError) -> None:
        """Hear that the loop has ended by itself: its state or its installation was replaced."""


class Observers(Observer):
    """Passes on all that it hears to several, in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        for name in vars(Observer):
            if not name.startswith("_"):
                heard = [getattr(one, name) for one in observers]
                setattr(self, name, partial(_call_each, heard))


def _call_each(methods: Sequence[Callable[..., None]], *args: object) -> None:
    for method in methods:
        method(*args)


class LogLines(Observer):
    """Writes what it hears to the log."""

    def started(self, schedule: Schedule) -> None:
        """Log what is watched, after each warning about the settings."""
        for warning in schedule.warnings:
            log.warning("settings", warning=Trusted(warning))
        config = schedule.config
        log.info(
            "started",
            nodes=len(config.nodes),
            patterns=" ".join(config.globs),
            publishers=len(config.publishers),
            installs=len(config.installs),
            channels=len(config.channels),
            interval=schedule.interval,
        )

    def problem(self, problem: Problem) -> None:
        """Log a problem at its level."""
        emit = log.warning if problem.level == "warning" else log.error
        emit(problem.event, message=Trusted(problem.sentence))

    def poll_finished(self, report: Report, next_poll: str) -> None:
        """Log each event, then a summary of the poll."""
        for event in report.events:
            about: dict[str, object] = {"node": event.node}
            if event.channel is not None:
                about = {"channel": event.channel}
            elif event.install is not None:
                about = {"install": event.install}
            if event.folder is not None:
                about |= {"node": event.node, "folder": event.folder}
            if event.installed:
                about["runs"] = event.runs_its_pack
            log.info(
                "event",
                kind=event.kind.value,
                **about,
                version=event.version,
                reason=event.reason,
                id=event.id,
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
        )

    def poll_failed(self, error: Exception, next_poll: str) -> None:
        """Log why."""
        _log_failure("poll", error)

    def delivered(self, done: Dispatch) -> None:
        """Log how many alerts it was, if it was any."""
        if done.delivered or done.unconfirmed:
            log.info("delivery", delivered=done.delivered, unconfirmed=done.unconfirmed)

    def delivery_failed(self, error: Exception) -> None:
        """Log why."""
        _log_failure("delivery", error)

    def stopping(self, signal: str) -> None:
        """Log which signal came."""
        log.info("stopping", signal=signal)

    def stopped(self, signal: str) -> None:
        """Log which signal it was."""
        log.info("stopped", signal=signal)

    def gave_up(self, error: WatchError) -> None:
        """Log why."""
        what = "state" if isinstance(error, ReplacedError) else "installation"
        log.error(f"stopped: {what}", error=Trusted(error.line))


def _log_failure(work: str, error: Exception) -> None:
    cause = ": state" if isinstance(error, StateError) else ""
    log.error(f"{work} failed{cause}", error=Trusted(line_of(error)))
