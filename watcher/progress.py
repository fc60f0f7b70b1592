"""How work under way says what it waits for, to somebody it does not know. Pure."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, str], None]
"""Called with the name of a place and what is waited for there now, in a few words; with "" once that is over.

The words may hold strangers' text that was made plain, and never a secret.
"""


def silent(place: str, text: str) -> None:
    """Say it to nobody."""
