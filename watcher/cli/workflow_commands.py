"""What GitHub Actions, and what works like it, takes from a program: annotations and the summary of the job.

An annotation is a line of the log, from which GitHub makes a note beside a file. Every text in it may be untrusted:
what could end a line or a property is escaped, as the runner's own toolkit does. Scripts of the actions use this before
the program is installed, so it imports nothing else that has to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

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


def folder_here(environ: Mapping[str, str]) -> str:
    """Return what stands before the path of a file in the working folder, as GitHub wants it: a job may work below."""
    try:
        below = Path.cwd().relative_to(environ.get("GITHUB_WORKSPACE", ""))
    except (ValueError, OSError):
        return ""
    return "" if below == Path() else f"{below.as_posix()}/"


def add_summary(environ: Mapping[str, str], markdown: str) -> None:
    """Add Markdown to the summary of the job, if there is one. OSError if it cannot be written.

    What UTF-8 cannot hold is spelled out.
    """
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("ab") as file:
            file.write(markdown.encode("utf-8", "backslashreplace"))


def _data(text: str) -> str:
    text = text.replace(
        "##[", "# #["
    )  # the older mark of a command, which counts anywhere in a line
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
