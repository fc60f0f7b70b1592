"""Which problems a `check` off a terminal reports: cron mails all that it writes, so one that lasts is not in each run.

It is reported when it begins, when it has a cause that was not reported within a day, once a day, and when it ends.
When each cause was last reported is kept in the user's cache folder, since the state may be what cannot be used. Where
nothing can be kept, everything is reported every time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Container, Mapping

from watcher import timestamps
from watcher.durations import DAY
from watcher.errors import InUseError, WatchError
from watcher.model.event import digest
from watcher.polling.clock import clock
from watcher.settings.places import user_cache
from watcher.settings.sources import FILE_VARIABLE
from watcher.state import files
from watcher.streams import is_terminal

_OWN_LOG = ("CI", "GITHUB_ACTIONS", "INVOCATION_ID")
_OVERLAP = "overlap"
"""The key of every error about another poll: that poll may be well, so none is said to end."""
ERROR = "error "
"""How the key of any other error that ends a `check` begins."""
_MOST_CAUSES = 8
"""Causes of one problem that are reported within a day: one that differs in each run is no news."""
_Noted = dict[str, dict[str, str]]
"""When each cause of each problem was last reported."""


def are_wanted() -> bool:
    """Return whether a lasting problem is said in every run: on a terminal, and where each run has its own log."""
    return any(os.environ.get(name) for name in _OWN_LOG) or is_terminal(sys.stderr)


def key_of(error: WatchError) -> str:
    """Return the key of an error that ends a `check`."""
    return _OVERLAP if isinstance(error, InUseError) else ERROR + digest(str(error), 32)


class Notes:
    """When each cause of each problem of one job was last said, by the problem's key (`Problem.about`, `key_of`)."""

    def __init__(self) -> None:
        folder = user_cache(os.environ)
        self._path = folder / "said" / f"{digest(_job(), 32)}.json" if folder else None

    def is_due(self, key: str) -> bool:
        """Return whether an error was not said within a day; then note that it is said now."""
        noted, now = self._read(), clock()
        if _recent(noted.get(key, {}), now):
            return False
        self._write({**noted, key: {"": now}})
        return True

    def news(
        self, problems: Mapping[str, str], unsure: Container[str] = ()
    ) -> tuple[frozenset[str], list[str]]:
        """Return which problems of a poll are to be said now, and which have ended; note both.

        `problems` has the cause of each, by its key. Of those in `unsure` nobody knows whether they have ended.
        """
        noted, now = self._read(), clock()
        due: set[str] = set()
        lasting: _Noted = {}
        for key, cause in sorted(problems.items()):
            said = _recent(noted.get(key, {}), now)
            name = digest(cause, 16)
            if name not in said and len(said) < _MOST_CAUSES:
                due.add(key)
                said[name] = now
            lasting[key] = said
        ended: list[str] = []
        for key in noted.keys() - problems.keys():
            said = _recent(noted[key], now)
            if key not in unsure and key != _OVERLAP:
                ended.append(key)
            elif said:
                lasting[key] = said
        if lasting != noted:
            self._write(lasting)
        return frozenset(due), sorted(ended)

    def _read(self) -> _Noted:
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            str(key): {str(cause): str(moment) for cause, moment in said.items()}
            for key, said in found.items()
            if isinstance(said, dict)
        }

    def _write(self, noted: _Noted) -> None:
        if self._path is None:
            return
        try:
            files.make_folder(self._path.parent)
            files.replace_file(self._path, json.dumps(noted).encode())
        except OSError:
            pass  # the problem is said more often


def _recent(said: Mapping[str, str], now: str) -> dict[str, str]:
    """Return the causes that were said within a day."""
    return {cause: moment for cause, moment in said.items() if _is_recent(moment, now)}


def _is_recent(moment: str, now: str) -> bool:
    """Return whether a time is at most a day before `now`; one in the future, or no time, is not."""
    try:
        return 0 <= timestamps.seconds_between(moment, now) < DAY
    except ValueError:
        return False


def _job() -> str:
    """Return what makes two runs the same job."""
    try:
        cwd = os.getcwd()  # noqa: PTH109 - it is only compared
    except FileNotFoundError:
        cwd = ""
    return json.dumps([cwd, os.environ.get(FILE_VARIABLE, ""), *sys.argv])
