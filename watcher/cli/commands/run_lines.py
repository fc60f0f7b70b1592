"""What `run` says on a terminal: a line for each poll, in local time, with the next poll's; events as in `check`."""

from __future__ import annotations

import sys
from datetime import datetime

from watcher import durations, log, timestamps
from watcher.cli import report as reports
from watcher.cli.report import watched_in_words
from watcher.cli.terminal import echo, echo_error
from watcher.errors import WatchError, line_of
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.reports.problems import Problem
from watcher.polling.sending.dispatch import Dispatch
from watcher.service.log_lines import LogLines
from watcher.service.model import Plan
from watcher.service.observer import Observer
from watcher.streams import width
from watcher.text.plural import plural

_SOON = 120.0
"""Seconds; up to here a time has seconds."""


def speaker() -> Observer:
    """Return what reports what `run` does: lines for people on a terminal, log lines elsewhere or if asked for."""
    return RunLines() if log.is_for_people() else LogLines()


class RunLines(Observer):
    """Writes what it hears to stderr, as the log would; what the log's level leaves out is not said."""

    def started(self, plan: Plan) -> None:
        """Say what is watched, how often, and what is odd about the settings."""
        self._say_plan("watching", plan, "; Ctrl-C ends it")

    def problem(self, problem: Problem) -> None:
        """Say what is wrong."""
        if log.is_logged(problem.level):
            echo(f"{problem.level}: {problem.sentence}", error=True)

    def problem_ended(self, event: str, sentence: str) -> None:
        """Say that it is over."""
        del event
        _say(sentence)

    def poll_finished(self, report: Report, seconds: float, next_poll: str) -> None:
        """Show the events and a line that sums up the poll."""
        del seconds  # it is in the line
        *events, summary = reports.lines(report, dry_run=False, width=width(sys.stderr))
        for line in events:
            _say(line)
        _say(
            f"{_at(report.finished, next_poll)} {summary}; {_next(next_poll, report.finished)}"
        )

    def poll_failed(self, error: Exception, next_poll: str) -> None:
        """Say why, and when the next one is."""
        echo(
            f"error: the poll failed: {line_of(error)}; {_next(next_poll, clock())}",
            error=True,
        )

    def delivered(self, done: Dispatch) -> None:
        """Say how many alerts it was, if it was any."""
        if done.delivered:
            _say(f"{_at(clock())} {plural(done.delivered, 'alert')} delivered")
        if done.unconfirmed:
            _say(f"{_at(clock())} {plural(done.unconfirmed, 'alert')} sent unconfirmed")

    def delivery_failed(self, error: Exception) -> None:
        """Say why."""
        echo(f"error: nothing could be delivered: {line_of(error)}", error=True)

    def reloaded(self, plan: Plan, next_poll: str) -> None:
        """Say what is watched now."""
        self._say_plan(
            "settings read again: watching", plan, f"; {_next(next_poll, clock())}"
        )

    def reload_failed(self, error: WatchError) -> None:
        """Say what is wrong."""
        echo(f"error: the old settings stay: {error.line}", error=True)

    def stopping(self, signal: str) -> None:
        """Say which signal came."""
        _say(f"stopping ({signal})")

    def stopped(self, signal: str) -> None:
        """Say that it is over."""
        del signal
        _say("stopped")

    def gave_up(self, error: WatchError) -> None:
        """Say why."""
        echo_error(error)

    @staticmethod
    def _say_plan(what: str, plan: Plan, end: str) -> None:
        if log.is_logged("warning"):
            for warning in plan.warnings:
                echo(f"warning: {warning}", error=True)
        watched = watched_in_words(len(plan.config.nodes), plan.config.globs)
        counts = f"{watched}, {plural(len(plan.config.channels), 'channel')}"
        _say(f"{what} {counts}, every {durations.show(plan.interval)}{end}")


def _say(line: str) -> None:
    if log.is_logged("info"):
        echo(line, error=True)


def _next(moment: str, now: str) -> str:
    day = (
        ""
        if _local(moment).date() == _local(now).date()
        else f"{_local(moment):%Y-%m-%d} "
    )
    return f"next poll at {day}{_at(moment, now)}"


def _at(moment: str, other: str = "") -> str:
    """Return a time as this machine's clock shows it; with seconds if `other` is near."""
    near = bool(other) and abs(timestamps.seconds_between(moment, other)) <= _SOON
    return f"{_local(moment):%H:%M:%S}" if near else f"{_local(moment):%H:%M}"


def _local(moment: str) -> datetime:
    return timestamps.read(moment).astimezone()
