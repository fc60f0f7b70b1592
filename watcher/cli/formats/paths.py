"""Where a file lies, as a repository's tools name it. Pure."""

from __future__ import annotations

import os
from pathlib import Path


def within(file: str, folder: Path) -> str:
    """Return a path as it is below the folder, with forward slashes; as it is if it lies elsewhere."""
    path = Path(os.path.normpath(folder / file))
    if path.is_relative_to(folder):
        path = path.relative_to(folder)
    return path.as_posix()
