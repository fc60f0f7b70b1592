"""Numbers with their noun. Pure."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """Return "1 alert" or "2,000 alerts"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
