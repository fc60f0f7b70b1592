"""Where a file lies, as the tools of a repository name it. Pure."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


def within(file: str, folder: Path) -> str:
    """Return a path relative to the folder, with forward slashes; the whole path if it lies elsewhere."""
    return _within(file, folder).as_posix()


def uri(file: str, folder: Path) -> str:
    """Return the same as a URI reference, percent-encoded; a `file:` URI if it lies elsewhere."""
    path = _within(file, folder)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _within(file: str, folder: Path) -> Path:
    path = Path(os.path.normpath(folder / file))
    return path.relative_to(folder) if path.is_relative_to(folder) else path
