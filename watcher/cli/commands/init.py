"""`init`: a settings file to edit, in one of the places where every command looks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from watcher.cli.loading import working_folder
from watcher.cli.terminal import Document, show_result
from watcher.errors import UsageError
from watcher.settings import sources, template
from watcher.settings.places import SYSTEM, Folders, state_home, user_folders


def init(*, here: bool, system: bool) -> int:
    """Write the file, and say where it is, what to do next, and which other file is used in its place."""
    if here and system:
        raise UsageError("--here and --system are two places: leave one out")
    cwd = working_folder()
    folders = SYSTEM if system else user_folders(os.environ)
    path = _folder(folders, cwd, here=here, system=system) / sources.FILE_NAME
    # First: nothing is written where the variable that names a file is wrong.
    other = _other(path, cwd)
    if folders is not None and system:
        wrote, *steps = _steps_of_system(path, template.write_system(folders))
    else:
        template.write(path)
        wrote, *steps = _steps(path, other, here=here)
    state, _ = state_home(path.parent, os.environ)
    show_result([wrote, f"The state will be in {state}.", *other, *steps])
    return 0


def _folder(folders: Folders | None, cwd: Path, *, here: bool, system: bool) -> Path:
    """Return where the file goes; UsageError if there is no such place."""
    if here:
        return cwd
    if folders is not None:
        return folders.settings
    if system:
        what = "--system: this system has no folder for the settings of all users"
        raise UsageError(what, hint="leave --system out")
    raise UsageError(
        "your folder for settings is not known, since you have no home folder here",
        hint="write them into this folder with comfy-watch init --here",
    )


def _steps(path: Path, other: list[str], *, here: bool) -> Iterator[str]:
    where = "in this folder alone" if here else "from any folder"
    yield f"Wrote {path}, which commands find {where}."
    yield "Set installs (your ComfyUI), nodes or publishers, and alert_urls in it; then:"
    # The commands that are to be tried would read the other file.
    config = f" --config {shlex.quote(str(path))}" if other else ""
    for name in ("config", "test-alerts", "check"):
        yield Document(f"  comfy-watch {name}{config}")


def _steps_of_system(path: Path, credential: Path) -> Iterator[str]:
    yield f"Wrote {path}, which everybody can read, and {credential}, which only root can."
    yield "1. Set installs (your ComfyUI) or nodes in the first, and put your alert URLs into the second, one per line."
    yield "2. Try it as root: the command config finds mistakes, and test-alerts sends a sample."
    yield "3. Let it poll: as a service (docs/systemd.md) or from cron (docs/cron.md)."


def _other(path: Path, cwd: Path) -> list[str]:
    """Return a line about the file that commands use here in the place of a new one; none if they use that one."""
    found, named_by = sources.find_file(None, os.environ, cwd)
    places = sources.places(os.environ, cwd)
    # A file in a later place loses to the new one.
    before = places[: places.index(path)]
    if found in (None, path) or not (named_by or found in before):
        return []
    why = f" ({named_by})" if named_by else ""
    return [
        f"But here {found} wins over it{why}: move that away, or name the new one with --config."
    ]
