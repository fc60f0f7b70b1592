"""What `run` says to a person: local times, a line for a poll, the level of the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.support.factories import channel, event, poll_report, watch
from watcher import log
from watcher.cli.commands.run import RunLines
from watcher.errors import ReplacedError, StateError
from watcher.model.pack import Source, SourceKind
from watcher.polling.problems import Problem
from watcher.service.observer import Schedule

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a process cannot change its time zone there"
)

Said = Callable[[], list[str]]

PLAN = Schedule(
    config=watch("http://127.0.0.1:9", "alpha", "bravo", channels=(channel(),)),
    interval=900,
    warnings=("something is odd",),
)
PROBLEM = Problem(level="error", event="node unread", sentence="alpha: HTTP 503")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """The lines so far, in a zone that is nine hours ahead and has no summer time."""

    def lines() -> list[str]:
        return capsys.readouterr().err.splitlines()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        log.configure("info")
        yield lines
    time.tzset()


def test_a_poll_is_one_line(said: Said) -> None:
    """A quiet poll is a line with its local time and the next one's; events come first, as `check` prints them."""
    lines = RunLines()
    lines.started(PLAN)
    lines.poll_started()
    lines.poll_finished(poll_report(), "2026-03-02T00:15:00.000Z")
    lines.poll_finished(poll_report(event("e1")), "2026-03-02T00:00:20.000Z")
    lines.poll_finished(
        replace(poll_report(), finished="2026-03-02T14:50:00.000Z"),
        "2026-03-02T15:05:00.000Z",
    )
    first, watching, quiet, flagged, eventful, late = said()
    assert first == "warning: something is odd"
    assert watching == "watching 2 packs, 1 channel, every 15m; Ctrl-C ends it"
    assert quiet == "09:00:01 1 pack checked, 0 events (1.5 s); next poll at 09:15:00"
    assert "flagged" in flagged
    assert eventful == "09:00:01 1 pack checked, 1 event (1.5 s); next poll at 09:00:20"
    assert late.startswith("23:50:00 ")
    assert late.endswith("next poll at 2026-03-03 00:05:00")


@pytest.mark.parametrize(
    ("nodes", "watched"),
    [(("alpha", "bravo"), "2 packs, 1 install"), ((), "1 install")],
)
def test_what_is_watched(said: Said, nodes: tuple[str, ...], watched: str) -> None:
    """Installs are counted too, and alone where no pack is named: their packs are watched."""
    source = Source(name="studio", kind=SourceKind.PATH, where="/srv/ComfyUI")
    config = replace(PLAN.config, nodes=nodes, installs=(source,))
    RunLines().started(replace(PLAN, config=config, warnings=()))
    (watching,) = said()
    assert watching == f"watching {watched}, 1 channel, every 15m; Ctrl-C ends it"


def test_what_goes_wrong_is_said(said: Said) -> None:
    """Each failure is one line that says what it means; an end by itself has its hint."""
    lines = RunLines()
    lines.problem(PROBLEM)
    lines.poll_failed(
        StateError("the disk is full", hint="make room"), "2026-03-02T00:15:00.000Z"
    )
    lines.poll_failed(KeyError("s3cr3t"), "2026-03-02T00:15:00.000Z")
    lines.delivery_failed(StateError("the disk is full"))
    lines.gave_up(ReplacedError("the lock was replaced", hint="start it again"))
    lines.stopping("SIGINT")
    lines.stopped("SIGINT")
    found = said()
    assert found[0] == "error: alpha: HTTP 503"
    assert found[1].startswith(
        "error: the poll failed: the disk is full; hint: make room; next poll at "
    )
    assert found[2].startswith(
        "error: the poll failed: unexpected KeyError; next poll at "
    )
    assert found[3:] == [
        "error: nothing could be delivered: the disk is full",
        "error: the lock was replaced",
        "hint: start it again",
        "stopping (SIGINT)",
        "stopped",
    ]


def test_the_level_of_the_log_holds(said: Said) -> None:
    """With a higher level what is less severe is not said."""
    log.configure("error")
    lines = RunLines()
    lines.started(PLAN)
    lines.poll_finished(poll_report(event("e1")), "2026-03-02T00:15:00.000Z")
    lines.problem(replace(PROBLEM, level="warning"))
    lines.problem(PROBLEM)
    assert said() == ["error: alpha: HTTP 503"]
