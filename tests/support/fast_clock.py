"""`python -m tests.support.fast_clock …` is `python -m watcher …` where the wall clock runs a hundred times as fast.

What the program leaves to the next half minute or hour then comes in a test's time. An interval may be as short as the
settings say. Nothing else is different: the clock that measures its requests' deadlines and its own pauses is the real
one.
"""

from __future__ import annotations

import datetime as dt
import time

from tests.support import program

SPEED = 100.0
_BEGUN = time.monotonic()
_BEGUN_AT = dt.datetime.now(dt.UTC)


class _Hasty(dt.datetime):
    """The time of day, a hundred times as fast."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _Hasty:
        moment = _BEGUN_AT + dt.timedelta(seconds=(time.monotonic() - _BEGUN) * SPEED)
        return cls.fromtimestamp(moment.timestamp(), tz)


if __name__ == "__main__":
    dt.datetime = _Hasty  # type: ignore[misc]  # the program reads its clock by this very name
    program.end_with_parent()
    from tests.support import eager
    from watcher.cli.main import main

    eager.allow_any_interval()
    main()
