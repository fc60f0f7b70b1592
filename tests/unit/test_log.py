"""Logs: one safe line an event, in both formats, whatever the values and whatever the stream."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from watcher import log
from watcher.text.sanitize import Trusted

pytestmark = pytest.mark.measured


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    log.configure()


def _json_lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_line() -> None:
    """Away from a terminal a line is one JSON object: UTC time with `Z`, level, event, fields as they are."""
    stream = io.StringIO()
    log.configure("info", "auto", stream)
    log.info("poll finished", checked=3, seconds=0.5, node=None, kind="banned")
    (line,) = _json_lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "level": "info",
        "event": "poll finished",
        "checked": 3,
        "seconds": 0.5,
        "node": None,
        "kind": "banned",
    }


def test_levels() -> None:
    """What is below the level is not written."""
    stream = io.StringIO()
    log.configure("warning", "json", stream)
    for write in (log.debug, log.info, log.warning, log.error):
        write("something")
    assert [line["level"] for line in _json_lines(stream)] == ["warning", "error"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_traceback_is_logged(style: str) -> None:
    """An exception is logged by its message, never with a traceback, even where `exc_info` is given."""
    stream = io.StringIO()
    log.configure("info", style, stream)
    local = "hunter2"
    try:
        raise RuntimeError(f"no room{local[:0]}")
    except RuntimeError as error:
        log.error("failed", error=error, exc_info=True, exception="x\ny", stack="z")
    written = stream.getvalue()
    assert "no room" in written
    assert "Traceback" not in written
    assert local not in written
    assert len(written.splitlines()) == 1


def test_values_are_bounded() -> None:
    """Long values, text or not, are cut to fit a line; a number that JSON lacks is text."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    log.info("big", text="x" * 1_000_000, many=list(range(10_000)), none=float("nan"))
    (line,) = _json_lines(stream)
    assert len(stream.getvalue()) < 2_000
    assert line["none"] == "nan"


class _Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def _closed() -> TextIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [_Broken(), _closed(), None])
def test_broken_stream_is_no_failure(
    stream: TextIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is missing, closed or broken loses the line and nothing else."""
    monkeypatch.setattr(sys, "stderr", stream)
    log.configure("info")
    log.error("unheard", node="x")


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
    ids=["plain", "no", "dumb", "forced", "both"],
)
def test_terminal(
    env: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal `auto` writes console text, coloured unless `NO_COLOR` or a dumb terminal says otherwise.

    An event has the colour of its severity.
    """
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as stream:
            log.configure("info", "auto", stream)
            log.info("poll finished", node="a b")
            log.info("event", severity="critical", message="a ban")
            written = ""
            while "a ban" not in written:  # a terminal may give a line at a time
                written += os.read(ours, 4096).decode()
    finally:
        os.close(ours)
    assert "poll finished" in written
    assert not written.startswith("{")
    assert ("\x1b[" in written) is coloured
    assert ("\x1b[31ma ban" in written) is coloured


@pytest.mark.parametrize("style", ["json", "console"])
def test_our_own_text_is_shown_as_it_is(style: str) -> None:
    """The program's own text keeps its dots and slashes, and its invisible characters are escaped."""
    stream = io.StringIO()
    log.configure("info", style, stream)
    log.error(
        "state unsaved",
        error=Trusted("/srv/my.app/state://x\x1b[31m"),
        other="/srv/my.app",
    )
    said = stream.getvalue()
    assert "/srv/my.app/state://x\\" in said
    assert "u001b[31m" in said
    assert "\x1b[31m" not in said
    assert "/srv/my[.]app" in said
    log.error("state unsaved", error=Trusted("a" * 1_000_000))
    assert len(stream.getvalue()) < 20_000
