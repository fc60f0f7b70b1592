"""Errors that end a `check`: off a terminal each is said on stderr once a day, for cron mails whatever is there.

When each was last said is kept in the user's cache folder, since the state may be what cannot be used. An error that is
held back is on stdout, so it is nowhere lost but where stdout is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from watcher.cli.terminal import OutputError, echo, echo_result, error_lines
from watcher.errors import InUseError, WatchError
from watcher.polling.clock import clock
from watcher.polling.reports.reminders import is_recent
from watcher.settings.places import user_cache
from watcher.settings.sources import FILE_VARIABLE
from watcher.state import files
from watcher.streams import is_terminal

_OWN_LOG = ("CI", "GITHUB_ACTIONS", "INVOCATION_ID")
_OVERLAP = "overlap"
"""The key of every error about another poll: that poll may be well, so none is said to end."""


def are_wanted() -> bool:
    """Return whether a lasting problem is reported in every run: on a terminal, and where each run has its own log."""
    return any(os.environ.get(name) for name in _OWN_LOG) or is_terminal(sys.stderr)


def once_a_day(poll: Callable[[], int]) -> int:
    """Poll and return the exit code. An error that was said within a day is on stdout; others are raised.

    After an error other than an overlap, the first poll that gets through says so on stderr.
    """
    folder = user_cache(os.environ)
    said = _Said(folder / "said" / f"{_digest(_job())}.json" if folder else None)
    try:
        code = poll()
    except OutputError:
        raise
    except WatchError as error:
        if said.before(
            _OVERLAP if isinstance(error, InUseError) else _digest(str(error))
        ):
            echo_result(error_lines(error))
            return error.exit_code
        raise
    if said.ended():
        echo("comfy-watch check works again", error=True)
    return code


class _Said:
    """When each error of one job was last said, in a file of its own: without one, none was."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def before(self, error: str) -> bool:
        """Return whether an error was said within a day; if not, note that it is said now."""
        said, now = self._read(), clock()
        if is_recent(said.get(error, ""), now):
            return True
        self._write(
            {key: moment for key, moment in said.items() if is_recent(moment, now)}
            | {error: now}
        )
        return False

    def ended(self) -> bool:
        """Return whether an error was said that has ended, and forget it."""
        said = self._read()
        overlaps = {key: moment for key, moment in said.items() if key == _OVERLAP}
        return said != overlaps and self._write(overlaps)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}
        return (
            {str(key): str(moment) for key, moment in found.items()}
            if isinstance(found, dict)
            else {}
        )

    def _write(self, said: dict[str, str]) -> bool:
        """Return whether that could be written: if not, an error is said more often."""
        if self._path is None:
            return False
        try:
            files.make_folder(self._path.parent)
            files.replace_file(self._path, json.dumps(said).encode())
        except OSError:
            return False
        return True


def _job() -> str:
    """Return what makes two runs the same job."""
    try:
        cwd = os.getcwd()  # noqa: PTH109 - it is only compared
    except FileNotFoundError:
        cwd = ""
    return json.dumps([cwd, os.environ.get(FILE_VARIABLE, ""), *sys.argv])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
