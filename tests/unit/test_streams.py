"""Streams: how wide a terminal is."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios

import pytest

from watcher.streams import width


def test_the_width_is_that_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another stream is no terminal; `COLUMNS` counts before it, and a terminal without a size has 80."""
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        assert width(stream) == 80
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 55, 0, 0))
        assert width(stream) == 55
        for given, expected in (("100", 100), ("3", 20), ("wide", 55)):
            monkeypatch.setenv("COLUMNS", given)
            assert width(stream) == expected
    os.close(ours)
    assert width(io.StringIO()) is None
    assert width(None) is None
