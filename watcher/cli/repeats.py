"""Which problems a `check` off a terminal reports: cron mails all that it writes, so one that lasts is not in each run.

It is reported when it begins, once a day, and when it ends. When each was last reported is kept in the user's cache
folder, since the state may be what cannot be used. Where nothing can be kept, everything is reported every time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from watcher import timestamps
from watcher.durations import DAY
from watcher.model.event import digest
from watcher.polling.clock import clock
from watcher.settings.places import user_cache
from watcher.settings.sources import FILE_VARIABLE
from watcher.state import files
from watcher.streams import is_terminal

_OWN_LOG = ("CI", "GITHUB_ACTIONS", "INVOCATION_ID")
_FAILED = "comfy-watch check cannot be carried out"


def are_wanted() -> bool:
    """Return whether a lasting problem is said in every run: on a terminal, and where each run has its own log."""
    return any(os.environ.get(name) for name in _OWN_LOG) or is_terminal(sys.stderr)


class Notes:
    """When each problem of one job was last said, by the words for it (`Problem.about`)."""

    def __init__(self) -> None:
        folder = user_cache(os.environ)
        self._path = folder / "said" / f"{digest(_job(), 32)}.json" if folder else None

    def note_failure(self) -> None:
        """Note that an error has ended the job, so that its end is news."""
        self._write({**self._read(), _FAILED: clock()})

    def news(
        self, problems: Iterable[str], may_last: Callable[[str], bool]
    ) -> tuple[AbstractSet[str], list[str]]:
        """Return which problems of a poll are to be said now, and which have ended; note both.

        Of those that `may_last` nobody knows whether they have ended.
        """
        noted, now = self._read(), clock()
        recent = {key: at for key, at in noted.items() if _is_recent(at, now)}
        lasting = {key: recent.get(key, now) for key in problems}
        kept = {key: at for key, at in noted.items() if may_last(key)}
        if (left := kept | lasting) != noted:
            self._write(left)
        ended = noted.keys() - left.keys()
        return lasting.keys() - recent.keys(), sorted(ended)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {str(key): str(moment) for key, moment in found.items()}

    def _write(self, noted: dict[str, str]) -> None:
        if self._path is None:
            return
        try:
            files.make_folder(self._path.parent)
            files.replace_file(self._path, json.dumps(noted).encode())
        except OSError:
            pass  # the problem is said more often


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
