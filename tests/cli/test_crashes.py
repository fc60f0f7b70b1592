"""Nothing lost, nothing invented: a bounded part of what `make chaos` does in full (docs/reliability.md)."""

from __future__ import annotations

import faulthandler
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos import (
    appearing_lives,
    channels,
    crashes,
    folders,
    installed_lives,
    lives,
    paired_lives,
    soak,
    state_machine,
    swept_lives,
)
from tests.chaos.__main__ import PARTS, Outcome, table
from tests.chaos.figures import Result
from tests.chaos.receiver import Taken
from tests.chaos.state_machine import Edit
from tests.chaos.witness import FORCED, TOOK, WROTE, in_flight
from tests.support import program
from watcher.model.channel import Grouping

_LONG = 900
"""Seconds after which a sweep hangs, and shows where."""


@pytest.mark.bounded
def test_no_kill_loses_or_invents_an_alert() -> None:
    """Killed at any point of a poll, the program delivers each alert; only one that was in flight may come twice."""
    # Dozens of kills take minutes on a busy machine, which is no hang.
    faulthandler.dump_traceback_later(_LONG, file=2)
    done = crashes.sweep(crashes.some_kills)
    _holds(done)
    assert done.counts["kills"] >= 40
    # A sweep that never hit a message in flight would have proven little.
    assert done.counts["repeated in flight"]
    # How many reads an answer takes differs, but not all of those to die at may have been missed.
    assert done.counts["kills while receiving"]


def test_an_acknowledgement_is_in_flight_until_it_is_forced_onto_the_disk() -> None:
    """A repeat is forgiven while nothing but the very steps of sending and keeping the message has passed."""
    begun = [
        "tcp connect",
        "open state/owed.jsonl",
        "write state/owed.jsonl",
        _wrote({"id": "1"}),
        "fsync state/owed.jsonl",
        FORCED,
    ]
    sent = [
        *begun,
        "tcp sendall /ops",
        "tcp recv_into /ops",
        f"{TOOK}/ops",
    ]
    written = [*sent, "tcp sendall /other", "write state/owed.jsonl", _wrote(None)]
    for passed in (sent[:8], sent, written, [*written, "fsync state/owed.jsonl"]):
        assert "ops" in in_flight("\n".join(passed)), passed
    kept = [*written, "fsync state/owed.jsonl", FORCED]
    unforced = [*written, "open state/checks.json"]
    kept_late = [*sent, "open state/.owed.jsonl.tmp"]
    forgotten = [*sent, *begun]
    for passed in (begun, kept, unforced, kept_late, forgotten):
        assert "ops" not in in_flight("\n".join(passed)), passed


def _wrote(message: object) -> str:
    values = {"messages": {"ops": {"1": message}}}
    return WROTE + json.dumps(values, separators=(",", ":"))


def test_an_alert_that_no_text_shows_is_not_sent() -> None:
    """An id counts only if the text names what it is about, or counts what it leaves out."""
    facts = {"a": ("new", "alpha", "1.0.0"), "b": ("new", "beta", "1.0.0")}
    message = Taken(path="/ops", events=("a", "b", "unknown"), text="new `alpha`")
    for said, shown in (
        ("new `alpha`", ("a", "unknown")),
        ("new `gamma`", ("unknown",)),
        ("new `alpha`\n\n+ 1 new", message.events),
    ):
        assert replace(message, text=said).shown(facts) == shown


@pytest.mark.bounded
def test_no_folder_loses_or_repeats_an_alert() -> None:
    """A full disk, a file cut short, and other runs at once cost no alert."""
    _holds(folders.in_every_chapter(folders.some))


@pytest.mark.bounded
def test_no_channel_loses_or_repeats_an_alert() -> None:
    """A channel that is dead in any way costs no alert."""
    _holds(channels.everything())


