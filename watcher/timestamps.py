"""Times as the program writes them: UTC, RFC 3339, `Z`, milliseconds. Pure: no function reads a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LONGEST = 40
"""Characters that a time may have to be shown to people."""


_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
"""How `show` writes a time."""


class _Form:
    """What pydantic has to know of a time, in pydantic's protocol; so nothing here imports it."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: Callable[[object], Any]
    ) -> dict[str, object]:
        check = {"type": "no-info", "function": _checked}
        return {"type": "function-after", "function": check, "schema": handler(source)}

    def __get_pydantic_json_schema__(
        self, _schema: object, _handler: object
    ) -> dict[str, object]:
        return {"type": "string", "format": "date-time", "pattern": _PATTERN}


Moment = Annotated[str, _Form()]
"""A time as text. Where a file is decoded, no other text is accepted."""

MomentOrEmpty = Moment | Literal[""]
"""The same where there may be none."""


def _checked(text: str) -> str:
    try:
        read(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time") from None
    return text


def show(moment: datetime) -> str:
    """Return an aware datetime as text, like `2026-01-31T12:00:00.250Z`."""
    return _as_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def normal(text: str) -> str | None:
    """Return an RFC 3339 time as `show` writes it; None for what is no time."""
    try:
        return show(read(text))
    except ValueError:
        return None


def for_people(text: str) -> str:
    """Return a time for people, "2026-11-25 17:32 UTC"; "" for what is no time."""
    try:
        return f"{read(text[:_LONGEST]):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""


def read(text: str) -> datetime:
    """Return an RFC 3339 time as UTC; one without an offset is UTC. ValueError if it is not one.

    A time outside the years 1 to 9999 because of its offset becomes the first or last moment of these.
    """
    # Python takes any character between date and time, a line end too.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("not a time: it has characters that no time has")
    moment = datetime.fromisoformat(text)
    return _as_utc(moment) if moment.tzinfo else moment.replace(tzinfo=UTC)


def later(text: str, seconds: float) -> str:
    """Return the time `seconds` after `text`, clamped to the years 1 to 9999; OverflowError for absurd `seconds`."""
    wait = timedelta(seconds=seconds)
    try:
        return show(read(text) + wait)
    except OverflowError:
        return show(_LAST if seconds > 0 else _FIRST)


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # Times come from the registry and from files: an odd one is no reason to stop.
        return _FIRST if moment.year == 1 else _LAST


def seconds_between(earlier: str, later_one: str) -> float:
    """Return the seconds from one time to another; negative if the clock was set back."""
    return (read(later_one) - read(earlier)).total_seconds()
