"""Times as the program writes them: UTC, RFC 3339, `Z`, whole milliseconds. Pure: nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def show(moment: datetime) -> str:
    """Give an aware datetime as text, like `2026-01-31T12:00:00.250Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str) -> datetime:
    """Read an RFC 3339 time; one without an offset is UTC. Raises ValueError where it is none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def later(text: str, seconds: float) -> str:
    """Give the time `seconds` after `text`."""
    return show(read(text) + timedelta(seconds=seconds))


def seconds_between(earlier: str, later_one: str) -> float:
    """Give the seconds from one time to another; negative where the clock was set back."""
    return (read(later_one) - read(earlier)).total_seconds()
