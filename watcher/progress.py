"""How work in progress reports what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, str], None]
"""Called with the name of a place and, in a few words, what is waited for there; with "" when that is over.

The words may contain sanitized untrusted text, and never a secret.
"""


def silent(place: str, text: str) -> None:
    """Report nothing."""
