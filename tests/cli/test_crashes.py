"""Nothing lost, nothing invented: a bounded part of what `make chaos` does in full (docs/reliability.md)."""

from __future__ import annotations

import faulthandler
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

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
    # A hundred kills take minutes on a busy machine, which is no hang.
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
    """An id counts only if the text has its node, its version and what happened, or counts what it leaves out."""
    facts = {
        "a": ("new", "alpha", "1.0.0"),
        "b": ("new", "beta", "1.0.0"),
        "c": ("failing", None, None),
    }
    message = Taken(
        path="/ops", events=("a", "b", "c", "unknown"), text="`alpha`\n- new `1.0.0`"
    )
    assert message.shown(facts) == ("a", "unknown")
    assert replace(
        message, text="new `alpha` `1.0.0`\n\n`beta`\n\nthe registry cannot be read"
    ).shown(facts) == (
        "a",
        "c",
        "unknown",
    )
    for text in (
        "`alpha` `1.0.0`",
        "flagged `alpha` `1.0.0`",
        "new `alpha`: the newest good version is `1.0.0`",
    ):
        assert replace(message, text=text).shown(facts) == ("unknown",)
    assert replace(message, text=f"{message.text}\n\n+ 1 new").shown(facts) == (
        "a",
        "unknown",
    )
    assert (
        replace(message, text=f"{message.text}\n\n+ 2 new").shown(facts)
        == message.events
    )


@pytest.mark.bounded
def test_no_state_folder_loses_or_repeats_an_alert() -> None:
    """A full or read-only disk, a file cut short and other runs at once cost no alert, and nothing is sent twice."""
    _holds(folders.in_every_chapter(folders.some))


@pytest.mark.bounded
def test_no_channel_suffers_from_another() -> None:
    """However one channel is dead, the others get everything at once, and it gets everything in order afterwards."""
    _holds(channels.everything())


@pytest.mark.bounded
def test_no_life_loses_or_invents_an_alert() -> None:
    """Whatever comes in whatever order, each channel gets what it was due, once, as a simple model has it."""
    lives.live(state_machine.WatcherMachine, 8, 25)


@pytest.mark.bounded
def test_no_life_of_installs_loses_or_invents_an_alert() -> None:
    """However packs come, change and go, and volumes with them, each exposure is reported once, as a model has it."""
    lives.live(installed_lives.InstallsMachine, 10, 20)


@pytest.mark.bounded
def test_every_pack_that_appears_is_told() -> None:
    """However packs are installed, moved and removed while scans fail, each that is added is reported once."""
    lives.live(appearing_lives.AppearancesMachine, 20, 20)


@pytest.mark.bounded
def test_no_life_of_a_swept_registry_loses_or_invents_an_alert() -> None:
    """However its pages shift, repeat, lack rows or fail, a registry is reported as if each pack were asked."""
    lives.live(swept_lives.SweptMachine, 12, 25)


@pytest.mark.bounded
def test_no_pair_of_features_loses_or_invents_an_alert() -> None:
    """Whatever hangs on installs, publishers, acceptances and filters at once, each channel gets what it was due."""
    lives.live(paired_lives.PairedMachine, 12, 40)


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


def test_the_table_shows_a_broken_promise() -> None:
    """A lost alert, any other broken promise and a part that died show; what was not looked at is no zero."""
    assert not _outcome(lost=0, stuck=0).is_broken
    assert all(
        one.is_broken
        for one in (_outcome(lost=1), _outcome(stuck=1), _outcome(code=1), _outcome({}))
    )
    assert _outcome(lost=0, stuck=1).cells[2:] == ("0", "–", "–", "–", "–", "stuck 1")
    assert "1,939 kills" in "\n".join(table([_outcome()]))


def test_the_table_shows_what_was_not_tried() -> None:
    """A part that did less than it takes has broken nothing and proven nothing, and says what is missing."""
    little = _outcome({**FINE, "kills": 9, "failed calls": 0})
    assert (little.is_broken, little.missing) == (
        False,
        ["only 9 kills of 500", "failed calls left out"],
    )
    assert next(
        line for line in table([little]) if line.startswith("crashes")
    ).endswith(", ".join(little.missing))
    assert _outcome().missing == []


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


class _ShortLife(RuleBasedStateMachine):
    """A life that a number ends."""

    begun: tuple[int, ...] = ()

    @rule(number=st.integers(0, 1_000_000))
    def go_on(self, number: int) -> None:
        """Fail at a large number."""
        type(self).begun += (number,)
        assert number < 1000


def test_lives_that_fail_can_be_lived_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lives that last for some minutes say the seed of each round, and with it the same lives come."""
    monkeypatch.setenv("MINUTES", "0.00001")
    monkeypatch.setattr(lives, "figures", result := Result())
    lives.run(_ShortLife, lives=20, steps=1)
    seed = capsys.readouterr().err.split("SEED=")[-1].strip()
    assert result.broken == {"wrong": 1}
    assert "go_on(number=1000)" in result.said[0]
    first, _ShortLife.begun = _ShortLife.begun, ()
    monkeypatch.setenv("SEED", seed)
    lives.run(_ShortLife, lives=20, steps=1)
    assert _ShortLife.begun == first


def test_the_document_names_every_part() -> None:
    """What is said of reliability names each part of the chaos by the name that it runs under."""
    said = (program.ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert [name for name in PARTS if f"`{name}`" not in said] == []


def _holds(done: Result) -> None:
    assert not done.said, "\n".join(done.said)
    assert not +done.broken
