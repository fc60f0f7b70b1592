"""Annotations: lines on stderr from which GitHub Actions, and what works like it, makes notes beside a file. Pure.

Every text in them may be untrusted: what could end a line or a property is escaped, as the runner's own toolkit does.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from watcher.text.sanitize import escape_invisible, redact_emails

_LONGEST_PATH = 500
"""Characters. A longer path is no file of a pack."""


class Level(StrEnum):
    """How bad a note looks."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


def are_read(environ: Mapping[str, str]) -> bool:
    """Return whether something reads annotations."""
    return environ.get("GITHUB_ACTIONS") == "true"


def annotation(
    level: Level, title: str, message: str, *, file: str = "", line: int | None = None
) -> str:
    """Return the line of an annotation. `title` and `message` are sanitized already; a `file` is as it came."""
    properties = {"title": title}
    if 0 < len(file) <= _LONGEST_PATH:
        properties["file"] = escape_invisible(redact_emails(file))
        if line is not None and line > 0:
            properties["line"] = str(line)
    shown = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    return f"::{level} {shown}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
