"""`health`: whether polls still happen, on one line and as an exit code, from the state alone.

Containers run it every few seconds, so it imports nothing that polls or delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Liveness:
    """Whether polls still happen, and a line that says why."""

    healthy: bool
    line: str


def health(settings: Callable[[], Loaded], max_age: str | None, *, strict: bool) -> int:
    """Print one line and return the exit code: 0 or 1, 2 for wrong settings, 4 for a state that cannot be used."""
    try:
        longest = None if max_age is None else _longest(max_age)
        loaded = settings()
        state = existing_state(loaded).load()
        channels = [channel.name for channel in loaded.settings.all_channels()]
        installs = [source.name for source in loaded.settings.all_installs()]
        longest = longest or usual_age(state, loaded.settings.interval)
        found = judge(
            state, channels, longest, clock(), strict=strict, installs=installs
        )
    except WatchError as error:
        echo_result([f"unhealthy: {error.line}"])
        return error.exit_code
    echo_result([f"{'ok' if found.healthy else 'unhealthy'}: {found.line}"])
    return 0 if found.healthy else 1


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
    max_age: float,
    now: str,
    *,
    strict: bool,
    installs: Iterable[str] = (),
) -> Liveness:
    """Return whether the last poll is at most `max_age` seconds old, and if `strict` whether the rest works too."""
    polled_at = state.checks.polled_at
    if not polled_at:
        return Liveness(healthy=False, line="no poll has run to its end yet")
    age = timestamps.seconds_between(polled_at, now)
    if age < -max_age:
        ahead = durations.in_words(-age)
        return Liveness(
            healthy=False,
            line=f"the last poll was {ahead} in the future: is the clock right?",
        )
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
    failing = {
        name: queue.failing_for(now)
        for name, queue in queues.items()
        if queue.failing_since
    }
    parts = [f"last poll {durations.ago(age)} (at most {durations.in_words(max_age)})"]
    if owed:
        parts.append(
            f"{plural(owed, 'alert')} undelivered, the oldest for {durations.in_words(waited)}"
        )
    parts += [
        f"channel {name} failing for {durations.in_words(seconds)}"
        for name, seconds in failing.items()
    ]
    unscanned = {
        name: found
        for name in installs
        if (found := state.checks.health.installs.get(name))
    }
    parts += [
        f"install {sanitize_line(name)} failing for {durations.in_words(timestamps.seconds_between(found.since, now))}"
        for name, found in unscanned.items()
    ]
    works = not failing and not unscanned and waited <= max_age
    return Liveness(
        healthy=age <= max_age and (works or not strict), line="; ".join(parts)
    )
