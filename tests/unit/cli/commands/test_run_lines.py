"""What `run` logs: the fields of each line, and the words that a person reads instead of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import PACK, channel, event, poll_report, watch
from watcher import log
from watcher.cli.commands.run import LogLines
from watcher.errors import ReplacedError, StateError
from watcher.model.event import Kind
from watcher.model.pack import Copy
from watcher.polling.problems import Problem
from watcher.service.observer import Schedule

PLAN = Schedule(
    config=watch("http://127.0.0.1:9", "alpha", "bravo", channels=(channel(),)),
    interval=900,
    warnings=("something is odd",),
)
PROBLEM = Problem(level="error", event="node unread", sentence="alpha: HTTP 503")

Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The lines so far."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.configure()


_RUN = Copy(install="pc", version="1.0.0", enabled=True)
_NONE: dict[str, Any] = {"kind": Kind.FAILING, "node": None, "version": None}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"node": PACK}),
        ({"installed": (_RUN,)}, {"node": PACK, "runs": True}),
        (
            {"installed": (replace(_RUN, enabled=False),)},
            {"node": PACK, "runs": False},
        ),
        ({"channel": "ops", **_NONE}, {"channel": "ops"}),
        (
            {"install": "laptop", "folder": "x.py", **_NONE},
            {"install": "laptop", "folder": "x.py"},
        ),
    ],
)
def test_an_event_is_a_line(
    logged: Logged, fields: dict[str, Any], said: dict[str, Any]
) -> None:
    """It names a node, a channel, an install or a folder, and says whether somebody runs a node that is installed."""
    LogLines().poll_finished(poll_report(event(**fields)))
    line, _ = logged()
    keys = {"node", "channel", "install", "folder", "runs"}
    assert {key: line[key] for key in keys & line.keys()} == said


def test_a_line_says_it_in_words(logged: Logged) -> None:
    """Settings, what is watched, events, the poll, and what goes wrong: each is a sentence too."""
    lines = LogLines()
    lines.started(PLAN)
    lines.poll_finished(poll_report(event("e1")))
    lines.problem(PROBLEM)
    lines.failed("poll", StateError("the disk is full", hint="make room"))
    lines.failed("delivery", KeyError("s3cr3t"))
    lines.gave_up(ReplacedError("the lock was replaced", hint="start it again"))
    assert [(line["level"], line["message"]) for line in logged()] == [
        ("warning", "something is odd"),
        ("info", "watching 2 packs, 1 channel, every 15m"),
        ("info", f"flagged {PACK} 1.0.0  nobody has reviewed it"),
        ("info", "1 pack checked, 1 event (1.5 s)"),
        ("error", "alpha: HTTP 503"),
        ("error", "the poll failed: the disk is full; hint: make room"),
        ("error", "the delivery failed: unexpected KeyError"),
        ("error", "the lock was replaced; hint: start it again"),
    ]
