"""`python -m tests.support.ahead …` is `python -m watcher …` on another day: `AHEAD` seconds from now.

Polls of a week can follow one another in seconds. The clock that measures requests and pauses is the real one.
"""

from __future__ import annotations

import datetime as dt
import os

from watcher.cli.main import main
from watcher.polling import clock

AHEAD = "AHEAD"
"""The variable with the seconds."""


class _Later(dt.datetime):
    """The time of day, so many seconds ahead."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _Later:
        moment = dt.datetime.now(dt.UTC) + dt.timedelta(
            seconds=float(os.environ[AHEAD])
        )
        return cls.fromtimestamp(moment.timestamp(), tz)


if __name__ == "__main__":
    clock.datetime = _Later  # type: ignore[attr-defined]  # the program reads its clock by this very name
    main()
