"""The commented `comfy-watch.toml` that `init` writes: every setting, what it means and its default.

For a service everybody can read it, and beside it is a credential for root.
"""

from __future__ import annotations

import contextlib
import json
import os
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic.fields import FieldInfo

from watcher import durations
from watcher.errors import ConfigError, UsageError
from watcher.settings import parsing
from watcher.settings.model import Settings
from watcher.settings.places import Folders, is_root, state_home
from watcher.settings.sources import FILE_NAME
from watcher.settings.tables import ChannelTable

_HOW = """\
# A line such as "#retries = 3" is a setting at its default, or an example of one. To change it, remove the "#" and edit
# the value. Then `comfy-watch config` finds mistakes, and shows all settings and where each comes from.
"""

_HEAD = f"""\
# Comfy Watch: settings. Set alert_urls, and installs (your ComfyUI), nodes or publishers.
#
{_HOW}#
# A setting can also come from the environment (COMFY_WATCH_INTERVAL=5m), or from a file of its name in a secrets folder
# (systemd's $CREDENTIALS_DIRECTORY, or /run/secrets). Alert URLs are secret: keep them in this file only if nobody else
# can read it.
"""

_SYSTEM_HEAD = f"""\
# Comfy Watch: settings of this machine, for a service or for cron. Set installs (your ComfyUI), nodes or publishers.
#
{_HOW}#
# Everybody may read this file, so it has no place for secrets. Each of those is a file of its own in {{folder}},
# which only root can read. systemd passes it on to the service.
"""

_SECTIONS = {
    "installs": "What to watch",
    "alert_urls": "Alerts",
    "interval": "Polls",
    "state_dir": "State and logs",
    "publish_dir": "Published files",
    "channels": "Channels with their own settings (these tables must stay at the end of the file)",
}
"""Titles, by the first setting below each."""

_EXAMPLES: Mapping[str, object] = {
    "installs": ["~/ComfyUI"],
    "nodes": ["rgthree-comfy", "comfyui-kjnodes"],
    "publishers": ["your-publisher-id"],
    "accept": ["rgthree-comfy@1.0.3"],
    "heartbeat_url": "https://hc-ping.com/your-uuid",
    "publish_dir": "public",
    "alert_urls": [
        "https://discord.com/api/webhooks/1234567890/abcDEF_token",
        "mailtos://user:password@example.com?to=you@example.com",
    ],
}
_SYSTEM_EXAMPLES: Mapping[str, object] = {
    "installs": ["/opt/ComfyUI"],  # a service has no home folder of a person
    "publish_dir": "/var/www/html/comfy-watch",
}
_CHANNEL: Mapping[str, object] = {
    "name": "security",
    "url": "slack://token_a/token_b/token_c/channel",
    "kinds": ["banned", "flagged", "failing"],
    "nodes": ["comfyui-*", "rgthree-comfy"],
}

_CREDENTIAL = "alert_urls"
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


def text(system: Folders | None = None, state: Path = Path("state")) -> str:
    """Return the file: each setting of the model with its description, at its default or with an example.

    `state` is the default of `state_dir` for it.

    The file in the `system`'s folders is for everybody to read, and has no place for secrets.
    """
    parts = [_HEAD if system is None else _SYSTEM_HEAD.format(folder=system.settings)]
    values = {**_EXAMPLES, "state_dir": state}
    if system is not None:
        values |= {**_SYSTEM_EXAMPLES, "state_dir": system.state}
    for name, field in Settings.model_fields.items():
        if title := _SECTIONS.get(name):
            parts.append(f"# ---- {title} ".ljust(120, "-") + "\n")
        # Not even as an example: who reads the file would put the real one there.
        if system is not None and name in parsing.SECRET:
            parts.append(_secret(name, field, system.settings))
        else:
            parts.append(_setting(name, field, values.get(name, field.default)))
    if system is not None:
        return "\n".join(parts)
    keys = [
        _setting(name, field, _CHANNEL.get(name, field.default))
        for name, field in ChannelTable.model_fields.items()
    ]
    # As a setting it is an empty list; the example of a table takes its place.
    settings = "\n".join(parts).replace("#channels = []", "\n#[[channels]]")
    return settings + "".join(keys)


def _secret(name: str, field: FieldInfo, folder: Path) -> str:
    """Return a secret setting's description, and where it goes."""
    path = folder / name
    form = {"channels": "a JSON array", "alert_urls": "one URL per line"}
    return f"{_about(field)}\n# Not here: put it into {path}, {form.get(name, 'the URL')}.\n"


def _setting(name: str, field: FieldInfo, value: object) -> str:
    """Return a setting's description and the setting, commented out."""
    shown = durations.show(value) if isinstance(value, float) else value
    # JSON's texts, numbers and lists are TOML's too.
    written = json.dumps(shown, default=str)
    return f"{_about(field)}\n#{name} = {written}\n"


def _about(field: FieldInfo) -> str:
    return textwrap.fill(
        field.description or "", 120, initial_indent="# ", subsequent_indent="# "
    )


def write(path: Path) -> None:
    """Write `text()` to a new file that only its owner can read: it will hold secrets. Its folder is made if need be.

    ConfigError as `create`.
    """
    home, _ = state_home(path.parent, os.environ)
    _make(path.parent, 0o700)
    create(path, text(state=home))


def create(path: Path, content: str) -> None:
    """Write a new file that only its owner can read.

    ConfigError if something is at `path`, which is then left as it is, or if nothing can be written.
    """
    created = False
    try:
        with open(
            path,
            # Looked for and made in one step: what appears in between stays as it is, too.
            "x",
            encoding="utf-8",
            newline="\n",
            opener=partial(os.open, mode=0o600),
        ) as file:
            created = True
            file.write(content)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already, and was left as it is",
            hint="edit it, or move it away first",
        ) from None
    except OSError as error:
        # Half a file would be read by every command, and a second `init` would leave it as it is.
        if created:
            with contextlib.suppress(OSError):
                path.unlink()
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def write_system(folders: Folders) -> Path:
    """Write the settings file and an empty file for the alert URLs; return the second.

    UsageError without root's rights. ConfigError if there are settings already, which are left as they are, or if
    nothing can be written. A file of alert URLs that is there stays as it is.
    """
    settings, credential = folders.settings / FILE_NAME, folders.settings / _CREDENTIAL
    # Said first: half of the files would be worse than none.
    if not is_root():
        raise UsageError(
            f"--system writes to {folders.settings}, which only root may",
            hint="begin the command with: sudo",
        )
    # The settings last: once they are there, another `init` changes nothing, and the service needs both files.
    if not os.path.lexists(settings):
        if not folders.settings.exists():
            _make(folders.settings, _FOLDER_MODE)
            folders.settings.chmod(_FOLDER_MODE)  # whatever is masked
        # Never replaced: it may be the secrets of an earlier installation.
        if not os.path.lexists(credential):
            create(credential, "")
    create(settings, text(folders))
    settings.chmod(_FILE_MODE)
    return credential


def _make(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from None
