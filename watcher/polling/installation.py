"""The installation that a process runs from, and whether it is still there.

What was imported keeps working without it. But apprise, requests and this program read files of it while they run, such
as the trusted certificates, and a newer version is used only after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import InstallationError

_Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Installation:
    """Files of the running installation."""

    marks: Mapping[str, _Mark] = field(default_factory=dict)
    """What identifies each file, by path."""

    @classmethod
    def of(cls, files: Iterable[str]) -> Installation:
        """Remember the files; paths that are no files, as in an archive, are left out."""
        found = {file: _mark(file) for file in files}
        return cls({file: mark for file, mark in found.items() if mark is not None})

    def check(self) -> None:
        """Raise InstallationError if one of the files is gone or was replaced."""
        for file, mark in self.marks.items():
            try:
                is_same = _mark(file) == mark
            except OSError:  # it cannot be said now
                continue
            if not is_same:
                raise InstallationError(
                    "the installation was replaced or removed while this process ran; stopping for a restart",
                    hint="nothing is lost; if nothing restarts it, start comfy-watch again",
                )


ANY = Installation()
"""For a process that keeps running whatever happens to its installation."""


def _mark(file: str) -> _Mark | None:
    """Return what identifies the file; None if there is none. OSError if that cannot be said now."""
    try:
        found = Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
