"""The first line of a version's changelog, which may be megabytes of Markdown. Pure."""

from __future__ import annotations

import re

from watcher.text.sanitize import sanitize_line

_START = 300
"""Characters that are kept of a changelog until it is known whether anybody wants its first line."""
_LINE = re.compile(
    r"^[^\S\n]*(?:(?:#{1,6}|[-*+>•])[^\S\n]+)?(.*[^\W_].*)", re.MULTILINE
)
"""A line with a letter or a digit, after the mark of a heading, a list or a quotation."""


def start_of(changelog: object) -> str:
    """Return the beginning of a changelog as it came; "" for what is no text. Fast: it is called for every version."""
    return changelog[:_START] if isinstance(changelog, str) else ""


def first_line(start: str) -> str:
    """Return the first line with a letter or a digit, sanitized and without Markdown's mark before it; "" if none."""
    found = _LINE.search(start)
    return (
        sanitize_line(found[1], cut_off=found.end() == len(start) >= _START)
        if found
        else ""
    )
