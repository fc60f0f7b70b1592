"""What `run` does, as log lines."""

from __future__ import annotations

from watcher import log
from watcher.errors import ReplacedError, StateError, WatchError, line_of
from watcher.model.event import runs_its_pack
from watcher.polling.model import Report
from watcher.polling.reports.problems import Problem
from watcher.polling.sending.dispatch import Dispatch
from watcher.service.observer import Observer, Schedule
from watcher.text.sanitize import Trusted


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
                about["runs"] = runs_its_pack(event)
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
            pending=report.pending,
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
