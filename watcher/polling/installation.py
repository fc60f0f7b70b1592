"""The installation that a process runs from: which files it is, and whether it is still there.

What was imported goes on working without it. But apprise, requests and this program read from it as they run (the
trusted certificates, for one), and a newer version of any of it is not in use before the next start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import InstallationError

_Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Installation:
    """Files of the running installation, and what each was known by."""

    marks: Mapping[str, _Mark] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Iterable[str]) -> Installation:
        """Note what the files are; one that is none, as in an archive, is left out."""
        found = {file: _mark(file) for file in files}
        return cls({file: mark for file, mark in found.items() if mark is not None})

    def check(self) -> None:
        """Raise InstallationError if one of the files is gone, or another one has taken its place."""
        for file, mark in self.marks.items():
            try:
                is_same = _mark(file) == mark
            except OSError:  # a moment in which nothing can be read says nothing
                continue
            if not is_same:
                raise InstallationError(
                    "the installation was replaced or removed while it ran; ending so that it is started anew",
                    hint="nothing is lost; if nothing restarts it, start comfy-watch again",
                )


ANY = Installation()
"""The one of a process that may go on whatever becomes of it."""


def _mark(file: str) -> _Mark | None:
    """Return what tells the file from another of its name; None if there is none. OSError if it cannot be said."""
    try:
        found = Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
