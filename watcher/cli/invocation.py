"""What to type to start this program again: the words that a person can paste into the shell that started it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def command(*, for_root: bool = False) -> str:
    """Return the command: its name if PATH finds it, else its path; or `python -m watcher`, if it was started so.

    `for_root` gives the whole path, since the PATH of `sudo` is another one.
    """
    started = sys.argv[0]
    # With -m it is the module's file; "-m" and "-c" while the interpreter is still looking for one.
    if started.startswith("-") or Path(started).name == "__main__.py":
        return f"{_typed(sys.executable, whole=for_root)} -m watcher"
    return _typed(started, whole=for_root)


def _typed(program: str, *, whole: bool) -> str:
    path = os.path.abspath(program)  # noqa: PTH100 - no link is followed
    if whole:
        return quoted(path)
    name = _without_exe(Path(path).name)
    found = shutil.which(name) or ""
    # What uv runs has a PATH of its own, which the shell has not.
    if "UV" not in os.environ and _without_exe(found) == _without_exe(path):
        return quoted(name)
    try:
        below = Path(path).relative_to(Path.cwd())
    except (OSError, ValueError):  # it is elsewhere, or the working folder is gone
        return quoted(path)
    # A shell looks for a bare name on its PATH alone.
    return quoted(
        f"{os.curdir}{os.sep}{below}" if len(below.parts) == 1 else str(below)
    )


def _without_exe(path: str) -> str:
    return os.path.normcase(path).removesuffix(".exe")


if sys.platform == "win32":

    def quoted(path: str) -> str:
        """Return a path as one word of the shell."""
        return f'"{path}"' if " " in path else path

else:
    quoted = shlex.quote
