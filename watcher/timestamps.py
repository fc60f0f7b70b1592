"""Times as the program writes them: UTC, RFC 3339, `Z`, whole milliseconds. Pure: nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def show(moment: datetime) -> str:
    """Give an aware datetime as text, like `2026-01-31T12:00:00.250Z`."""
    return _as_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str) -> datetime:
    """Read an RFC 3339 time, as UTC; one without an offset is UTC. Raises ValueError where it is none.

    What its offset takes out of the years 1 to 9999 is the first or the last moment that there is.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a time has no such characters")
    moment = datetime.fromisoformat(text)
    return _as_utc(moment) if moment.tzinfo else moment.replace(tzinfo=UTC)


def later(text: str, seconds: float) -> str:
    """Give the time `seconds` after `text`, but none after the last one that there is, or before the first.

    OverflowError where so many seconds are more than there are.
    """
    wait = timedelta(seconds=seconds)
    try:
        return show(read(text) + wait)
    except OverflowError:
        return show(_LAST if seconds > 0 else _FIRST)


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == 1 else _LAST


def seconds_between(earlier: str, later_one: str) -> float:
    """Give the seconds from one time to another; negative where the clock was set back."""
    return (read(later_one) - read(earlier)).total_seconds()
