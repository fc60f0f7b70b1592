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
    name = _without_exe(Path(path).name)
    is_found = _without_exe(shutil.which(name) or "") == _without_exe(path)
    # What uv runs has a PATH of its own, which the shell has not.
    is_enough = is_found and "UV" not in os.environ and not whole
    return quoted(name if is_enough else path)


def _without_exe(path: str) -> str:
    return os.path.normcase(path).removesuffix(".exe")


if sys.platform == "win32":

    def quoted(path: str) -> str:
        """Return a path as one word of the shell."""
        return f'"{path}"' if " " in path else path

else:
    quoted = shlex.quote
