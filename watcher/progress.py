"""How work in progress reports what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, str], None]
"""Reports what work waits for: `(place, text)`; an empty text ends it. Each call means that the work gets on.

The text may contain sanitized untrusted text, and never a secret.
"""


def silent(place: str, text: str) -> None:
    """Report nothing."""
