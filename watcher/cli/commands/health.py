"""`health`: whether polls still happen, on one line and as an exit code, from the state alone.

Containers run it every few seconds, so it imports nothing that polls or delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from watcher import durations, timestamps
from watcher.cli.loading import existing_state
from watcher.cli.terminal import counted, join_first, show_result
from watcher.errors import WatchError
from watcher.model.event import About, Grade
from watcher.polling.clock import clock
from watcher.settings.loading import Loaded
from watcher.state.model import State, names
from watcher.state.overview import node_rows, watched
from watcher.text.sanitize import plural, sanitize_line

_POLLS_MISSED = 3
"""How many times the usual pause between two polls may pass before the last one is too long ago."""

_NAMES = 5
"""Packs that fail and are named; the others are counted."""


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
    # cron may poll less often than `interval`, which only `run` heeds.
    return _POLLS_MISSED * max(interval, pause)


def last_poll(state: State, max_age: float, now: str) -> tuple[bool, str]:
    """Return whether the last poll is at most `max_age` seconds old, and how long ago it was in words."""
    polled_at = state.checks.polled_at
    if not polled_at:
        return False, "no poll has been completed yet"
    age = timestamps.seconds_between(polled_at, now)
    if age < -max_age:  # else nobody would notice for so long that polls have stopped
        ahead = durations.in_words(-age)
        return False, f"last poll {ahead} in the future: is the clock right?"
    said = f"last poll {durations.ago(age)}"
    if age > max_age:
        said += f", which is late (at most {durations.in_words(max_age)})"
    return age <= max_age, said


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
    is_recent, said = last_poll(state, max_age, now)
    known, scans = state.outbox.queues, state.checks.streaks.get(About.INSTALL, {})
    # Alerts of a channel that is no longer configured wait for nobody.
    queues = {name: known[name] for name in channels if name in known}
    queued = [one.queued_at for queue in queues.values() for one in queue.messages]
    waited = timestamps.seconds_between(min(queued, default=now), now)
    # Rows cost the most here, and a container asks every few seconds.
    rows = node_rows(nodes, state, {}) if strict else ()
    since = {f"channel {name}": one.failing_since for name, one in queues.items()}
    since |= {
        f"install {installs[key]}": scans[key].since for key in installs if key in scans
    }
    failing = [
        f"{sanitize_line(what)} failing for {durations.in_words(timestamps.seconds_between(at, now))}"
        for what, at in since.items()
        if at
    ]
    packs = [sanitize_line(row.node) for row in rows if row.state is Grade.FAILING]
    if packs:
        failing.append(
            f"{plural(len(packs), 'pack')} failing: {join_first(packs, _NAMES)}"
        )
    waiting = f"undelivered, the oldest for {durations.in_words(waited)}"
    parts = [said]
    parts += counted((sum(one.alerts for one in queues.values()), "alert", waiting))
    parts += failing
    # A day: a channel that is down over night wakes nobody.
    works = waited <= durations.DAY and not failing
    return is_recent and (works or not strict), "; ".join(parts)
