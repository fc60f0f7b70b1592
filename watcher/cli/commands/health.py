"""`health`: whether polls still happen, on one line and as an exit code, from the state alone.

Containers run it every few seconds, so it imports nothing that polls or delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from watcher import durations, timestamps
from watcher.alerts.queues.queue import next_tries, tries_in_words
from watcher.cli.loading import existing_state
from watcher.cli.terminal import join_first, show_result
from watcher.errors import WatchError
from watcher.model.event import About, Grade
from watcher.polling.clock import clock
from watcher.settings.loading import Loaded
from watcher.state.model import State, names
from watcher.state.overview import node_rows, watched
from watcher.text.sanitize import plural, sanitize_line

_POLLS_MISSED = 3
"""How many times the usual pause between two polls may pass before the last one is too long ago."""

_NAMES = 3
"""Packs that are named; the others are counted."""


def health(
    *, settings: Callable[[], Loaded], max_age: float | None, strict: bool
) -> int:
    """Print one line and return the exit code: 0 or 1, 2 for wrong settings, 4 for a state that cannot be used."""
    try:
        loaded = settings()
        state = existing_state(loaded).load()
        known = loaded.settings
        healthy, line = judge(
            state,
            max_age or usual_age(state, known.interval),
            clock(),
            nodes=watched(known.selection().names, state),
            channels=[channel.name for channel in known.all_channels()],
            installs=names(known.all_installs(), state.snapshot.installed.salt),
            strict=strict,
        )
    except WatchError as error:
        # Its hints are left to the commands that need not do with one line.
        show_result([f"unhealthy: {'; '.join(error.what.splitlines())}"])
        return error.exit_code
    show_result([f"{'ok' if healthy else 'unhealthy'}: {line}"])
    return 0 if healthy else 1


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
    max_age: float,
    now: str,
    *,
    nodes: Iterable[str],
    channels: Iterable[str],
    installs: Mapping[str, str],
    strict: bool,
) -> tuple[bool, str]:
    """Return whether the last poll is at most `max_age` seconds old, if `strict` whether the rest works, and why.

    `installs` are names by what the state knows an install by.
    """
    polled_at = state.checks.polled_at
    if not polled_at:
        return False, "no poll has been completed yet"
    age = timestamps.seconds_between(polled_at, now)
    if age < -max_age:  # else nobody would notice for so long that polls have stopped
        ahead = durations.in_words(-age)
        return False, f"the last poll was {ahead} in the future: is the clock right?"
    parts = [f"last poll {durations.ago(age)} (at most {durations.in_words(max_age)})"]
    outbox = state.outbox.queues
    queues = {name: outbox[name] for name in channels if name in outbox}
    queued = [one.queued_at for queue in queues.values() for one in queue.messages]
    waited = timestamps.seconds_between(min(queued, default=now), now)
    if queued:
        alerts = plural(sum(queue.alerts for queue in queues.values()), "alert")
        wait, tries = durations.in_words(waited), next_tries(*queues.values())
        parts.append(f"{alerts} undelivered, the oldest for {wait}")
        parts.append(f"next try {tries_in_words(tries, now)}")
    scans = state.checks.streaks.get(About.INSTALL, {})
    failing = [
        *((f"channel {name}", queue.failing_since) for name, queue in queues.items()),
        *(
            (f"install {sanitize_line(name)}", scans[key].since)
            for key, name in installs.items()
            if key in scans
        ),
    ]
    failing = [(what, since) for what, since in failing if since]
    for what, since in failing:
        seconds = timestamps.seconds_between(since, now)
        parts.append(f"{what} failing for {durations.in_words(seconds)}")
    packs = [
        sanitize_line(row.node)
        for row in (node_rows(nodes, state, {}) if strict else ())
        if row.state is Grade.FAILING
    ]
    if packs:
        named = join_first(packs, _NAMES)
        parts.append(f"{plural(len(packs), 'pack')} failing: {named}")
    # A day: a channel that is down over night wakes nobody.
    works = waited <= durations.DAY and not failing and not packs
    return age <= max_age and (works or not strict), "; ".join(parts)
