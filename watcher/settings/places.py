"""Where each system keeps settings, state and secrets, and how a file of unknown kind is opened there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NAME = "comfy-watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The folders of one user, or of the whole system."""

    settings: Path
    state: Path


if sys.platform == "win32":
    # Every user may make folders in C:\ and in %ProgramData%: settings or secrets that are found there could be
    # anybody's, so that neither is looked for.
    SYSTEM: Folders | None = None
    CONTAINER_SECRETS: Path | None = None

    def user_folders(environ: Mapping[str, str]) -> Folders | None:
        """Return the user's folders, which need not exist; None where the system does not say whose they are."""
        roaming, local = environ.get("APPDATA"), environ.get("LOCALAPPDATA")
        if not roaming or not local:
            return None
        return Folders(settings=Path(roaming, _NAME), state=Path(local, _NAME, "state"))

    def open_at_once(path: str, flags: int) -> int:
        """Open a file without waiting for what it may be: an opener for `open`."""
        return os.open(path, flags)

    def others_can_read(mode: int) -> bool:  # noqa: ARG001 - it says nothing of the access list that Windows has
        """Return whether a file of this mode can be read by others than its owner."""
        return False

else:
    SYSTEM = Folders(settings=Path("/etc", _NAME), state=Path("/var/lib", _NAME))
    CONTAINER_SECRETS = Path("/run/secrets")

    def user_folders(environ: Mapping[str, str]) -> Folders | None:
        """Return the user's folders, which need not exist; None where the home folder is not known."""
        settings = _of_the_user(environ, "XDG_CONFIG_HOME", _OWN_SETTINGS)
        state = _of_the_user(environ, "XDG_STATE_HOME", _OWN_STATE)
        if settings is None:
            return None
        return Folders(settings=settings, state=settings / "state" if state is None or state == settings else state)

    def _of_the_user(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
        chosen, home = environ.get(variable), environ.get("HOME")
        return Path(chosen, _NAME) if chosen else Path(home, usual, _NAME) if home else None

    if sys.platform == "darwin":
        _OWN_SETTINGS = _OWN_STATE = "Library/Application Support"
    else:
        _OWN_SETTINGS, _OWN_STATE = ".config", ".local/state"

    def open_at_once(path: str, flags: int) -> int:
        """Open a file without waiting for what it may be, as a pipe would: an opener for `open`."""
        return os.open(path, flags | os.O_NONBLOCK)

    def others_can_read(mode: int) -> bool:
        """Return whether a file of this mode can be read by others than its owner."""
        return bool(mode & 0o044)
