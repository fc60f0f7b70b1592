"""`python -m tests.support.fast_clock …` is `python -m watcher …` where the wall clock runs a hundred times as fast.

What the program leaves to the next half minute or hour then comes in a test's time. An interval may be as short as the
settings say. SIGUSR1 moves it on by a day and an hour, as the sleep of a laptop does. Nothing else is different: the
clock that measures its requests' deadlines and its own pauses is the real one.
"""

from __future__ import annotations

import datetime as dt
import signal
import time

from tests.support import program

SPEED = 100.0
LEAP = dt.timedelta(hours=25)
_BEGUN = time.monotonic()
_BEGUN_AT = dt.datetime.now(dt.UTC)


class _Hasty(dt.datetime):
    """The time of day, a hundred times as fast."""

    leapt = dt.timedelta()

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _Hasty:
        moment = (
            _BEGUN_AT
            + cls.leapt
            + dt.timedelta(seconds=(time.monotonic() - _BEGUN) * SPEED)
        )
        return cls.fromtimestamp(moment.timestamp(), tz)


def _leap(*_: object) -> None:
    _Hasty.leapt += LEAP


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _leap)
    dt.datetime = _Hasty  # type: ignore[misc]  # the program reads its clock by this very name
    program.end_with_parent()
    from tests.support import eager
    from watcher.cli.main import main

    eager.allow_any_interval()
    main()