@pytest.mark.bounded
@pytest.mark.parametrize(
    ("machine", "count", "steps"),
    [
        (state_machine.WatcherMachine, 8, 25),
        (installed_lives.InstallsMachine, 10, 20),
        (appearing_lives.AppearancesMachine, 20, 20),
        (swept_lives.SweptMachine, 12, 25),
        (paired_lives.PairedMachine, 12, 40),
    ],
)
def test_no_life_loses_or_invents_an_alert(
    machine: type[lives.Life], count: int, steps: int
) -> None:
    """Whatever comes in whatever order, each channel gets what it was due, once, as a simple model has it."""
    lives.live(machine, count, steps)


def test_a_renaming_after_a_crash_orphans_no_alert() -> None:
    """A channel renamed right after a first poll that was killed gets what its old name was owed."""
    with state_machine.living([Grouping.POLL]) as life:
        life.crash_while_saving(at=7, after=False)
        life.edit([(Edit.RENAME, 0, 0)])


def test_a_crash_after_a_renaming_repeats_one_message_only() -> None:
    """Killed in the poll that first sees a channel's new name, the program knows what it delivered in it."""
    with state_machine.living([Grouping.EVENT]) as life:
        life.outage(0)
        life.poll(0)
        life.edit([(Edit.RENAME, 0, 0)])
        life.outage(0)
        life.crash_while_saving(at=6, after=False, hours=2)


def test_a_success_that_a_crash_forgot_ends_no_row_of_failures() -> None:
    """Where a crash cost an acknowledgement, the next failure is one more in a row: old alerts behind it may go."""
    with state_machine.living([Grouping.EVENT]) as life:
        life.poll(0)
        for version, status in (("1.0.0", "flagged"), ("1.1.0", "banned")):
            life.publish_or_move("alpha", version, status)
        life.outage(0)
        life.poll(2)
        life.outage(0)
        life.crash_while_saving(at=5, after=False, hours=2)
        life.outage(0)
        life.poll(100)


@pytest.mark.bounded
def test_a_long_run_stays_as_it_was() -> None:
    """Poll after poll through random faults, each change is reported once, and memory and handles stay as they were."""
    done = soak.soak(60)
    _holds(done)
    for tried in (
        "stalls",
        "floods",
        "incomplete listings",
        "failing and recovered",
        "bans",
    ):
        assert done.counts[tried], tried
    assert done.counts["channels failing and recovered"] >= 2


FINE = {
    "kills": 1939,
    "failed calls": 635,
    "kills between polls": 80,
    "kills while receiving": 90,
}


def _outcome(counts: dict[str, int] = FINE, code: int = 0, **broken: int) -> Outcome:
    return Outcome(
        name="crashes", part=PARTS["crashes"], counts=counts, broken=broken, code=code
    )


def test_the_table_shows_a_broken_promise_and_what_was_not_tried() -> None:
    """A lost alert and a part that died show; one that did less than it takes says what is missing."""
    assert not _outcome(lost=0, stuck=0).is_broken
    broken = (_outcome(lost=1), _outcome(stuck=1), _outcome(code=1), _outcome({}))
    assert all(one.is_broken for one in broken)
    little = _outcome({**FINE, "kills": 9, "failed calls": 0})
    missing = ["only 9 kills of 500", "failed calls left out"]
    assert (little.is_broken, little.missing) == (False, missing)
    assert list(table([little]))[1].endswith(", ".join(missing))


def test_a_machine_that_cannot_prove_all_does_not_say_so(tmp_path: Path) -> None:
    """Where there is no strace, the parts that need it are named as left out, and the exit code is neither 0 nor 1."""
    done = program.run(
        "system calls",
        cwd=tmp_path,
        env={"PATH": os.fspath(tmp_path)},
        module="tests.chaos",
    )
    assert done.code == 3, done
    assert "  kills left out, kills at a webhook left out" in done.out


def _holds(done: Result) -> None:
    assert not done.said, "\n".join(done.said)
    assert not +done.broken
