"""Where each system keeps settings, state and secrets, and how a file of unknown kind is opened there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from watcher.values import frozen

_NAME = "comfy-watch"


@frozen
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

    def user_cache(environ: Mapping[str, str]) -> Path | None:
        """Return the user's folder for what may be lost, which need not exist; None where none is known."""
        local = environ.get("LOCALAPPDATA")
        return Path(local, _NAME, "cache") if local else None

    def open_at_once(path: str, flags: int) -> int:
        """Open a file without waiting for what it may be: an opener for `open`."""
        return os.open(path, flags)

    def others_can_read(mode: int) -> bool:  # noqa: ARG001 - it says nothing of the access list that Windows has
        """Return whether a file of this mode can be read by others than its owner."""
        return False

    def is_root() -> bool:
        """Return whether this process may do everything here, and what it makes belongs to the system."""
        return False

    def owner_of(folder: Path) -> tuple[str, str]:
        """Return whose a folder is, and how somebody else polls with the state in it."""
        return "another user", f"poll as the owner of {folder}"

else:
    import pwd

    SYSTEM = Folders(settings=Path("/etc", _NAME), state=Path("/var/lib", _NAME))
    CONTAINER_SECRETS = Path("/run/secrets")
    # Where systemd keeps the state of a user that exists only while its service runs.
    _OF_SERVICES = Path("/var/lib/private")
    _HOW_SERVICES_POLL = (
        "the service polls at once after: systemctl restart comfy-watch; with the timer: systemctl start"
        " comfy-watch-check"
    )

    def user_folders(environ: Mapping[str, str]) -> Folders | None:
        """Return the user's folders, which need not exist; None where the home folder is not known."""
        settings = _of_the_user(environ, "XDG_CONFIG_HOME", _OWN_SETTINGS)
        state = _of_the_user(environ, "XDG_STATE_HOME", _OWN_STATE)
        if settings is None:
            return None
        return Folders(
            settings=settings,
            # On macOS both are one folder, and a state is not to lie among settings.
            state=settings / "state" if state is None or state == settings else state,
        )

    def user_cache(environ: Mapping[str, str]) -> Path | None:
        """Return the user's folder for what may be lost, which need not exist; None where none is known."""
        return _of_the_user(environ, "XDG_CACHE_HOME", _OWN_CACHE)

    def _of_the_user(
        environ: Mapping[str, str], variable: str, usual: str
    ) -> Path | None:
        chosen, home = environ.get(variable), environ.get("HOME")
        # By XDG's specification a relative one counts as unset.
        if chosen and os.path.isabs(chosen):  # noqa: PTH117 - it is no Path yet
            return Path(chosen, _NAME)
        return Path(home, usual, _NAME) if home else None

    if sys.platform == "darwin":
        _OWN_SETTINGS = _OWN_STATE = "Library/Application Support"
        _OWN_CACHE = "Library/Caches"
    else:
        _OWN_SETTINGS, _OWN_STATE, _OWN_CACHE = ".config", ".local/state", ".cache"

    def open_at_once(path: str, flags: int) -> int:
        """Open a file without waiting for what it may be, as a pipe would: an opener for `open`."""
        return os.open(path, flags | os.O_NONBLOCK)

    def others_can_read(mode: int) -> bool:
        """Return whether a file of this mode can be read by others than its owner."""
        # The members of a file's group are others too.
        return bool(mode & 0o044)

    def is_root() -> bool:
        """Return whether this process may do everything here, and what it makes belongs to the system."""
        return os.geteuid() == 0

    def owner_of(folder: Path) -> tuple[str, str]:
        """Return whose a folder is, and how root polls with the state in it. OSError if it cannot be read.

        The user of a service of systemd (`DynamicUser`) exists only while that runs.
        """
        if holds(_OF_SERVICES, folder):
            return "a service of systemd", _HOW_SERVICES_POLL
        user = folder.stat().st_uid
        try:
            name = pwd.getpwuid(user).pw_name
        # The account was removed, or belongs to another container.
        except KeyError:
            name = f"'#{user}'"
        return name, f"begin the command with: sudo -u {name}"


def state_home(
    folder: Path, environ: Mapping[str, str], system: Folders | None = SYSTEM
) -> tuple[Path, str]:
    """Return the default state folder for settings in a folder, or for a working folder without any; and its origin.

    It is `$STATE_DIRECTORY` for a service of systemd, else beside the settings. For those in the user's or the system's
    folder it is where that system keeps states, so that a service and a shell use the same one.
    """
    # systemd separates several folders of a service as `$PATH` does.
    if of_service := environ.get("STATE_DIRECTORY", "").partition(os.pathsep)[0]:
        return Path(of_service), "environment STATE_DIRECTORY"
    for known in (system, user_folders(environ)):
        if known is not None and is_same(folder, known.settings):
            return known.state, f"default for settings in {known.settings}"
    return folder / "state", "default"


def is_same(folder: Path, known: Path) -> bool:
    """Return whether two paths lead to one folder; a relative path leads to none that is known."""
    return folder.is_absolute() and Path(os.path.realpath(folder)) == Path(
        os.path.realpath(known)
    )


def holds(folder: Path, other: Path) -> bool:
    """Return whether an absolute path leads to another file or folder, or to a folder above it."""
    # By where links lead: a published folder may be a link into the state.
    return Path(os.path.realpath(other)).is_relative_to(os.path.realpath(folder))
