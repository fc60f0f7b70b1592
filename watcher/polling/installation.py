"""The installation that a process runs from, and whether it is still there.

Imported modules keep working without it. But apprise, requests and this program read files of it while they run, such
as the trusted certificates, and a newer version is used only after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from watcher.errors import InstallationError


def installation_check(files: Iterable[str]) -> Callable[[], None]:
    """Return a function that raises InstallationError if one of the files was removed or replaced since.

    Paths that are not files, as in an archive, are left out.
    """
    marks = {file: mark for file in files if (mark := _mark(file)) is not None}

    def check() -> None:
        for file, mark in marks.items():
            try:
                is_same = _mark(file) == mark
            except OSError:  # unknown at the moment
                continue
            if not is_same:
                raise InstallationError(
                    "the installation was replaced or removed while this process ran; stopping for a restart",
                    hint="nothing is lost; if nothing restarts it, start comfy-watch again",
                )

    return check


def _mark(file: str) -> tuple[int, int, int] | None:
    """Return what identifies the file; None if there is none. OSError if this is unknown at the moment."""
    try:
        found = Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
