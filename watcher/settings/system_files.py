"""The files that `init --system` writes: settings that everybody can read, and beside them a credential for root."""

from __future__ import annotations

import os
from pathlib import Path

from watcher.errors import ConfigError, UsageError
from watcher.settings import template
from watcher.settings.places import SYSTEM, Folders, is_root
from watcher.settings.sources import FILE_NAME

_CREDENTIAL = "alert_urls"
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


def write(folders: Folders | None = SYSTEM) -> list[str]:
    """Write the settings file and an empty file for the alert URLs, and return what was done and what to do next.

    UsageError without root's rights, or on a system without such a folder. ConfigError if there are settings already,
    which are left as they are, or if nothing can be written. A file of alert URLs that is there stays as it is.
    """
    if folders is None:
        raise UsageError(
            "--system: this system has no folder for the settings of all users",
            hint="leave --system out",
        )
    settings, credential = folders.settings / FILE_NAME, folders.settings / _CREDENTIAL
    if not is_root():
        raise UsageError(
            f"--system writes to {folders.settings}, which only root may",
            hint="sudo comfy-watch init --system",
        )
    if not os.path.lexists(settings):
        _make(folders.settings)
        if not os.path.lexists(credential):
            template.create(credential, "")
    template.create(settings, template.text(folders))
    settings.chmod(_FILE_MODE)
    return _steps(settings, credential, folders)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=_FOLDER_MODE)
        folder.chmod(_FOLDER_MODE)  # whatever is masked
    except FileExistsError:
        pass  # as it is: it may be shared with others on purpose
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from None


def _steps(settings: Path, credential: Path, folders: Folders) -> list[str]:
    lines = [
        f"Wrote {settings}, which everybody can read; the alert URLs go into {credential}, which only root can.",
        f"1. Set installs (your ComfyUI) or nodes in {settings}.",
        f"2. Put your alert URLs into {credential}, one per line. A service gets them with",
        f"   LoadCredential={_CREDENTIAL}:{credential}",
        "3. As root: comfy-watch config && comfy-watch test-alerts",
        "4. Let it poll: as a service (docs/systemd.md) or from cron (docs/cron.md).",
        f"The state will be in {folders.state}.",
    ]
    if folders.settings.stat().st_mode & 0o005 != 0o005:
        lines.append(
            f"Only some can enter {folders.settings}; the service's user has to: chmod 755 {folders.settings}"
        )
    return lines
