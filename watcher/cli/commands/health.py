"""`health`: whether polls still happen, on one line and as an exit code, from the state alone.

Containers run it every few seconds, so it imports nothing that polls or delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from watcher import durations, timestamps
from watcher.cli.loading import existing_state
from watcher.cli.terminal import echo_result
from watcher.errors import UsageError, WatchError
from watcher.polling.clock import clock
from watcher.settings.loading import Loaded
from watcher.state.model import State
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_POLLS_MISSED = 3
"""How many times the usual pause between two polls may pass before the last one is too long ago."""


def health(*, settings: Callable[[], Loaded], max_age: str | None, strict: bool) -> int:
    """Print one line and return the exit code: 0 or 1, 2 for wrong settings, 4 for a state that cannot be used.

    UsageError for a wrong `max_age`.
    """
    # A wrong option says nothing of the polls: it is an error, and not "unhealthy".
    longest = None if max_age is None else _longest(max_age)
    try:
        loaded = settings()
        state = existing_state(loaded).load()
        channels = [channel.name for channel in loaded.settings.all_channels()]
        installs = [source.name for source in loaded.settings.all_installs()]
        longest = longest or usual_age(state, loaded.settings.interval)
        healthy, line = judge(
            state, channels, installs, longest, clock(), strict=strict
        )
    except WatchError as error:
        # Its hints are left to the commands that need not do with one line.
        echo_result([f"unhealthy: {'; '.join(error.what.splitlines())}"])
        return error.exit_code
    echo_result([f"{'ok' if healthy else 'unhealthy'}: {line}"])
    return 0 if healthy else 1


def _longest(text: str) -> float:
    """Return the seconds of `--max-age`."""
    try:
        seconds = durations.parse(text)
    except ValueError as refusal:
        raise UsageError(
            f"--max-age {sanitize_line(text, 60)!r} is not a duration: {refusal}"
        ) from None
    if not seconds:
        raise UsageError("--max-age: give more than 0 seconds")
    return seconds


def usual_age(state: State, interval: float) -> float:
    """Return the seconds after which the last poll is late: what cron does is known from the last two polls."""
    checks = state.checks
    pause = (
        timestamps.seconds_between(checks.polled_before, checks.polled_at)
        if checks.polled_before
        else 0.0
    )
    return _POLLS_MISSED * max(interval, pause)


def judge(
    state: State,
    channels: Iterable[str],
    installs: Iterable[str],
    max_age: float,
    now: str,
    *,
    strict: bool,
) -> tuple[bool, str]:
    """Return whether the last poll is at most `max_age` seconds old, if `strict` whether the rest works, and why."""
    polled_at = state.checks.polled_at
    if not polled_at:
        return False, "no poll has been completed yet"
    age = timestamps.seconds_between(polled_at, now)
    if age < -max_age:  # else nobody would notice for so long that polls have stopped
        ahead = durations.in_words(-age)
        return False, f"the last poll was {ahead} in the future: is the clock right?"
    queues = {
        name: queue
        for name in channels
        if (queue := state.outbox.queues.get(name)) and queue.messages
    }
    oldest = min(
        (message.queued_at for queue in queues.values() for message in queue.messages),
        default=now,
    )
    owed = sum(queue.alerts for queue in queues.values())
    waited = timestamps.seconds_between(oldest, now)
    parts = [f"last poll {durations.ago(age)} (at most {durations.in_words(max_age)})"]
    if owed:
        alerts, wait = plural(owed, "alert"), durations.in_words(waited)
        parts.append(f"{alerts} undelivered, the oldest for {wait}")
    failing = {
        f"channel {name}": queue.failing_since
        for name, queue in queues.items()
        if queue.failing_since
    }
    scans = state.checks.health.installs
    failing |= {
        f"install {sanitize_line(name)}": scans[name].since
        for name in installs
        if name in scans
    }
    for what, since in failing.items():
        seconds = timestamps.seconds_between(since, now)
        parts.append(f"{what} failing for {durations.in_words(seconds)}")
    works = waited <= max_age and not failing
    return age <= max_age and (works or not strict), "; ".join(parts)
