"""What a step says to the runner: outputs, the job's summary, annotations. No text can become a command of its own.

All is UTF-8, whatever the machine's own encoding is; what that cannot hold is spelled out.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_PLAIN = re.compile(r"[^\r\n]*")


def set_output(name: str, value: str) -> None:
    """Set an output of this step; ValueError for a value of more than one line."""
    if not _PLAIN.fullmatch(value):
        raise ValueError(f"the output {name} has a line end")
    with Path(os.environ["GITHUB_OUTPUT"]).open("ab") as file:
        file.write(_encoded(f"{name}={value}\n"))


def add_summary(markdown: str) -> None:
    """Add Markdown to the summary of the job."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("ab") as file:
            file.write(_encoded(markdown))


def annotate(level: str, title: str, text: str) -> None:
    """Print an annotation: `level` is `error`, `warning` or `notice`. The texts need no escaping."""
    title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    _print(f"::{level} title={title}::{_escaped(text)}")


def say(text: str) -> None:
    """Print one line to the log of the step."""
    line = " ".join(text.split()).replace("##[", "# #[")
    _print(f": :{line[2:]}" if line.startswith("::") else line)


def refuse(text: str) -> None:
    """Print an error about the configuration and end the step with exit code 2."""
    annotate("error", "Comfy Watch", text)
    raise SystemExit(2)


def _print(line: str) -> None:
    sys.stdout.buffer.write(_encoded(f"{line}\n"))
    sys.stdout.buffer.flush()


def _escaped(text: str) -> str:
    """Return a text that cannot end its line, nor hold the older mark of a command, which counts anywhere in a line."""
    text = text.replace("##[", "# #[").replace("%", "%25")
    return text.replace("\r", "%0D").replace("\n", "%0A")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
