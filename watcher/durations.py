"""Durations as people write them: `90s`, `15m`, `1h30m`, `7d`, or plain seconds."""

from __future__ import annotations

import math
import re

DAY = 86_400.0
"""Seconds."""

ALLOWED = "seconds, or a text such as 90s, 15m, 1h30m or 7d"
"""What `parse` takes, for messages."""

_UNITS: tuple[tuple[str, int], ...] = (
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)
"""Largest first, in milliseconds."""

_WORDS: tuple[tuple[str, int, int], ...] = (
    ("week", 7 * 86_400, 2),
    ("day", 86_400, 2),
    ("hour", 3_600, 1),
    ("minute", 60, 1),
    ("second", 1, 0),
)
"""Units for people, their seconds, and from how many of them on they are used."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PLAIN = re.compile(_NUMBER)
# No letter may follow: `5ms` is no five minutes.
_WITH_UNITS = "".join(rf"(?:({_NUMBER}) ?{unit}(?![a-z]) ?)?" for unit, _ in _UNITS)
"""Compiled at first use: most settings name no duration."""


def parse(text: str | int | float) -> float:
    """Return the seconds of a duration; units come largest first, each at most once, in any case.

    ValueError, with what is allowed, for anything else: empty, negative, not finite, a bool.
    """
    try:
        seconds = (
            _from_text(text.strip().lower()) if isinstance(text, str) else float(text)
        )
    except OverflowError:
        seconds = math.inf
    # Python takes `True` for 1.
    if isinstance(text, bool) or not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"give {ALLOWED}")
    return seconds


def show(seconds: float) -> str:
    """Return finite, non-negative seconds in the largest units, to the millisecond: `15m`, `1h30m`, `0s`."""
    # In whole milliseconds, as most fractions of a second are not exact in binary.
    left = round(seconds * 1000)
    shown = ""
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            shown += f"{count}{unit}"
    return shown or "0s"


def in_words(seconds: float, *, nearest: bool = False) -> str:
    """Return seconds for people, in one unit and rounded down, or to the `nearest`: "3 minutes", "8 weeks"."""
    whole = max(int(seconds), 0)
    name, size = next(
        (name, size) for name, size, least in _WORDS if whole >= size * least
    )
    count = (whole + size // 2 * nearest) // size
    return f"{count} {name}{'' if count == 1 else 's'}"


def age(seconds: float) -> str:
    """Return seconds for people as days, of any number; hours or minutes only below a day: "8 days", "5 hours"."""
    days = int(seconds // DAY)
    if days < 1:
        return in_words(seconds) if seconds >= 60 else "less than a minute"
    return "1 day" if days == 1 else f"{days:,} days"


def ago(seconds: float) -> str:
    """Return how long ago something was, for people: "3 minutes ago"; less than a second is "just now"."""
    return f"{in_words(seconds)} ago" if seconds >= 1 else "just now"


def _from_text(text: str) -> float:
    if not text:
        return math.nan
    if _PLAIN.fullmatch(text):
        return float(text)
    match = re.fullmatch(_WITH_UNITS, text)
    if match is None:
        return math.nan
    amounts = zip(match.groups(), _UNITS, strict=True)
    return sum(float(amount) * size for amount, (_, size) in amounts if amount) / 1000
