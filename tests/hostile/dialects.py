"""How services read a text, and what of a message a reader is shown."""

from __future__ import annotations

from enum import StrEnum


class Dialect(StrEnum):
    """How a service reads a text."""

    MARKDOWN = "markdown"
    HTML = "html"
    CARD = "card"
    """An Adaptive Card: Markdown without code."""
    SLACK = "slack"
    TELEGRAM_1 = "telegram 1"
    TELEGRAM_2 = "telegram 2"
    TITLE = "title"
    """Our own words alone, but for a node's id that needs no quoting."""
    TEXT = "text"
    """Shown as it is, though links may be found in it; untrusted text stands between backticks."""
    BARE = "bare"
    """As `TEXT`, without the backticks."""


Shown = list[tuple[Dialect, str]]
"""The texts of a message with the dialect that each is read in."""
