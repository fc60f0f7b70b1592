"""Nothing lost, nothing invented: a bounded part of what `make chaos` does in full (docs/reliability.md)."""

from __future__ import annotations

import os

import pytest

from tests.chaos import channels, crashes, folders, syscalls
from tests.chaos.trial import Result


def test_no_kill_loses_or_invents_an_alert() -> None:
    """Killed at any point of a poll, the program delivers each alert; only one that was in flight may come twice."""
    done = crashes.sweep(crashes.some_kills)
    _holds(done)
    assert done.figures.counts["kills"] >= 60
    # A sweep that never hit a message in flight would have proven little.
    assert done.figures.counts["repeated in flight"]


def test_no_state_folder_loses_or_repeats_an_alert() -> None:
    """A full or read-only disk, a file cut short and other runs at once cost no alert, and nothing is sent twice."""
    done = Result()
    folders.some(done, mounts=folders.may_mount())
    _holds(done)


def test_no_channel_suffers_from_another() -> None:
    """However one channel is dead, the others get everything at once, and it gets everything in order afterwards."""
    _holds(channels.everything())


@pytest.mark.chaos
@pytest.mark.skipif(not syscalls.may_trace(), reason="there is no strace here that may trace")
def test_no_system_call_is_a_bad_moment() -> None:
    """Killed by strace at any of its own system calls, the program loses and invents nothing either."""
    _holds(syscalls.everything())


@pytest.mark.chaos
def test_no_kill_at_all_loses_or_invents_an_alert() -> None:
    """What holds for some kills holds for every one that there is."""
    done = crashes.whole_sweep(len(os.sched_getaffinity(0)))
    _holds(done)
    assert done.figures.counts["kills"] >= 500


def _holds(done: Result) -> None:
    assert not done.said, "\n".join(done.said)
    assert not done.figures.broken
