"""What `check` notes of problems that last, so that each is said when it begins, once a day, and when it ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.factories import poll_report
from watcher import timestamps
from watcher.cli.commands.check import Notes
from watcher.polling.problems import may_last, warning

PROBLEM = warning("x", "it is down", "down")


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """The notes of a job that had no problem yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Notes()


def _is_said(notes: Notes, *, found: bool = True, lasts: Collection[str] = ()) -> bool:
    said = [*notes.report([PROBLEM] if found else [], lasts.__contains__)]
    return bool(said)


def _file(notes: Notes) -> Path:
    assert notes._path is not None
    return notes._path


def test_what_lasts_is_said_once_a_day(
    notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was said in the last day is not said again; that it ended is, once. A time in the future counts as none."""
    assert [_is_said(notes) for _ in range(2)] == [True, False]
    for hours in (25, -1):
        moment = timestamps.show(datetime.now(UTC) - timedelta(hours=hours))
        notes._write({"down": moment})
        assert [_is_said(notes) for _ in range(2)] == [True, False]
    assert capsys.readouterr().err == ""
    assert [_is_said(notes, found=False) for _ in range(2)] == [False, False]
    assert capsys.readouterr().err == "no longer: down\n"


def test_the_day_begins_when_it_was_said(notes: Notes) -> None:
    """However often it was found since."""
    moment = timestamps.show(datetime.now(UTC) - timedelta(hours=20))
    notes._write({"down": moment})
    assert not _is_said(notes)
    assert notes._read() == {"down": moment}


@pytest.mark.parametrize("text", ["[1]", "{", '{"down": "soon"}'])
def test_a_note_that_is_of_no_use(notes: Notes, text: str) -> None:
    """A damaged note counts as none."""
    _is_said(notes)
    _file(notes).write_text(text)
    assert _is_said(notes)


def test_what_may_last_has_not_ended(
    notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no news, and after a day it is said once more when it is seen again."""
    notes._write({"down": "2020-01-01T00:00:00Z"})
    assert not _is_said(notes, found=False, lasts={"down"})
    assert [_is_said(notes, lasts={"down"}) for _ in range(2)] == [True, False]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("checked", "unsure"),
    [(0, {"alpha", "beta"}), (1, {"beta"}), (2, {"beta"})],
)
def test_of_what_was_not_read_nothing_has_ended(checked: int, unsure: set[str]) -> None:
    """Neither that it cannot be read nor that it has no versions; in an outage that is so of every pack."""
    done = poll_report(
        watched=2, checked=checked, nodes=("alpha", "beta"), errors=(("beta", "404"),)
    )
    for node in ("alpha", "beta"):
        for about in (f"{node} cannot be read", f"{node} has no versions"):
            assert may_last(done)(about) is (node in unsure)
