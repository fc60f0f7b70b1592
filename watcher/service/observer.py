"""What the loop of `run` reports as it happens: to the log or a terminal, to the service manager, to a heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Literal

from watcher.errors import WatchError
from watcher.polling.model import Dispatch, PollConfig, Report
from watcher.polling.problems import Problem
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

    def poll_finished(self, report: Report) -> None:
        """Hear that a poll is done and saved."""

    def delivered(self, done: Dispatch) -> None:
        """Hear that between two polls a round of deliveries was done."""

    def failed(self, work: Literal["poll", "delivery"], error: Exception) -> None:
        """Hear that a poll could not be done or saved, or that between two polls the state allowed no deliveries."""

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
                # Each method at once: a new thing to hear needs no line here.
                heard = [getattr(one, name) for one in observers]
                setattr(self, name, partial(_call_each, heard))


def _call_each(methods: Sequence[Callable[..., None]], *args: object) -> None:
    for method in methods:
        method(*args)
