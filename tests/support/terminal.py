"""The real program on a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import select
from collections.abc import Iterator

from tests.support import program
from tests.support.harness import Watcher

_LONGEST = 20.0


class Terminal:
    """What a program writes to its terminal."""

    def __init__(self, process: program.Process, ours: int) -> None:
        self._process = process
        self._ours = ours
        self._bytes = b""

    @property
    def said(self) -> str:
        """What has been read so far."""
        return self._bytes.decode("utf-8", "ignore")

    def until(self, text: str) -> None:
        """Read until the text has come."""
        while text not in self.said:
            assert self._read(), f"{text!r} never came: {self.said!r}"

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self._process.wait(_LONGEST)

    def _read(self) -> bool:
        readable, _, _ = select.select([self._ours], [], [], _LONGEST)
        assert readable, f"nothing came: {self.said!r}"
        with contextlib.suppress(
            OSError
        ):  # Linux ends a terminal that nobody holds any more with EIO
            block = os.read(self._ours, 65536)
            self._bytes += block
            return bool(block)
        return False


@contextlib.contextmanager
def on_terminal(
    watch: Watcher, *args: str, stderr: int | None = None, **env: str
) -> Iterator[Terminal]:
    """Start a command with a terminal for its streams, but for stderr if that is given; the `with` block ends it."""
    ours, theirs = pty.openpty()
    process = watch.fork(
        *args,
        streams=(theirs, theirs, theirs if stderr is None else stderr),
        env={"TERM": "xterm", "COLUMNS": "80", **env},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        process.wait_for_all()
        os.close(ours)


def shown(watch: Watcher, *args: str, **env: str) -> str:
    """Run a command on a terminal to its end, which is success, and return what it wrote."""
    with on_terminal(watch, *args, stderr=None, **env) as terminal:
        assert terminal.end() == 0, terminal.said
    return terminal.said
