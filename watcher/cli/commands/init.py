"""`init`: a settings file to edit, in one of the places where every command looks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from watcher.cli.loading import working_folder
from watcher.cli.terminal import Document, echo_result
from watcher.errors import UsageError
from watcher.settings import sources, template
from watcher.settings.places import SYSTEM, Folders, state_home, user_folders

_FILE = sources.FILE_NAME


def init(*, here: bool, system: bool) -> int:
    """Write the file, and say where it is, what to do next, and which other file is used in its place."""
    if here and system:
        raise UsageError("--here and --system are two places: leave one out")
    cwd = working_folder()
    if system:
        lines = _of_system(SYSTEM, cwd, os.environ)
    else:
        lines = _of_one_person(_own(os.environ, cwd, here=here), cwd, os.environ)
    echo_result(lines)
    return 0


def _own(environ: Mapping[str, str], cwd: Path, *, here: bool) -> Path:
    if here:
        return cwd / _FILE
    if folders := user_folders(environ):
        return folders.settings / _FILE
    raise UsageError(
        "your folder for settings is not known, since you have no home folder here",
        hint="write them into this folder with comfy-watch init --here",
    )


def _of_one_person(path: Path, cwd: Path, environ: Mapping[str, str]) -> Iterator[str]:
    other = _other(path, environ, cwd)
    template.write(path)
    where = "in this folder alone" if path.parent == cwd else "from any folder"
    yield f"Wrote {path}, which commands find {where}."
    state, _ = state_home(path.parent, environ)
    yield f"The state will be in {state}."
    yield from other
    yield "Set installs (your ComfyUI), nodes or publishers, and alert_urls in it; then:"
    config = f" --config {shlex.quote(str(path))}" if other else ""
    for name in ("config", "test-alerts", "check"):
        yield Document(f"  comfy-watch {name}{config}")


def _of_system(
    folders: Folders | None, cwd: Path, environ: Mapping[str, str]
) -> Iterator[str]:
    if folders is None:
        raise UsageError(
            "--system: this system has no folder for the settings of all users",
            hint="leave --system out",
        )
    other = _other(folders.settings / _FILE, environ, cwd)
    settings, credential = template.write_system(folders)
    yield f"Wrote {settings}, which everybody can read; the alert URLs go into {credential}, which only root can."
    yield f"The state will be in {folders.state}."
    yield from other
    yield f"1. Set installs (your ComfyUI) or nodes in {settings}. A service sees no home folder: docs/systemd.md"
    yield "   opens one to it."
    yield f"2. Put your alert URLs into {credential}, one per line. A service gets them with"
    yield f"   LoadCredential={credential.name}:{credential}"
    yield "3. Try it as root: the command config finds mistakes, and test-alerts sends a sample."
    yield "4. Let it poll: as a service (docs/systemd.md) or from cron (docs/cron.md)."
    if folders.settings.stat().st_mode & 0o005 != 0o005:
        yield f"Only some can enter {folders.settings}; the service's user has to: chmod 755 {folders.settings}"


def _other(path: Path, environ: Mapping[str, str], cwd: Path) -> list[str]:
    """Return a line about the file that commands use here in the place of a new one; none if they use that one."""
    found, named_by = sources.find_file(None, environ, cwd)
    places = sources.places(environ, cwd)
    before = places[: places.index(path)]
    if found in (None, path) or not (named_by or found in before):
        return []
    why = f" ({named_by})" if named_by else ""
    return [
        f"But here {found} wins over it{why}: move that away, or name the new one with --config."
    ]
